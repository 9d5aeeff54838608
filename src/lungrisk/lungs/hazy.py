"""Hazy regions: lung that is denser than the lung about it, though no vessel runs there. Ground glass, infiltrates."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungrisk.core.geometry import Triple
from lungrisk.lungs.coarse import Coarse
from lungrisk.lungs.shapes import Mask, box_of, components, dilate, double, erode, halve

RIM_MM = 2.0  # of the lung, where voxels hold wall or diaphragm
VESSEL_HU, VESSEL_RIM_MM = -500, 3.0  # these voxels and their blur say nothing of the lung between them
SMOOTH_MM = 3.5  # standard deviation
LEAST_KNOWN = 0.15  # of the weight within that reach
CLIP_HU = 300.0
DEPTH_MM = 15.0  # half the height of the layer of which a voxel's expected HU is the median: dependent lung is denser
ABOVE_HU = 100.0
THICK_MM, EDGE_MM = 6.0, 4.0  # radius; width of the slope about it
AROUND_MM = (5.0, 12.0)  # what a region is compared with
STANDS_OUT_HU = 90.0  # what gravity, breathing and the heart blur goes over into its surroundings (9 scans: 79 at most)
LEAST_ML = 0.9
SEEN = 0.6  # of a region: the rest are vessels, as at the hilum
FLOOR_MM, ON_FLOOR = 15.0, 0.5  # height above the diaphragm in which breath blurs; share of a region that may lie in it


def hazy_regions(coarse: Coarse, lungs: Mask) -> Mask:
    """Where lung is hazy, on the coarse grid. lungs: both, closed, airways out.

    A region is named for standing out: from the layer at its depth (dependent lung is denser) and from what lies about it.
    """
    hazy = np.zeros_like(lungs)
    if not lungs.any():
        return hazy
    box = box_of(lungs, 2)
    spacing = (coarse.spacing[0], 2 * coarse.spacing[1], 2 * coarse.spacing[2])
    within, hu = halve(lungs[box]), _means(coarse.hu[box])
    inside = erode(within, RIM_MM, spacing)
    known = inside & ~dilate(within & (hu >= VESSEL_HU), VESSEL_RIM_MM, spacing)
    excess = _excess(hu, inside, known, spacing)
    dense = inside & (excess > ABOVE_HU)
    core = erode(dense, THICK_MM, spacing)
    labels, counts = components(dilate(core, THICK_MM, spacing) & dense)
    below = np.zeros_like(within)
    floor = int(np.ceil(FLOOR_MM / spacing[0]))
    below[floor:] = within[:-floor]
    kept = np.zeros(len(counts), bool)
    margin = [int(AROUND_MM[1] / step) + 1 for step in spacing]
    for name, place in enumerate(ndimage.find_objects(labels), 1):
        if counts[name] * float(np.prod(spacing)) / 1000 < LEAST_ML:
            continue
        wide = tuple(slice(max(0, edge.start - add), edge.stop + add) for edge, add in zip(place, margin, strict=True))
        region = labels[wide] == name
        ring = dilate(region, AROUND_MM[1], spacing) & ~dilate(region, AROUND_MM[0], spacing) & inside[wide]
        stands_out = not ring.any() or excess[wide][region].mean() - np.median(excess[wide][ring]) >= STANDS_OUT_HU
        seen = known[wide][region].mean()
        kept[name] = stands_out and seen >= SEEN and below[wide][region].mean() >= ON_FLOOR
    whole = dilate(kept[labels], EDGE_MM, spacing) & (
        excess > ABOVE_HU / 2
    )  # to half its height: what is said is its size
    hazy[box] = double(whole, lungs[box].shape)
    return hazy


def _excess(hu: NDArray[np.float32], inside: Mask, known: Mask, spacing: Triple) -> NDArray[np.float32]:
    """HU above the median of the layer at the same depth, smoothed over what is known of the lung itself."""
    rows = np.arange(hu.shape[1])
    reach = max(1, round(DEPTH_MM / spacing[1]))
    layers = [hu[:, max(0, row - reach) : row + reach + 1] for row in rows]
    masks = [known[:, max(0, row - reach) : row + reach + 1] for row in rows]
    usual = [
        float(np.median(layer[mask][::3])) if mask.any() else np.nan for layer, mask in zip(layers, masks, strict=True)
    ]
    there = ~np.isnan(usual)
    if not there.any():
        return np.zeros_like(hu)
    expected = np.interp(rows, rows[there], np.array(usual)[there]).astype(np.float32)
    above = np.clip(hu - expected[:, None], -CLIP_HU, CLIP_HU).astype(np.float32)
    sigma = [SMOOTH_MM / step for step in spacing]
    weight = ndimage.gaussian_filter(known.astype(np.float32), sigma, truncate=2.5)
    sums = ndimage.gaussian_filter(np.where(known, above, 0).astype(np.float32), sigma, truncate=2.5)
    enough = inside & (weight > LEAST_KNOWN)
    return np.asarray(np.where(enough, sums / np.maximum(weight, 1e-3), 0.0), np.float32)


def _means(hu: NDArray[np.int16]) -> NDArray[np.float32]:
    """Means of two by two rows and columns, as `halve` takes them."""
    even = np.pad(hu, ((0, 0), (0, hu.shape[1] % 2), (0, hu.shape[2] % 2)), mode="edge").astype(np.float32)
    summed = even[:, ::2, ::2] + even[:, 1::2, ::2] + even[:, ::2, 1::2] + even[:, 1::2, 1::2]
    return np.asarray(summed / 4, np.float32)
