"""The options that commands share: the same name means the same in every command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from lungrisk.core.vocabulary import show

if TYPE_CHECKING:
    from lungrisk.cohort.workers import Workers


def _keep_names(wanted: bool) -> bool:
    if wanted:
        show("everywhere")
    return wanted


ScanPath: TypeAlias = Annotated[
    Path, typer.Argument(metavar="SCAN", help="A folder at any depth, a zip, or one file.", show_default=False)
]
Out: TypeAlias = Annotated[
    Path | None, typer.Option("-o", "--out", metavar="DIR", help="Folder for the results.", show_default=False)
]
Json: TypeAlias = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE|-", help="Write the result as JSON; - is stdout.", show_default=False),
]
BUNDLE_HELP = "The network or calibration, by name (see lungrisk info) or by folder."
LABELS_HELP = "Table with id and cancer (docs: cohorts)."
WORKERS_HELP = "Processes on this machine, one thread each."
STRICT_HELP = "A limited result counts as refused."
FOLDS_HELP = "Folds of the cross-validation, by patient and group."
Bundle: TypeAlias = Annotated[str, typer.Option("--bundle", metavar="NAME|PATH", help=BUNDLE_HELP)]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes on stderr.")]
Strict: TypeAlias = Annotated[bool, typer.Option("--strict", help=STRICT_HELP)]
Overwrite: TypeAlias = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace an output that another command made, or this one with other options."),
]
KeepIds: TypeAlias = Annotated[
    bool, typer.Option("--keep-ids", help="Keep the instance UIDs of the scan instead of their hashes.")
]
KeepNames: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--keep-names",
        callback=_keep_names,
        help="Show names of files and texts of headers as they are; they can name the patient.",
    ),
]
Seed: TypeAlias = Annotated[
    int, typer.Option("--seed", min=0, metavar="S", help="The same seed gives the same result.")
]
Cohort: TypeAlias = Annotated[
    Path,
    typer.Argument(metavar="COHORT", help="A folder with a folder a patient, or a CSV id,path.", show_default=False),
]
Labels: TypeAlias = Annotated[Path | None, typer.Option(metavar="CSV", help=LABELS_HELP, show_default=False)]
Unknown: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--unknown", metavar="TEXT", help="In the labels also means: not known; -1, for example.", show_default=False
    ),
]
AllowMissing: TypeAlias = Annotated[
    bool, typer.Option("--allow-missing", help="Patients without label and labels without patient are only told.")
]
WorkerCount: TypeAlias = Annotated[int, typer.Option("--workers", min=1, metavar="N", help=WORKERS_HELP)]
Dask: TypeAlias = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Work on the Dask cluster of this scheduler.", show_default=False)
]
Slurm: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Work in SLURM jobs as this file says (docs: scale).", show_default=False),
]


def workers_of(n: int, dask: str | None, slurm: Path | None) -> "Workers":
    """Where the work is done, from the three options. Raises UsageFault (`use.option`) when two contradict."""
    from lungrisk.cohort.workers import Workers
    from lungrisk.core.errors import UsageFault
    from lungrisk.core.findings import find

    if (dask is not None) + (slurm is not None) + (n > 1) > 1:
        raise UsageFault(find("use.option", found="several of them", expected="one of --workers, --dask, --slurm"))
    if dask is not None:
        return Workers(kind="dask", address=dask)
    if slurm is not None:
        return Workers(kind="slurm", file=slurm)
    return Workers(kind="processes", n=n) if n > 1 else Workers()
