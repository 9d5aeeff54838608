"""Lungs from Hounsfield units alone: left and right, airways outside, vessels and nodules inside."""

import numpy as np

from lungrisk.core.findings import Finding, find
from lungrisk.core.records import Lungs, Scan
from lungrisk.lungs.airways import find_airways, main_airways, without_airways
from lungrisk.lungs.body import inner_air, lung_pieces, middle_column
from lungrisk.lungs.coarse import Coarse, coarsen, refine
from lungrisk.lungs.shapes import Mask, box_of, close, fill
from lungrisk.lungs.sides import part_sides

CLOSING_MM = 10.0
LEAST_ML = 1000.0


def segment_lungs(scan: Scan) -> Lungs:
    """Left and right lung of the patient on the scan's own grid, with volumes, coverage and findings.

    Nothing is raised: a scan without lungs has empty masks and the refused finding `anat.no_lung`.
    """
    coarse = coarsen(scan)
    air = inner_air(coarse)
    both = lung_pieces(coarse, air)
    airways = find_airways(coarse, air, both)
    left, right = part_sides(coarse, without_airways(coarse, both, airways), middle_column(coarse))
    tubes = main_airways(coarse, airways)
    left, right = _closed(coarse, left, right | tubes), _closed(coarse, right, left | tubes)
    right &= ~left
    fine_left, fine_right = refine(scan, coarse, left), refine(scan, coarse, right)
    fine_right &= ~fine_left
    left_ml, right_ml = (float(side.sum()) * scan.voxel_mm3 / 1000 for side in (fine_left, fine_right))
    findings = _judge(left_ml, right_ml)
    return Lungs(left=fine_left, right=fine_right, left_ml=left_ml, right_ml=right_ml, coverage=1.0, findings=findings)


def _closed(coarse: Coarse, lung: Mask, not_lung: Mask) -> Mask:
    if not lung.any():
        return lung
    box = box_of(lung, 1)
    closed = np.zeros_like(lung)
    closed[box] = fill(close(lung[box], CLOSING_MM, coarse.spacing)) & ~not_lung[box]
    return closed


def _judge(left_ml: float, right_ml: float) -> tuple[Finding, ...]:
    if left_ml + right_ml < LEAST_ML:
        return (find("anat.no_lung", found=f"{left_ml + right_ml:.0f} ml", expected=f"at least {LEAST_ML:.0f} ml"),)
    return ()
