"""How well "nodule or not" does on a folder of nodules: the patches, and the hard examples beside nodules."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.cohort.candidate_views import hide_alike, stack_views
from lungrisk.cohort.nodule_folder import DEMO_PATIENT, read_nodules, read_patches
from lungrisk.cohort.splits import fold_of, patient_key
from lungrisk.core.bundle import Bundle
from lungrisk.engine import run
from lungrisk.evaluation.metrics import auc, average_precision, bootstrap

__all__ = ["PATCH_KEY", "evaluate_candidates", "patient_key"]

PATCH_KEY = "row"  # names a patch in LUNA16's table of candidates


def evaluate_candidates(folder: str | Path, bundle: Bundle) -> dict[str, Any]:
    """Figures of a candidate bundle; what it was trained on is judged by the networks that did not see it.

    Patches that the bundle names are given the logit of their own fold, others the mean of all networks. Gives `n,
    n_positive, auc, auc_low, auc_high` (95 %, bootstrap of groups), `ap`; two baselines without a network,
    `auc_centre` (mean of the middle) and `auc_rings` (logistic regression on means and deviations of rings, 5 folds by
    group), each with its `ap_`; and `hard`, the same for nodules in their stacks against bright blobs beside them
    (groups are patients; not there when the folder has no stacks).
    Raises UsageFault (`use.missing`) when the folder lacks a file.
    """
    patches, labels, table = read_patches(folder)
    keep = np.array([row["patient"] != DEMO_PATIENT for row in table])
    patches, labels = patches[keep], labels[keep]
    table = [row for row, kept in zip(table, keep, strict=True) if kept]
    groups = [row["group"] for row in table]
    unseen_by = _folds([row[PATCH_KEY] for row in table], bundle.settings["rows_of_fold"])
    scores = _logits(patches, bundle, unseen_by)
    figures = {**_figures(scores, labels, groups), "n_new": sum(folds is None for folds in unseen_by)}
    for name, baseline in (("centre", _centre(patches)), ("rings", _rings(patches, labels, groups))):
        figures |= {f"auc_{name}": auc(baseline, labels), f"ap_{name}": average_precision(baseline, labels)}
    if (Path(folder) / "lidc-slices.csv").is_file():
        figures["hard"] = _hard(folder, bundle)
    return figures


def _folds(keys: Sequence[str], named: Sequence[str]) -> list[list[int] | None]:
    """For each item the networks that did not see it, None when none saw it. named: the keys of each fold, with spaces between."""
    folds: dict[str, list[int]] = {}
    for fold, names in enumerate(named):
        for name in names.split():
            folds.setdefault(name, []).append(fold)
    return [folds.get(key) for key in keys]


def _hard(folder: str | Path, bundle: Bundle) -> dict[str, Any]:
    stacks = [stack for stack in read_nodules(folder) if stack.patient != DEMO_PATIENT]
    views = hide_alike(stack_views(stacks))
    keys = [patient_key(stacks[number].patient) for number in views.stack]
    unseen_by = _folds(keys, bundle.settings["patients_unseen_by_fold"])
    scores = _logits(views.hu, bundle, unseen_by, flips=1)
    return _figures(scores, views.label, [stacks[number].patient for number in views.stack])


def _logits(
    pictures: NDArray[np.float32], bundle: Bundle, unseen_by: Sequence[list[int] | None], flips: int = 4
) -> NDArray[np.float64]:
    """Mean over flips, and over the networks that did not see the item (all where None), (n,)."""
    size = int(bundle.settings["view"]["pixels"])
    rim = (pictures.shape[1] - size) // 2
    inner = pictures[:, rim : rim + size, rim : rim + size]
    turned = [inner, inner[:, ::-1], inner[:, :, ::-1], inner[:, ::-1, ::-1]][:flips]
    logits = np.mean([run(bundle, hu=view)["fold_logits"] for view in turned], axis=0)
    chosen = [row.mean() if folds is None else row[folds].mean() for row, folds in zip(logits, unseen_by, strict=True)]
    return np.array(chosen, np.float64)


def _figures(scores: NDArray[np.float64], labels: NDArray[np.int64], groups: Sequence[str]) -> dict[str, Any]:
    low, high = bootstrap(lambda rows: auc(scores[rows], labels[rows]), groups)
    figures = {"auc": auc(scores, labels), "auc_low": low, "auc_high": high, "ap": average_precision(scores, labels)}
    numbers = {name: value if np.isfinite(value) else None for name, value in figures.items()}
    return {"n": len(labels), "n_positive": int(labels.sum()), **numbers}


def _centre(patches: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean HU within 4 pixels of the middle."""
    return np.asarray(patches[:, _radius(patches) <= 4].mean(axis=1), np.float64)


def _rings(patches: NDArray[np.float32], labels: NDArray[np.int64], groups: Sequence[str]) -> NDArray[np.float64]:
    """Out-of-fold log odds of a logistic regression on mean and deviation of eight rings."""
    radius = _radius(patches)
    rings = [patches[:, (radius >= 3 * ring) & (radius < 3 * ring + 3)] for ring in range(8)]
    columns = np.stack([part for ring in rings for part in (ring.mean(axis=1), ring.std(axis=1))], axis=1)
    design = np.c_[np.ones(len(columns)), (columns - columns.mean(axis=0)) / (columns.std(axis=0) + 1e-6)]
    folds = fold_of(list(groups))
    scores = np.empty(len(labels))
    for fold in range(5):
        scores[folds == fold] = design[folds == fold] @ _logistic(design[folds != fold], labels[folds != fold])
    return scores


def _radius(patches: NDArray[np.float32]) -> NDArray[np.float64]:
    offset = np.arange(patches.shape[1]) - (patches.shape[1] - 1) / 2
    return np.asarray(np.hypot(offset[:, None], offset[None, :]))


def _logistic(design: NDArray[np.float64], labels: NDArray[np.int64], ridge: float = 1.0) -> NDArray[np.float64]:
    """Coefficients by Newton's method, (columns,)."""
    weights = np.zeros(design.shape[1])
    for _ in range(20):
        chance = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (labels - chance) - ridge * weights
        curve = (design.T * (chance * (1 - chance))) @ design + ridge * np.eye(len(weights))
        weights += np.linalg.solve(curve, slope)
    return weights
