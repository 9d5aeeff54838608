"""Square pictures of a scan on planes through a place, the slice first."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from lungrisk.core.geometry import Affine, apply_affine

_H = float(np.sqrt(0.5))
# two unit vectors a plane, LPS: the three main planes, then the six that halve the right angles between them
MAIN = (
    ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
    ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0)),
    ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0)),
)
OBLIQUE = (
    ((0.0, 0.0, 1.0), (_H, _H, 0.0)),
    ((0.0, 0.0, 1.0), (_H, -_H, 0.0)),
    ((_H, 0.0, _H), (0.0, 1.0, 0.0)),
    ((_H, 0.0, -_H), (0.0, 1.0, 0.0)),
    ((0.0, _H, _H), (1.0, 0.0, 0.0)),
    ((0.0, _H, -_H), (1.0, 0.0, 0.0)),
)
PLANES = np.array(MAIN + OBLIQUE)


def cut_planes(
    hu: NDArray[np.int16],
    affine: Affine,
    centres_mm: NDArray[np.float64],
    pixel_mm: NDArray[np.float64],
    size: int,
    planes: NDArray[np.float64] = PLANES,
) -> NDArray[np.float32]:
    """Linear interpolation on planes centred on places; beyond the scan its border is repeated.

    hu: (k, j, i). affine: (4, 4) to LPS mm. centres_mm: (n, 3) LPS. pixel_mm: (n,). planes: (p, 2, 3) unit vectors of rows and
    columns, LPS. Gives (n, p, size, size) float32.

    >>> cut_planes(np.zeros((3, 3, 3), np.int16), np.eye(4), np.ones((2, 3)), np.ones(2), 5).shape
    (2, 9, 5, 5)
    """
    offset = np.arange(size) - (size - 1) / 2
    to_index = np.asarray(np.linalg.inv(affine), np.float64)
    flat = planes[:, 0, None, None, :] * offset[:, None, None] + planes[:, 1, None, None, :] * offset[None, :, None]
    turned = flat @ to_index[:3, :3].T
    place = apply_affine(to_index, centres_mm)
    index = place[:, None, None, None, :] + pixel_mm[:, None, None, None, None] * turned[None]
    pictures: NDArray[np.float32] = map_coordinates(
        hu, np.moveaxis(index, -1, 0), output=np.float32, order=1, mode="nearest"
    )
    return pictures
