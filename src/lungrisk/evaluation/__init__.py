"""Evaluation: likelihoods or a bundle and labelled data in, figures with intervals and a page out; calibration from the same tables."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lungrisk.core.bundle import Bundle, list_bundles, open_bundle
from lungrisk.core.errors import UsageFault
from lungrisk.core.findings import find
from lungrisk.evaluation.calibrating import calibrate
from lungrisk.evaluation.candidates import evaluate_candidates
from lungrisk.evaluation.checklist import to_markdown
from lungrisk.evaluation.nodules import evaluate_nodules
from lungrisk.evaluation.outlines import evaluate_outlines
from lungrisk.evaluation.patients import EvaluateOptions, plain
from lungrisk.evaluation.predictions import evaluate_predictions
from lungrisk.report import write_evaluation

__all__ = ["EvaluateOptions", "calibrate", "evaluate"]


def evaluate(
    source: str | Path,
    bundle: str | Path | None = None,
    *,
    labels: str | Path | None = None,
    out: str | Path | None = None,
    against: str | Path | None = None,
    options: EvaluateOptions | None = None,
) -> dict[str, Any]:
    """Figures of likelihoods of patients (source: predictions.csv, with labels), or of a bundle on a folder of nodules.

    out: folder for evaluation.json, evaluation.html, CHECKLIST.md and pictures. against: other likelihoods of the same patients. See
    `evaluate_predictions` for what is in the figures; None stands for what does not exist.
    Of a folder: bundle by name or path; without it all shipped ones, the figures of "malignancy" at the top, those of the others under
    their names; see `evaluate_nodules`, `evaluate_candidates`, `evaluate_outlines`.
    Raises UsageFault (`use.missing`, `use.option`), InputError (`evl.*`, `lab.*`), EnvironmentFault (`env.bundle`, `bun.*`, `env.disk`).
    """
    source = Path(source)
    if source.is_dir():
        return evaluate_folder(source, bundle)
    if not source.is_file():
        raise UsageFault(find("use.missing", found=str(source), expected="predictions.csv or a folder of nodules"))
    if labels is None:
        raise UsageFault(find("use.option", found="predictions without labels", expected="--labels CSV"))
    figures = evaluate_predictions(source, Path(labels), None if against is None else Path(against), options)
    if out is not None:
        write_evaluation(figures, to_markdown(figures["checklist"]), out)
    return figures


def evaluate_folder(folder: Path, bundle: str | Path | None = None) -> dict[str, Any]:
    """Figures of a bundle, or of all shipped ones, on a folder of nodules: see `evaluate`."""
    if bundle is not None:
        opened = open_bundle(bundle)
        if opened.task not in TASKS:
            raise UsageFault(find("use.option", found=f"a bundle for {opened.task}", expected=" or ".join(TASKS)))
        return dict(plain(TASKS[opened.task](folder, opened)))
    shipped = {name: open_bundle(name) for name in list_bundles()}
    parts = {name: TASKS[one.task](folder, one) for name, one in shipped.items() if _has_data(folder, one.task)}
    return dict(plain({**parts.pop("malignancy", {}), **parts}))


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
