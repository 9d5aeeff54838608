"""Bright blobs of all sizes in the lungs: where a nodule could be, at the price of a second."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungrisk.core.geometry import Affine, Triple, apply_affine, spacing_of

GRID_MM = 2.0  # the search grid is made of whole voxels, so that it is about this fine
SIGMAS_MM = (1.6, 2.3, 3.3, 4.7, 6.7, 9.5, 13.5, 19.0)
DIAMETER_OF_SIGMA = 2 * np.sqrt(3)  # a ball answers most at sigma = radius / sqrt(3) (Lindeberg 1998)
VOXELS_OF_SIGMA = 2.2  # a scale is sought on a grid whose voxels are at least sigma over this
LUNG_HU, TISSUE_HU = (
    -850.0,
    150.0,
)  # what lies outside the lungs is taken as lung; brighter than tissue counts as tissue
LEAST_HU = 50.0  # response below which nothing is looked at


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blobs:
    """Places of blobs, strongest first.

    centre_mm: (n, 3) LPS. diameter_mm: (n,) of the ball that would answer most at the blob's scale. response: (n,) HU,
    scale-normalised. curvature: (n, 3) HU, scale-normalised second derivatives along the principal axes, weakest first,
    positive for a bright blob: a ball has three alike, a tube about (0, a, a), a plate (0, 0, a). thickness_mm: (n,)
    diameter of the largest ball of dense tissue there, where it was measured, else 0.
    """

    centre_mm: NDArray[np.float64]
    diameter_mm: NDArray[np.float64]
    response: NDArray[np.float64]
    curvature: NDArray[np.float64]
    thickness_mm: NDArray[np.float64]

    def take(self, rows: NDArray[np.int64]) -> "Blobs":
        """These rows only."""
        return Blobs(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})


def find_blobs(grid: NDArray[np.float32], grid_affine: Affine, most: int = 400) -> Blobs:
    """The strongest bright blobs of a search grid, at eight sizes from 5 to 66 mm.

    grid: (k, j, i), from `search_grid`, with its affine. Blobs are sorted by how ball-like and bright they are: the square
    of the weakest curvature over the strongest (after Li et al. 2003, Med Phys 30: dot enhancement).
    """
    parts = []
    for sigma in SIGMAS_MM:
        spacing = spacing_of(grid_affine)
        while sigma / (2 * max(spacing)) >= VOXELS_OF_SIGMA:
            grid, grid_affine = _pool(grid, grid_affine, (2, 2, 2))
            spacing = spacing_of(grid_affine)
        parts.append(_at_scale(grid, grid_affine, sigma))
    blobs = Blobs(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in Blobs.__dataclass_fields__})
    order = np.argsort(-dotness(blobs.curvature), kind="stable")
    return blobs.take(order[:most])


def dotness(curvature: NDArray[np.float64]) -> NDArray[np.float64]:
    """How bright and ball-like, HU: (n, 3) curvatures, weakest first, to (n,).

    >>> dotness(np.array([[100.0, 100.0, 100.0], [0.0, 100.0, 100.0]])).tolist()
    [100.0, 0.0]
    """
    weakest, strongest = np.maximum(curvature[:, 0], 0.0), np.maximum(curvature[:, 2], 1e-6)
    return np.asarray(weakest**2 / strongest)


def search_grid(hu: NDArray[np.int16], inside: NDArray[np.bool_], affine: Affine) -> tuple[NDArray[np.float32], Affine]:
    """The box around a mask on a grid of about GRID_MM, clipped HU, lung outside the mask; thick slices are interpolated.

    hu, inside: (k, j, i). affine: (4, 4) to LPS mm. Gives the grid and its affine.
    """
    factor = [max(1, round(GRID_MM / step)) for step in spacing_of(affine)]
    bounds = [np.flatnonzero(inside.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    start = [max(0, int(b[0]) - 6 * f) if len(b) else 0 for b, f in zip(bounds, factor, strict=True)]
    stop = [int(b[-1]) + 1 + 6 * f if len(b) else 1 for b, f in zip(bounds, factor, strict=True)]
    box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    dense = np.where(inside[box], np.clip(hu[box], -1000, TISSUE_HU), LUNG_HU).astype(np.float32)
    grid, grid_affine = _pool(dense, _moved(affine, start), (factor[0], factor[1], factor[2]))
    ratio = spacing_of(grid_affine)[0] / GRID_MM
    if ratio > 1.6 and len(grid) > 1:
        grid, grid_affine = _stretch(grid, grid_affine, int(np.ceil(ratio - 0.1)))
    return grid, grid_affine


def _moved(affine: Affine, start: list[int]) -> Affine:
    moved = affine.copy()
    moved[:3, 3] = apply_affine(affine, start)
    return moved


def _pool(
    grid: NDArray[np.float32], affine: Affine, factor: tuple[int, int, int]
) -> tuple[NDArray[np.float32], Affine]:
    """Means over blocks of voxels; what does not fill a block at the end repeats its border."""
    for axis, size in enumerate(factor):
        if size == 1:
            continue
        missing = -grid.shape[axis] % size
        widths = [(0, missing if axis == other else 0) for other in range(3)]
        grid = np.pad(grid, widths, mode="edge") if missing else grid
        shape = [*grid.shape[:axis], grid.shape[axis] // size, size, *grid.shape[axis + 1 :]]
        grid = grid.reshape(shape).mean(axis=axis + 1, dtype=np.float32)
    pooled = affine.copy()
    pooled[:3, :3] = affine[:3, :3] * factor
    pooled[:3, 3] = apply_affine(affine, [(size - 1) / 2 for size in factor])
    return grid, pooled


def _stretch(grid: NDArray[np.float32], affine: Affine, times: int) -> tuple[NDArray[np.float32], Affine]:
    """Linear interpolation between slices, `times` as many."""
    place = np.arange((len(grid) - 1) * times + 1) / times
    low = np.minimum(place.astype(int), len(grid) - 2)
    share = (place - low).astype(np.float32)[:, None, None]
    finer = affine.copy()
    finer[:3, 0] /= times
    return grid[low] * (1 - share) + grid[low + 1] * share, finer


def _at_scale(grid: NDArray[np.float32], affine: Affine, sigma: float) -> Blobs:
    """Maxima of the scale-normalised Laplacian of a Gaussian, with the principal curvatures there."""
    spacing = spacing_of(affine)
    smooth = ndimage.gaussian_filter(grid, [sigma / step for step in spacing], truncate=3.0)
    laplace = np.zeros_like(smooth)
    for axis, step in enumerate(spacing):
        inner = [slice(None)] * 3
        inner[axis] = slice(1, -1)
        laplace[tuple(inner)] += np.diff(smooth, 2, axis=axis) * (-((sigma / step) ** 2) / 3)
    peak = (laplace > LEAST_HU) & (laplace == ndimage.maximum_filter(laplace, 3))
    peak[[0, -1]], peak[:, [0, -1]], peak[:, :, [0, -1]] = False, False, False
    place = np.argwhere(peak)
    return Blobs(
        centre_mm=apply_affine(affine, place),
        diameter_mm=np.full(len(place), DIAMETER_OF_SIGMA * sigma),
        response=laplace[peak].astype(np.float64),
        curvature=_curvatures(smooth, place, spacing, sigma),
        thickness_mm=np.zeros(len(place)),
    )


def _curvatures(
    smooth: NDArray[np.float32], place: NDArray[np.int64], spacing: Triple, sigma: float
) -> NDArray[np.float64]:
    """Eigenvalues of minus the Hessian times sigma squared at voxels off the border, (n, 3), ascending."""
    unit = np.eye(3, dtype=int)
    hessian = np.empty((len(place), 3, 3))

    def value(offset: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(smooth[tuple((place + offset).T)], np.float64)

    for a in range(3):
        for b in range(a, 3):
            if a == b:
                second = value(unit[a]) - 2 * value(0 * unit[a]) + value(-unit[a])
            else:
                second = value(unit[a] + unit[b]) - value(unit[a] - unit[b]) - value(unit[b] - unit[a])
                second = (second + value(-unit[a] - unit[b])) / 4
            hessian[:, a, b] = hessian[:, b, a] = -second * sigma**2 / (spacing[a] * spacing[b])
    return np.asarray(np.linalg.eigvalsh(hessian), np.float64)
