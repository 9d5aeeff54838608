"""Trachea and main bronchi, found as the dark tube that enters from the top."""

import numpy as np
from scipy import ndimage

from lungrisk.lungs.coarse import Coarse
from lungrisk.lungs.shapes import Mask, box_of, dilate, erode

TRACHEA_MM2 = (60.0, 900.0)  # cross-section of an adult's, with room for the blur of coarse slices
TRACHEA_BELOW_HU = -880
TRACHEA_MM = 15.0  # the shortest piece of it that is believed
WIDEST_MM = 35.0
SEARCH_MM = 120.0  # from the top of the lungs down to the bifurcation
THRESHOLDS_HU = range(-970, -845, 10)
LARGEST_ML = 120.0  # trachea and main bronchi of a large man, walls excluded
LEAK = 1.6  # a step of 10 HU that adds this factor has broken into the lung
REACH_MM = 80.0  # to either side of the trachea
WALL_MM = 1.5
RIM_MM = 2.5  # half the width of the blurred wall that is left around a tube
MAIN_MM = 3.0  # radius: main bronchi measure 10 to 16 mm across, lobar ones less


def find_airways(coarse: Coarse, air: Mask, lungs: Mask) -> Mask:
    """The lumen of trachea, main bronchi and some more, on the coarse grid; empty where no trachea is seen.

    air: air inside the body. lungs: the lungs, airways still in them. The threshold rises until the tube would leak.
    """
    seed = _trachea(coarse, air, lungs)
    if not seed.any():
        return seed
    slices, depth, width = box_of(lungs | seed)
    across, reach = box_of(seed)[2], int(REACH_MM / coarse.spacing[2])
    box = slices, depth, slice(max(width.start, across.start - reach), min(width.stop, across.stop + reach))
    hu, dark, grown = coarse.hu[box], air[box], seed[box]
    for threshold in THRESHOLDS_HU:
        labels, n = ndimage.label(dark & (hu < threshold))
        names = np.unique(labels[seed[box]])
        table = np.zeros(n + 1, bool)
        table[names] = True
        table[0] = False
        now = table[labels]
        before, after = int(grown.sum()) * coarse.voxel_ml, int(now.sum()) * coarse.voxel_ml
        if after > LARGEST_ML or (after > LEAK * before and before > 15.0):
            break
        if after > 0:
            grown = now | seed[box]
    seed[box] = grown
    return seed


def main_airways(coarse: Coarse, airways: Mask) -> Mask:
    """Trachea and main bronchi with their inner wall: the wide part of the airways. Smaller ones belong to the lung."""
    wide = dilate(erode(airways, MAIN_MM, coarse.spacing), MAIN_MM + WALL_MM, coarse.spacing)
    return wide & dilate(airways, WALL_MM, coarse.spacing)


def without_airways(coarse: Coarse, lungs: Mask, airways: Mask) -> Mask:
    """The lungs without the tubes and without the thin rims that the tubes' blurred walls leave."""
    rest = lungs & ~dilate(airways, WALL_MM, coarse.spacing)
    if not airways.any():
        return rest
    near = dilate(airways, WALL_MM + 2 * RIM_MM, coarse.spacing)
    thick = dilate(erode(rest, RIM_MM, coarse.spacing), RIM_MM, coarse.spacing)
    return rest & (thick | ~near)


def _trachea(coarse: Coarse, air: Mask, lungs: Mask) -> Mask:
    """The longest chain, slice by slice from the top, of round dark spots between the lungs."""
    seed = np.zeros_like(lungs)
    if not lungs.any():
        return seed
    box = box_of(lungs)
    middle, width = (box[2].start + box[2].stop) / 2, (box[2].stop - box[2].start) / 2
    lowest = max(0, box[0].stop - int(SEARCH_MM / coarse.spacing[0]))
    chains: list[list[tuple[int, Mask]]] = []
    for k in range(len(lungs) - 1, lowest - 1, -1):
        for spot in _spots(air[k] & (coarse.hu[k] < TRACHEA_BELOW_HU), coarse, middle, 0.4 * width):
            chain = next((one for one in chains if one[-1][0] in (k + 1, k) and (one[-1][1] & spot).any()), None)
            if chain is None:
                chains.append([(k, spot)])
            else:
                chain.append((k, spot))
    best = max(chains, key=len, default=[])
    if len(best) * coarse.spacing[0] >= TRACHEA_MM:
        for k, spot in best:
            seed[k] |= spot
    return seed


def _spots(dark: Mask, coarse: Coarse, middle: float, reach: float) -> list[Mask]:
    """Pieces of one slice that could be the trachea's cross-section: size, shape, and not far from the middle."""
    labels, n = ndimage.label(dark)
    areas = np.bincount(labels.ravel(), minlength=n + 1)[1:] * coarse.spacing[1] * coarse.spacing[2]
    sides = ndimage.find_objects(labels)
    spots = []
    for place in np.flatnonzero((areas >= TRACHEA_MM2[0]) & (areas <= TRACHEA_MM2[1])).tolist():
        name, side = place + 1, sides[place]
        inside = labels[side] == name
        extent = max(inside.shape[0] * coarse.spacing[1], inside.shape[1] * coarse.spacing[2])
        centred = abs((side[1].start + side[1].stop) / 2 - middle) <= reach
        if centred and extent <= WIDEST_MM and inside.mean() >= 0.5:
            spots.append(labels == name)
    return spots
