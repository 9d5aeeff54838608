"""`lungrisk calibrate`: likelihoods and what happened in, a bundle that corrects them out."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from lungrisk.cli.options import LABELS_HELP, Overwrite, Quiet, Unknown
from lungrisk.cli.terminal import existing, note, say

Predictions = Annotated[
    Path, typer.Argument(metavar="PREDICTIONS", help="A table id,cancer of likelihoods.", show_default=False)
]
Outcomes = Annotated[Path, typer.Option("--labels", metavar="CSV", help=LABELS_HELP, show_default=False)]
BundleOut = Annotated[
    Path, typer.Option("-o", "--out", metavar="BUNDLE", help="Folder of the new bundle.", show_default=False)
]
Base = Annotated[
    str,
    typer.Option(
        "--base", metavar="NAME|PATH", help="What made the likelihoods: line, or the bundle given to predict."
    ),
]


def calibrate(
    predictions: Predictions,
    labels: Outcomes,
    out: BundleOut,
    method: Annotated[
        Literal["platt", "isotonic", "beta", "temperature", "prior"],
        typer.Option(metavar="NAME", help="platt, isotonic, beta, temperature or prior."),
    ] = "platt",
    base: Base = "line",
    unknown: Unknown = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Fit likelihoods to your own outcomes; the card shows how good that is on patients not fitted on."""
    existing(predictions)
    existing(labels)

    from lungrisk.core.bundle import LINE, open_bundle
    from lungrisk.core.extents import extent_of
    from lungrisk.core.outputs import key_of, state_of, written
    from lungrisk.evaluation import calibrate as run

    asked = key_of(
        tables=[extent_of(table).content for table in (predictions, labels)],
        options=[method, LINE if base == LINE else open_bundle(base).digest, *(unknown or ())],
    )
    if state_of(out, "calibrate", asked, needs=("bundle.json", "CARD.md"), overwrite=overwrite) == "done":
        note(f"{out}: done already by this very command", quiet=quiet)
    else:
        with written(out, "calibrate", asked):
            run(predictions, labels, out, method, base=base, unknown=tuple(unknown or ()))
    folder = out
    settings = open_bundle(folder).settings
    for finding in settings["findings"]:
        note(f"{finding['code']}: {finding['message']} ({finding['found']})", quiet=quiet)
    note(settings["figures"]["verdict"], quiet=quiet)
    say(str(folder))
