"""The table of findings: everything that lungrisk can say about its input, one row each.

A code is never reused. The documentation page, the exit code and the texts in every output follow from the row.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from lungrisk.core.cohort_findings import COHORT_ROWS
from lungrisk.core.finding_rows import Row, Severity
from lungrisk.core.machine_findings import MACHINE_ROWS
from lungrisk.core.reading_findings import READING_ROWS
from lungrisk.core.scan_findings import SCAN_ROWS
from lungrisk.core.subject_findings import SUBJECT_ROWS
from lungrisk.core.vocabulary import shown, veil, visible

LISTED_FILES = 5
MORE = re.compile(r"and (\d{1,9}) more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was noticed: the same record in the JSON, the page, the terminal, the log and the error.

    files: at most five, relative, as they are called; n_files counts all of them. What leaves shows them veiled. tag: DICOM tag with keyword, e.g.
    "(0020,0032) ImagePositionPatient". slices: indices k. effect: size of the possible error, with its unit.
    """

    code: str
    severity: Severity
    message: str
    remedy: str
    found: str | None = None
    expected: str | None = None
    files: tuple[str, ...] = ()
    n_files: int = 0
    tag: str | None = None
    slices: tuple[int, ...] = ()
    effect: str | None = None

    def sentence(self) -> str:
        """One paragraph, and one line, for a terminal: what, where, what to do. Names of files as `vocabulary.showing` says."""
        parts = [f"{self.code}: {self.message}"]
        if self.found is not None:
            parts.append(f"found {self.found}" + (f", expected {self.expected}" if self.expected else ""))
        files = self.named_files(travels=False)
        if files:
            *first, last = files
            parts.append("in " + (f"{', '.join(first)} {last}" if last.startswith("and ") else ", ".join(files)))
        if self.remedy:
            parts.append(self.remedy)
        return "; ".join(visible(part) for part in parts)

    def named_files(self, *, travels: bool) -> list[str]:
        """The names to be shown, and how many more there are. travels: in what leaves the machine, not on its terminal."""
        names = list(self.files) if shown(travels=travels) else list(dict.fromkeys(map(veil, self.files)))
        more = self.n_files - len(names)
        return [*names, f"and {more} more"] if more > 0 else names

    def as_dict(self) -> dict[str, Any]:
        """The record of `contract.md`, ready for JSON and for files that travel."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "found": self.found,
            "expected": self.expected,
            "remedy": self.remedy,
            "files": self.named_files(travels=True),
            "tag": self.tag,
            "slices": list(self.slices),
            "effect": self.effect,
        }


def read_finding(about: Mapping[str, Any]) -> Finding:
    """A finding from its plain values, as `as_dict` or `dataclasses.asdict` gives them.

    >>> read_finding(find("geo.hole", slices=[3]).as_dict()).slices
    (3,)
    >>> read_finding(find("geo.hole", files=[f"{n}.dcm" for n in range(109)]).as_dict()).n_files
    109
    """
    known = {field.name: about[field.name] for field in fields(Finding) if field.name in about}
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}
    files = values.get("files", ())
    more = MORE.fullmatch(files[-1]) if files else None
    if "n_files" not in values:
        values["files"] = files[:-1] if more else files
        values["n_files"] = len(values["files"]) + (int(more[1]) if more else 0)
    return Finding(**values)


def find(
    code: str,
    *,
    severity: Severity | None = None,
    found: object = None,
    expected: object = None,
    files: Iterable[str] = (),
    tag: str | None = None,
    slices: Iterable[int] = (),
    effect: str | None = None,
    remedy: str | None = None,
) -> Finding:
    """The finding of row `code`, with what was found here. `severity` and `remedy` override the row's where the case is another.

    >>> find("geo.too_few", found=3).severity
    'refused'
    """
    row = FINDINGS[code]
    names = sorted(set(files))  # a file of many frames is named once
    return Finding(
        code=code,
        severity=severity or row.severity,
        message=row.message,
        remedy=row.remedy if remedy is None else remedy,
        found=None if found is None else str(found),
        expected=None if expected is None else str(expected),
        files=tuple(names[:LISTED_FILES]),
        n_files=len(names),
        tag=tag,
        slices=tuple(slices),
        effect=effect,
    )


FINDINGS: dict[str, Row] = {**MACHINE_ROWS, **READING_ROWS, **SCAN_ROWS, **SUBJECT_ROWS, **COHORT_ROWS}
