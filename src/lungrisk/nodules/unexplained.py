"""What was seen and is no accepted nodule, and is too large to be passed over: each with its size and place."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from lungrisk.core.findings import Finding, find
from lungrisk.core.geometry import apply_affine
from lungrisk.core.records import Nodule
from lungrisk.core.regions import Region

MARGIN_MM = 5.0  # about an outline: a region is cut coarser than a nodule
EXPLAINED = 0.5  # of a region inside accepted nodules
CODES = {"dense": "nod.unexplained", "hazy": "nod.hazy"}
DOUBTFUL_MM, DOUBTFUL = 10.0, 0.3  # diameter and probability from which a candidate is told though it was not accepted


def name_unexplained(regions: Sequence[Region], nodules: Sequence[Nodule]) -> tuple[Finding, ...]:
    """Findings `nod.unexplained` and `nod.hazy` of regions that no accepted nodule fills, `nod.doubtful` of large candidates.

    nodules: all that are listed. A candidate inside a region that is named is not named twice.
    """
    accepted = [nodule for nodule in nodules if nodule.accepted]
    left = [region for region in regions if not _explained(region, accepted)]
    findings = [region.named(CODES[region.kind]) for region in left]
    for nodule in nodules:
        large = nodule.diameter_mm >= DOUBTFUL_MM and nodule.nodule_probability >= DOUBTFUL
        if large and not nodule.accepted and not any(_inside(region, nodule).any() for region in left):
            findings.append(_doubtful(nodule))
    return tuple(findings)


def _explained(region: Region, accepted: Sequence[Nodule]) -> bool:
    inside = np.zeros(int(region.mask.sum()), np.bool_)
    for nodule in accepted:
        inside |= _inside(region, nodule)
    return bool(inside.mean() >= EXPLAINED)


def _inside(region: Region, nodule: Nodule) -> NDArray[np.bool_]:
    """Which voxels of a region lie in a nodule's outline or within the margin of it."""
    outline = apply_affine(nodule.affine, np.argwhere(nodule.mask))
    away, _ = KDTree(outline).query(region.points_mm, distance_upper_bound=MARGIN_MM)
    return np.asarray(np.isfinite(away))


def _doubtful(nodule: Nodule) -> Finding:
    place = ", ".join(f"{value:.0f}" for value in nodule.centre_mm)
    where = f"{nodule.id}, {nodule.diameter_mm:.0f} mm at ({place}) mm, {nodule.side} lung, {nodule.third} third"
    found = f"{where}, probability {nodule.nodule_probability:.2f}"
    return find("nod.doubtful", found=found, slices=[nodule.slice_index])
