"""Index (k, j, i) to LPS mm (x, y, z) and back: the one place where the two meet."""

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Affine: TypeAlias = NDArray[np.float64]
Triple: TypeAlias = tuple[float, float, float]


def apply_affine(affine: Affine, points: ArrayLike) -> NDArray[np.float64]:
    """Points through a 4 x 4 affine.

    affine: (4, 4). points: (..., 3), in the affine's input unit. Gives (..., 3) float64.

    >>> apply_affine(np.diag([1.0, 2.0, 3.0, 1.0]), [1, 1, 1]).tolist()
    [1.0, 2.0, 3.0]
    """
    points = np.asarray(points, np.float64)
    moved: NDArray[np.float64] = points @ affine[:3, :3].T + affine[:3, 3]
    return moved


def axis_affine(spacing: Triple, origin: Triple = (0.0, 0.0, 0.0)) -> Affine:
    """Affine of a straight axial grid: k towards the head, j to the back, i to the patient's left.

    spacing: mm (k, j, i). origin: LPS mm (x, y, z) of voxel (0, 0, 0). Gives (4, 4): (k, j, i, 1) to LPS mm.

    >>> apply_affine(axis_affine((2.5, 0.7, 0.7)), [2, 0, 0]).tolist()
    [0.0, 0.0, 5.0]
    """
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2] = spacing
    affine[:3, 3] = origin
    affine[3, 3] = 1.0
    return affine


def spacing_of(affine: Affine) -> Triple:
    """Distance between neighbouring voxels, mm (k, j, i): the lengths of the affine's columns.

    >>> spacing_of(axis_affine((2.5, 0.7, 0.7)))
    (2.5, 0.7, 0.7)
    """
    k, j, i = np.linalg.norm(affine[:3, :3], axis=0)
    return float(k), float(j), float(i)


def shift_affine(affine: Affine, start: ArrayLike) -> Affine:
    """Affine of a crop whose voxel (0, 0, 0) is voxel `start` (k, j, i) of the whole.

    >>> shift_affine(axis_affine((2.0, 1.0, 1.0)), (3, 0, 0))[2, 3].item()
    6.0
    """
    shifted = np.array(affine, np.float64)
    shifted[:3, 3] = apply_affine(affine, start)
    return shifted
