"""Trachea and main bronchi, found as the dark tube that enters from the top."""

import numpy as np
from scipy import ndimage

from lungrisk.lungs.coarse import Coarse
from lungrisk.lungs.shapes import Mask, components, dilate

TRACHEA_MM2 = (60.0, 900.0)  # cross-section of an adult's, with room for the blur of coarse slices
TRACHEA_BELOW_HU = -880
LONGEST_MM = 35.0
THRESHOLDS_HU = range(-970, -875, 10)
LARGEST_ML = 120.0  # trachea and main bronchi of a large man, walls excluded
LEAK = 1.6  # a step of 10 HU that adds this factor has broken into the lung
WALL_MM = 1.5


def find_airways(coarse: Coarse, inner_air: Mask, lungs: Mask) -> Mask:
    """Trachea and main bronchi with their inner wall, on the coarse grid; empty where no trachea is seen.

    inner_air: air inside the body. lungs: the lungs, airways still in them.
    """
    seed = _trachea(coarse, inner_air, lungs)
    grown = seed
    if not seed.any():
        return seed
    for threshold in THRESHOLDS_HU:
        labels, _ = components(inner_air & (coarse.hu < threshold))
        names = np.unique(labels[seed])
        names = names[names > 0]
        if not names.size:
            continue
        now = np.isin(labels, names)
        before, after = int(grown.sum()), int(now.sum())
        if after * coarse.voxel_ml > LARGEST_ML or (after > LEAK * before and before * coarse.voxel_ml > 15):
            break
        grown = now
    return dilate(grown | seed, WALL_MM, coarse.spacing)


def _trachea(coarse: Coarse, inner_air: Mask, lungs: Mask) -> Mask:
    """The longest chain, slice by slice, of round dark spots between the lungs, at and above their top."""
    seed = np.zeros_like(lungs)
    slices = np.flatnonzero(lungs.any((1, 2)))
    if not slices.size:
        return seed
    columns = np.flatnonzero(lungs.any((0, 1)))
    middle, width = (columns[0] + columns[-1]) / 2, (columns[-1] - columns[0]) / 2
    pixel = coarse.spacing[1] * coarse.spacing[2]
    chains: list[list[tuple[int, Mask]]] = []
    low = slices[-1] - int(120 / coarse.spacing[0])
    for k in range(coarse.hu.shape[0] - 1, max(-1, low), -1):
        labels, _ = ndimage.label(inner_air[k] & (coarse.hu[k] < TRACHEA_BELOW_HU))
        for spot, side in enumerate(ndimage.find_objects(labels), 1):
            inside = labels[side] == spot
            extent = [length * mm for length, mm in zip(inside.shape, coarse.spacing[1:], strict=True)]
            centre = (side[1].start + side[1].stop) / 2
            area = inside.sum() * pixel
            if not (TRACHEA_MM2[0] <= area <= TRACHEA_MM2[1] and max(extent) <= LONGEST_MM):
                continue
            if abs(centre - middle) > 0.4 * width or inside.mean() < 0.5:
                continue
            whole = labels == spot
            chain = next((c for c in chains if c[-1][0] in (k + 1, k) and (c[-1][1] & whole).any()), None)
            if chain is None:
                chains.append([(k, whole)])
            else:
                chain.append((k, whole))
    if chains:
        best = max(chains, key=len)
        if len(best) * coarse.spacing[0] >= 15:
            for k, whole in best:
                seed[k] |= whole
    return seed
