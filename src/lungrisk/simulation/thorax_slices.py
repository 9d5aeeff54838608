"""The chest as Hounsfield units: organs by signed distance on a coarse grid, their edges at the scan's own resolution."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from lungrisk.core.geometry import Affine, axis_affine
from lungrisk.simulation.scanners import MATRIX, Scanner
from lungrisk.simulation.shapes import Floats, coverage, ellipsoid, paint
from lungrisk.simulation.thorax import (
    APEX_Z,
    BASE_Z,
    SPINE_R,
    SPINE_Y,
    Thorax,
    cage_distance,
    floor_height,
    lung_distance,
    organ_distance,
)

Lay: TypeAlias = Callable[[Floats, Floats | float], None]
STEP = 4  # pixels between the nodes of the coarse grid
AIR, FAT, MUSCLE, BLOOD, LIVER, SPLEEN, MARROW, CORTEX, CARTILAGE = (
    -1000.0, -100.0, 50.0, 42.0, 58.0, 48.0, 190.0, 620.0, 110.0
)  # fmt: skip
MEDIASTINUM = -40.0  # fat between vessels and nodes
WALL_MM = 15.0  # ribs and muscle
RIBS_MM = 27.0  # from rib to rib
ABOVE_MM, BELOW_MM = 22.0, 18.0  # scanned beyond the lungs


def scan_affine(thorax: Thorax, scanner: Scanner) -> tuple[int, Affine]:
    """Number of slices and the affine of the scan's grid in the chest's own frame."""
    low, high = BASE_Z * thorax.size - BELOW_MM, APEX_Z * thorax.size + ABOVE_MM
    half = (MATRIX - 1) / 2 * scanner.pixel_mm
    spacing = (scanner.spacing_mm, scanner.pixel_mm, scanner.pixel_mm)
    return int((high - low) / scanner.spacing_mm) + 1, axis_affine(spacing, (-half, -half, low))


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """x (1, i), y (j, 1), z (k,) in mm of the scan's voxels, and of the nodes of the coarse grid."""

    x: Floats
    y: Floats
    z: Floats
    coarse_x: Floats
    coarse_y: Floats

    @classmethod
    def of(cls, slices: int, affine: Affine) -> "Grid":
        """The grid of a straight affine."""
        pixel = float(affine[0, 2])
        fine = np.arange(MATRIX, dtype=np.float32) * pixel
        coarse = np.arange(0, MATRIX + STEP, STEP, dtype=np.float32) * pixel
        x0, y0, z0 = (float(one) for one in affine[:3, 3])
        z = np.arange(slices, dtype=np.float32) * float(affine[2, 0]) + z0
        return cls(
            x=(fine + x0)[None],
            y=(fine + y0)[:, None],
            z=z,
            coarse_x=(coarse + x0)[None],
            coarse_y=(coarse + y0)[:, None],
        )


def refine(coarse: Floats) -> Floats:
    """A smooth field from the nodes of the coarse grid to the pixels, by lines between the nodes; (n + 1, n + 1) to (4n, 4n)."""
    n = len(coarse) - 1
    rows = np.empty((n, STEP, n + 1), np.float32)
    for m in range(STEP):
        rows[:, m] = coarse[:-1] + (coarse[1:] - coarse[:-1]) * (m / STEP)
    flat = rows.reshape(n * STEP, n + 1)
    fine = np.empty((n * STEP, n, STEP), np.float32)
    for m in range(STEP):
        fine[:, :, m] = flat[:, :-1] + (flat[:, 1:] - flat[:, :-1]) * np.float32(m / STEP)
    return fine.reshape(n * STEP, n * STEP)


def chest_slices(thorax: Thorax, grid: Grid, edge_mm: float) -> Floats:
    """The chest without vessels, airways, nodules and noise: (k, j, i) float32 HU."""
    hu = np.empty((len(grid.z), MATRIX, MATRIX), np.float32)
    for plane, z in zip(hu, grid.z.tolist(), strict=True):
        plane[:] = _slice(thorax, grid, z, edge_mm)
    return hu


def _slice(thorax: Thorax, grid: Grid, z: float, edge_mm: float) -> Floats:
    x, y, nodes = grid.x, grid.y, (grid.coarse_x, grid.coarse_y, np.float32(z))
    hu = np.full((MATRIX, MATRIX), AIR, np.float32)

    def lay(distance: Floats, value: Floats | float) -> None:
        paint(hu, coverage(distance, edge_mm), value)

    _table(thorax, lay, x, y)
    skin, cage = _skin(thorax, *nodes), cage_distance(thorax, *nodes)
    lay(refine(skin), FAT)
    lay(refine(np.maximum(skin + thorax.fat_mm, -1e3)), MUSCLE)
    fine_cage = refine(cage)
    lay(fine_cage + 1.5, MEDIASTINUM)
    organs = refine(organ_distance(thorax, *nodes))
    below = refine(floor_height(thorax, *nodes[:2])) - np.float32(z)
    if below.max() > -4.0:
        lay(np.maximum(fine_cage + 4.0, -below), np.where(x < 12.0, LIVER, SPLEEN).astype(np.float32))
        lay(
            np.maximum(
                ellipsoid((x, y, z), (62.0, -30.0, BASE_Z * thorax.size - 8.0), (30.0, 24.0, 22.0)), 6.0 - below
            ),
            AIR,
        )
    lay(organs, BLOOD)
    _ribs(lay, fine_cage, x, y, z)
    _spine(lay, x, y, z)
    lungs = refine(lung_distance(thorax, *nodes))
    if lungs.min() < edge_mm:
        lay(lungs, thorax.lung_hu + np.float32(0.4) * y)  # the lower side of a lying patient is denser
    return hu


def _skin(thorax: Thorax, x: Floats, y: Floats, z: np.float32) -> Floats:
    """Signed distance to the skin: wider at the shoulders, with breasts in some."""
    wall = WALL_MM + thorax.fat_mm
    above = max(0.0, float(z) - 45.0)
    radii = (thorax.half_width_mm + wall + 1.1 * above, thorax.half_depth_mm + wall + 4.0 - 0.12 * above)
    skin = ellipsoid((x, y), (0.0, 2.0), radii)
    if thorax.breasts:
        for side in (-1, 1):
            breast = ellipsoid((x, y, z), (side * 68.0, -radii[1] + 12.0, -20.0), (56.0, 34.0 + thorax.fat_mm, 62.0))
            skin = np.minimum(skin, breast)
    return skin


def _table(thorax: Thorax, lay: Lay, x: Floats, y: Floats) -> None:
    top = thorax.half_depth_mm + WALL_MM + thorax.fat_mm + 8.0
    bend = y - top - np.float32(16.0) + (x / 60.0) ** 2
    for depth, value in ((0.0, 60.0), (2.5, -880.0)):
        lay(np.maximum(np.abs(x) - 205.0 + depth, np.abs(bend) - 12.0 + depth), value)


def _ribs(lay: Lay, cage: Floats, x: Floats, y: Floats, z: float) -> None:
    half = RIBS_MM / 2
    height = np.abs((z + np.float32(0.42) * y + np.float32(9.0)) % RIBS_MM - half) - 5.0
    rib = np.maximum(np.maximum(np.abs(cage - 6.0) - 3.8, 0.85 * height), 22.0 - np.abs(x))
    front = np.clip((-y - 40.0) / 12.0, 0.0, 1.0)  # towards the breastbone ribs are cartilage
    lay(rib, CORTEX + np.float32(CARTILAGE - CORTEX) * front)
    lay(rib + 1.9, MARROW + np.float32(CARTILAGE - MARROW) * front)
    if z > -90.0:
        breastbone = np.abs(x) - np.where(y < 0, np.float32(17.0), np.float32(-99.0))
        lay(np.maximum(np.abs(cage - 5.0) - 6.0, breastbone).astype(np.float32), MARROW)


def _spine(lay: Lay, x: Floats, y: Floats, z: float) -> None:
    disc = (z % 25.0) < 5.5
    body = ellipsoid((x, y), (0.0, SPINE_Y), (SPINE_R, SPINE_R - 2.0))
    back = ellipsoid((np.abs(x), y), (12.0, SPINE_Y + 24.0), (22.0, 7.0))
    thorn = ellipsoid((x, y), (0.0, SPINE_Y + 38.0), (3.5, 14.0))
    canal = ellipsoid((x, y), (0.0, SPINE_Y + 22.0), (9.0, 8.0))
    lay(body, 70.0 if disc else CORTEX)
    lay(body + 2.0, 70.0 if disc else MARROW)
    if not disc:
        lay(np.minimum(back, thorn), CORTEX)
        lay(np.minimum(back, thorn) + 2.2, MARROW)
    lay(canal, 30.0)
