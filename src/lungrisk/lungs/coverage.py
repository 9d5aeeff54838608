"""Whether the lungs are there, both, whole, and on their own sides: the findings `anat.*` and `cov.*`."""

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.findings import Finding, find
from lungrisk.lungs.coarse import Coarse
from lungrisk.lungs.shapes import Mask, box_of, dilate

LEAST_ML = 1000.0  # both lungs of a small adult after breathing out hold about 1500
GAS_HU = -950  # no lung tissue is as dark
SOME_ML = 200.0  # this much lung in a cut scan is a part of lungs, not something else
SECOND_SHARE = 0.2  # of both lungs; the left one has 0.45 to 0.48
CUT_MM2 = 300.0  # cross-section of both lungs in the scan's last slice: less is a tip
LEAST_COVERAGE = 0.5
EDGE_MM2 = 500.0  # of lung against the edge of the field
# cross-section of both lungs, as a share of the largest, at a depth in mm from their top and from their bottom: means over
# the four whole scans that were at hand (own measurement; single scans differ by up to 15 mm)
TOP = ((0.0, 0.10, 0.20, 0.35, 0.50, 0.60, 0.75, 0.88, 0.95, 1.0), (0, 5, 10, 20, 30, 40, 60, 80, 100, 120))
BOTTOM = ((0.0, 0.03, 0.10, 0.20, 0.32, 0.65, 0.80, 0.90, 1.0), (0, 10, 20, 30, 40, 60, 80, 100, 120))
HEART_HEIGHTS = (0.30, 0.55)  # of the lungs' length from their bottom
MIRRORED_BELOW = (
    -0.15
)  # of (left - right) / (left + right) of what lies between the lungs; four scans have 0.16 to 0.58
SPINE_HU, SPINE_REACH_MM = 250, 60.0


def cover(coarse: Coarse, lungs: Mask) -> float:
    """The share of the lungs' length that the scan holds, 0..1; what is missing is guessed from the cut's cross-section."""
    if not lungs.any():
        return 0.0
    areas = _areas(coarse, lungs)
    missing = sum(_missing(areas, last, table) for last, table in ((0, BOTTOM), (-1, TOP)))
    seen = (box_of(lungs)[0].stop - box_of(lungs)[0].start) * coarse.spacing[0]
    return float(seen / (seen + missing))


def judge(coarse: Coarse, left: Mask, right: Mask, air: tuple[Mask, Mask], coverage: float) -> tuple[Finding, ...]:
    """All that speaks against these lungs. air: inside the body; around the patient, with the padding around the field."""
    inner, outer = air
    left_ml, right_ml = float(left.sum()) * coarse.voxel_ml, float(right.sum()) * coarse.voxel_ml
    both = left | right
    total = left_ml + right_ml
    cut = coverage < 1.0
    if total < (SOME_ML if cut else LEAST_ML):
        gas = float((inner & (coarse.hu <= GAS_HU)).sum()) * coarse.voxel_ml
        beside = f" and {gas:.0f} ml of pure air, as in a phantom" if gas > max(total, SOME_ML) else ""
        return (find("anat.no_lung", found=f"{total:.0f} ml of lung{beside}", expected=f"at least {LEAST_ML:.0f} ml"),)
    findings = []
    if cut:
        part = coverage < LEAST_COVERAGE or total < LEAST_ML
        ends = [name for name, last in (("lower", 0), ("upper", -1)) if _areas(coarse, both)[last] >= CUT_MM2]
        found = f"cut at the {' and '.join(ends)} end, about {coverage:.0%} of their length is there"
        findings.append(find("cov.lung_part" if part else "cov.lung_cut", found=found))
        if part:
            return tuple(findings)
    if min(left_ml, right_ml) < SECOND_SHARE * total:
        findings.append(find("anat.one_lung", found=f"left {left_ml:.0f} ml, right {right_ml:.0f} ml"))
    elif heart_side(coarse, left, right) < MIRRORED_BELOW:
        findings.append(find("anat.mirror"))
    edge = _edge_mm2(coarse, both, outer)
    if edge > EDGE_MM2:
        findings.append(find("cov.fov_cut", found=f"{edge / 100:.0f} cm2 of lung at the edge"))
    return tuple(findings)


def _areas(coarse: Coarse, lungs: Mask) -> NDArray[np.float64]:
    areas: NDArray[np.float64] = lungs.sum((1, 2)) * (coarse.spacing[1] * coarse.spacing[2])
    return areas


def _missing(areas: NDArray[np.float64], last: int, table: tuple[tuple[float, ...], tuple[int, ...]]) -> float:
    """Length in mm that lies beyond the last slice."""
    return float(np.interp(areas[last] / areas.max(), *table)) if areas[last] >= CUT_MM2 else 0.0


def middle_column(coarse: Coarse, lungs: Mask) -> float:
    """Column i of the spine: the mean of the bone in the back half of the lungs' box, near its middle; else the box's middle."""
    box = box_of(lungs) if lungs.any() else tuple(slice(0, size) for size in lungs.shape)
    middle = (box[2].start + box[2].stop - 1) / 2
    reach = int(SPINE_REACH_MM / coarse.spacing[2])
    first = max(0, int(middle) - reach)
    back = slice((box[1].start + box[1].stop) // 2, box[1].stop + int(20 / coarse.spacing[1]))
    bone = (coarse.hu[box[0], back, first : int(middle) + reach + 1] > SPINE_HU).sum((0, 1))
    return float(np.average(np.arange(len(bone)), weights=bone) + first) if bone.sum() > 100 else middle


def heart_side(coarse: Coarse, left: Mask, right: Mask) -> float:
    """(left - right) / (left + right) of the area between the lungs about the spine: above 0 where the heart is on the left."""
    box = box_of(left | right)
    spine = middle_column(coarse, left | right)
    low, high = (box[0].start + int(share * (box[0].stop - box[0].start)) for share in HEART_HEIGHTS)
    own_left, own_right = left[low:high], right[low:high]
    rows = own_left.any(2) & own_right.any(2)
    if not rows.any():
        return 0.0
    start = own_right.shape[2] - 1 - own_right[..., ::-1].argmax(2)
    to_left = np.maximum(0, own_left.argmax(2) - spine)[rows].sum()
    to_right = np.maximum(0, spine - start)[rows].sum()
    return float((to_left - to_right) / (to_left + to_right + 1e-9))


def _edge_mm2(coarse: Coarse, lungs: Mask, outer: Mask) -> float:
    """Area of the lungs' side that meets the edge of the field or the padding around it."""
    k, j, i = coarse.spacing
    faces = lungs[:, [0, -1]].sum() * k * i + lungs[:, :, [0, -1]].sum() * k * j
    wide = max(coarse.spacing) * 1.01
    touching = lungs & dilate(outer, wide, coarse.spacing)
    return float(faces + touching.sum() * k * max(j, i))
