"""Evaluation: a bundle and labelled data in, figures with intervals out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lungrisk.core.bundle import Bundle, list_bundles, open_bundle
from lungrisk.core.errors import UsageFault
from lungrisk.core.findings import find
from lungrisk.evaluation.candidates import evaluate_candidates
from lungrisk.evaluation.nodules import evaluate_nodules
from lungrisk.evaluation.outlines import evaluate_outlines

__all__ = ["evaluate"]


def evaluate(source: str | Path, bundle: str | Path | None = None) -> dict[str, Any]:
    """Figures of a bundle, shipped (by name) or not (by path), on a folder of nodules.

    Without bundle all shipped ones: the figures of "malignancy" at the top, those of the others under their names.
    See `evaluate_nodules`, `evaluate_candidates`, `evaluate_outlines` for what is in them; NaN never is, None stands for it.
    Raises UsageFault (`use.missing`) when the folder lacks what the bundle needs, EnvironmentFault (`env.bundle`, `bun.*`).
    """
    folder = Path(source)
    if not folder.is_dir():
        raise UsageFault(find("use.missing", found=str(folder), expected="a folder of nodules"))
    if bundle is not None:
        opened = open_bundle(bundle)
        return TASKS[opened.task](folder, opened)
    shipped = {name: open_bundle(name) for name in list_bundles()}
    parts = {name: TASKS[one.task](folder, one) for name, one in shipped.items() if _has_data(folder, one.task)}
    return {**parts.pop("malignancy", {}), **parts}


def _has_data(folder: Path, task: str) -> bool:
    return task != "candidate" or (folder / "luna16-patches.csv").is_file()


def _malignancy(folder: Path, bundle: Bundle) -> dict[str, Any]:
    outlines = open_bundle("outline", "outline") if "outline" in list_bundles() else None
    return evaluate_nodules(folder, bundle, outlines)


# a row a task of a bundle
TASKS: dict[str, Callable[[Path, Bundle], dict[str, Any]]] = {
    "malignancy": _malignancy,
    "candidate": evaluate_candidates,
    "outline": evaluate_outlines,
}
