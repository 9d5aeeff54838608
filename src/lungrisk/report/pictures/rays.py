"""First hits of parallel rays with a surface inside a coarse grid: the geometry behind the three-dimensional picture.

Places are mm along (k, j, i) from the first voxel of the grid, which is the first voxel of the scan.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungrisk.core.geometry import Triple

Floats: TypeAlias = NDArray[np.float32]

REFINEMENTS = 4  # halvings of the step in which the surface lies


class Grid(NamedTuple):
    """Values (k, j, i), the voxel size in mm, and where the first voxel's centre lies."""

    values: Floats
    spacing: Triple
    start: Triple


class View(NamedTuple):
    """Parallel rays that look horizontally at a grid. A pixel is (row, column), a ray has steps away from the eye.

    turn: radians to the patient's left from the front. rows: mm along k. across, away: mm to the right and away from the
    axis of turning, which stands at `axis` (j, i) mm.
    """

    turn: float
    rows: NDArray[np.float64]
    across: NDArray[np.float64]
    away: NDArray[np.float64]
    axis: tuple[float, float]

    def place(self, point: NDArray[np.float64]) -> tuple[float, float, float]:
        """A place (k, j, i) mm as (row, across, away) mm of this view."""
        j, i = point[1] - self.axis[0], point[2] - self.axis[1]
        cosine, sine = np.cos(self.turn), np.sin(self.turn)
        return float(point[0]), float(i * cosine + j * sine), float(j * cosine - i * sine)

    def points(self, row: Any, across: Any, away: Any) -> NDArray[np.float64]:
        """The inverse of `place` for arrays: (..., 3) mm along (k, j, i)."""
        cosine, sine = np.cos(self.turn), np.sin(self.turn)
        j = self.axis[0] + across * sine + away * cosine
        i = self.axis[1] + across * cosine - away * sine
        return np.stack(np.broadcast_arrays(row, j, i), axis=-1)


class Hits(NamedTuple):
    """depth: (rows, columns) mm away from the axis of turning, inf where nothing was hit. normal: (rows, columns, 3)."""

    depth: Floats
    normal: Floats


def coarse(array: NDArray[Any], spacing: Triple, grid_mm: float, corner: tuple[int, int] = (0, 0)) -> Grid:
    """Means of blocks of whole voxels, up to a third wider than grid_mm, in the slice; rows at exactly grid_mm along k, linear between.

    corner: (j, i) of the array's first voxel in the scan, where it is a part of it.
    """
    across = [max(1, int(4 / 3 * grid_mm / step)) for step in spacing[1:]]
    rows, columns = (max(1, count // factor) for count, factor in zip(array.shape[1:], across, strict=True))
    across = [min(factor, count) for factor, count in zip(across, array.shape[1:], strict=True)]
    blocks = np.zeros((array.shape[0], rows, columns), np.float32)
    for down in range(across[0]):
        for right in range(across[1]):
            blocks += array[:, down : rows * across[0] : across[0], right : columns * across[1] : across[1]]
    blocks /= across[0] * across[1]
    j, i = ((at + (factor - 1) / 2) * step for at, factor, step in zip(corner, across, spacing[1:], strict=True))
    length = (array.shape[0] - 1) * spacing[0]
    at = np.arange(0.0, length + 1e-6, grid_mm) / spacing[0]
    below = np.minimum(at.astype(int), array.shape[0] - 1)
    above = np.minimum(below + 1, array.shape[0] - 1)
    weight = (at - below).astype(np.float32)[:, None, None]
    values = blocks[below] * (1 - weight) + blocks[above] * weight
    return Grid(values, (grid_mm, across[0] * spacing[1], across[1] * spacing[2]), (0.0, j, i))


def smooth(grid: Grid) -> Grid:
    """The grid, blurred by about one voxel (1 2 1, twice along each axis): a mask becomes a surface without stairs."""
    values = grid.values.copy()
    for axis in range(3):
        along = np.moveaxis(values, axis, 0)  # a view: what is written here lands in values
        for _ in range(2):
            pairs = along[1:] + along[:-1]
            along[1:-1] = 0.25 * (pairs[1:] + pairs[:-1])
    return grid._replace(values=values)


def without_specks(grid: Grid, threshold: float, least_mm3: float) -> Grid:
    """The grid without parts at `threshold` or above that are smaller than least_mm3: noise, dense stools, contrast."""
    labels, _ = ndimage.label(grid.values >= threshold)
    small = np.bincount(labels.ravel()) * np.prod(grid.spacing) < least_mm3
    small[0] = False
    return grid._replace(values=np.where(small[labels], np.float32(threshold - 1), grid.values))


def look(grid: Grid, turn: float) -> View:
    """The view of a whole grid from the front, turned to the patient's left."""
    n_rows, n_down, n_across = grid.values.shape
    depth, width = n_down * grid.spacing[1], n_across * grid.spacing[2]
    step = grid.spacing[0]
    half_width = (abs(width * np.cos(turn)) + abs(depth * np.sin(turn))) / 2
    half_depth = (abs(depth * np.cos(turn)) + abs(width * np.sin(turn))) / 2
    return View(
        turn=turn,
        rows=grid.start[0] + step * np.arange(n_rows, dtype=np.float64),
        across=np.arange(-half_width, half_width, step),
        away=np.arange(-half_depth, half_depth, step),
        axis=(grid.start[1] + (depth - grid.spacing[1]) / 2, grid.start[2] + (width - grid.spacing[2]) / 2),
    )


def cast(grid: Grid, threshold: float, view: View) -> Hits:
    """Where each ray first meets values of at least `threshold`, and how the surface stands there."""
    solid = grid.values >= threshold
    solid[:, [0, -1]] = False
    solid[:, :, [0, -1]] = False  # the rim stands for the outside: rays are clamped to it
    path = view.points(0.0, view.across[:, None], view.away[None, :])
    j = np.clip(np.rint((path[..., 1] - grid.start[1]) / grid.spacing[1]), 0, solid.shape[1] - 1).astype(np.intp)
    i = np.clip(np.rint((path[..., 2] - grid.start[2]) / grid.spacing[2]), 0, solid.shape[2] - 1).astype(np.intp)
    along = solid.reshape(len(solid), -1).take((j * solid.shape[2] + i).ravel(), axis=1).reshape(-1, *j.shape)
    first = along.argmax(axis=2)
    row, column = np.nonzero(along.max(axis=2))
    depth = np.full(first.shape, np.inf, np.float32)
    normal = np.zeros((*first.shape, 3), np.float32)
    if len(row):
        found, normals = _refine(grid, threshold, view, (row, column, view.away[first[row, column]]))
        depth[row, column], normal[row, column] = found, normals
    return Hits(depth, normal)


def _refine(
    grid: Grid, threshold: float, view: View, hits: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]
) -> tuple[NDArray[np.float64], Floats]:
    """The hits' depth between two steps, and the unit normals (right, away, up) towards the eye."""
    row, across, step = view.rows[hits[0]], view.across[hits[1]], grid.spacing[0]
    outside, inside = hits[2] - 1.5 * step, hits[2] + 0.5 * step
    for _ in range(REFINEMENTS):
        middle = (outside + inside) / 2
        above = _values(grid, view.points(row, across, middle)) >= threshold
        outside, inside = np.where(above, outside, middle), np.where(above, middle, inside)
    surface = (outside + inside) / 2
    slope = np.stack(
        [
            _values(grid, view.points(row, across + step, surface))
            - _values(grid, view.points(row, across - step, surface)),
            _values(grid, view.points(row, across, surface + step))
            - _values(grid, view.points(row, across, surface - step)),
            _values(grid, view.points(row + step, across, surface))
            - _values(grid, view.points(row - step, across, surface)),
        ],
        axis=-1,
    )
    return surface, -slope / np.maximum(np.linalg.norm(slope, axis=-1, keepdims=True), 1e-6)


def _values(grid: Grid, points: NDArray[np.float64]) -> Floats:
    index = (points - np.array(grid.start)) / np.array(grid.spacing)
    values: Floats = ndimage.map_coordinates(grid.values, index.T, np.float32, order=1, mode="nearest")
    return values
