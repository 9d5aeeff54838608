"""Whose an output is: which command made it, out of what, and whether it was finished. Nothing is replaced unasked.

A folder that lungrisk writes holds `.lungrisk.json`: the command, a hash of its inputs and options, and whether it came to its end.
The same rule everywhere: what other inputs or options made stays unless `--overwrite` is given; what was interrupted goes on.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from lungrisk.core.errors import InputError, UsageFault
from lungrisk.core.files import write_atomic
from lungrisk.core.findings import find
from lungrisk.core.parsing import parse_json

STAMP = ".lungrisk.json"
MOST_BYTES = 10_000  # of a stamp; more is none of ours
# files by which an output without a stamp is known
MARKS = {
    "store.json": "prepare",
    "bundle.json": "train or calibrate",
    "assessment.json": "assess",
    "report.html": "assess",
    "evaluation.json": "evaluate",
    "cohort.json": "simulate",
    "truth.json": "simulate",
    "slices.png": "view",
    "histogram.png": "view",
    "report/assessment.json": "demo",
}
State = Literal["new", "unfinished", "done"]


def key_of(**parts: Any) -> str:
    """A hash of what an output depends on; the parts are plain values for JSON.

    >>> key_of(seed=1) == key_of(seed=1), key_of(seed=1) == key_of(seed=2)
    (True, False)
    """
    return sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def state_of(folder: Path, command: str, key: str, *, needs: Sequence[str] = (), overwrite: bool = False) -> State:
    """Whether the folder is free for this command, half made by it, or done.

    key: `key_of` its inputs and options. needs: files without which it is not done, whatever the stamp says. overwrite: what others
    made there may be replaced, and what is done is made again.
    Raises UsageFault (`use.output`) when another command made it, or this one with other inputs or options.
    """
    there = read_stamp(folder)
    if there == (command, key, True):
        whole = all((folder / name).exists() for name in needs)
        return "new" if overwrite else "done" if whole else "unfinished"
    if overwrite or there == (command, key, False):
        return "unfinished" if there == (command, key, False) else "new"
    if there is not None:
        maker, _, finished = there
        whose = f"lungrisk {maker}" + (", with other inputs or options" if maker == command else "")
        raise other_output(folder, f"{'made' if finished else 'begun'} by {whose}")
    for name, maker in MARKS.items():
        if (folder / name).is_file():
            raise other_output(folder, f"{name}, as lungrisk {maker} writes it")
    return "new"


def other_output(place: Path, found: str) -> UsageFault:
    """The fault of an output that would be lost."""
    return UsageFault(find("use.output", found=found, files=[place.name]))


@contextmanager
def written(folder: Path, command: str, key: str) -> Iterator[None]:
    """Mark the folder as begun, and, when the block came to its end, as done. Raises EnvironmentFault (`env.disk`)."""
    before = read_stamp(folder)
    _stamp(folder, command, key, finished=False)
    try:
        yield
    except (UsageFault, InputError):  # refused before anything was written: the folder is whose it was
        if before is None:
            (folder / STAMP).unlink()
            with suppress(OSError):
                folder.rmdir()
        else:
            _stamp(folder, before[0], before[1], finished=before[2])
        raise
    _stamp(folder, command, key, finished=True)


def _stamp(folder: Path, command: str, key: str, *, finished: bool) -> None:
    about = {"command": command, "key": key, "finished": finished}
    write_atomic(folder / STAMP, json.dumps(about, indent=1, sort_keys=True) + "\n")


def read_stamp(folder: Path) -> tuple[str, str, bool] | None:
    """Command, key and whether it was finished; None where there is no stamp that can be read."""
    try:
        with (folder / STAMP).open("rb") as stream:
            about = parse_json(stream.read(MOST_BYTES))
        command, key, finished = (about[name] for name in ("command", "key", "finished"))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    whole = isinstance(command, str) and command.isalpha() and isinstance(key, str) and isinstance(finished, bool)
    return (command, key, finished) if whole else None
