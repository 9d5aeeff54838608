"""`lungrisk train`: a folder of nodules in, a bundle out."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from lungrisk.cli.options import Quiet, Seed
from lungrisk.cli.terminal import existing, progress

Source = Annotated[
    Path,
    typer.Argument(
        metavar="NODULES_DIR", help="Nodules with outlines and ratings (docs: nodules).", show_default=False
    ),
]
Epochs = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Passes over the data.", show_default="the network's")
]
Device = Annotated[str | None, typer.Option(metavar="D", help="cpu or cuda.", show_default="the network's")]
BundleOut = Annotated[
    Path, typer.Option("-o", "--out", metavar="BUNDLE", help="Folder of the new bundle.", show_default=False)
]


def train(
    source: Source,
    net: Annotated[
        Literal["malignancy", "candidate", "outline"],
        typer.Option(metavar="NAME", help="What to train: malignancy, candidate or outline.", show_default=False),
    ],
    out: BundleOut,
    folds: Annotated[int, typer.Option(min=0, metavar="K", help="Folds of the cross-validation by patient.")] = 5,
    epochs: Epochs = None,
    device: Device = None,
    seed: Seed = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the same command was interrupted.")] = False,
    quiet: Quiet = False,
) -> None:
    """Train a network on nodules and write it as a bundle with its card. Needs the extra [train]."""
    existing(source)

    from lungrisk.training import Options
    from lungrisk.training import train as run

    options = Options(output=out, folds=folds, seed=seed, resume=resume)
    if epochs is not None:
        options = replace(options, epochs=epochs)
    if device is not None:
        options = replace(options, device=device)
    with progress("train", quiet=quiet) as step:
        step(net)
        folder = run(source, net, options)
    print(folder)
