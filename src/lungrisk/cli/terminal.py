"""What is said, and where: results on stdout, progress and notes on stderr."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lungrisk.core.errors import UsageFault
from lungrisk.core.files import write_atomic
from lungrisk.core.findings import Finding, find

STDOUT = "-"
COLOURS = {"refused": 31, "limited": 33, "corrected": 36, "info": 2}


def existing(path: Path) -> Path:
    """The path, when there is something. Raises UsageFault (`use.missing`)."""
    if not path.exists():
        raise UsageFault(find("use.missing", found=str(path)))
    return path


def note(text: str, *, quiet: bool = False) -> None:
    """A line on stderr, unless quiet."""
    if not quiet:
        print(text, file=sys.stderr, flush=True)


def emit_json(text: str, target: str) -> None:
    """Write JSON to a file, whole or not at all, or to stdout when the target is "-"."""
    if target == STDOUT:
        print(text)
    else:
        write_atomic(Path(target), text + "\n")


def tell_finding(finding: Finding) -> str:
    """A finding as one line, its severity first, coloured when stdout is a terminal and NO_COLOR is not set."""
    severity = f"{finding.severity:<9}"
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        severity = f"\x1b[{COLOURS[finding.severity]}m{severity}\x1b[0m"
    return f"{severity} {finding.sentence()}"


@contextmanager
def progress(title: str, *, steps: int | None = None, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """A function that is told each step as it begins; shows a bar on a terminal and plain lines elsewhere."""
    if quiet:
        yield lambda step: None
    elif not sys.stderr.isatty():
        yield lambda step: note(f"{title}: {step}")
    else:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=steps)
            begun = 0

            def tell(step: str) -> None:
                nonlocal begun
                bar.update(task, completed=begun, description=f"{title}: {step}")
                begun += steps is not None

            yield tell
