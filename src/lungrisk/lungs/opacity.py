"""Large dense regions where the other lung says that lung should be: masses, consolidation, effusion."""

import numpy as np

from lungrisk.core.findings import Finding, find
from lungrisk.core.records import Scan
from lungrisk.lungs.coarse import LUNG_BELOW_HU, Coarse
from lungrisk.lungs.coverage import middle_column
from lungrisk.lungs.shapes import Mask, box_of, components, dilate, erode

ASYMMETRY_MM = 10.0  # lungs are mirror images to about this, heart and diaphragm aside
MIDDLE_MM = 40.0  # from the spine: aorta, oesophagus, hilum
THICK_MM = 8.0
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
    dense &= (away_mm[box[2]] > MIDDLE_MM) & erode(mirrored[box], ASYMMETRY_MM, coarse.spacing)
    core = erode(dense, THICK_MM, coarse.spacing)
    if core.any():
        labels, counts = components(dilate(core, THICK_MM, coarse.spacing) & dense)
        large = counts * coarse.voxel_ml >= LEAST_ML
        large[0] = False
        empty[box] = large[labels]
    return empty


def name_regions(scan: Scan, coarse: Coarse, regions: Mask, where: str) -> tuple[Finding, ...]:
    """A finding `nod.opacity` with place and size for each region, the largest first."""
    if not regions.any():
        return ()
    labels, counts = components(regions)
    counts[0] = 0
    findings = []
    for name in np.argsort(-counts, kind="stable")[: int((counts > 0).sum())]:
        centre = scan.to_mm(np.argwhere(labels == name).mean(0) * coarse.factor + (np.array(coarse.factor) - 1) / 2)
        place = ", ".join(f"{x:.0f}" for x in centre)
        found = f"about {counts[name] * coarse.voxel_ml:.0f} ml at ({place}) mm {where}"
        findings.append(find("nod.opacity", found=found))
    return tuple(findings)
