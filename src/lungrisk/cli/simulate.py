"""`lungrisk simulate`: a scan of known truth."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from lungrisk.cli.options import Quiet, Seed
from lungrisk.cli.terminal import progress

OutFolder = Annotated[
    Path, typer.Option("-o", "--out", metavar="DIR", help="Folder for scan and truth.", show_default=False)
]


def simulate(
    kind: Annotated[Literal["scan"], typer.Argument(metavar="scan", help="What to simulate.", show_default=False)],
    out: OutFolder,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Simulate a chest CT with nodules of known place and size: a DICOM series, and the truth beside it."""
    from lungrisk.simulation import simulate as run

    with progress("simulate", quiet=quiet) as step:
        step(kind)
        print(run(kind, out, seed))
