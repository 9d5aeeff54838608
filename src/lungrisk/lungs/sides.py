"""Which lung is which."""

import numpy as np
from scipy import ndimage

from lungrisk.lungs.coarse import Coarse
from lungrisk.lungs.shapes import Mask, components, erode

SECOND_SHARE = 0.15  # of the larger lung: less is a piece, not a lung
STEPS_MM = (1.5, 3.0, 4.5, 6.0, 8.0, 10.0, 12.0)


def part_sides(coarse: Coarse, lungs: Mask, middle: float) -> tuple[Mask, Mask]:
    """The patient's left and right lung out of both: by pieces, or cut at the thinnest place where they touch.

    middle: column i of the body's middle plane. Gives (left, right); left lies at larger i (LPS +x).
    """
    cores, lone = _cores(coarse, lungs)
    if lone:
        columns = np.flatnonzero(lungs.any((0, 1)))
        centre = float(np.average(np.arange(lungs.shape[2]), weights=lungs.sum((0, 1)))) if columns.size else 0.0
        empty = np.zeros_like(lungs)
        return (lungs, empty) if centre > middle else (empty, lungs)
    labels = cores
    while True:  # grow both cores over the lungs, a layer at a time: they meet where they are equally far
        grown = ndimage.maximum_filter(labels, footprint=ndimage.generate_binary_structure(3, 1))
        fresh = (labels == 0) & lungs & (grown > 0)
        if not fresh.any():
            break
        labels[fresh] = grown[fresh]
    rest = lungs & (labels == 0)
    if rest.any():
        columns = np.arange(lungs.shape[2])
        labels[rest & (columns > middle)] = 2
        labels[rest & (columns <= middle)] = 1
    return labels == 2, labels == 1


def _cores(coarse: Coarse, lungs: Mask) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.uint8]], bool]:
    """Two pieces that are lungs (1 right, 2 left), from the mildest erosion that has them; and whether there is but one."""
    for radius in (0.0, *STEPS_MM):
        core = erode(lungs, radius, coarse.spacing) if radius else lungs
        labels, counts = components(core)
        counts[0] = 0
        first, second = (np.argsort(counts)[::-1][:2]) if len(counts) > 2 else (1, 1)
        if second != first and counts[second] >= SECOND_SHARE * counts[first]:
            places = ndimage.center_of_mass(core, labels, [first, second])
            right, left = (first, second) if places[0][2] < places[1][2] else (second, first)
            cores = np.zeros(lungs.shape, np.uint8)
            cores[labels == right] = 1
            cores[labels == left] = 2
            return cores, False
    return np.zeros(lungs.shape, np.uint8), True
