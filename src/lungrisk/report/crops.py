"""A nodule in three planes: a grey picture of each, and its outline as lines that can be laid over it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.records import Nodule, Scan
from lungrisk.report.sampling import LUNG, Grey, contours, grey, mask_on, sample

PLANES = ("axial", "coronal", "sagittal")
SIDE_MM = 50.0  # one field for all nodules, so that sizes compare at a glance
N_PIXELS = 256


class Crop(NamedTuple):
    """One plane through a nodule's centre.

    picture: (N_PIXELS, N_PIXELS) in the lung window, side_mm wide. outlines: closed lines, (n, 2) mm (across, down) from the
    picture's upper left corner.
    """

    plane: str
    picture: Grey
    outlines: list[NDArray[np.float64]]
    side_mm: float


def crop(scan: Scan, nodule: Nodule) -> tuple[Crop, ...]:
    """The axial, coronal and sagittal planes through a nodule's centre; SIDE_MM wide, more for a large one."""
    side_mm = max(SIDE_MM, 10.0 * float(np.ceil(nodule.max_3d_mm * 1.6 / 10.0)))
    crops = []
    for axis, plane in enumerate(PLANES):
        index = plane_index(scan, nodule, axis, side_mm)
        picture = grey(sample(scan.hu, index, -1024.0), LUNG)
        crops.append(Crop(plane, picture, contours(mask_on(scan, nodule, index), (side_mm, side_mm)), side_mm))
    return tuple(crops)


def plane_index(scan: Scan, nodule: Nodule, axis: int, side_mm: float) -> NDArray[np.float64]:
    """Fractional indices (N_PIXELS, N_PIXELS, 3) of a square plane through a nodule, as it is looked at.

    The axial plane is the slice that the nodule names, not one between two.
    """
    offsets = (np.arange(N_PIXELS) - (N_PIXELS - 1) / 2) * (side_mm / N_PIXELS)
    down, across = (other for other in range(3) if other != axis)
    index = np.empty((N_PIXELS, N_PIXELS, 3))
    index[:] = scan.to_index(nodule.centre_mm)
    if axis == 0:
        index[..., 0] = nodule.slice_index
    index[..., down] += (offsets if axis == 0 else -offsets)[:, None] / scan.spacing[down]
    index[..., across] += offsets[None, :] / scan.spacing[across]
    return index
