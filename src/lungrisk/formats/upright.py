"""A block of slices onto the body's own axes: by permuting and flipping where that is enough, by position where it is not."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find
from lungrisk.core.geometry import Affine
from lungrisk.formats.stacking import POSITION_TAG, Stack

AIR = -1024
OBLIQUE_FROM_DEGREES = 2.0
MOST_GROWN = 8  # a block turned about two axes by 45 degrees takes five times its own room
SMALL = 2**26  # voxels that may always be held: a plate of few slices grows by more
BODY = np.eye(3)[[2, 1, 0]]  # directions of k, j, i: to the head, to the back, to the patient's left
ORIGIN_DECIMALS, DIRECTION_DECIMALS = 4, 6


def plane_of(normal: NDArray[np.float64]) -> Literal["axial", "coronal", "sagittal", "oblique"]:
    """How slices with this unit normal lie in the body; oblique beyond 25 degrees from each plane."""
    x, y, z = np.abs(normal)
    if max(x, y, z) < np.cos(np.radians(25)):
        return "oblique"
    return "axial" if z == max(x, y, z) else "coronal" if y == max(x, y, z) else "sagittal"


def upright(block: NDArray[np.int16], stack: Stack) -> tuple[NDArray[np.int16], Affine, tuple[Finding, ...]]:
    """The block (k, j, i) of a stack as a right-angled even grid whose axes run nearest to LPS +z, +y, +x.

    Gives the array (C order), its affine and findings: `geo.orient` (axes put in order), `geo.oblique` (resampled).
    Outside the slices is air, -1024. No resampling, and not one changed value, where the stack is even and straight.
    """
    own = np.stack([stack.normal, stack.column, stack.row])
    order, signs, degrees = nearest_axes(own)
    findings: list[Finding] = []
    if order[0] != 0:
        findings.append(find("geo.orient", found=plane_of(stack.normal)))
    oblique = degrees > OBLIQUE_FROM_DEGREES
    if oblique:
        if not stack.shear.any():
            findings.append(find("geo.oblique", found=f"{degrees:.1f} degrees"))
        block, affine = _resampled(block, stack, BODY)
    elif stack.shear.any():
        block, affine = _resampled(block, stack, signs[:, None] * own[order])
    else:
        block, affine = even_slices(block, stack)
    block, affine = canonical(block, affine)
    return np.ascontiguousarray(block), rounded(affine), tuple(findings)


def nearest_axes(own: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64], float]:
    """Which of the own axes (rows, unit vectors) runs along z, y, x, with which sign, and the largest angle between."""
    products = own @ BODY.T
    order = np.full(3, -1)
    free = np.abs(products).copy()
    for _ in range(3):
        mine, body = np.unravel_index(np.argmax(free), free.shape)
        order[body] = mine
        free[mine, :] = free[:, body] = -1
    chosen = products[order, np.arange(3)]
    return order, np.sign(chosen), float(np.degrees(np.arccos(np.clip(np.abs(chosen).min(), 0, 1))))


def even_slices(block: NDArray[np.int16], stack: Stack) -> tuple[NDArray[np.int16], Affine]:
    """The block with even spacing along the normal: itself, or blends of the two slices beside each place."""
    affine = np.eye(4)
    affine[:3, 0] = stack.normal * stack.step
    affine[:3, 1] = stack.column * stack.spacing[0]
    affine[:3, 2] = stack.row * stack.spacing[1]
    affine[:3, 3] = stack.positions[0]
    if stack.even:
        return block, affine
    heights = stack.heights
    n = int(np.floor((heights[-1] - heights[0]) / stack.step + 1e-3)) + 1
    places = np.interp(heights[0] + stack.step * np.arange(n), heights, np.arange(len(heights)))
    even = np.empty((n, *block.shape[1:]), np.int16)
    for k, place in enumerate(places):
        below = min(int(place), len(block) - 2)
        weight = np.float32(place - below)
        even[k] = np.rint(block[below] * (1 - weight) + block[below + 1] * weight)
    return even, affine


def _resampled(block: NDArray[np.int16], stack: Stack, axes: NDArray[np.float64]) -> tuple[NDArray[np.int16], Affine]:
    """Trilinear values at the points of a right-angled grid along `axes` (rows k, j, i), each slice where it truly lies."""
    origin, steps, shape = _grid(stack, axes)
    out = np.full(shape, AIR, np.int16)
    directions = axes * steps[:, None]
    plane = (
        origin + np.arange(shape[1])[:, None, None] * directions[1] + np.arange(shape[2])[None, :, None] * directions[2]
    )
    for k in range(shape[0]):
        at = _index_of(plane + k * directions[0], stack)
        out[k] = np.rint(map_coordinates(block, at, np.float32, order=1, mode="constant", cval=AIR, prefilter=False))
    affine = np.eye(4)
    affine[:3, :3] = directions.T
    affine[:3, 3] = origin
    return out, affine


def _index_of(points: NDArray[np.float64], stack: Stack) -> NDArray[np.float64]:
    """Fractional (k, j, i), stacked first, of LPS points (..., 3) in a stack whose slices may lie unevenly and sheared."""
    heights = stack.heights
    height = points @ stack.normal
    n = np.arange(len(heights), dtype=float)
    k = np.interp(height, heights, n, left=-2.0, right=len(heights) + 1.0)
    first = [np.interp(height, heights, stack.positions @ axis) for axis in (stack.column, stack.row)]
    j = (points @ stack.column - first[0]) / stack.spacing[0]
    i = (points @ stack.row - first[1]) / stack.spacing[1]
    return np.stack([k, j, i])


def _grid(
    stack: Stack, axes: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[int, int, int]]:
    """Origin, steps (k, j, i) mm and shape of the grid along `axes` that holds the slices.

    Along k it runs as far as the middle of the slices does, so that a tilted stack does not end in half-empty slices.
    """
    shape = stack.shape
    steps = _steps(stack, axes)
    far = np.array([stack.column * stack.spacing[0] * (shape[0] - 1), stack.row * stack.spacing[1] * (shape[1] - 1)])
    corners = np.array([np.zeros(3), far[0], far[1], far[0] + far[1]])
    points = (stack.positions[[0, -1]][:, None] + corners).reshape(-1, 3) @ axes.T
    low, high = points.min(axis=0), points.max(axis=0)
    if plane_of(stack.normal) == "axial" and np.abs(axes[0] @ stack.normal) > np.cos(np.radians(35)):
        middle = (stack.positions[[0, -1]] + far.sum(axis=0) / 2) @ axes[0]
        low[0], high[0] = middle.min(), middle.max()
    n = np.floor((high - low) / steps + 1e-3) + 1
    own = (stack.heights[-1] - stack.heights[0]) / stack.step * shape[0] * shape[1]
    if n.prod() > max(MOST_GROWN * own, SMALL):
        found = f"{n.prod() / own:.0f} times as many voxels upright"
        raise InputError(find("geo.drift", found=found, expected=f"at most {MOST_GROWN}", tag=POSITION_TAG))
    return axes.T @ low, steps, (int(n[0]), int(n[1]), int(n[2]))


def _steps(stack: Stack, axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steps (k, j, i): those of the stack's own nearest axes; along the normal as the slices advance along that axis."""
    own = np.stack([stack.normal, stack.column, stack.row])
    nearest = np.argmax(np.abs(axes @ own.T), axis=1)
    advance = (stack.positions[-1] - stack.positions[0]) / (stack.heights[-1] - stack.heights[0]) * stack.step
    own_steps = [float(np.abs(advance @ axes[list(nearest).index(0)])) if 0 in nearest else stack.step, *stack.spacing]
    return np.array([own_steps[index] for index in nearest])


def canonical(block: NDArray[Any], affine: Affine) -> tuple[NDArray[Any], Affine]:
    """Permute and flip an array, losslessly, so that its axes run nearest to LPS +z, +y, +x. A view."""
    own = (affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)).T
    order, signs, _ = nearest_axes(own)
    turned = block.transpose(order)
    matrix = affine[:3, :3][:, order]
    origin = affine[:3, 3].copy()
    for axis in range(3):
        if signs[axis] < 0:
            turned = np.flip(turned, axis)
            origin = origin + matrix[:, axis] * (turned.shape[axis] - 1)
            matrix[:, axis] *= -1
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = matrix, origin
    return turned, result


def rounded(affine: Affine) -> Affine:
    """The affine as single precision (all that NIfTI keeps) and rounded: 1e-6 in directions times spacing, 1e-4 mm in the origin.

    So the same scan lies at the same numbers in every format.
    """
    single = affine.astype(np.float32).astype(np.float64)
    tidy = np.round(single, DIRECTION_DECIMALS)
    tidy[:3, 3] = np.round(single[:3, 3], ORIGIN_DECIMALS)
    return tidy + 0.0  # no negative zeros
