"""Where dense tissue inside the lungs is thickest: the middle of a mass, which no filter of one size finds well."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungrisk.core.geometry import Affine, apply_affine, spacing_of
from lungrisk.nodules.blobs import Blobs

DENSE_HU = -300.0
FREE_MM = 20.0  # closing the lungs' outline makes no tissue thicker than this: it lies in the lung
LARGE_MM = 30.0  # blobs from this size on are measured
REACH_SHARE = 0.5  # of the diameter: how far they may be moved
CORE_SHARE = 0.75  # the middle is that of all that is at least this deep, as a share of the deepest
ROUGH = 1.6  # a mass is so much wider than the largest ball in it


def settle(blobs: Blobs, grid: NDArray[np.float32], affine: Affine) -> Blobs:
    """Large blobs with their thickness; those thicker than FREE_MM are moved to where they are thickest.

    grid: (k, j, i) HU with lung outside the lungs' mask; affine places it.
    """
    centres, diameter, thickness = blobs.centre_mm.copy(), blobs.diameter_mm.copy(), blobs.thickness_mm.copy()
    for row in np.flatnonzero(blobs.diameter_mm >= LARGE_MM):
        middle, radius = _deepest(grid, affine, centres[row], float(diameter[row]))
        thickness[row] = 2 * radius
        if thickness[row] > FREE_MM:
            centres[row], diameter[row] = middle, max(diameter[row], ROUGH * thickness[row])
    return replace(blobs, centre_mm=centres, diameter_mm=diameter, thickness_mm=thickness)


def _deepest(
    grid: NDArray[np.float32], affine: Affine, centre_mm: NDArray[np.float64], diameter_mm: float
) -> tuple[NDArray[np.float64], float]:
    spacing = np.array(spacing_of(affine))
    place = apply_affine(np.asarray(np.linalg.inv(affine), np.float64), centre_mm)
    half = diameter_mm / spacing
    start = np.maximum(0, np.floor(place - half).astype(int))
    stop = np.minimum(grid.shape, np.ceil(place + half).astype(int) + 1)
    box = grid[start[0] : stop[0], start[1] : stop[1], start[2] : stop[2]] > DENSE_HU
    depth = ndimage.distance_transform_edt(np.pad(box, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    away = (np.moveaxis(np.indices(box.shape), 0, -1) + start - place) * spacing
    depth = np.where(np.linalg.norm(away, axis=-1) <= REACH_SHARE * diameter_mm, depth, 0.0)
    deepest = float(depth.max())
    if deepest == 0.0:
        return centre_mm, 0.0
    core, _ = ndimage.label(depth >= CORE_SHARE * deepest)
    chosen = core == core[np.unravel_index(depth.argmax(), depth.shape)]
    middle = np.average(np.argwhere(chosen), axis=0, weights=depth[chosen])
    return apply_affine(affine, middle + start), deepest
