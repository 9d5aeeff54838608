"""Resampling, windows and sizes: the one way by which a scan becomes an array, in training and in prediction."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from lungrisk.core.errors import UsageFault
from lungrisk.core.findings import find
from lungrisk.core.geometry import Affine, apply_affine, spacing_of
from lungrisk.core.records import Recipe, Scan, Volume

MOST_VOXELS = 2**30  # 4 GB of float32: more is a slip of the pen in the recipe
SEED_WINDOW = (-1000.0, 400.0)  # the window of the LUNA16 and Bowl tutorials

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(name="1mm"),
        Recipe(name="seed", spacing=None, size=(20, 50, 50), window=SEED_WINDOW),
        Recipe(name="seed-view", spacing=None, size=(0, 150, 150), window=SEED_WINDOW),
        Recipe(name="as-is", spacing=None),
    )
}


def prepare(scan: Scan, recipe: Recipe | str) -> Volume:
    """The scan as its recipe wants it: (k, j, i) float32, HU or 0..1, with its place in LPS mm.

    recipe: a Recipe or the name of one of RECIPES. "as-is" keeps the scan's own int16 array. Raises UsageFault
    (`use.option`) for a recipe that is not known or not possible.

    >>> scan = Scan(hu=np.zeros((30, 64, 64), np.int16), affine=np.diag([1.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]])
    >>> prepare(scan, "seed").array.shape
    (20, 50, 50)
    """
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            raise UsageFault(find("use.option", found=f"recipe {recipe}", expected=" or ".join(sorted(RECIPES))))
        recipe = RECIPES[recipe]
    return resample(scan.hu, scan.affine, recipe)


def resample(array: NDArray[Any], affine: Affine, recipe: Recipe) -> Volume:
    """Any array with a place through a recipe; a mask takes one with interpolation "nearest" and fill 0.

    array: (k, j, i). affine: (4, 4), (k, j, i, 1) to LPS mm. Linear gives float32, nearest keeps the array's kind.
    Edges of the first voxels coincide when spacing or size is given alone; the centres of both fields when both are.
    Raises UsageFault (`use.option`).
    """
    grids = _grids(array.shape, spacing_of(affine), recipe)
    placed = np.array(affine, np.float64)
    placed[:3, :3] *= [grid.ratio for grid in grids]
    placed[:3, 3] = apply_affine(affine, [grid.first for grid in grids])
    if recipe.spacing is None and recipe.size is None and recipe.window is None:
        moved: NDArray[Any] = array
    elif recipe.interpolation == "nearest":
        moved = _pick(_windowed(array, recipe), grids, _fill(recipe))
    else:
        moved = _blend(array, grids, recipe)
    return Volume(array=moved, affine=placed, recipe_hash=recipe.hash)


@dataclass(frozen=True, slots=True)
class _Grid:
    """One axis: n voxels of the new grid, of `ratio` old voxels each; the first one's centre lies at old index `first`."""

    n_old: int
    n: int
    ratio: float
    first: float

    @property
    def centres(self) -> NDArray[np.float64]:
        return self.first + self.ratio * np.arange(self.n, dtype=np.float64)

    @property
    def inside(self) -> slice:
        """Those new voxels whose centre lies in the old field, edges included."""
        there = np.flatnonzero((self.centres >= -0.5 - 1e-6) & (self.centres <= self.n_old - 0.5 + 1e-6))
        return slice(int(there[0]), int(there[-1]) + 1) if there.size else slice(0, 0)


def _grids(shape: tuple[int, ...], spacing: tuple[float, float, float], recipe: Recipe) -> tuple[_Grid, ...]:
    size = recipe.size or (0, 0, 0)
    if min(size) < 0 or (recipe.spacing is not None and not min(recipe.spacing) > 0):
        raise UsageFault(find("use.option", found=f"recipe {recipe.name}", expected="spacing and size above 0"))
    grids = []
    for axis, (n_old, old) in enumerate(zip(shape, spacing, strict=True)):
        if recipe.spacing is None:
            n = size[axis] or n_old
            grids.append(_Grid(n_old, n, n_old / n, n_old / n / 2 - 0.5))
            continue
        ratio = recipe.spacing[axis] / old
        n = size[axis] or max(1, int(n_old / ratio + 0.5))
        first = (n_old - n * ratio) / 2 if size[axis] else 0.0
        grids.append(_Grid(n_old, n, ratio, first + ratio / 2 - 0.5))
    if np.prod([float(grid.n) for grid in grids]) > MOST_VOXELS:
        raise UsageFault(find("use.option", found=f"recipe {recipe.name}", expected=f"at most {MOST_VOXELS} voxels"))
    return tuple(grids)


def axis_weights(n_old: int, centres: NDArray[np.float64], width: float) -> csr_matrix:
    """Weights of one axis, (new, old) sparse: a triangle of half-width `width` >= 1, in old voxels, about each centre.

    Rows sum to 1 and keep a linear field exactly wherever the centre lies between old centres: the sampled triangle's
    first moment is put right, which its plain form does not do.

    >>> axis_weights(4, np.array([0.5, 2.0]), 1.0).toarray().tolist()
    [[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    """
    reach = int(np.ceil(width))
    centres = np.clip(centres, 0, n_old - 1)[:, None]
    taps = np.floor(centres).astype(np.int64) + np.arange(-reach, reach + 2)
    offset = taps - centres
    weight = np.where((taps >= 0) & (taps < n_old), np.maximum(0, 1 - np.abs(offset) / width), 0)
    weight /= weight.sum(1, keepdims=True)
    first = (weight * offset).sum(1, keepdims=True)
    second = (weight * offset**2).sum(1, keepdims=True)
    weight *= 1 - np.divide(first, second, out=np.zeros_like(first), where=second > 1e-12) * offset
    weight /= weight.sum(1, keepdims=True)
    rows, columns = np.nonzero(np.abs(weight) > 1e-12)
    return csr_matrix((weight[rows, columns], (rows, taps[rows, columns])), shape=(len(centres), n_old))


def _blend(array: NDArray[Any], grids: tuple[_Grid, ...], recipe: Recipe) -> NDArray[np.float32]:
    """Linear: rows and columns a slice at a time, each slice then added to the new slices that it is part of."""
    inside = tuple(grid.inside for grid in grids)
    along_k, along_j, along_i = (
        axis_weights(grid.n_old, grid.centres[part], max(1.0, grid.ratio) if recipe.antialias else 1.0).astype(
            np.float32
        )
        for grid, part in zip(grids, inside, strict=True)
    )
    moved = np.full([grid.n for grid in grids], _fill(recipe), np.float32)
    core = moved[inside]
    core[...] = 0
    for_slice = along_k.tocsc()
    for k in range(len(array)):
        part = slice(for_slice.indptr[k], for_slice.indptr[k + 1])
        if part.start == part.stop or not core.size:
            continue
        plane = _windowed(array[k], recipe).astype(np.float32)
        plane = (along_i @ (along_j @ plane).T).T
        for new_k, weight in zip(for_slice.indices[part], for_slice.data[part], strict=True):
            core[new_k] += weight * plane
    if recipe.window is not None:
        np.clip(moved, 0, 1, out=moved)  # float32 weights sum to 1 only to 1e-7
    return moved


def _pick(array: NDArray[Any], grids: tuple[_Grid, ...], fill: float) -> NDArray[Any]:
    """Nearest: whole planes of indices, no arithmetic on the values."""
    inside = tuple(grid.inside for grid in grids)
    picked = [
        np.clip(np.floor(grid.centres[part] + 0.5).astype(np.int64), 0, grid.n_old - 1)
        for grid, part in zip(grids, inside, strict=True)
    ]
    moved = np.full([grid.n for grid in grids], fill).astype(array.dtype)
    moved[inside] = array[np.ix_(*picked)]
    return moved


def _windowed(array: NDArray[Any], recipe: Recipe) -> NDArray[Any]:
    """The values in the window, before they are mixed: padding below air and metal above bone then weigh no more than these."""
    if recipe.window is None:
        return array
    low, high = recipe.window
    if not high > low:
        raise UsageFault(find("use.option", found=f"window {recipe.window}", expected="low below high"))
    scaled: NDArray[Any] = (np.clip(array, low, high, dtype=np.float32) - np.float32(low)) / np.float32(high - low)
    return scaled


def _fill(recipe: Recipe) -> float:
    return float(_windowed(np.array(recipe.fill, np.float32), recipe))
