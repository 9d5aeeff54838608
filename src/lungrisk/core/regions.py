"""A region of the chest that is named but not judged: what the lungs' room hands to whoever knows the nodules."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.findings import Finding, find
from lungrisk.core.geometry import Affine, Triple, apply_affine

LARGE_ML = 14.0  # a ball of 30 mm: larger than the nodules that the networks know


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Region:
    """What neither lung nor vessel, wall or organ explains.

    kind: dense as soft tissue, or hazy: denser than the lung about it, which is still air. centre_mm: LPS. ml: volume.
    third: of the lung's height. slice_index: k of its centre on the scan's grid. mask: (k, j, i) bool, cropped, on a grid
    coarser than the scan's; affine places it.
    """

    kind: Literal["dense", "hazy"]
    side: Literal["left", "right"]
    third: Literal["upper", "middle", "lower"]
    centre_mm: Triple
    ml: float
    slice_index: int
    mask: NDArray[np.bool_]
    affine: Affine

    @property
    def size_mm(self) -> float:
        """Diameter of the ball of its volume, mm."""
        return float((6000 * self.ml / np.pi) ** (1 / 3))

    @property
    def points_mm(self) -> NDArray[np.float64]:
        """Centres of its voxels, (n, 3) LPS mm."""
        return apply_affine(self.affine, np.argwhere(self.mask))

    @property
    def large(self) -> bool:
        """Dense and too large to be judged as a nodule alone."""
        return self.kind == "dense" and self.ml >= LARGE_ML

    def named(self, code: str) -> Finding:
        """The finding that says its size and place."""
        place = ", ".join(f"{value:.0f}" for value in self.centre_mm)
        found = f"about {self.size_mm:.0f} mm, {self.ml:.1f} ml, at ({place}) mm, {self.side} lung, {self.third} third"
        return find(code, found=found, slices=[self.slice_index])
