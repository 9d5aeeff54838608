"""The coarse grid on which lungs are found, and the way back to the scan's own."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.geometry import Triple
from lungrisk.core.records import Scan
from lungrisk.lungs.shapes import Mask, box_of, dilate, erode

COARSE_MM = (2.0, 1.5, 1.5)  # aims; a coarse voxel is a whole number of the scan's
LUNG_BELOW_HU = -400  # halfway between lung (-850) and soft tissue (40)


@dataclass(frozen=True, slots=True, eq=False)
class Coarse:
    """Block means of a scan. hu: (k, j, i) int16. factor: voxels of the scan in one, (k, j, i). spacing: mm (k, j, i)."""

    hu: NDArray[np.int16]
    factor: tuple[int, int, int]
    spacing: Triple

    @property
    def voxel_ml(self) -> float:
        """Volume of one coarse voxel, ml."""
        return float(np.prod(self.spacing)) / 1000


def coarsen(scan: Scan) -> Coarse:
    """The scan in blocks of about 2 x 1.5 x 1.5 mm; noise falls with them, and the work to a tenth."""
    k, j, i = (max(1, round(aim / step)) for aim, step in zip(COARSE_MM, scan.spacing, strict=True))
    factor = (k, j, i)
    hu = scan.hu
    margins = [(0, -size % step) for size, step in zip(hu.shape, factor, strict=True)]
    if any(after for _, after in margins):
        hu = np.pad(hu, margins, mode="edge")
    total = np.zeros([size // step for size, step in zip(hu.shape, factor, strict=True)], np.int32)
    for block in np.ndindex(factor):
        total += hu[tuple(slice(start, None, step) for start, step in zip(block, factor, strict=True))]
    spacing = tuple(step * mm for step, mm in zip(factor, scan.spacing, strict=True))
    return Coarse((total // (k * j * i)).astype(np.int16), factor, (spacing[0], spacing[1], spacing[2]))


def refine(scan: Scan, coarse: Coarse, lung: Mask) -> Mask:
    """A lung of the coarse grid on the scan's own: inside as it is, its rim by the scan's own HU.

    Coarse voxels of the rim hold both lung and wall: there the voxel itself decides. What the closing added (nodules and
    vessels at the pleura) stays whole.
    """
    fine = np.zeros(scan.hu.shape, bool)
    if not lung.any():
        return fine
    box = box_of(lung, 2)
    part, hu = lung[box], coarse.hu[box]
    step = max(coarse.spacing[1:]) * 1.01
    certain = erode(part, step, coarse.spacing) | (part & (hu >= LUNG_BELOW_HU))
    code = dilate(part, step, coarse.spacing).astype(np.uint8) + certain
    for axis, factor in enumerate(coarse.factor):
        code = code.repeat(factor, axis)
    place = tuple(slice(side.start * step, side.stop * step) for side, step in zip(box, coarse.factor, strict=True))
    own = scan.hu[place]
    code = code[tuple(slice(size) for size in own.shape)]
    fine[place] = (code == 2) | ((code == 1) & (own < LUNG_BELOW_HU))
    return fine
