"""Cubes in millimetres around a point: what a network sees of a scan or of a stack, in training as in prediction."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from lungrisk.core.geometry import Affine, Triple, apply_affine, axis_affine


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
