"""Which lung is which."""

import numpy as np

from lungrisk.lungs.coarse import Coarse
from lungrisk.lungs.shapes import Mask, box_of, components, dilate, erode

SECOND_SHARE = 0.15  # of the larger lung: less is a piece, not a lung
PIECE_ML = 3.0  # of lung that hangs on neither side
STEPS_MM = (0.0, 2.0, 3.5, 5.0, 7.0, 9.0, 12.0)


def part_sides(coarse: Coarse, lungs: Mask, middle: float) -> tuple[Mask, Mask]:
    """The patient's left and right lung out of both: by pieces, or cut at the thinnest place where they touch.

    middle: column i of the body's middle plane. Gives (left, right); left lies at larger i (LPS +x).
    """
    left, right = np.zeros_like(lungs), np.zeros_like(lungs)
    if not lungs.any():
        return left, right
    box = box_of(lungs)
    own = lungs[box]
    cores = _cores(coarse, own)
    columns = np.arange(box[2].start, box[2].stop)
    if cores is None:
        centre = np.average(columns, weights=own.sum((0, 1)))
        (left if centre > middle else right)[box] = own
        return left, right
    high, low = _share(coarse, own, *cores)
    labels, counts = components(own & ~high & ~low)
    rest = ((counts * coarse.voxel_ml >= PIECE_ML) & (np.arange(len(counts)) > 0))[labels]  # crumbs are no lung
    left[box] = high | (rest & (columns > middle))
    right[box] = low | (rest & (columns <= middle))
    return left, right


def _cores(coarse: Coarse, lungs: Mask) -> tuple[Mask, Mask] | None:
    """Two pieces that are lungs, the one at larger i first, from the mildest erosion that has them; None if there is but one."""
    for radius in STEPS_MM:
        labels, counts = components(erode(lungs, radius, coarse.spacing) if radius else lungs)
        counts[0] = 0
        order = np.argsort(-counts, kind="stable")
        if len(counts) < 3 or counts[order[1]] < SECOND_SHARE * counts[order[0]]:
            continue
        one, other = labels == order[0], labels == order[1]
        columns = np.arange(lungs.shape[2])
        centres = [np.average(columns, weights=piece.sum((0, 1))) for piece in (one, other)]
        return (one, other) if centres[0] > centres[1] else (other, one)
    return None


def _share(coarse: Coarse, lungs: Mask, one: Mask, other: Mask) -> tuple[Mask, Mask]:
    """Both cores grown over the lungs a voxel at a time: they meet where both are equally far."""
    step = max(coarse.spacing) * 1.01
    while True:
        wider = dilate(one, step, coarse.spacing) & lungs & ~other
        other_wider = dilate(other, step, coarse.spacing) & lungs & ~wider
        if wider.sum() == one.sum() and other_wider.sum() == other.sum():
            return wider, other_wider
        one, other = wider, other_wider
