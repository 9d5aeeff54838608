"""Changes of what is shown: first drawn, as numbers, then applied, so that a patient can be shown the same way again."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

GAIN_SD, OFFSET_HU_SD = 0.02, 15.0  # scanners differ by about that
SHIFT_VOXELS = 3
PLANE_GAIN_SD, PLANE_OFFSET_SD = 0.05, 0.03  # of the planes of a nodule, whose grey values are -0.8..1.2
SEED_OFFSET_SD = 0.02  # of values 0..1
RATING_SD = 0.2  # about what a second look at the same nodule would differ by
AIR_HU = -1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a patient.

    flip: along (k, j, i) = (head to feet, front to back, side to side). shift: voxels (k, j, i) of the volume. gain, offset: standard
    normal, scaled to each array. noise: seed of what differs from nodule to nodule.
    """

    flip: tuple[bool, bool, bool]
    shift: tuple[int, int, int]
    gain: float
    offset: float
    noise: int


def draw_change(rng: np.random.Generator) -> Change:
    """Draw one.

    >>> draw_change(np.random.default_rng(1)) == draw_change(np.random.default_rng(1))
    True
    """
    k, j, i = (
        bool(side) for side in rng.random(3) < (0.0, 0.0, 0.5)
    )  # heads are up and backs are behind in every scan
    shift = rng.integers(-SHIFT_VOXELS, SHIFT_VOXELS + 1, 3)
    gain, offset = rng.normal(size=2)
    return Change(
        flip=(k, j, i),
        shift=(int(shift[0]), int(shift[1]), int(shift[2])),
        gain=float(gain),
        offset=float(offset),
        noise=int(rng.integers(2**31)),
    )


def apply_change(arrays: Arrays, change: Change) -> Arrays:
    """The arrays of a patient (a store's, without a batch axis) after a change; the given ones are not touched."""
    return {name: _CHANGES[name](array, change) if name in _CHANGES else array for name, array in arrays.items()}


def _volume(hu: NDArray[Any], change: Change) -> NDArray[Any]:
    moved = _moved(hu, change, AIR_HU).astype(np.float32)
    return (moved + 1000) * (1 + GAIN_SD * change.gain) - 1000 + OFFSET_HU_SD * change.offset


def _lungs(mask: NDArray[Any], change: Change) -> NDArray[Any]:
    return _moved(mask, change, 0)


def _seed(values: NDArray[Any], change: Change) -> NDArray[Any]:
    moved = _flipped(values, change)
    return np.clip(moved * (1 + GAIN_SD * change.gain) + SEED_OFFSET_SD * change.offset, 0, 1).astype(np.float32)


def _planes(planes: NDArray[Any], change: Change) -> NDArray[Any]:
    """(nodules, 6, h, w): three planes, axial y-x, coronal z-x, sagittal z-y, and the masks in them."""
    turned = planes.copy()
    if change.flip[2]:  # x runs along the last axis of the axial and the coronal plane
        for plane in (0, 1, 3, 4):
            turned[:, plane] = turned[:, plane, :, ::-1]
    rng = np.random.default_rng(change.noise)
    gain, offset = rng.normal(size=(2, len(planes), 1, 1, 1))
    turned[:, :3] = turned[:, :3] * (1 + PLANE_GAIN_SD * gain) + PLANE_OFFSET_SD * offset
    return turned


def _rating(numbers: NDArray[Any], change: Change) -> NDArray[Any]:
    """The rating of each nodule as uncertain as it is."""
    other = numbers.copy()
    noise = np.random.default_rng(change.noise).normal(size=len(numbers))
    other[:, 0] = np.clip(other[:, 0] + RATING_SD * noise, 1.0, 5.0)
    return other


def _flipped(array: NDArray[Any], change: Change) -> NDArray[Any]:
    turned: NDArray[Any] = np.flip(array, tuple(axis for axis in range(3) if change.flip[axis]))
    return turned


def _moved(array: NDArray[Any], change: Change, fill: float) -> NDArray[Any]:
    """Shifted by whole voxels and flipped; what comes in from outside is `fill`."""
    moved = np.full_like(array, fill)
    pairs = [
        (slice(max(by, 0), n + min(by, 0)), slice(max(-by, 0), n - max(by, 0)))
        for by, n in zip(change.shift, array.shape, strict=True)
    ]
    moved[tuple(pair[0] for pair in pairs)] = array[tuple(pair[1] for pair in pairs)]
    return _flipped(moved, change)


_CHANGES = {"volume": _volume, "lungs": _lungs, "seed": _seed, "fixed": _planes, "scaled": _planes, "numbers": _rating}
