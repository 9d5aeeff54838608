"""The chest as Hounsfield units: organs by signed distance on a coarse grid, their edges at the scan's own resolution."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import zoom

from lungrisk.core.geometry import Affine, axis_affine
from lungrisk.simulation.bones import Lay, lay_ribs, lay_shoulders, lay_spine
from lungrisk.simulation.scanners import MATRIX, Scanner
from lungrisk.simulation.shapes import Floats, coverage, ellipsoid, paint
from lungrisk.simulation.thorax import (
    APEX_Z,
    BASE_Z,
    Thorax,
    cage_distance,
    floor_height,
    lung_limits,
    organ_distance,
)

STEP = 4  # pixels between the nodes of the coarse grid
AIR, FAT, MUSCLE, BLOOD, LIVER, SPLEEN = -1000.0, -100.0, 50.0, 42.0, 58.0, 48.0
MEDIASTINUM = -75.0  # fat between vessels and nodes
WALL_MM = 17.0  # ribs and muscle
ABOVE_MM, BELOW_MM = 22.0, 18.0  # scanned beyond the lungs
LOWER_HU = 0.4  # a millimetre: the lower side of a lying patient is denser
PATCH_MM, PATCH_HU = 14.0, 11.0  # lungs are not even
EMPHYSEMA_HU = 75.0
FISSURE, FISSURE_MM = 0.2, 1.4  # its density, as share of tissue, and half its width


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
        return cls(
            x=(fine + x0)[None],
            y=(fine + y0)[:, None],
            z=np.arange(slices, dtype=np.float32) * float(affine[2, 0]) + z0,
            coarse_x=(coarse + x0)[None],
            coarse_y=(coarse + y0)[:, None],
        )


def refine(coarse: Floats) -> Floats:
    """A smooth field from the nodes of the coarse grid to the pixels, by lines between the nodes; (n + 1, n + 1) to (4n, 4n).

    >>> refine(np.arange(9, dtype=np.float32).reshape(3, 3))[0].tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]
    """
    n = len(coarse) - 1
    rows = np.empty((n, STEP, n + 1), np.float32)
    for m in range(STEP):
        rows[:, m] = coarse[:-1] + (coarse[1:] - coarse[:-1]) * (m / STEP)
    flat = rows.reshape(n * STEP, n + 1)
    fine = np.empty((n * STEP, n, STEP), np.float32)
    for m in range(STEP):
        fine[:, :, m] = flat[:, :-1] + (flat[:, 1:] - flat[:, :-1]) * np.float32(m / STEP)
    return fine.reshape(n * STEP, n * STEP)


def chest_slices(thorax: Thorax, grid: Grid, edge_mm: float, rng: np.random.Generator) -> Floats:
    """The chest without vessels, airways, nodules and noise: (k, j, i) float32 HU."""
    hu = np.empty((len(grid.z), MATRIX, MATRIX), np.float32)
    patches = _patches(grid, rng)
    for plane, z, patch in zip(hu, grid.z.tolist(), patches, strict=True):
        plane[:] = _slice(thorax, grid, z, edge_mm, patch)
    return hu


def _patches(grid: Grid, rng: np.random.Generator) -> Floats:
    """A smooth random field of deviation about 1 on the coarse nodes of every slice."""
    lengths = (float(np.ptp(grid.z)), float(np.ptp(grid.coarse_y)), float(np.ptp(grid.coarse_x)))
    shape = (len(grid.z), grid.coarse_y.size, grid.coarse_x.size)
    few = rng.standard_normal(tuple(int(length / PATCH_MM) + 2 for length in lengths), np.float32)
    factor = [many / some for many, some in zip(shape, few.shape, strict=True)]
    return np.asarray(1.5 * zoom(few, factor, order=1, mode="nearest"), np.float32)


def _slice(thorax: Thorax, grid: Grid, z: float, edge_mm: float, patch: Floats) -> Floats:
    x, y, nodes = grid.x, grid.y, (grid.coarse_x, grid.coarse_y, np.float32(z))
    hu = np.full((MATRIX, MATRIX), AIR, np.float32)

    def lay(distance: Floats, value: Floats | float) -> None:
        paint(hu, coverage(distance, edge_mm), value)

    _table(thorax, lay, x, y)
    skin, cage = _skin(thorax, *nodes), refine(cage_distance(thorax, *nodes))
    lay(refine(skin), FAT)
    lay(refine(_muscle(thorax, *nodes)), MUSCLE)
    lay_shoulders(lay, (thorax.half_width_mm, thorax.half_depth_mm), (x, y, z))
    lay(cage + 1.5, MEDIASTINUM)
    _belly(thorax, lay, cage, (x, y, z), refine(floor_height(thorax, *nodes[:2])) - np.float32(z))
    lay(refine(organ_distance(thorax, *nodes)), BLOOD)
    lay(ellipsoid((x, y), (3.0, 31.0), (9.0, 6.0)), MUSCLE)  # the gullet
    lay_ribs(lay, cage, x, y, z)
    lay_spine(lay, x, y, z)
    lungs = np.maximum(cage, refine(lung_limits(thorax, *nodes)))  # refined apart: together they form wedges
    if lungs.min() < edge_mm:
        lay(lungs, _parenchyma(thorax, grid, z, patch))
    return hu


def _parenchyma(thorax: Thorax, grid: Grid, z: float, patch: Floats) -> Floats:
    """HU of the lungs of a slice: denser below, uneven, with emphysema above in some, and the great fissures."""
    upper = 1.0 / (1.0 + np.exp(-(z - 20.0) / 25.0))
    coarse = thorax.lung_hu + LOWER_HU * grid.coarse_y + PATCH_HU * patch
    coarse = coarse - np.float32(EMPHYSEMA_HU * thorax.emphysema * upper) * np.clip(patch - 0.3, 0.0, 1.0)
    hu = refine(np.asarray(coarse, np.float32))
    fissure = np.abs(np.float32(0.775) * grid.y - np.float32(0.63 * z + 8.0) + grid.x**2 * np.float32(0.0011))
    return hu - np.float32(FISSURE) * np.maximum(1.0 - fissure / np.float32(FISSURE_MM), 0.0) * hu


def _belly(thorax: Thorax, lay: Lay, cage: Floats, place: tuple[Floats, Floats, float], below: Floats) -> None:
    """Liver on the right, spleen and stomach with its gas on the left, under the diaphragm. below: depth under it, mm."""
    x, y, z = place
    if below.max() <= -4.0:
        return
    lay(np.maximum(cage + 4.0, -below), np.where(x < 12.0, LIVER, SPLEEN).astype(np.float32))
    gas = ellipsoid((x, y, z), (62.0, -30.0, BASE_Z * thorax.size - 8.0), (30.0, 24.0, 22.0))
    lay(np.maximum(gas, 6.0 - below), AIR)


def _skin(thorax: Thorax, x: Floats, y: Floats, z: np.float32) -> Floats:
    """Signed distance to the skin: wider at the shoulders, with breasts in some."""
    wall = WALL_MM + thorax.fat_mm
    above = max(0.0, float(z) - 45.0)
    radii = (thorax.half_width_mm + wall + 1.1 * above, thorax.half_depth_mm + wall + 4.0 - 0.12 * above)
    skin = ellipsoid((x, y), (0.0, 2.0), radii)
    if thorax.breasts:
        for side in (-1, 1):
            breast = ellipsoid(
                (x, y, z), (side * 70.0, -radii[1] + 14.0, -20.0), (62.0, 24.0 + 0.5 * thorax.fat_mm, 62.0)
            )
            skin = np.minimum(skin, breast)
    return skin


def _muscle(thorax: Thorax, x: Floats, y: Floats, z: np.float32) -> Floats:
    """Signed distance to the muscles: about the ribs, thick in front above, beside the spine and at the shoulders."""
    above = max(0.0, float(z) - 45.0)
    radii = (thorax.half_width_mm + WALL_MM - 2.0 + 1.0 * above, thorax.half_depth_mm + WALL_MM - 4.0 - 0.1 * above)
    muscle = ellipsoid((x, y), (0.0, 2.0), radii)
    for side in (-1, 1):
        back = ellipsoid((x, y), (side * 32.0, thorax.half_depth_mm + 8.0), (26.0, 17.0))
        chest = ellipsoid((x, y, z), (side * 62.0, -thorax.half_depth_mm - 6.0, 50.0), (48.0, 17.0, 45.0))
        muscle = np.minimum(muscle, np.minimum(back, chest))
    return np.maximum(muscle, _skin_inset(thorax, x, y, z))


def _skin_inset(thorax: Thorax, x: Floats, y: Floats, z: np.float32) -> Floats:
    return _skin(thorax, x, y, z) + min(thorax.fat_mm, 4.0)


def _table(thorax: Thorax, lay: Lay, x: Floats, y: Floats) -> None:
    top = thorax.half_depth_mm + WALL_MM + thorax.fat_mm + 8.0
    bend = y - top - np.float32(16.0) + (x / 60.0) ** 2
    for depth, value in ((0.0, 60.0), (2.5, -880.0)):
        lay(np.maximum(np.abs(x) - 205.0 + depth, np.abs(bend) - 12.0 + depth), value)
