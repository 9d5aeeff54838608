"""`lungrisk prepare`: a folder of patients in, a store out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lungrisk.cli.exits import PARTLY
from lungrisk.cli.options import (
    FOLDS_HELP,
    AllowMissing,
    Cohort,
    Dask,
    Labels,
    Overwrite,
    Quiet,
    Seed,
    Slurm,
    Strict,
    Unknown,
    WorkerCount,
    workers_of,
)
from lungrisk.cli.terminal import note, progress, tell_finding
from lungrisk.core.vocabulary import visible

if TYPE_CHECKING:
    from lungrisk.cohort.store import StoredPatient

Out = Annotated[Path, typer.Option("-o", "--out", metavar="STORE", help="Folder of the store.", show_default=False)]
Recipe = Annotated[
    str,
    typer.Option(metavar="NAME|FILE", help="Of the volumes: a name, or a JSON file with spacing and size (k, j, i)."),
]


def prepare(
    cohort: Cohort,
    out: Out,
    labels: Labels = None,
    recipe: Recipe = "cohort",
    workers: WorkerCount = 1,
    dask: Dask = None,
    slurm: Slurm = None,
    folds: Annotated[int, typer.Option(min=2, metavar="K", help=FOLDS_HELP)] = 5,
    seed: Seed = 0,
    unknown: Unknown = None,
    allow_missing: AllowMissing = False,
    strict: Strict = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Read, judge and prepare every patient of a cohort into a store that networks are trained on.

    Interrupted at any moment, the same command goes on; scans that were replaced are prepared again. A network needs at least 10
    patients with cancer: labels with fewer are told when they are read. Patients that cannot be judged are listed with the reason (exit code 4).
    """
    from lungrisk.cohort.preparing import PrepareOptions, prepare_cohort
    from lungrisk.cohort.store import read_recipe

    options = PrepareOptions(
        labels=labels,
        recipe=read_recipe(recipe) if recipe.endswith(".json") else recipe,
        workers=workers_of(workers, dask, slurm),
        folds=folds,
        seed=seed,
        unknown=tuple(unknown or ()),
        allow_missing=allow_missing,
        strict=strict,
        overwrite=overwrite,
    )
    with progress("prepare", quiet=quiet) as step:
        store = prepare_cohort(cohort, out, options, step)
    for finding in store.findings:
        print(tell_finding(finding))
    refused = [patient for patient in store.patients if patient.status == "refused"]
    limited = sum(patient.status == "limited" for patient in store.patients)
    print(
        f"{len(store.patients)} patients: {len(store.usable)} prepared, {limited} of them limited; {len(refused)} refused"
    )
    tell_refused(refused)
    note(f"store: {out}", quiet=quiet)
    if refused:
        raise typer.Exit(PARTLY)


def tell_refused(refused: "list[StoredPatient]") -> None:
    """A line for each reason of each refused patient."""
    for patient in refused:
        worst = {finding.severity for finding in patient.findings} & {"refused"} or {"limited"}
        for finding in patient.findings:
            if finding.severity in worst:
                print(f"{visible(patient.id)}  {tell_finding(finding)}")
