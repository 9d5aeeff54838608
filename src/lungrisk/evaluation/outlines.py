"""How well a nodule is outlined from a point inside it, against the consensus of its readers."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.cohort.continuation import continue_stack
from lungrisk.cohort.nodule_folder import DEMO_PATIENT, NoduleStack, read_nodules
from lungrisk.core.bundle import Bundle
from lungrisk.core.geometry import apply_affine, shift_affine, spacing_of
from lungrisk.evaluation.candidates import patient_key
from lungrisk.nodules.measure import measure
from lungrisk.nodules.segment import Outline, outline

REACH_MM = 26.0  # how far a stack is continued at both ends: the half of the second cube
MANY_READERS = 3
SIZES_MM = {"below_6_mm": (0.0, 6.0), "6_to_15_mm": (6.0, 15.0), "15_mm_and_more": (15.0, np.inf)}
OFF_SHARE, OFF_LEAST_MM, OFF_MOST_MM = 1 / 3, 1.0, 5.0  # of the radius: how far off centre a point is tried
STEPS_MM = (0.0, 6.0, 10.0, 15.0, np.inf)  # of measured size (sphere of the volume), for the volume's interval
EVERY = 3  # of the nodules are tried from beside the middle too
DRAWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One nodule. dice counts what was outlined above and below the stack as wrong; dice_within looks at the stack alone.

    spilled: share of the outline above and below the stack. Volumes mm3, diameters mm: measured, and of the consensus.
    lost: nothing was outlined (`nod.outline`); mass: the outline ran into what the network was not trained on (`nod.mass`).
    """

    patient: str
    readers_mm: float
    n_readers: int
    dice: float
    dice_within: float
    spilled: float
    volume_mm3: float
    true_volume_mm3: float
    diameter_mm: float
    true_diameter_mm: float
    lost: bool
    mass: bool


def outline_stack(stack: NoduleStack, bundle: Bundle, *, off_centre: bool = False) -> NDArray[np.bool_]:
    """The outline of a stack's nodule from a point inside it, on the stack's own grid, (k, j, i) bool; may be empty there.

    The point is the middle of the readers' consensus (off_centre: a third of the radius beside it). As a stack ends where
    its nodule ends, it is continued above and below by `cohort.continuation` from a seed that its name gives. Patients that the
    bundle was trained on are outlined by the network that did not see them, others by the mean of all.
    """
    _, inside, _ = _outlined(stack, bundle, off_centre)
    return inside


def evaluate_outlines(folder: str | Path, bundle: Bundle) -> dict[str, Any]:
    """Figures of an outline bundle on a folder of nodules; see `outline_stack` for how each nodule is done.

    Gives `n` nodules that three or more readers outlined, `n_patients`, `n_unseen` (patients that the bundle does not know);
    `dice` with `median`, `median_low`, `median_high`, `p10`, `p10_low`, `p10_high` (95 %, bootstrap of patients), `dice_within`
    the same inside the stack alone, `spilled` (median and 90th percentile), `volume` and `diameter` with median absolute error
    and the 10th, 50th, 90th percentile of measured / consensus; `sizes`: the same for each size; `off_centre`: the same
    from points beside the middle (every third nodule); `lost`: nodules without outline, `masses`: whose
    outline ran over (`nod.mass`); `readers`: Dice between the readers; `volume_calibration`.
    Raises UsageFault (`use.missing`) when the folder lacks a file.
    """
    stacks = [stack for stack in read_nodules(folder) if stack.patient != DEMO_PATIENT and stack.consensus.any()]
    many = [stack for stack in stacks if stack.n_readers >= MANY_READERS]
    central = [judge(stack, bundle) for stack in many]
    beside = [judge(stack, bundle, off_centre=True) for stack in many[::EVERY]]
    known: dict[str, int] = bundle.settings["fold_of_patient"]
    return {
        "n": len(many),
        "n_patients": len({stack.patient for stack in many}),
        "n_unseen": len({stack.patient for stack in many if patient_key(stack.patient) not in known}),
        **_figures(central),
        "sizes": {
            name: _figures([row for row in central if low <= row.readers_mm < high])
            for name, (low, high) in SIZES_MM.items()
        },
        "off_centre": _figures(beside),
        "readers": _between_readers(many),
        "volume_calibration": calibrate_volume([*central, *beside]),
    }


def judge(stack: NoduleStack, bundle: Bundle, *, off_centre: bool = False) -> Judged:
    """Outline one nodule and compare it with the consensus of its readers."""
    found, inside, n_outside = _outlined(stack, bundle, off_centre)
    true = stack.consensus
    both = int((inside & true).sum())
    measured = measure(found.field, found.field_affine, found.hu)
    codes = {finding.code for finding in found.findings}
    truth = measure(true, stack.affine, stack.hu)
    return Judged(
        patient=stack.patient,
        readers_mm=stack.diameter_mm,
        n_readers=stack.n_readers,
        dice=2 * both / (int(inside.sum()) + n_outside + int(true.sum())),
        dice_within=2 * both / max(1, int(inside.sum()) + int(true.sum())),
        spilled=n_outside / max(1, n_outside + int(inside.sum())),
        volume_mm3=measured.volume_mm3,
        true_volume_mm3=truth.volume_mm3,
        diameter_mm=measured.diameter_mm,
        true_diameter_mm=truth.diameter_mm,
        lost="nod.outline" in codes,
        mass="nod.mass" in codes,
    )


def _outlined(stack: NoduleStack, bundle: Bundle, off_centre: bool) -> tuple[Outline, NDArray[np.bool_], int]:
    """The outline, its mask on the stack's grid, and how many of its voxels lie above and below."""
    rng = np.random.default_rng(list(stack.id.encode()))
    outlined = np.asarray(stack.readers.any(axis=0))
    continued = continue_stack(stack.hu, outlined, spacing_of(stack.affine), REACH_MM, rng)
    target = stack.consensus if stack.consensus.any() else outlined
    point = apply_affine(stack.affine, np.argwhere(target).mean(axis=0))
    if off_centre:
        radius_mm = (3 * target.sum() * np.prod(spacing_of(stack.affine)) / (4 * np.pi)) ** (1 / 3)
        direction = rng.normal(size=3)
        point += direction / np.linalg.norm(direction) * np.clip(OFF_SHARE * radius_mm, OFF_LEAST_MM, OFF_MOST_MM)
    fold = bundle.settings["fold_of_patient"].get(patient_key(stack.patient))
    affine = shift_affine(stack.affine, (-continued.below, 0, 0))
    found = outline(continued.hu, affine, point, bundle, fold=fold)
    whole = np.zeros(continued.hu.shape, np.bool_)
    start = np.round(apply_affine(np.asarray(np.linalg.inv(affine), np.float64), found.affine[:3, 3])).astype(int)
    whole[tuple(slice(a, a + n) for a, n in zip(start, found.mask.shape, strict=True))] = found.mask
    inside = whole[continued.below : continued.below + len(stack.hu)]
    return found, inside, int(whole.sum() - inside.sum())


def calibrate_volume(judged: Sequence[Judged]) -> list[dict[str, float]]:
    """What a measured volume says of the readers': for each measured size, percentiles of consensus / measured.

    Without those that `nod.mass` speaks of: their sizes are said to be uncertain, and no data is as large.
    """
    told = [row for row in judged if not row.mass]
    ratio = np.array([row.true_volume_mm3 / row.volume_mm3 for row in told])
    size = np.array([(6 * row.volume_mm3 / np.pi) ** (1 / 3) for row in told])
    rows = []
    for low, high in pairwise(STEPS_MM):
        here = ratio[(size >= low) & (size < high)]
        if len(here):
            p = np.percentile(here, [2.5, 50, 97.5])
            upper = {} if np.isinf(high) else {"below_mm": high}
            rows.append({"from_mm": low, **upper, "n": len(here), "low": p[0], "median": p[1], "high": p[2]})
    return [{name: round(float(value), 3) for name, value in row.items()} for row in rows]


def _figures(judged: Sequence[Judged]) -> dict[str, Any]:
    if not judged:
        return {"n": 0}
    patients = [row.patient for row in judged]
    return {
        "n": len(judged),
        "dice": _spread(np.array([row.dice for row in judged]), patients),
        "dice_within": _spread(np.array([row.dice_within for row in judged]), patients),
        "spilled": _percentiles([row.spilled for row in judged], (50, 90)),
        "volume": _error([row.volume_mm3 / row.true_volume_mm3 for row in judged]),
        "diameter": {
            **_error([row.diameter_mm / row.true_diameter_mm for row in judged]),
            "error_mm": float(np.median([abs(row.diameter_mm - row.true_diameter_mm) for row in judged])),
        },
        "lost": sum(row.lost for row in judged),
        "masses": sum(row.mass for row in judged),
    }


def _error(ratios: Sequence[float]) -> dict[str, float]:
    return {
        "error": float(np.median(np.abs(np.array(ratios) - 1))),
        **{f"ratio_{name}": value for name, value in _percentiles(ratios, (10, 50, 90)).items()},
    }


def _percentiles(values: Sequence[float], which: Sequence[int]) -> dict[str, float]:
    return {f"p{p}": float(np.percentile(values, p)) for p in which}


def _spread(values: NDArray[np.float64], patients: Sequence[str]) -> dict[str, float]:
    """Median and 10th percentile with their 95 % intervals, patients drawn with replacement."""
    _, member = np.unique(patients, return_inverse=True)
    members = np.split(np.argsort(member, kind="stable"), np.cumsum(np.bincount(member))[:-1])
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(DRAWS):
        rows = np.concatenate([members[patient] for patient in rng.integers(0, len(members), len(members))])
        drawn.append(np.percentile(values[rows], [50, 10]))
    (median_low, p10_low), (median_high, p10_high) = np.percentile(drawn, [2.5, 97.5], axis=0)
    median, p10 = np.percentile(values, [50, 10])
    named = {"median": median, "median_low": median_low, "median_high": median_high}
    named |= {"p10": p10, "p10_low": p10_low, "p10_high": p10_high}
    return {name: float(value) for name, value in named.items()}


def _between_readers(stacks: Sequence[NoduleStack]) -> dict[str, float]:
    """Dice of pairs of readers of one nodule: mean and median over nodules of each nodule's mean."""
    means = []
    for stack in stacks:
        masks = stack.readers
        pairs = [(a, b) for a in range(len(masks)) for b in range(a)]
        means.append(np.mean([2 * (masks[a] & masks[b]).sum() / (masks[a].sum() + masks[b].sum()) for a, b in pairs]))
    return {"mean": float(np.mean(means)), "median": float(np.median(means))}
