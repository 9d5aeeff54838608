"""How well the malignancy bundle says what readers say of nodules; what it was trained on is judged out of fold."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.cohort.nodule_folder import DEMO_PATIENT, NoduleStack, read_nodules
from lungrisk.core.bundle import Bundle
from lungrisk.evaluation.candidates import patient_key
from lungrisk.evaluation.metrics import (
    auc,
    auc_of_draws,
    draw_counts,
    interval,
    mean_absolute_error,
    mean_of_draws,
)
from lungrisk.evaluation.outlines import outline_stack
from lungrisk.nodules.appearance import cut_slab, measure_features
from lungrisk.nodules.rate import rate_by_fold, rating_inputs, rating_of, type_of

MALIGNANT, BENIGN = 3.5, 2.5  # mean rating from and up to
SEEN_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rated:
    """Nodules with what the bundle says of them, (n,) each. rating: the readers' mean; predicted: the bundle's."""

    patients: Sequence[str]
    predicted: NDArray[np.float64]
    rating: NDArray[np.float64]
    diameter_mm: NDArray[np.float64]
    n_readers: NDArray[np.int64]
    calcified: NDArray[np.bool_]

    def of(self, which: NDArray[np.bool_]) -> "Rated":
        """Those nodules alone."""
        return Rated(
            patients=[patient for patient, kept in zip(self.patients, which, strict=True) if kept],
            predicted=self.predicted[which],
            rating=self.rating[which],
            diameter_mm=self.diameter_mm[which],
            n_readers=self.n_readers[which],
            calcified=self.calcified[which],
        )


def evaluate_nodules(folder: str | Path, bundle: Bundle, outlines: Bundle | None = None) -> dict[str, Any]:
    """Figures of a malignancy bundle on a folder of nodules.

    outlines: a bundle that outlines; then `from_point` holds the same figures from its outlines around a point.
    Patients that the bundle was trained on are rated by the networks that did not see them, others by the mean of all.
    Gives for all nodules, and again under the names of `subgroups`: `n, n_positive, auc, auc_low, auc_high` (mean rating >= 3.5
    against <= 2.5; 95 %, bootstrap of patients), `auc_diameter` (the readers' diameter alone) with `auc_gain_low,
    auc_gain_high` of the difference, and of all ratings `n_rated, mae, mae_low, mae_high, mae_constant` (their median),
    `inside` (share in the 95 % interval given). None where a figure does not exist. Raises UsageFault (`use.missing`).
    """
    stacks = [stack for stack in read_nodules(folder) if stack.patient != DEMO_PATIENT]
    return judge_stacks(stacks, bundle, outline_all(stacks, outlines) if outlines else None)


def judge_stacks(
    stacks: Sequence[NoduleStack], bundle: Bundle, outlined: Sequence[NDArray[np.bool_]] | None
) -> dict[str, Any]:
    """What `evaluate_nodules` gives, of nodules that are read. outlined: a mask each from a point, on the stack's grid."""
    known = bundle.settings["fold_of_patient"]
    masks = [outline_of(stack) for stack in stacks]
    result: dict[str, Any] = {
        **all_figures(rate_stacks(stacks, masks, bundle), bundle),
        "n_unseen": sum(patient_key(stack.patient) not in known for stack in stacks),
        "type": _type_agreement(stacks, masks),
    }
    if outlined is not None:
        result["from_point"] = all_figures(rate_stacks(stacks, outlined, bundle), bundle)
    return result


def outline_of(stack: NoduleStack) -> NDArray[np.bool_]:
    """The readers' consensus; where it is empty, what any reader outlined."""
    mask = stack.consensus
    return mask if mask.any() else np.asarray(stack.readers.any(axis=0))


def outline_all(stacks: Sequence[NoduleStack], bundle: Bundle) -> list[NDArray[np.bool_]]:
    """The outline of each nodule from a point inside it; one voxel at the middle where nothing was outlined."""
    masks = []
    for stack in stacks:
        mask = outline_stack(stack, bundle)
        if not mask.any():
            middle = np.argwhere(outline_of(stack)).mean(axis=0).round().astype(int)
            mask = np.zeros(stack.hu.shape, np.bool_)
            mask[tuple(middle)] = True
        masks.append(mask)
    return masks


def rate_stacks(stacks: Sequence[NoduleStack], masks: Sequence[NDArray[np.bool_]], bundle: Bundle) -> Rated:
    """Rate each nodule by the networks that have not seen its patient."""
    predicted: list[float] = []
    known: dict[str, int] = bundle.settings["fold_of_patient"]
    for start in range(0, len(stacks), SEEN_AT_ONCE):
        part = slice(start, start + SEEN_AT_ONCE)
        inputs = [rating_inputs(s.hu, s.affine, m) for s, m in zip(stacks[part], masks[part], strict=True)]
        for stack, row in zip(stacks[part], rate_by_fold(inputs, bundle), strict=True):
            fold = known.get(patient_key(stack.patient))
            predicted.append(float(row.mean() if fold is None else row[fold]))
    return Rated(
        patients=[stack.patient for stack in stacks],
        predicted=np.array(predicted),
        rating=np.array([stack.malignancy for stack in stacks]),
        diameter_mm=np.array([stack.diameter_mm for stack in stacks]),
        n_readers=np.array([stack.n_readers for stack in stacks]),
        calcified=np.array([stack.calcified for stack in stacks]),
    )


def subgroups(rated: Rated) -> dict[str, NDArray[np.bool_]]:
    """The groups that figures are given for beside all nodules."""
    many = rated.n_readers >= 3
    middle = many & (rated.diameter_mm >= 6) & (rated.diameter_mm < 15)
    return {
        "at_least_3_readers": many,
        "at_least_3_readers_6_15_mm": middle,
        "without_calcified": ~rated.calcified,
        "at_least_3_readers_without_calcified": many & ~rated.calcified,
        "at_least_3_readers_6_15_mm_without_calcified": middle & ~rated.calcified,
    }


def all_figures(rated: Rated, bundle: Bundle) -> dict[str, Any]:
    """Figures of all nodules and of each subgroup."""
    parts = {name: figures(rated.of(which), bundle) for name, which in subgroups(rated).items()}
    return {**figures(rated, bundle), **parts}


def figures(rated: Rated, bundle: Bundle) -> dict[str, Any]:
    """Figures of one group of nodules; see `evaluate_nodules`."""
    clear = rated.of((rated.rating >= MALIGNANT) | (rated.rating <= BENIGN))
    label = clear.rating >= MALIGNANT

    error = np.abs(rated.predicted - rated.rating)
    counts = draw_counts(clear.patients)
    drawn = auc_of_draws(clear.predicted, label, counts)
    low, high = interval(drawn)
    gain = interval(drawn - auc_of_draws(clear.diameter_mm, label, counts))
    mae = interval(mean_of_draws(error, draw_counts(rated.patients)))
    ratings = [rating_of(float(value), bundle) for value in rated.predicted]
    inside = [one.low <= true <= one.high for one, true in zip(ratings, rated.rating, strict=True)]
    values = {
        "auc": auc(clear.predicted, label),
        "auc_low": low,
        "auc_high": high,
        "auc_diameter": auc(clear.diameter_mm, label),
        "auc_gain_low": gain[0],
        "auc_gain_high": gain[1],
        "mae": mean_absolute_error(rated.predicted, rated.rating),
        "mae_low": mae[0],
        "mae_high": mae[1],
        "mae_constant": float(np.abs(rated.rating - np.median(rated.rating)).mean()) if inside else float("nan"),
        "inside": float(np.mean(inside)) if inside else float("nan"),
    }
    numbers = {"n": len(label), "n_positive": int(label.sum()), "n_rated": len(error)}
    return {**numbers, **{name: value if isfinite(value) else None for name, value in values.items()}}


def _type_agreement(stacks: Sequence[NoduleStack], masks: Sequence[NDArray[np.bool_]]) -> dict[str, Any]:
    """Type by density against the readers' (three or more): calcified if most say so, else by mean texture."""
    pairs: list[tuple[str, str]] = []
    for stack, mask in zip(stacks, masks, strict=True):
        if stack.n_readers >= 3:
            texture = float(stack.ratings["texture"].mean())
            by_texture = "ground-glass" if texture <= 2 else "part-solid" if texture < 4 else "solid"
            found = type_of(measure_features(cut_slab(stack.hu, stack.affine, mask)))
            pairs.append(("calcified" if stack.calcified else by_texture, found))
    names = ("solid", "part-solid", "ground-glass", "calcified")
    table = {name: {other: pairs.count((name, other)) for other in names} for name in names}
    agree = sum(one == other for one, other in pairs) / len(pairs) if pairs else None
    return {"n": len(pairs), "agreement": agree, "found_of_readers_type": table}
