"""`lungrisk simulate`: scans of known truth."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from lungrisk.cli.options import WORKERS_HELP, Overwrite, Quiet, Seed
from lungrisk.cli.terminal import note, progress, say

What = Annotated[
    Literal["scan", "cohort"], typer.Argument(metavar="scan|cohort", help="What to simulate.", show_default=False)
]
OutFolder = Annotated[
    Path, typer.Option("-o", "--out", metavar="DIR", help="Folder for scans and truth.", show_default=False)
]
Patients = Annotated[int, typer.Option("--patients", min=1, metavar="N", help="Patients of a cohort.")]
Unlabelled = Annotated[
    int, typer.Option("--unlabelled", min=0, metavar="N", help="How many of them have no row in the labels.")
]
SCAN = (
    "truth.json",
    "nodules.csv",
    "scan",
)  # a cohort has no such file: it may grow, and finds out itself what is done
Processes = Annotated[int, typer.Option("--workers", min=1, metavar="N", help=WORKERS_HELP)]


def simulate(
    kind: What,
    out: OutFolder,
    patients: Patients = 20,
    seed: Seed = 0,
    unlabelled: Unlabelled = 0,
    workers: Processes = 1,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Simulate a chest CT with nodules of known place and size, or a cohort of them in the Bowl's layout.

    A cohort's labels are drawn from a stated risk given the nodules; truth.csv holds each patient's risk, so that the best
    possible log loss is known. The same command again goes on where it was interrupted.
    """
    from lungrisk import __version__
    from lungrisk.core.outputs import key_of, read_stamp, state_of, written
    from lungrisk.simulation import CohortOptions, best_possible, few_positive
    from lungrisk.simulation import simulate as run

    options = CohortOptions(patients=patients, seed=seed, unlabelled=unlabelled, workers=workers, overwrite=overwrite)
    asked = key_of(kind=kind, seed=seed, lungrisk=__version__ if kind == "scan" else "")
    by_itself = kind == "cohort" and read_stamp(out) is None and (out / "cohort.json").is_file()  # says whose it is
    if not by_itself and state_of(out, "simulate", asked, needs=SCAN, overwrite=overwrite) == "done":
        note(f"{out}: done already by this very command", quiet=quiet)
        say(str(out))
        return
    with (
        written(out, "simulate", asked),
        progress("simulate", steps=patients if kind == "cohort" else None, quiet=quiet) as step,
    ):
        if kind == "scan":
            step(kind)
        folder = run(kind, out, seed, options=options, progress=step)
    if kind == "cohort":
        if few_positive(folder):
            note("fewer than 10 of the labels are cancer: enough to try everything, too few to train on", quiet=quiet)
        note(
            f"best log loss that can be expected: {best_possible(folder):.3f}, of one who knows every risk", quiet=quiet
        )
    say(str(folder))
