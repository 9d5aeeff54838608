"""What a table of predictions was made of, a line a patient in a file beside it: what changed since is looked at again, nothing else."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from io import TextIOWrapper
from math import isfinite
from pathlib import Path
from typing import Any

from lungrisk.core.cohort import Prediction
from lungrisk.core.errors import EnvironmentFault, UsageFault
from lungrisk.core.findings import FINDINGS, Finding, find, read_finding
from lungrisk.core.locks import lines_of, locked
from lungrisk.core.outputs import other_output
from lungrisk.core.parsing import parse_json

VERSION = 2
LONGEST_LINE = 1 << 20  # bytes; a patient's is a thousand or two
OF_OTHERS = "predictions of another cohort, bundle or version"
STATUSES = ("assessed", "limited", "refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a patient: the prediction and the findings that go with it."""

    prediction: Prediction
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An outcome and what it was made of: stat and content of the patient's files, see `core.extents`."""

    outcome: Outcome
    stat: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for. key: a hash of line, model and version. source: a hash of the cohort's or store's place. form: of the table."""

    key: str
    source: str
    form: str = ""


@dataclass(slots=True, eq=False)
class Journal:
    """entries: what earlier runs of the same command finished, by id. tables: SHA-256 and form of what it wrote. stream: None keeps nothing."""

    entries: dict[str, Entry] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    stream: TextIOWrapper | None = None

    def add(self, entry: Entry) -> None:
        """Keep an outcome: on the disk when this returns. Raises EnvironmentFault (`env.disk`)."""
        self.entries[entry.outcome.prediction.id] = entry
        self.write(_line(entry))

    def told(self, table: str, form: str) -> bool:
        """Say that this table is about to be written; gives whether it was before. Raises EnvironmentFault (`env.disk`)."""
        digest = sha256(table.encode()).hexdigest()
        known = self.tables.get(digest) == form
        if not known:
            self.tables[digest] = form
            self.write({"table": digest, "form": form})
        return known

    def write(self, *lines: dict[str, Any]) -> None:
        """Append lines. Raises EnvironmentFault (`env.disk`)."""
        if self.stream is None:
            return
        try:
            self.stream.write("".join(json.dumps(line) + "\n" for line in lines))
            self.stream.flush()
            os.fsync(self.stream.fileno())
        except OSError as error:
            raise EnvironmentFault(find("env.disk", found=error.strerror)) from error


def journal_of(output: Path) -> Path:
    """Where the journal of an output lies.

    >>> journal_of(Path("a/predictions.csv")).name
    'predictions.csv.journal'
    """
    return output.with_name(f"{output.name}.journal")


@contextmanager
def open_journal(
    output: Path | None, asked: Asked, fits: Callable[[str, Entry], bool], *, overwrite: bool = False
) -> Iterator[Journal]:
    """The journal beside an output, without the outcomes of patients whose files changed since.

    fits: whether an id's files are those of the entry. A journal of another cohort fits when all of it does: the cohort was moved.
    Raises EnvironmentFault: `coh.locked` when another process is writing it, `env.disk`; UsageFault (`use.output`) when the table or
    what is unfinished of one is of something else; overwrite: it is replaced then.
    """
    if output is None:
        yield Journal()
        return
    with locked(journal_of(output), "coh.locked") as stream:
        whose, known, lines = _read(stream)
        same = whose is not None and whose.key == asked.key
        kept = {one: entry for one, entry in known.entries.items() if same and fits(one, entry)}
        moved = whose is not None and whose.source != asked.source
        ours = whose is None or not lines or (same and not (moved and len(kept) < len(known.entries)))
        reason = _not_ours(output, known, asked.form) or ("" if ours else OF_OTHERS)
        if reason and not overwrite:
            raise _refused(output, stream, reason)
        journal = Journal(kept, known.tables if same else {}, stream)
        if reason or moved or not same:
            _rewrite(journal, asked)
        yield journal


def _refused(output: Path, stream: TextIOWrapper, reason: str) -> UsageFault:
    if not os.fstat(stream.fileno()).st_size:  # the lock made it: a table of others is left as it was found
        journal_of(output).unlink(missing_ok=True)
    return other_output(output, reason)


def _not_ours(output: Path, journal: Journal, form: str) -> str:
    """Why the table that is there is not this command's; empty when it is, or none is there."""
    try:
        content = output.read_bytes()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise EnvironmentFault(find("env.disk", found=error.strerror, files=[output.name])) from error
    known = journal.tables.get(sha256(content).hexdigest())
    if known is None:
        return "a file that lungrisk predict did not write, or that was changed since"
    return "" if known == form else "a table with other columns, or judged otherwise (--details, --strict)"


def _rewrite(journal: Journal, asked: Asked) -> None:
    """Begin the file again, with what of it still holds."""
    if journal.stream is not None:
        journal.stream.truncate(0)
        journal.write(
            {"version": VERSION, "key": asked.key, "source": asked.source},
            *({"table": table, "form": form} for table, form in journal.tables.items()),
            *map(_line, journal.entries.values()),
        )


def _line(entry: Entry) -> dict[str, Any]:
    outcome = entry.outcome
    return {
        "id": outcome.prediction.id,
        "stat": entry.stat,
        "content": entry.content,
        "prediction": asdict(outcome.prediction),
        "findings": [finding.as_dict() for finding in outcome.findings],  # names of files as they may travel
    }


def _read(stream: TextIOWrapper) -> tuple[Asked | None, Journal, int]:
    """Whose the journal is (None: nobody can tell), what it holds, and its number of lines after the first.

    A line that cannot be read is dropped; what a kill left at the end is cut off.
    """
    whose, journal, lines, end = None, Journal(), -1, 0
    for line, end in lines_of(stream, LONGEST_LINE):  # noqa: B007  # the end of the last one is needed
        lines += 1
        try:
            about = parse_json(line)
            if not lines:
                whose = _header(about)
            elif "table" in about:
                journal.tables[_text(about["table"])] = _text(about["form"])
            else:
                entry = _entry(about)
                journal.entries[entry.outcome.prediction.id] = entry
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
    stream.truncate(end)
    stream.seek(0, os.SEEK_END)
    return whose, journal, lines


def _header(about: dict[str, Any]) -> Asked:
    """Of another version nothing is known but that it is another's."""
    key = _text(about["key"])
    return (
        Asked(key=key, source=_text(about["source"])) if about.get("version") == VERSION else Asked(key="", source="")
    )


def _entry(about: dict[str, Any]) -> Entry:
    values = about["prediction"]
    low, high, value = (_number(values[name]) for name in ("low", "high", "value"))
    years = tuple(float(_number(year) or 0.0) for year in values["years"])
    if values["status"] not in STATUSES or (value is None) != (values["status"] == "refused"):
        raise ValueError("status")
    if any(one["code"] not in FINDINGS for one in about["findings"]) or _text(about["id"]) != values["id"]:
        raise ValueError("findings or id")
    prediction = Prediction(
        id=_text(values["id"]), value=value, low=low, high=high, status=values["status"], years=years
    )
    findings = tuple(_finding(one) for one in about["findings"])
    outcome = Outcome(prediction=prediction, findings=findings)
    return Entry(outcome=outcome, stat=_text(about["stat"]), content=_text(about["content"]))


def _finding(about: dict[str, Any]) -> Finding:
    finding = read_finding(about)
    finding.sentence()  # what cannot be told is no finding
    return finding


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text")
    return value


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value) or not 0 <= value <= 1:
        raise ValueError("a likelihood")
    return float(value)
