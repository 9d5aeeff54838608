"""Lungs from Hounsfield units alone: left and right, airways outside, vessels and nodules inside."""

import numpy as np

from lungrisk.core.records import Lungs, Scan
from lungrisk.lungs.airways import find_airways, main_airways, without_airways
from lungrisk.lungs.body import lung_pieces, part_air
from lungrisk.lungs.coarse import Coarse, coarsen, refine
from lungrisk.lungs.coverage import cover, judge, middle_column
from lungrisk.lungs.opacity import dense_region, name_region
from lungrisk.lungs.shapes import Mask, box_of, close, dilate, fill
from lungrisk.lungs.sides import part_sides

CLOSING_MM = (
    10.0  # the mildest closing that keeps an 18 mm nodule on the diaphragm inside (docs/decisions/0003-lungs.md)
)
REGION_CLOSING_MM = 20.0


def segment_lungs(scan: Scan) -> Lungs:
    """Left and right lung of the patient on the scan's own grid, with volumes, coverage and findings.

    Found on blocks of about 2 x 1.5 x 1.5 mm; the rim is then decided by the scan's own voxels at -400 HU. Trachea and
    main bronchi are outside; vessels, small bronchi and nodules, those at the pleura too, are inside. Findings:
    `anat.no_lung`, `anat.one_lung`, `anat.mirror`, `cov.lung_cut`, `cov.lung_part`, `cov.fov_cut`, `nod.opacity`. Nothing
    is raised: a scan without lungs has small or empty masks and the refused finding `anat.no_lung`.

    >>> segment_lungs(Scan(hu=np.full((40, 64, 64), 40, np.int16), affine=np.diag([5.0, 5.0, 5.0, 1.0]))).findings[0].code
    'anat.no_lung'
    """
    coarse = coarsen(scan)
    air, around = part_air(coarse)
    both = lung_pieces(coarse, air)
    airways = find_airways(coarse, air, both)
    left, right = part_sides(coarse, without_airways(coarse, both, airways), middle_column(coarse, both))
    dense_left, dense_right = dense_region(coarse, left, right), dense_region(coarse, right, left)
    tubes = main_airways(coarse, airways)
    left, right = (
        _closed(coarse, left, dense_left, right | tubes),
        _closed(coarse, right, dense_right, left | tubes),
    )
    right &= ~left
    coverage = cover(coarse, left | right)
    findings = (
        *judge(coarse, left, right, around, coverage),
        *name_region(scan, coarse, dense_left, "left"),
        *name_region(scan, coarse, dense_right, "right"),
    )
    fine_left, fine_right = refine(scan, coarse, left), refine(scan, coarse, right)
    fine_right &= ~fine_left
    left_ml, right_ml = (float(side.sum()) * scan.voxel_mm3 / 1000 for side in (fine_left, fine_right))
    return Lungs(
        left=fine_left, right=fine_right, left_ml=left_ml, right_ml=right_ml, coverage=coverage, findings=findings
    )


def _closed(coarse: Coarse, lung: Mask, dense: Mask, not_lung: Mask) -> Mask:
    """The lung with its vessels, nodules, small bronchi, and the dense region with what lies between it and the lung."""
    if not lung.any():
        return lung
    box = box_of(lung | dense, 1)
    closed = np.zeros_like(lung)
    closed[box] = close(lung[box], CLOSING_MM, coarse.spacing)
    if dense.any():
        around = dilate(dense[box], CLOSING_MM, coarse.spacing)
        closed[box] |= around & close(lung[box] | dense[box], REGION_CLOSING_MM, coarse.spacing)
    closed[box] = fill(closed[box]) & ~not_lung[box]
    return closed
