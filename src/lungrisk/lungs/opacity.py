"""Dense regions that are no part of the chest's anatomy: masses, consolidation, fluid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.geometry import Triple
from lungrisk.lungs.coarse import LUNG_BELOW_HU, Coarse
from lungrisk.lungs.coverage import middle_column
from lungrisk.lungs.shapes import Mask, box_of, chosen_pieces, double, erode, halve, opened, pieces_from

# between lung: what a lung's own air lies beside
SLIVER_MM = 3.0  # thinner air is a recess or a fissure and bounds nothing
SOLID_HU = -500  # what is denser over such a thickness is more solid than the haze that `hazy_regions` looks for
THICK_MM = 5.0  # radius: vessels in the lung's periphery, ribs' dents and scars are thinner
MIDDLE_THICK_MM, HILUM_THICK_MM = 10.0, 12.5  # what a wide ball closes there is up to 15 and 21.5 mm thick (ten scans)
LOOSE_MM, SURROUNDED = 6.0, 0.66  # a piece with so much of its surface on air hangs on no hilum: these have up to 0.58
HILUM_MM, HILUM_HEIGHT, HILUM_DEPTH = 65.0, (0.3, 0.7), (0.35, 0.7)  # from the spine; of the lungs' box

# where the other lung has air
ASYMMETRY_MM = 10.0  # lungs are mirror images to about this, heart and diaphragm aside
MIDDLE_MM = 40.0  # from the spine: aorta, oesophagus, hilum
SHEET_MM = 8.0
LEAST_ML = 20.0  # a ball of 34 mm
ABOVE = 0.4  # of the lungs' height: below it lie the domes of the diaphragm
ABOVE_HEART = 0.7
BEHIND = 0.5  # of the lungs' depth: the heart lies before it


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One lung on the coarse grid. air: without its vessels. hull: closed with a wide ball. right: whether it is the right one."""

    air: Mask
    hull: Mask
    right: bool


def between_lung(coarse: Coarse, side: Side, other: Mask, tubes: Mask) -> Mask:
    """Dense pieces thicker than 10 mm that lie in the lung or on its chest wall, and thicker than 25 mm at its hilum.

    Chest wall, diaphragm, heart and spine bound a lung from outside: none of them has the lung's air above, below and towards
    the middle of the body at once. Hilum and aorta have no air towards the middle. other: the other lung. tubes: main airways.
    """
    regions = np.zeros_like(side.air)
    if not side.air.any():
        return regions
    both = side.air | other
    height, depth, away_mm = _places(coarse, both)
    box = box_of(side.air | side.hull, 4)
    spacing = (coarse.spacing[0], 2 * coarse.spacing[1], 2 * coarse.spacing[2])
    air, shut = halve((side.air & (coarse.hu < SOLID_HU))[box]), halve((other | tubes)[box])
    bounds = opened(air, SLIVER_MM, spacing)
    inward = _beyond(bounds, 2, side.right)
    enclosed = inward & _beyond(bounds, 0, True) & _beyond(bounds, 0, False)
    dense = (enclosed | halve(side.hull[box])) & ~air & ~shut
    hilum = _within(depth, HILUM_DEPTH)[box[1]][::2, None] & (away_mm[box[2]][::2] < HILUM_MM)
    off_hilum = dense & ~(hilum & _within(height, HILUM_HEIGHT)[box[0], None, None])
    found = opened(off_hilum & inward, THICK_MM, spacing) | opened(off_hilum, MIDDLE_THICK_MM, spacing)
    loose = chosen_pieces(opened(dense, LOOSE_MM, spacing), air, spacing, _is_loose)
    found |= opened(dense, HILUM_THICK_MM, spacing) | loose
    regions[box] = double(found, side.air[box].shape)
    return regions


def _beyond(air: Mask, axis: int, rising: bool) -> Mask:
    """Voxels that have air somewhere at larger (rising) or smaller indices of an axis."""
    line = np.flip(air, axis) if rising else air
    reached: Mask = np.logical_or.accumulate(line, axis)
    return np.flip(reached, axis) if rising else reached


def _places(coarse: Coarse, both: Mask) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Height and depth of each slice and row as shares of the lungs' box, mm of each column from the spine."""
    box, spine = box_of(both), middle_column(coarse, both)
    height = (np.arange(both.shape[0]) - box[0].start) / (box[0].stop - box[0].start)
    depth = (np.arange(both.shape[1]) - box[1].start) / (box[1].stop - box[1].start)
    return height, depth, np.abs(np.arange(both.shape[2]) - spine) * coarse.spacing[2]


def _within(values: NDArray[np.float64], limits: tuple[float, float]) -> Mask:
    inside: Mask = (values >= limits[0]) & (values <= limits[1])
    return inside


def _is_loose(_piece: Mask, surrounded: float, _spacing: Triple) -> bool:
    """It has air nearly all about it."""
    return surrounded >= SURROUNDED


def against_other(coarse: Coarse, lung: Mask, other: Mask) -> Mask:
    """What is dense on this side where the mirrored other lung is air: large pieces only, behind or above the heart.

    lung, other: both on the coarse grid. Empty for most people.
    """
    empty = np.zeros_like(lung)
    if not (lung.any() and other.any()):
        return empty
    both = lung | other
    box = box_of(both)
    spine = middle_column(coarse, both)
    columns = np.arange(lung.shape[2])
    source = np.rint(2 * spine - columns).astype(np.int64)
    known = (source >= 0) & (source < len(columns))
    mirrored = np.zeros_like(lung)
    mirrored[..., known] = other[..., source[known]]
    height, depth, away_mm = _places(coarse, both)
    zone = (height[:, None] > ABOVE) & ((depth > BEHIND) | (height[:, None] > ABOVE_HEART))
    dense = (~lung & (coarse.hu >= LUNG_BELOW_HU) & zone[:, :, None])[box]
    dense &= (away_mm[box[2]] > MIDDLE_MM) & erode(mirrored[box], ASYMMETRY_MM, coarse.spacing)
    empty[box] = pieces_from(opened(dense, SHEET_MM, coarse.spacing), LEAST_ML, coarse.spacing)
    return empty
