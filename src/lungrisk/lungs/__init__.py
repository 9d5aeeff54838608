"""Lungs from Hounsfield units alone: left and right, airways outside, vessels and nodules inside."""

from lungrisk.core.records import Lungs, Scan
from lungrisk.lungs.airways import find_airways, main_airways, without_airways
from lungrisk.lungs.body import between_walls, lung_pieces, part_air
from lungrisk.lungs.coarse import coarsen, refine
from lungrisk.lungs.coverage import cover, judge, middle_column
from lungrisk.lungs.hazy import hazy_regions
from lungrisk.lungs.opacity import Side, against_other, between_lung
from lungrisk.lungs.orientation import judge_axes
from lungrisk.lungs.pleura import close_pleura
from lungrisk.lungs.regions import list_regions
from lungrisk.lungs.sides import part_sides


def segment_lungs(scan: Scan) -> Lungs:
    """Left and right lung of the patient on the scan's own grid, with volumes, coverage and findings.

    Found on blocks of about 2 x 1.5 x 1.5 mm; the rim is then decided by the scan's own voxels at -400 HU. Trachea and
    main bronchi are outside; vessels, small bronchi and nodules, those at the pleura too, are inside. Findings:
    `anat.no_lung`, `anat.one_lung`, `anat.mirror`, `anat.back_front`, `anat.upside_down`, `anat.axes`, `cov.lung_cut`, `cov.lung_part`, `cov.fov_cut`, `nod.opacity`. Nothing
    is raised: a scan without lungs has small or empty masks and the refused finding `anat.no_lung`.

    >>> import numpy as np
    >>> segment_lungs(Scan(hu=np.full((40, 64, 64), 40, np.int16), affine=np.diag([5.0, 5.0, 5.0, 1.0]))).findings[0].code
    'anat.no_lung'
    """
    coarse = coarsen(scan)
    chest = between_walls(coarse)
    air, around = part_air(coarse, chest)
    both = lung_pieces(coarse, air, chest)
    airways = find_airways(coarse, air, both)
    left, right = part_sides(coarse, without_airways(coarse, both, airways), middle_column(coarse, both))
    tubes = main_airways(coarse, airways)
    air_left, air_right = left, right
    left, mass_left, hull_left = close_pleura(coarse, air_left, air_right | tubes)
    right, mass_right, hull_right = close_pleura(coarse, air_right, air_left | tubes)
    right &= ~left
    coverage = cover(coarse, left | right)
    hazy = hazy_regions(coarse, left | right)
    dense_left = mass_left | against_other(coarse, left, right)
    dense_left |= between_lung(coarse, Side(air_left, hull_left, False), air_right, tubes)
    dense_right = mass_right | against_other(coarse, right, left)
    dense_right |= between_lung(coarse, Side(air_right, hull_right, True), air_left, tubes)
    regions = (
        *list_regions(scan, coarse, "left", left, {"dense": dense_left, "hazy": hazy & left}),
        *list_regions(scan, coarse, "right", right, {"dense": dense_right, "hazy": hazy & right}),
    )
    findings = (
        *judge(coarse, left, right, (air, around), coverage),
        *judge_axes(coarse, left | right, coverage),
        *(region.named("nod.opacity") for region in regions if region.large),
    )
    fine_left, fine_right = refine(scan, coarse, left), refine(scan, coarse, right)
    fine_right &= ~fine_left
    left_ml, right_ml = (float(side.sum()) * scan.voxel_mm3 / 1000 for side in (fine_left, fine_right))
    return Lungs(
        left=fine_left,
        right=fine_right,
        left_ml=left_ml,
        right_ml=right_ml,
        coverage=coverage,
        findings=findings,
        regions=tuple(region for region in regions if not region.large),
    )
