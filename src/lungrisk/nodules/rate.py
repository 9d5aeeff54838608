"""What radiologists would say of a nodule: their mean malignancy rating as a distribution, and its type."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.bundle import Bundle
from lungrisk.core.geometry import Affine
from lungrisk.core.records import Rating
from lungrisk.engine import run
from lungrisk.nodules.appearance import cut_slab, measure_features, rating_inputs

__all__ = ["NoduleType", "Triplet", "nodule_type", "rate", "rate_by_fold", "rating_inputs"]

NoduleType: TypeAlias = Literal["solid", "part-solid", "ground-glass", "calcified"]
Triplet: TypeAlias = tuple[NDArray[np.generic], Affine, NDArray[np.bool_]]
LOWEST, HIGHEST = 1.0, 5.0  # of the readers' scale
TWO_SIDED_95 = 1.959964
BATCH = 16
BONE_HU, SPECKS_FROM_MM, SPECKS = 320.0, 12.0, 0.25
THIN = 0.8  # share of voxels below -300 HU
FAINT_HU, SMALL_MM = 215.0, 4.5


def rate(nodules: Sequence[Triplet], bundle: Bundle) -> tuple[Rating, ...]:
    """Rate nodules.

    nodules: (hu, affine, mask) each: (k, j, i) HU with the surroundings in the plane, (4, 4) to LPS mm, bool on the same grid.
    The slices above and below the mask are not looked at. bundle: of task "malignancy".
    Gives mean and standard deviation of what the mean of some readers would be, and its 95 % interval.
    Raises ValueError when a mask is empty or of another shape.
    """
    if not nodules:
        return ()
    by_fold = rate_by_fold([rating_inputs(*nodule) for nodule in nodules], bundle)
    return tuple(rating_of(float(mean), bundle) for mean in by_fold.mean(axis=1))


def rate_by_fold(inputs: Sequence[dict[str, NDArray[np.float32]]], bundle: Bundle) -> NDArray[np.float64]:
    """`rating_inputs` of n nodules to (n, folds): what each network of the bundle says, of 1..5."""
    arrays = {name: np.stack([item[name] for item in inputs]) for name in inputs[0]}
    by_fold: NDArray[np.float64] = run(bundle, batch=BATCH, **arrays)["rating"].astype(np.float64)
    return by_fold


def rating_of(mean: float, bundle: Bundle) -> Rating:
    """A network's answer with the spread that such answers had out of fold.

    calibration of the bundle: `at`, ratings in ascending order, and `sd`, the standard deviation of the error there.
    """
    spread = bundle.settings["calibration"]
    sd = float(np.interp(mean, spread["at"], spread["sd"]))
    mean = min(max(mean, LOWEST), HIGHEST)
    low, high = max(mean - TWO_SIDED_95 * sd, LOWEST), min(mean + TWO_SIDED_95 * sd, HIGHEST)
    return Rating(mean=mean, sd=sd, low=low, high=high)


def nodule_type(hu: NDArray[np.generic], affine: Affine, mask: NDArray[np.bool_]) -> NoduleType:
    """Solid, part-solid, ground-glass or calcified, by density alone.

    hu, mask: (k, j, i), HU and bool on one grid; affine: (4, 4) to LPS mm. The limits were chosen on LIDC-IDRI nodules; how
    often readers agree with them is in the card of the malignancy bundle.
    Raises ValueError when the mask is empty or of another shape.
    """
    return type_of(measure_features(cut_slab(hu, affine, mask)))


def type_of(features: dict[str, float]) -> NoduleType:
    """The type by `measure_features` of a nodule.

    Small nodules seem thinner than they are, as each voxel holds lung as well; large dense ones hold bone-dense specks at times.
    """
    small = features["area_diameter"] < SMALL_MM
    if features["hu_95"] > BONE_HU and (features["area_diameter"] < SPECKS_FROM_MM or features["share_bone"] > SPECKS):
        return "calcified"
    faint = features["contrast"] < FAINT_HU  # above the lung around it
    if features["share_part"] > THIN and (faint or not small):
        return "ground-glass" if faint else "part-solid"
    return "solid"
