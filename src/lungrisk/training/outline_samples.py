"""What the outline network is trained on: cubes about a point in a nodule, with made-up slices above and below."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from lungrisk.cohort.continuation import continue_stack
from lungrisk.cohort.nodule_folder import NoduleStack
from lungrisk.core.geometry import Affine, apply_affine, shift_affine, spacing_of
from lungrisk.nodules.crops import cut_aligned
from lungrisk.nodules.segment import CUBE, LEVELS, SPACING, normalise, spacing_at

REACH_MM = 16.0  # how far the made-up slices go; beyond, the last one is repeated
FITS = 0.62  # share of the cube that a nodule may fill at the level that suits it
OTHER_LEVEL = 0.25  # share of samples that are seen at another level
WITHIN, ANY_SIZE = 0.15, 0.25  # shares of the larger nodules that are drawn out beyond the cube, and to any size in it
DRAWN_OUT_MM = 8.0  # extent of a larger nodule
NOISY, NOISE = 0.3, 0.06  # share of samples with added noise, its largest SD
ZOOM_SD, GAIN_SD, OFFSET_SD = 0.12, 0.06, 0.05  # noise, gain and offset in units of the network's input


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """A stack, continued: hu (k, j, i) int16, target (k, j, i) bool consensus, extent_mm the longest side of its box."""

    hu: NDArray[np.int16]
    target: NDArray[np.bool_]
    affine: Affine
    centre_mm: NDArray[np.float64]
    radius_mm: float
    extent_mm: float
    weight: float


def subject(stack: NoduleStack, rng: np.random.Generator) -> Subject:
    """A stack made ready: consensus of its readers (their union where they have none), continued at both ends."""
    consensus = stack.consensus if stack.consensus.any() else np.asarray(stack.readers.any(axis=0))
    spacing = spacing_of(stack.affine)
    outlined = np.asarray(stack.readers.any(axis=0))
    continued = continue_stack(stack.hu, outlined, spacing, REACH_MM, rng)
    n_above = len(continued.hu) - continued.below - len(stack.hu)
    places = np.argwhere(consensus)
    affine = shift_affine(stack.affine, (-continued.below, 0, 0))
    return Subject(
        hu=np.clip(continued.hu, -1024, 3071).astype(np.int16),
        target=np.pad(consensus, ((continued.below, n_above), (0, 0), (0, 0))),
        affine=affine,
        centre_mm=apply_affine(stack.affine, places.mean(axis=0)),
        radius_mm=float((3 * consensus.sum() * np.prod(spacing) / (4 * np.pi)) ** (1 / 3)),
        extent_mm=float(((np.ptp(places, axis=0) + 1) * spacing).max()),
        weight=float(np.sqrt(stack.n_readers / 4)),
    )


def level_for(extent_mm: float) -> int:
    """The finest level at which a nodule of this extent leaves room around itself."""
    for level in range(LEVELS - 1):
        if extent_mm <= FITS * float((np.array(CUBE) * spacing_at(level)).min()):
            return level
    return LEVELS - 1


def draw(item: Subject, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One training sample: (k, j, i) normalised cube and target 0..1, randomly placed, scaled, turned and shaded."""
    step = rng.normal(0, 1, 3)
    step *= rng.random() ** (1 / 3) * min(max(1.5, 0.4 * item.radius_mm), 6.0) / np.linalg.norm(step)
    place = item.centre_mm + step, CUBE, _draw_spacing(item, rng)
    cube, _ = cut_aligned(item.hu, item.affine, *place)
    target, _ = cut_aligned(item.target, item.affine, *place)
    cube = normalise(cube) * (1 + rng.normal(0, GAIN_SD)) + rng.normal(0, OFFSET_SD)
    if rng.random() < NOISY:
        grain = gaussian_filter(rng.normal(0, 1, CUBE).astype(np.float32), rng.uniform(0.3, 0.8))
        cube += grain * rng.uniform(0, NOISE) / grain.std()
    for axis in range(3):
        if rng.random() < 0.5:
            cube, target = np.flip(cube, axis), np.flip(target, axis)
    if rng.random() < 0.5:
        cube, target = cube.swapaxes(1, 2), target.swapaxes(1, 2)
    return np.ascontiguousarray(cube, np.float32), np.ascontiguousarray(target, np.float32)


def _draw_spacing(item: Subject, rng: np.random.Generator) -> tuple[float, float, float]:
    """Spacing of a sample's cube, mm (k, j, i).

    Mostly that of the level that suits the nodule. Some larger nodules are drawn out to any size in the cube, and beyond it:
    so the network knows masses, of which there are few, and what a cube within one looks like.
    """
    kind = rng.random()
    if kind < WITHIN + ANY_SIZE and item.extent_mm >= DRAWN_OUT_MM:
        share = rng.uniform(1.0, 3.0) if kind < WITHIN else rng.uniform(0.25, 0.95)
        factor = item.extent_mm / (share * CUBE[1] * SPACING[1])
    else:
        level = level_for(item.extent_mm)
        if rng.random() < OTHER_LEVEL and item.extent_mm >= DRAWN_OUT_MM:
            level = max(0, level + int(rng.choice((-1, 1))))
        factor = 2.0 ** min(level, LEVELS - 1)
    along, across = factor * np.exp(rng.normal(0, (ZOOM_SD, ZOOM_SD)))
    return float(SPACING[0] * along), float(SPACING[1] * across), float(SPACING[2] * across)


def draw_slices(target: NDArray[np.float32], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """n different slices of a cube, mostly those with the nodule and the ones next to them."""
    held = np.flatnonzero(target.any(axis=(1, 2)))
    k = np.arange(len(target))
    near = (k >= held.min() - 3) & (k <= held.max() + 3) if len(held) else k == len(target) // 2
    chance = np.where(near, 1.0, 0.25)
    return rng.choice(len(target), n, replace=False, p=chance / chance.sum())
