"""Large dense regions where the other lung says that lung should be: masses, consolidation, effusion."""

import numpy as np

from lungrisk.core.findings import Finding, find
from lungrisk.core.records import Scan
from lungrisk.lungs.coarse import LUNG_BELOW_HU, Coarse
from lungrisk.lungs.coverage import middle_column
from lungrisk.lungs.shapes import Mask, box_of, components, dilate, erode

ASYMMETRY_MM = 10.0  # lungs are mirror images to about this, heart and diaphragm aside
MIDDLE_MM, NEAR_MM = 30.0, 22.0  # from the spine: aorta, oesophagus and spine itself
THICK_MM = 8.0
RIM_MM = 4.0  # of the rest of a region that is sure, which reaches REST_MM from it
REST_MM = 20.0
LEAST_ML = 20.0  # a ball of 34 mm
ABOVE = 0.4  # of the lungs' height: below it lie the domes of the diaphragm
ABOVE_HEART = 0.7
BEHIND = 0.5  # of the lungs' depth: the heart lies before it


def dense_region(coarse: Coarse, lung: Mask, other: Mask) -> Mask:
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
    height = (np.arange(lung.shape[0]) - box[0].start) / (box[0].stop - box[0].start)
    depth = (np.arange(lung.shape[1]) - box[1].start) / (box[1].stop - box[1].start)
    zone = (height[:, None] > ABOVE) & ((depth > BEHIND) | (height[:, None] > ABOVE_HEART))
    away_mm = np.abs(columns - spine) * coarse.spacing[2]
    dense = (~lung & (coarse.hu >= LUNG_BELOW_HU) & zone[:, :, None])[box]
    sure = _thick(
        coarse, dense & (away_mm[box[2]] > MIDDLE_MM) & _eroded(coarse, mirrored[box], ASYMMETRY_MM), THICK_MM
    )
    if not sure.any():
        return empty
    wide = _thick(coarse, dense & _eroded(coarse, mirrored[box], RIM_MM) & (away_mm[box[2]] > NEAR_MM), RIM_MM)
    wide &= dilate(sure, REST_MM, coarse.spacing)
    labels, counts = components(wide | sure)
    large = np.bincount(labels[sure], minlength=len(counts)) * coarse.voxel_ml >= LEAST_ML
    empty[box] = large[labels]
    return empty


def _eroded(coarse: Coarse, mask: Mask, radius_mm: float) -> Mask:
    return erode(mask, radius_mm, coarse.spacing)


def _thick(coarse: Coarse, mask: Mask, radius_mm: float) -> Mask:
    """What a ball of this radius can reach without leaving the mask."""
    core = erode(mask, radius_mm, coarse.spacing)
    return dilate(core, radius_mm, coarse.spacing) & mask if core.any() else core


def name_region(scan: Scan, coarse: Coarse, region: Mask, side: str) -> tuple[Finding, ...]:
    """The finding `nod.opacity` with place and size of the region; nothing when it is empty."""
    if not region.any():
        return ()
    centre = scan.to_mm(np.argwhere(region).mean(0) * coarse.factor + (np.array(coarse.factor) - 1) / 2)
    place = ", ".join(f"{x:.0f}" for x in centre)
    found = f"about {region.sum() * coarse.voxel_ml:.0f} ml at ({place}) mm against the {side} lung"
    return (find("nod.opacity", found=found),)
