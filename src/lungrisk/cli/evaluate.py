"""`lungrisk evaluate`: how good a nodule bundle is on a folder of nodules."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lungrisk.cli.options import BUNDLE_HELP, Json, Quiet
from lungrisk.cli.terminal import STDOUT, emit_json, existing, progress

Source = Annotated[
    Path,
    typer.Argument(
        metavar="NODULES_DIR", help="Nodules with outlines and ratings (docs: nodules).", show_default=False
    ),
]

AnyBundle = Annotated[
    str | None, typer.Option("--bundle", metavar="NAME|PATH", help=BUNDLE_HELP, show_default="all shipped")
]


def evaluate(source: Source, bundle: AnyBundle = None, json_target: Json = None, quiet: Quiet = False) -> None:
    """The figures of a bundle on a folder of nodules, with their intervals and beside the diameter alone."""
    existing(source)

    from lungrisk.evaluation import evaluate as run

    with progress("evaluate", quiet=quiet) as step:
        step(bundle or "all shipped bundles")
        figures = run(source, bundle)
    if json_target is not None:
        emit_json(json.dumps(figures, indent=1), json_target)
    if json_target != STDOUT:
        print("\n".join(_lines(figures)))


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
