"""`lungrisk train`: a store of patients or a folder of nodules in, a bundle out."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from lungrisk.cli.options import FOLDS_HELP, Overwrite, Quiet, Seed
from lungrisk.cli.terminal import existing, progress, say

Source = Annotated[
    Path,
    typer.Argument(
        metavar="STORE|NODULES_DIR",
        help="What lungrisk prepare made (patient networks), or nodules with outlines and ratings (docs: nodules).",
        show_default=False,
    ),
]
Net = Annotated[
    Literal["seed", "resnet3d", "resnet3d-18", "nodules", "backbone", "malignancy", "candidate", "outline"],
    typer.Option(
        metavar="NAME",
        help="What to train. On a store: seed, resnet3d, resnet3d-18, nodules or backbone. On nodules: malignancy, candidate or outline.",
        show_default=False,
    ),
]
BundleOut = Annotated[
    Path, typer.Option("-o", "--out", metavar="BUNDLE", help="Folder of the new bundle.", show_default=False)
]
Folds = Annotated[
    int,
    typer.Option(min=0, metavar="K", help=FOLDS_HELP),
]
Epochs = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Passes over the data.", show_default="the network's")
]
Batch = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Patients or nodules in a step.", show_default="the network's")
]
Rate = Annotated[
    float | None,
    typer.Option(
        "--learning-rate", min=1e-8, metavar="R", help="The highest of the cycle.", show_default="the network's"
    ),
]
Patience = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Epochs without gain after which a patient network stops.",
        show_default="the network's",
    ),
]
Threads = Annotated[int, typer.Option(min=1, metavar="N", help="Of each process, on the CPU.")]
Device = Annotated[str | None, typer.Option(metavar="D", help="cpu or cuda.", show_default="cpu")]
Years = Annotated[
    int,
    typer.Option(min=0, metavar="Y", help="Risk by year for Y years, from time_years and event; 0: cancer yes or no."),
]
Test = Annotated[
    Path | None,
    typer.Option(
        metavar="CSV", help="Ids that must not be learnt from; refused if they are in it.", show_default=False
    ),
]
Balanced = Annotated[bool, typer.Option("--balanced", help="Both classes weigh the same in the loss.")]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on where the same command was interrupted; that is done without it, too.")
]


def train(
    source: Source,
    net: Net,
    out: BundleOut,
    folds: Folds = 5,
    epochs: Epochs = None,
    batch: Batch = None,
    learning_rate: Rate = None,
    patience: Patience = None,
    threads: Threads = 2,
    device: Device = None,
    seed: Seed = 0,
    years: Years = 0,
    test: Test = None,
    balanced: Balanced = False,
    resume: Resume = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Train a network and write it as a bundle with its card. Needs the extra [train].

    On a store every patient is predicted by a network that has not seen it: the card's figures and predictions.csv in the bundle
    are of these. Killed at any moment, the same command goes on; a bundle that it has finished stays. Several processes: torchrun --nproc-per-node N --no-python lungrisk train ...
    """
    existing(source)

    from lungrisk.training import Options
    from lungrisk.training import train as run

    given: dict[str, Any] = {
        "epochs": epochs, "batch": batch, "learning_rate": learning_rate, "patience": patience, "device": device,
    }  # fmt: skip
    options = Options(
        output=out, folds=folds, seed=seed, threads=threads, years=years, test=test, balanced=balanced, resume=resume,
        overwrite=overwrite,
        **{name: value for name, value in given.items() if value is not None},
    )  # fmt: skip
    with progress("train", quiet=quiet) as step:
        step(net)
        listener = _Teller(step)
        log = logging.getLogger("lungrisk.training")
        level = log.level
        log.addHandler(listener)
        log.setLevel(logging.INFO)
        try:
            folder = run(source, net, options)
        finally:
            log.removeHandler(listener)
            log.setLevel(level)
    say(str(folder))


class _Teller(logging.Handler):
    """Passes what the training logs to the line of progress."""

    def __init__(self, step: Callable[[str], None]) -> None:
        super().__init__()
        self.step = step

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        self.step(record.getMessage())
