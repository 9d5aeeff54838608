"""Whether back, front, head and feet lie where the affine says: by the spine and by the shape of the lungs.

The mirrored body is told by its heart (`anat.mirror`). Where the patient lay prone the spine is still at the back of the
body: the table is not looked at.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungrisk.core.findings import Finding, find
from lungrisk.lungs.coarse import Coarse
from lungrisk.lungs.shapes import Mask, box_of

BONE_HU = 200
BLOCK_MM, WINDOW_MM, MARGIN_MM = 6.0, 25.0, 40.0
SLICES = 15  # per cent of the slices may miss the spine: discs
LEAST_BONE = 0.05  # share of the window; ten scans have 0.15 to 0.45
BEHIND, ASIDE = 0.25, 0.25  # of half the lungs' box; ten scans have 0.44 to 0.83 and at most 0.06
CLEARLY = 1.3  # so much more bone along another axis, where a spine may be; on ten scans there is less than along k
ENOUGH = 0.8  # of the lungs' length
APEX, BASE = (0.70, 0.97), (0.03, 0.30)  # of the lungs' height
TAPER_BELOW = -0.15  # ten scans have 0.39 to 0.60


class Line(NamedTuple):
    """The straightest bone along an axis: its share of a window, its place on the two other axes (0 the lungs' middle, 1 their edge)."""

    bone: float
    first: float
    second: float

    def spine_like(self) -> bool:
        """Near the middle in one direction and not in the other."""
        near, far = sorted((abs(self.first), abs(self.second)))
        return self.bone >= LEAST_BONE and near <= ASIDE and far >= BEHIND


def judge_axes(coarse: Coarse, lungs: Mask, coverage: float) -> tuple[Finding, ...]:
    """What speaks against the axes: `anat.axes`, `anat.back_front`, `anat.upside_down`.

    lungs: both. coverage: the share of them in the scan; the shape of cut lungs says nothing of head and feet, and in a few
    slices the heart may be mistaken for the spine.
    """
    if coverage < ENOUGH or not lungs.any():
        return ()
    lines = [_line(coarse, lungs, axis) for axis in range(3)]
    along, others = lines[0], lines[1:]
    findings = []
    more = CLEARLY if along.spine_like() else 1.0
    if any(other.spine_like() and other.bone > more * along.bone for other in others):
        way = "back to front" if lines[1].bone > lines[2].bone else "right to left"
        return (find("anat.axes", found=f"a spine that runs from {way}"),)
    if along.bone >= LEAST_BONE and abs(along.second) > ASIDE and abs(along.first) <= ASIDE:
        return (find("anat.axes", found="a spine beside the lungs"),)
    if along.spine_like() and along.first < 0:
        findings.append(find("anat.back_front", found="the spine before the lungs' middle"))
    if coverage == 1.0 and taper(coarse, lungs) < TAPER_BELOW:
        findings.append(find("anat.upside_down", found="lungs that taper downwards"))
    return tuple(findings)


def _line(coarse: Coarse, lungs: Mask, axis: int) -> Line:
    box = box_of(lungs)
    wide = [
        slice(max(0, side.start - int(MARGIN_MM / mm)), side.stop + int(MARGIN_MM / mm))
        for side, mm in zip(box, coarse.spacing, strict=True)
    ]
    wide[axis] = box[axis]
    bone = (coarse.hu[tuple(wide)] > BONE_HU).astype(np.float32)
    steps = [max(1, round(BLOCK_MM / mm)) for mm in coarse.spacing]
    for other, step in enumerate(steps):
        bone = np.asarray(np.add.reduceat(bone, np.arange(0, bone.shape[other], step), axis=other) / step, np.float32)
    size = [max(1, round(WINDOW_MM / (mm * step))) for mm, step in zip(coarse.spacing, steps, strict=True)]
    size[axis] = 1
    smooth = ndimage.uniform_filter(bone, size, mode="constant")
    share = np.asarray(np.percentile(smooth, SLICES, axis=axis), np.float64)
    place = np.unravel_index(int(share.argmax()), share.shape)
    across = [other for other in range(3) if other != axis]
    at = []
    for index, other in zip(place, across, strict=True):
        voxel = wide[other].start + (int(index) + 0.5) * steps[other]
        middle, half = (box[other].start + box[other].stop) / 2, (box[other].stop - box[other].start) / 2
        at.append((voxel - middle) / half)
    return Line(float(share.max()), at[0], at[1])


def taper(coarse: Coarse, lungs: Mask) -> float:
    """How much fuller and narrower the lungs are at their top: about 0.4 for a body with its head up, -0.4 upside down.

    At the base they are wide and lie around the domes of the diaphragm; at the apex they are narrow and fill their outline.
    """
    box = box_of(lungs)
    own = lungs[box]
    filled, wide = np.full(len(own), np.nan), np.zeros(len(own))
    for k in np.flatnonzero(own.any((1, 2))).tolist():
        rows, columns = np.flatnonzero(own[k].any(1)), np.flatnonzero(own[k].any(0))
        wide[k] = columns[-1] - columns[0] + 1
        filled[k] = own[k].sum() / (wide[k] * (rows[-1] - rows[0] + 1))

    def between(values: NDArray[np.float64], share: tuple[float, float]) -> float:
        return float(np.nanmean(values[int(share[0] * len(own)) : int(share[1] * len(own)) + 1]))

    width = float(wide.max())
    return between(filled, APEX) - between(filled, BASE) + (between(wide, BASE) - between(wide, APEX)) / width
