"""`lungrisk evaluate`: how good likelihoods of patients are, or a nodule bundle on a folder of nodules."""

import json
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from lungrisk.cli.options import BUNDLE_HELP, LABELS_HELP, Json, Out, Overwrite, Quiet, Unknown
from lungrisk.cli.terminal import STDOUT, emit_json, existing, progress, say

Source = Annotated[
    Path,
    typer.Argument(
        metavar="PREDICTIONS|NODULES_DIR",
        help="A table id,cancer of likelihoods, or a folder of nodules (docs: nodules).",
        show_default=False,
    ),
]
AnyBundle = Annotated[
    str | None,
    typer.Option("--bundle", metavar="NAME|PATH", help=BUNDLE_HELP, show_default="all shipped"),
]
MaybeLabels = Annotated[
    Path | None,
    typer.Option("--labels", metavar="CSV", help=LABELS_HELP, show_default=False),
]
Against = Annotated[
    Path | None, typer.Option("--against", metavar="CSV", help="Other predictions to compare with.", show_default=False)
]
Sensitivities = Annotated[
    list[float] | None,
    typer.Option("--sensitivity", metavar="S", help="Operating points to give.", show_default="0.9, 0.95"),
]
Specificities = Annotated[
    list[float] | None,
    typer.Option("--specificity", metavar="S", help="Operating points to give.", show_default="0.9, 0.95"),
]
Thresholds = Annotated[
    list[float] | None, typer.Option("--threshold", metavar="T", help="Operating points to give.", show_default=False)
]
StoreOfNodules = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="STORE",
        help="What lungrisk prepare made: groups by its scanners; see --nodules.",
        show_default=False,
    ),
]
TrueNodules = Annotated[
    Path | None,
    typer.Option(
        "--nodules",
        metavar="CSV",
        help="With --store: where they are: id,x_mm,y_mm,z_mm,diameter_mm.",
        show_default=False,
    ),
]


def evaluate(
    source: Source,
    labels: MaybeLabels = None,
    out: Out = None,
    against: Against = None,
    bundle: AnyBundle = None,
    sensitivity: Sensitivities = None,
    specificity: Specificities = None,
    threshold: Thresholds = None,
    unknown: Unknown = None,
    store: StoreOfNodules = None,
    nodules: TrueNodules = None,
    json_target: Json = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Figures with intervals beside the base rate, and a page: of patients' likelihoods, or of nodule networks."""
    for path in (source, labels, against, store, nodules):
        if path is not None:
            existing(path)

    from lungrisk.core.extents import extent_of
    from lungrisk.core.outputs import key_of, state_of, written
    from lungrisk.evaluation import EvaluateOptions
    from lungrisk.evaluation import evaluate as run

    plain = EvaluateOptions()
    options = EvaluateOptions(
        sensitivities=tuple(sensitivity or plain.sensitivities),
        specificities=tuple(specificity or plain.specificities),
        thresholds=tuple(threshold or ()),
        unknown=tuple(unknown or ()),
        store=store,
        nodules=nodules,
    )
    of_nodules = source.is_dir()
    tables = {name: path for name, path in (("predictions", source), ("labels", labels), ("against", against)) if path}
    asked = ""
    if out is not None and not of_nodules:
        contents = {name: extent_of(path).content for name, path in tables.items()}
        beside = [None if path is None else extent_of(path).content for path in (store, nodules)]
        asked = key_of(
            tables=contents, names=[path.name for path in tables.values()], beside=beside, options=asdict(options)
        )
        state_of(out, "evaluate", asked, overwrite=overwrite)  # refused before the work; its own is renewed
    with progress("evaluate", quiet=quiet) as step, written(out, "evaluate", asked) if out and asked else nullcontext():
        step((bundle or "all shipped bundles") if of_nodules else source.name)
        figures = run(source, bundle, labels=labels, out=out, against=against, options=options)
    if json_target is not None:
        emit_json(json.dumps(figures, indent=1, allow_nan=False), json_target)
    if json_target != STDOUT:
        say(*(_lines(figures) if of_nodules else _summary(figures)))
        if out is not None and not of_nodules:
            say(str(out / "evaluation.html"))


def _summary(figures: dict[str, Any]) -> list[str]:
    """What one reads first of likelihoods; everything else is in the page and the JSON."""
    lines = [f"{figures['n']} patients, {figures['n_positive']} with cancer", figures["verdict"]]
    for name in ("auc", "log_loss", "brier", "ap", "slope", "intercept"):
        value, low, high = (figures[f"{name}{end}"] for end in ("", "_low", "_high"))
        interval = f"{low:.3f} to {high:.3f}" if low is not None else "" if value is None else "interval cannot be had"
        lines.append(f"{name:<12} {'does not exist' if value is None else f'{value:.3f}'}  {interval}".rstrip())
    if figures["detection"] is not None:
        found = figures["detection"]
        lines.append(
            f"nodules found: CPM {found['cpm']:.3f} of {found['n_nodules']} nodules in {found['n_scans']} scans"
        )
    if figures["comparison"] is not None:
        difference = figures["comparison"]["log_loss_difference"]
        interval = (
            "cannot be had" if difference["low"] is None else f"{difference['low']:.4f} to {difference['high']:.4f}"
        )
        lines.append(f"log loss less that of {figures['comparison']['name']}: {difference['value']:.4f} ({interval})")
    lines += [f"{one['severity']:<9} {one['code']}: {one['message']} ({one['found']})" for one in figures["findings"]]
    return lines


def _lines(figures: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for name, figure in figures.items():
        if isinstance(figure, dict):
            lines += [f"{indent}{name}:", *_lines(figure, indent + "  ")]
        else:
            lines.append(
                f"{indent}{name:<24} {figure:.3f}" if isinstance(figure, float) else f"{indent}{name:<24} {figure}"
            )
    return lines
