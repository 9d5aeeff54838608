"""`lungrisk predict`: a likelihood for every patient of a cohort or a store."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lungrisk.cli.exits import PARTLY
from lungrisk.cli.options import BUNDLE_HELP, STRICT_HELP, Dask, Overwrite, Quiet, Slurm, WorkerCount, workers_of
from lungrisk.cli.terminal import existing, note, progress, tell_finding

if TYPE_CHECKING:
    from lungrisk.prediction import Outcome

Source = Annotated[
    Path,
    typer.Argument(
        metavar="COHORT|STORE",
        help="A folder with a folder a patient, a CSV id,path, or what lungrisk prepare made.",
        show_default=False,
    ),
]
PatientBundle = Annotated[
    str | None,
    typer.Option(
        "--bundle",
        metavar="NAME|PATH",
        help=BUNDLE_HELP,
        show_default="line: what lungrisk assess says",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="CSV", help="The table of likelihoods.", show_default="stdout"),
]


def predict(
    source: Source,
    out: Out = None,
    bundle: PatientBundle = None,
    details: Annotated[bool, typer.Option("--details", help="Also columns low, high and status.")] = False,
    workers: WorkerCount = 1,
    dask: Dask = None,
    slurm: Slurm = None,
    strict: Annotated[bool, typer.Option("--strict", help=STRICT_HELP)] = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """The likelihood of cancer of every patient, as a table id,cancer with all ids.

    Patients that cannot be judged are listed with the reason, get the base rate in the table, and make the exit code 4. Interrupted
    at any moment, the same command with -o goes on; scans that were replaced meanwhile are looked at again. CSV.journal says what
    the table was made of.
    """
    existing(source)

    from lungrisk.prediction import PredictOptions, predict_each
    from lungrisk.prediction.models import open_model
    from lungrisk.prediction.table import table_of

    with progress("predict", quiet=quiet) as step:
        options = PredictOptions(
            workers=workers_of(workers, dask, slurm),
            details=details,
            strict=strict,
            overwrite=overwrite,
            progress=step,
        )
        outcomes = predict_each(source, bundle, out, options)
    refused = [outcome for outcome in outcomes if outcome.prediction.value is None]
    model = open_model(bundle)
    if out is None:
        rows = [outcome.prediction for outcome in outcomes]
        print(table_of(rows, model.prevalence, n_years=model.n_years, details=details), end="")
    _tell(refused)
    limited = sum(outcome.prediction.status == "limited" for outcome in outcomes)
    filled = f", given the base rate {model.prevalence:.3f}" if refused else ""
    note(f"{len(outcomes)} patients: {limited} limited, {len(refused)} refused{filled}", quiet=quiet)
    if refused:
        raise typer.Exit(PARTLY)


def _tell(refused: "list[Outcome]") -> None:
    """A line on stderr for each reason of each refused patient: stdout may be the table."""
    for outcome in refused:
        for finding in outcome.findings:
            if finding.severity in {"refused", "limited"}:
                note(f"{outcome.prediction.id}  {tell_finding(finding)}")
