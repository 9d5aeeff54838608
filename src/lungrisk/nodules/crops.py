"""Cubes in millimetres around a point: what a network sees of a scan or of a stack, in training as in prediction."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from lungrisk.core.geometry import Affine, Triple, apply_affine, axis_affine, spacing_of


def cut_cube(
    array: NDArray[np.generic], affine: Affine, centre_mm: ArrayLike, size: tuple[int, int, int], spacing: Triple
) -> tuple[NDArray[np.float32], Affine]:
    """Linear interpolation of an array on a straight grid centred on a point; beyond the array its border is repeated.

    array: (k, j, i). affine: its (4, 4) to LPS mm. centre_mm: LPS mm (x, y, z). size: voxels (k, j, i). spacing: mm (k, j, i).
    Gives (size) float32 and its affine.

    >>> cube, _ = cut_cube(np.ones((4, 4, 4)), np.eye(4), (1, 1, 1), (2, 2, 2), (1, 1, 1))
    >>> cube.mean().item()
    1.0
    """
    half = (np.array(size) - 1) / 2 * np.array(spacing)
    cube_affine = axis_affine(spacing, tuple(np.asarray(centre_mm, float) - half[::-1]))
    grid = np.moveaxis(np.indices(size, dtype=np.float64), 0, -1)
    index = apply_affine(np.linalg.inv(affine) @ cube_affine, grid)
    low = np.clip(np.floor(index.min(axis=(0, 1, 2))).astype(int) - 1, 0, np.array(array.shape) - 1)
    high = np.clip(np.ceil(index.max(axis=(0, 1, 2))).astype(int) + 2, low + 1, array.shape)
    box = array[low[0] : high[0], low[1] : high[1], low[2] : high[2]].astype(np.float32)
    cube = map_coordinates(box, np.moveaxis(index - low, -1, 0), order=1, mode="nearest")
    return cube.astype(np.float32, copy=False), cube_affine


def axis_weights(n: int, centre: float, step: float, size: int) -> NDArray[np.float32]:
    """(size, n) weights that sample an axis of n voxels at `size` places `step` voxels apart about `centre` (an index).

    Linear interpolation; where the step is wider than a voxel the triangle widens with it, so that nothing aliases.
    Beyond the axis its border is repeated.

    >>> axis_weights(4, 1.5, 1.0, 2).argmax(axis=1).tolist()
    [1, 2]
    """
    width = max(1.0, step)
    places = centre + (np.arange(size) - (size - 1) / 2) * step
    taps = np.floor(places)[:, None] + np.arange(-int(np.ceil(width)), int(np.ceil(width)) + 2)
    weight = np.maximum(0, 1 - np.abs(taps - places[:, None]) / width)
    weights = np.zeros((size, n))
    row = np.broadcast_to(np.arange(size)[:, None], taps.shape)
    np.add.at(weights, (row, np.clip(taps, 0, n - 1).astype(int)), weight)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def cut_aligned(
    array: NDArray[np.generic], affine: Affine, centre_mm: ArrayLike, size: tuple[int, int, int], spacing: Triple
) -> tuple[NDArray[np.float32], Affine]:
    """As `cut_cube`, but along the array's own axes, antialiased where the cube is coarser than the array, and faster.

    Gives (size) float32 and its affine, whose axes are the array's.

    >>> cube, _ = cut_aligned(np.ones((4, 4, 4)), np.eye(4), (1, 1, 1), (2, 2, 2), (3, 3, 3))
    >>> cube.mean().item()
    1.0
    """
    centre = apply_affine(np.asarray(np.linalg.inv(affine), np.float64), centre_mm)
    steps = np.array(spacing) / spacing_of(affine)
    weights = [axis_weights(array.shape[axis], centre[axis], steps[axis], size[axis]) for axis in range(3)]
    used = [np.flatnonzero(weight.any(axis=0)) for weight in weights]
    parts = tuple(slice(int(taps[0]), int(taps[-1]) + 1) for taps in used)
    cube = array[parts].astype(np.float32)
    for axis, weight in enumerate(weights):
        cube = np.moveaxis(np.tensordot(weight[:, parts[axis]], cube, (1, axis)), 0, axis)
    scale = np.diag([*steps, 1.0])
    scale[:3, 3] = centre - (np.array(size) - 1) / 2 * steps
    return np.ascontiguousarray(cube), affine @ scale
