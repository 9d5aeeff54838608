"""Where in the lungs a nodule lies, in words."""

from typing import Literal

import numpy as np

from lungrisk.core.records import Lungs

LOOK = 8  # voxels about the centre in which the lung is looked for: a nodule may be outside the mask


def place_in_lungs(
    lungs: Lungs, index: tuple[int, int, int]
) -> tuple[Literal["left", "right"], Literal["upper", "middle", "lower"]]:
    """Side and third (by height, from the apex down) of the lung that holds a voxel or has most voxels about it.

    index: (k, j, i) on the scan's grid. Where there is no lung about it, the side is told by the nearer lung's middle.
    """
    about = tuple(slice(max(0, place - LOOK), place + LOOK + 1) for place in index)
    n_left, n_right = int(lungs.left[about].sum()), int(lungs.right[about].sum())
    if n_left == n_right:
        middles = [np.flatnonzero(lung.any(axis=(0, 1))) for lung in (lungs.left, lungs.right)]
        far = [abs(float(columns.mean()) - index[2]) if len(columns) else np.inf for columns in middles]
        left = far[0] <= far[1]
    else:
        left = n_left > n_right
    lung = lungs.left if left else lungs.right
    slices = np.flatnonzero(lung.any(axis=(1, 2)))
    bottom, top = (int(slices[0]), int(slices[-1])) if len(slices) else (0, lung.shape[0] - 1)
    share = (index[0] - bottom) / max(top - bottom, 1)
    return "left" if left else "right", "lower" if share < 1 / 3 else "middle" if share < 2 / 3 else "upper"
