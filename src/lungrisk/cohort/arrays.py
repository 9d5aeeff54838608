"""What of an assessed patient is worth keeping for a network: arrays of the same names and shapes for every patient."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.cohort.duplicates import PATTERN, lung_pattern
from lungrisk.core.errors import InputError
from lungrisk.core.findings import find
from lungrisk.core.geometry import shift_affine
from lungrisk.core.records import Assessment, Lungs, Nodule, Recipe, Scan
from lungrisk.nodules import surroundings
from lungrisk.nodules.appearance import FEATURES, PLANE, rating_inputs
from lungrisk.nodules.crops import cut_cube
from lungrisk.preparation import prepare, resample

TOP_K = 8  # nodules, the most suspicious first
SEED = (20, 50, 50)  # of the recipe of that name
CUBE = 32  # voxels of 1 mm along a side of a crop
# real and simulated lungs fit: 336 x 288 x 384 mm about their centre
RECIPE = Recipe(name="cohort", spacing=(3.0, 3.0, 3.0), size=(112, 96, 128))
NUMBERS = (
    "malignancy_mean",
    "malignancy_sd",
    "nodule_probability",
    "accepted",
    "diameter_mm",
    "volume_mm3",
    "mean_hu",
    "height",  # of the centre in the lungs: 0 at the lowest slice that holds lung, 1 at the highest
    "contribution",
    "present",
)
LEAST_SPREAD_HU = 5.0  # a volume of less is no scan
LEAST_MARGIN = 2  # voxels of the scan about the lungs


def arrays_of(assessment: Assessment, recipe: Recipe = RECIPE) -> dict[str, NDArray[Any]]:
    """The arrays of an assessed patient; those of nodules are in the order of the assessment, zeros after the last.

    volume: recipe's (k, j, i), int16 HU (float32 of 0..1 by a recipe with a window), about the centre of the lungs (by a recipe
    without spacing the whole scan). lungs: uint8 on the same grid, 0 outside, 1 left, 2 right.
    pattern: (28, 24, 32) int16, what tells this lung from others, see `lung_pattern`. seed: (20, 50, 50) float32, 0..1, the
    notebook's array.
    crops: (8, 32, 32, 32) int16, HU at 1 mm about each nodule; masks: uint8, its outline there.
    fixed, scaled: (8, 6, 32, 32) float32, features: (8, f) float32, what the shipped malignancy network sees.
    numbers: (8, 10) float32, see NUMBERS. line: (4,) float32, the shipped likelihood's value, low, high, and the highest malignancy
    of an accepted nodule (0: none).
    Raises InputError with the assessment's findings when it was refused, `coh.constant` when the volume holds nothing.
    """
    scan, lungs, likelihood = assessment.scan, assessment.lungs, assessment.likelihood
    if scan is None or lungs is None or likelihood is None:
        raise InputError(*assessment.findings)
    volume, sides = _about_the_lungs(scan, lungs, recipe)
    accepted = [nodule.malignancy.mean for nodule in assessment.nodules if nodule.accepted]
    line = (likelihood.value, likelihood.low, likelihood.high, max(accepted, default=0.0))
    usual = (volume, sides) if recipe.hash == RECIPE.hash else _about_the_lungs(scan, lungs, RECIPE)
    spread = np.ptp(usual[0])
    if spread < LEAST_SPREAD_HU:
        raise InputError(find("coh.constant", found=f"{spread:.0f} HU between the lowest and the highest voxel"))
    return {
        "volume": volume,
        "lungs": sides,
        "pattern": lung_pattern(*usual),
        "seed": prepare(scan, "seed").array.astype(np.float32),
        "line": np.array(line, np.float32),
        **_of_nodules(scan, lungs, assessment.nodules[:TOP_K]),
    }


def array_table(recipe: Recipe = RECIPE) -> dict[str, dict[str, Any]]:
    """Name to shape and dtype of the arrays of every patient.

    >>> array_table()["volume"]
    {'shape': [112, 96, 128], 'dtype': 'int16'}
    """
    size, cubes, planes = recipe.size or (0, 0, 0), (TOP_K, CUBE, CUBE, CUBE), (TOP_K, 6, PLANE, PLANE)
    kinds: dict[str, tuple[tuple[int, ...], str]] = {
        "volume": (size, "int16" if recipe.window is None else "float32"),
        "lungs": (size, "uint8"),
        "pattern": (PATTERN, "int16"),
        "seed": (SEED, "float32"),
        "line": ((4,), "float32"),
        "crops": (cubes, "int16"),
        "masks": (cubes, "uint8"),
        "fixed": (planes, "float32"),
        "scaled": (planes, "float32"),
        "features": ((TOP_K, len(FEATURES)), "float32"),
        "numbers": ((TOP_K, len(NUMBERS)), "float32"),
    }
    return {name: {"shape": list(shape), "dtype": kind} for name, (shape, kind) in kinds.items()}


def _about_the_lungs(scan: Scan, lungs: Lungs, recipe: Recipe) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Volume and sides. The recipe centres its size on what it is given, so it is given the lungs' box with equal margins.

    Without spacing there is no size in mm to cut: the whole scan is taken to the recipe's voxels, as the notebook did.
    """
    mask = lungs.mask
    low, high = np.zeros(3, np.int64), np.array(mask.shape)
    for axis in range(3) if recipe.spacing is not None else ():
        held = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        low[axis], high[axis] = held[0], held[-1] + 1
    if recipe.spacing is not None:
        margin = _margin(scan, recipe, high - low)
        low, high = low - margin, high + margin
    affine = shift_affine(scan.affine, low)
    sides = lungs.left.astype(np.uint8) + 2 * (lungs.right & ~lungs.left).astype(np.uint8)
    nearest = Recipe(name="lungs", spacing=recipe.spacing, size=recipe.size, interpolation="nearest", fill=0)
    volume = resample(_cut(scan.hu, low, high, -1024), affine, recipe).array
    shown = _whole(volume) if recipe.window is None else volume.astype(np.float32)
    return shown, resample(_cut(sides, low, high, 0), affine, nearest).array


def _margin(scan: Scan, recipe: Recipe, box: NDArray[np.int64]) -> NDArray[np.int64]:
    """Voxels of the scan beside the lungs' box, (3,), that the recipe's field shows."""
    if recipe.spacing is None or recipe.size is None:
        return np.full(3, LEAST_MARGIN)
    field = np.ceil(np.array(recipe.size) * np.array(recipe.spacing) / np.array(scan.spacing)).astype(np.int64)
    margin: NDArray[np.int64] = np.maximum((field - box) // 2 + 1, LEAST_MARGIN)
    return margin


def _cut(array: NDArray[Any], low: NDArray[np.int64], high: NDArray[np.int64], fill: int) -> NDArray[Any]:
    """array[low:high], filled where that lies outside."""
    shape = np.array(array.shape)
    inside = tuple(map(slice, np.clip(low, 0, shape), np.clip(high, 0, shape)))
    beside = np.stack([np.maximum(-low, 0), np.maximum(high - shape, 0)], axis=1)
    return np.pad(array[inside], beside.tolist(), constant_values=fill)


def _whole(array: NDArray[Any]) -> NDArray[np.int16]:
    return np.round(array).clip(-1024, 32767).astype(np.int16)


def _of_nodules(scan: Scan, lungs: Lungs, nodules: tuple[Nodule, ...]) -> dict[str, NDArray[Any]]:
    crops = np.zeros((TOP_K, CUBE, CUBE, CUBE), np.int16)
    masks = np.zeros((TOP_K, CUBE, CUBE, CUBE), np.uint8)
    planes = {name: np.zeros((TOP_K, 6, PLANE, PLANE), np.float32) for name in ("fixed", "scaled")}
    features = np.zeros((TOP_K, len(FEATURES)), np.float32)
    numbers = np.zeros((TOP_K, len(NUMBERS)), np.float32)
    held = np.flatnonzero(lungs.mask.any(axis=(1, 2)))
    for place, nodule in enumerate(nodules):
        cube, _ = cut_cube(scan.hu, scan.affine, nodule.centre_mm, (CUBE,) * 3, (1.0, 1.0, 1.0))
        crops[place] = _whole(cube)
        padded, padded_affine = (
            np.pad(nodule.mask, 1),
            shift_affine(nodule.affine, (-1, -1, -1)),
        )  # its border is repeated
        inside, _ = cut_cube(padded.astype(np.float32), padded_affine, nodule.centre_mm, (CUBE,) * 3, (1.0, 1.0, 1.0))
        masks[place] = inside >= 0.5
        start = np.round(scan.to_index(nodule.affine[:3, 3])).astype(np.int64)
        seen = rating_inputs(*surroundings(scan, nodule.mask, start))
        planes["fixed"][place], planes["scaled"][place] = seen["fixed"], seen["scaled"]
        features[place] = seen["features"]
        numbers[place] = (
            nodule.malignancy.mean,
            nodule.malignancy.sd,
            nodule.nodule_probability,
            nodule.accepted,
            nodule.diameter_mm,
            nodule.volume_mm3.value,
            nodule.mean_hu,
            (nodule.slice_index - held[0]) / max(1, held[-1] - held[0]),
            nodule.contribution,
            1.0,
        )
    return {"crops": crops, "masks": masks, **planes, "features": features, "numbers": numbers}
