"""Soft-edged shapes on a grid: signed distances in mm, negative inside, and painting by partial volume."""

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lungrisk.core.geometry import Affine, Triple, apply_affine

Floats: TypeAlias = NDArray[np.float32]


def ellipsoid(points: tuple[ArrayLike, ...], centre: tuple[float, ...], radii: tuple[float, ...]) -> Floats:
    """Signed distance to an ellipse or ellipsoid, mm, of first order: exact on a ball, right near any surface.

    points: one array an axis, mm; centre and radii: mm, one an axis.

    >>> float(ellipsoid((10.0, 0.0), (0.0, 0.0), (4.0, 4.0)))
    6.0
    """
    offsets = [np.asarray(one, np.float32) - place for one, place in zip(points, centre, strict=True)]
    k0 = np.sqrt(sum((one / radius) ** 2 for one, radius in zip(offsets, radii, strict=True)))
    k1 = np.sqrt(sum((one / radius**2) ** 2 for one, radius in zip(offsets, radii, strict=True)))
    return np.asarray(k0 * (k0 - 1.0) / np.maximum(k1, 1e-6), np.float32)


def coverage(distance: NDArray[np.floating], edge_mm: float) -> Floats:
    """Share of a voxel inside the shape, 0..1; edge_mm: width of the soft edge.

    >>> coverage(np.array([-9.0, 0.0, 9.0]), 1.0).tolist()
    [1.0, 0.5, 0.0]
    """
    return np.asarray(np.clip(0.5 - distance / edge_mm, 0.0, 1.0), np.float32)


def paint(hu: Floats, share: Floats, value: ArrayLike) -> None:
    """Mix `value` (HU) into hu where the share is above 0, in place."""
    hu += share * (np.asarray(value, np.float32) - hu)


def around(
    affine: Affine, shape: tuple[int, ...], low: ArrayLike, high: ArrayLike
) -> tuple[slice, slice, slice] | None:
    """The box of voxels of a straight grid between two LPS points, mm; None where it is empty."""
    ends = apply_affine(np.asarray(np.linalg.inv(affine), np.float64), np.stack([np.asarray(low), np.asarray(high)]))
    start = np.clip(np.floor(ends.min(axis=0)), 0, shape).astype(int)
    stop = np.clip(np.ceil(ends.max(axis=0)) + 1, 0, shape).astype(int)
    if (stop <= start).any():
        return None
    k, j, i = (slice(a, b) for a, b in zip(start.tolist(), stop.tolist(), strict=True))
    return k, j, i


def places(affine: Affine, box: tuple[slice, slice, slice]) -> tuple[Floats, Floats, Floats]:
    """x, y, z in mm of a box of a straight grid, ready to broadcast to (k, j, i)."""
    k, j, i = (np.arange(one.start, one.stop, dtype=np.float32) for one in box)
    x = np.float32(affine[0, 2]) * i + np.float32(affine[0, 3])
    y = np.float32(affine[1, 1]) * j + np.float32(affine[1, 3])
    z = np.float32(affine[2, 0]) * k + np.float32(affine[2, 3])
    return x[None, None, :], y[None, :, None], z[:, None, None]


def paint_tube(hu: Floats, affine: Affine, tube: tuple[Triple, Triple, float], value: float) -> None:
    """Paint a tube with round ends, in place. tube: two ends (LPS mm) and a radius (mm). Keeps what is denser already."""
    start, end, radius = np.asarray(tube[0]), np.asarray(tube[1]), tube[2]
    edge_mm = abs(float(affine[1, 1]))
    margin = radius + edge_mm
    box = around(affine, hu.shape, np.minimum(start, end) - margin, np.maximum(start, end) + margin)
    if box is None:
        return
    x, y, z = places(affine, box)
    dx, dy, dz = (end - start).tolist()
    length = max(dx * dx + dy * dy + dz * dz, 1e-6)
    along = np.clip(((x - start[0]) * dx + (y - start[1]) * dy + (z - start[2]) * dz) / length, 0.0, 1.0)
    distance = np.sqrt(
        (x - start[0] - along * dx) ** 2 + (y - start[1] - along * dy) ** 2 + (z - start[2] - along * dz) ** 2
    )
    crop = hu[box]
    share = coverage(distance - radius, edge_mm) * min(1.0, (2.0 * radius / edge_mm) ** 2)
    paint(crop, np.where(value > crop, share, 0.0), value)
