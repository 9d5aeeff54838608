"""What is said, and where: results on stdout, progress and notes on stderr."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lungrisk.core.errors import UsageFault
from lungrisk.core.files import write_atomic
from lungrisk.core.findings import Finding, find
from lungrisk.core.vocabulary import shown, veil, visible

STDOUT = "-"
COLOURS = {"refused": 31, "limited": 33, "corrected": 36, "info": 2}


def existing(path: Path) -> Path:
    """The path, when there is something. Raises UsageFault (`use.missing`)."""
    if not path.exists():
        raise UsageFault(find("use.missing", found=str(path)))
    return path


def say(*lines: str) -> None:
    """Lines on stdout, with nothing in them that acts: one line stays one line whatever name is in it."""
    for line in lines:
        print(visible(line, None))


def path_of(path: Path) -> str:
    """A path as it may be shown on stdout: as it was typed on a terminal, elsewhere without what can name a person."""
    return str(path) if shown(travels=False) else veil(str(path))


def note(text: str, *, quiet: bool = False) -> None:
    """A line on stderr, unless quiet. That nobody listens there stops nothing."""
    if not quiet:
        with suppress(OSError, ValueError):
            print(visible(text, None), file=sys.stderr, flush=True)


def emit_json(text: str, target: str) -> None:
    """Write JSON to a file, whole or not at all, or to stdout when the target is "-"."""
    if target == STDOUT:
        print(text)  # ASCII: nothing in JSON acts
    else:
        write_atomic(Path(target), text + "\n")


def tell_finding(finding: Finding) -> str:
    """A finding as one line to be printed, its severity first, coloured when stdout is a terminal and NO_COLOR is not set."""
    severity = f"{finding.severity:<9}"
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        severity = f"\x1b[{COLOURS[finding.severity]}m{severity}\x1b[0m"
    return f"{severity} {finding.sentence()}"


@contextmanager
def progress(title: str, *, steps: int | None = None, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """A function that is told each step as it begins; shows a bar on a terminal and plain lines elsewhere."""
    if quiet:
        yield lambda step: None
    elif sys.stderr is None or not sys.stderr.isatty():
        yield lambda step: note(f"{title}: {step}")
    else:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(visible(title), total=steps)
            begun = 0

            def tell(step: str) -> None:
                nonlocal begun
                bar.update(task, completed=begun, description=visible(f"{title}: {step}"))
                begun += steps is not None

            yield tell
