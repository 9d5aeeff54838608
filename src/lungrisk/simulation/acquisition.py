"""From a drawn patient to the scan: chest, vessels, airways and nodules as the scanner would show them, and its noise."""

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.geometry import Affine, Triple
from lungrisk.simulation.nodule_forms import paint_nodule
from lungrisk.simulation.patients import Patient, stream
from lungrisk.simulation.scanners import Scanner
from lungrisk.simulation.shapes import Floats, around, places
from lungrisk.simulation.thorax import Tube, lung_distance
from lungrisk.simulation.thorax_slices import Grid, chest_slices, scan_affine

SOFT_BLUR_MM, SHARP_BLUR_MM = 0.55, 0.3  # sd of the point spread in the plane
SOFT_EDGE, SHARP_EDGE = 1.7, 1.0  # width of edges, pixels
VESSEL_HU, AIRWAY_HU, AIRWAY_AIR = 40.0, 20.0, -1000.0
AIRWAYS: tuple[Tube, ...] = (
    ((0.0, 8.0, 400.0), (0.0, 14.0, 26.0), 8.5),
    ((0.0, 14.0, 26.0), (-32.0, 14.0, 6.0), 6.2),
    ((0.0, 14.0, 26.0), (38.0, 16.0, 0.0), 5.6),
)
WALL = 1.28  # outer over inner radius
DARKEST, BRIGHTEST = -1024, 3071
OUTSIDE = -1024  # beyond the reconstructed circle; how that is stored is the scanner's habit


def scan_patient(patient: Patient) -> tuple[NDArray[np.int16], Affine, NDArray[np.bool_]]:
    """The scan of a patient: HU (k, j, i), the affine in the chest's own frame, and what lies in the circle, (j, i)."""
    scanner, thorax = patient.scanner, patient.thorax
    slices, affine = scan_affine(thorax, scanner)
    grid = Grid.of(slices, affine)
    blur_mm, edge = (SHARP_BLUR_MM, SHARP_EDGE) if scanner.sharp else (SOFT_BLUR_MM, SOFT_EDGE)
    hu = chest_slices(thorax, grid, edge * scanner.pixel_mm, stream(patient.key, "patches"))
    width = (scanner.thickness_mm / 12**0.5, (blur_mm**2 + scanner.pixel_mm**2 / 12) ** 0.5)
    for tube in thorax.vessels:
        paint_thread(hu, affine, tube, width, VESSEL_HU)
    airways = (*AIRWAYS, *thorax.airways)
    for start, end, radius in airways:
        paint_thread(hu, affine, (start, end, radius * WALL), width, AIRWAY_HU)
    for tube in airways:
        paint_thread(hu, affine, tube, width, AIRWAY_AIR)
    for nodule in patient.nodules:
        paint_nodule(hu, affine, nodule, blur_mm)
    _add_noise(hu, grid, stream(patient.key, "noise"), scanner)
    circle = grid.x**2 + grid.y**2 <= (scanner.field_mm / 2) ** 2
    np.rint(hu, out=hu)
    np.clip(hu, DARKEST, BRIGHTEST, out=hu)
    whole = hu.astype(np.int16)
    whole[:, ~circle] = OUTSIDE
    return whole, affine, circle


def drawn_lungs(patient: Patient) -> NDArray[np.uint8]:
    """The lungs as drawn on the scan's grid, (k, j, i): 0 outside, 1 left, 2 right. Vessels and nodules belong to them."""
    slices, affine = scan_affine(patient.thorax, patient.scanner)
    grid = Grid.of(slices, affine)
    side = np.where(grid.x > 0, 1, 2).astype(np.uint8)
    return np.stack([(lung_distance(patient.thorax, grid.x, grid.y, z) < 0) * side for z in grid.z])


def paint_thread(hu: Floats, affine: Affine, tube: Tube, width: tuple[float, float], value: float) -> None:
    """Paint a tube, in place, as a scanner blurs it: thin ones as the closed form of a blurred line, thick ones as a soft edge.

    tube: two ends (LPS mm) and a radius (mm). width: sd of the blur across slices and in the plane, mm. Both are handled in
    a space that is stretched until the blurred tube is round there.
    """
    start, end, radius = np.asarray(tube[0]), np.asarray(tube[1]), tube[2]
    spread = np.sqrt(np.square([width[1], width[1], width[0]]) + radius**2 / 4)  # of a blurred disc, x, y, z
    margin = 2.6 * spread
    box = around(affine, hu.shape, np.minimum(start, end) - margin, np.maximum(start, end) + margin)
    if box is None:
        return
    x, y, z = (
        np.float32(1 / one) * (place - np.float32(begin))
        for place, begin, one in zip(places(affine, box), start, spread, strict=True)
    )
    dx, dy, dz = ((end - start) / spread).tolist()
    long = max(dx * dx + dy * dy + dz * dz, 1e-6)
    along = np.clip((x * dx + y * dy + z * dz) / long, 0.0, 1.0)
    square = (x - along * dx) ** 2 + (y - along * dy) ** 2 + (z - along * dz) ** 2
    way = (end - start) / max(float(np.linalg.norm(end - start)), 1e-6)
    area = float(np.prod(spread) * np.linalg.norm(way / spread))  # product of the two spreads across the tube
    share = np.minimum(radius**2 / (2 * area) * np.exp(-0.5 * square), 1.0)
    crop = hu[box]
    change = share * (np.float32(value) - crop)
    crop += np.maximum(change, 0.0) if value > -500 else change


def _add_noise(hu: Floats, grid: Grid, rng: np.random.Generator, scanner: Scanner) -> None:
    """Noise of the kernel's texture in each slice: more in the middle and at the shoulders, as fewer rays come through."""
    radius = (grid.x**2 + grid.y**2) / (scanner.field_mm / 2) ** 2
    across = (1.25 - 0.6 * np.minimum(radius, 1.0)).astype(np.float32)
    taps = np.array([-0.22, 1.0, -0.22] if scanner.sharp else [0.5, 1.0, 0.5], np.float32)
    taps /= float((taps**2).sum()) ** 0.5
    for plane, z in zip(hu, grid.z.tolist(), strict=True):
        white = rng.standard_normal((plane.shape[0] + 2, plane.shape[1] + 2), np.float32)
        rows = taps[0] * white[:-2] + taps[1] * white[1:-1] + taps[2] * white[2:]
        noise = taps[0] * rows[:, :-2] + taps[1] * rows[:, 1:-1] + taps[2] * rows[:, 2:]
        shoulders = 1.0 + 0.5 / (1.0 + np.exp(-(z - 90.0) / 12.0))
        plane += noise * across * np.float32(scanner.noise_hu * shoulders)


def in_scan(patient: Patient, point: Triple) -> Triple:
    """A place of the chest's own frame in the scan's LPS mm."""
    x, y, z = (round(one + shift, 3) for one, shift in zip(point, patient.origin_mm, strict=True))
    return x, y, z
