"""The look of a simulated nodule: lobes, spicules, solid part, margin and texture, averaged over each voxel of the scan."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from lungrisk.core.geometry import Affine, spacing_of
from lungrisk.simulation.patients import Nodule
from lungrisk.simulation.shapes import Floats, around, coverage

FINE_MM = 0.5  # nothing smaller than this is drawn
DIRECTIONS = 500
SPIKES_FROM = 1.6  # spiculation from which spicules are seen
SPIKES_LEAST, SPIKES_MM = 12.0, 1.3  # their number at 5: so many, and so many more a millimetre of diameter
SPIKE_MM, SPIKE_R = (3.0, 11.0), (1.7, 0.5)  # length beyond the surface; radius at root and tip
CORE_EDGE_MM = 4.0  # the solid part fades into the ground glass
FAINT = ("part-solid", "ground-glass")
SOLID_HU = 20.0
SPIKE_HU, FAINT_SPIKE_HU = 0.0, -300.0
LOBE, BUMP = (0.45, 13.0), (0.16, 36.0)  # height as share of the radius, and how narrow


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A nodule's surface: its radius in each direction is base_mm times an ellipsoid's (axes) times 1 + its swellings.

    swellings: (n, 5), direction, height, narrowness. spikes: (n, 5), direction, length in mm, thickness.
    """

    base_mm: float
    axes: Floats
    swellings: Floats
    spikes: Floats
    margin_mm: float


def draw_form(nodule: Nodule, rng: np.random.Generator) -> Form:
    """The surface of a nodule; its volume without spicules is that of the ball of its diameter."""
    axes = np.clip(rng.normal(1.0, 0.04 + 0.025 * nodule.lobulation, size=3), 0.75, 1.3).astype(np.float32)
    strength = (max(0.0, nodule.spiculation - SPIKES_FROM) / (5.0 - SPIKES_FROM)) ** 0.7
    lobes = _swellings(rng, int(rng.integers(6, 10)), LOBE, ((nodule.lobulation - 1.0) / 4.0) ** 0.8)
    bumps = _swellings(rng, 24, BUMP, max(strength, 0.6 if nodule.kind in FAINT else 0.0))
    swellings = np.concatenate([lobes, bumps])
    base = nodule.diameter_mm / 2 / float(np.cbrt((_radius(_sphere(DIRECTIONS), axes, swellings) ** 3).mean()))
    number = int(np.ceil((SPIKES_LEAST + SPIKES_MM * nodule.diameter_mm) * strength))
    lengths = rng.uniform(*SPIKE_MM, size=(number, 1)) * (0.5 + 0.5 * strength) * min(1.0, nodule.diameter_mm / 12.0)
    spikes = np.hstack([_directions(rng, number), lengths, rng.uniform(0.7, 1.2, size=(number, 1))])
    margin = {"solid": 0.5, "calcified": 0.4, "part-solid": 2.0, "ground-glass": 2.6}[nodule.kind]
    return Form(base_mm=base, axes=axes, swellings=swellings, spikes=spikes.astype(np.float32), margin_mm=margin)


def paint_nodule(hu: Floats, affine: Affine, nodule: Nodule, blur_mm: float) -> None:
    """Paint a nodule into (k, j, i) HU in place: drawn finely, blurred in the plane by blur_mm (sd), averaged over voxels."""
    rng = np.random.default_rng([*nodule.form, 77])
    form = draw_form(nodule, rng)
    reach = 1.6 * nodule.diameter_mm / 2 * float(form.axes.max()) + 3.0
    if len(form.spikes):
        reach = max(reach, nodule.diameter_mm / 2 + float(form.spikes[:, 3].max()) + 2.0)
    centre = np.asarray(nodule.centre_mm)
    box = around(affine, hu.shape, centre - reach, centre + reach)
    if box is None:
        return
    parts = tuple(int(np.ceil(one / FINE_MM)) for one in spacing_of(affine))
    axes = [_fine(affine, box[axis], axis, parts[axis]) - centre[2 - axis] for axis in range(3)]
    z, y, x = axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :]
    share, value = _tissue(nodule, form, (x, y, z), rng)
    step = [spacing / part for spacing, part in zip(spacing_of(affine), parts, strict=True)]
    sigma = (0.0, blur_mm / step[1], blur_mm / step[2])
    part, mixed = (_average(gaussian_filter(one, sigma), parts) for one in (share, share * value))
    hu[box] += mixed - part * hu[box]


def _fine(affine: Affine, cut: slice, axis: int, parts: int) -> Floats:
    """Places of the fine grid along an axis of the scan's grid, mm: `parts` a voxel, evenly within it."""
    row = 2 - axis
    offsets = (np.arange(parts) + 0.5) / parts - 0.5
    index = (np.arange(cut.start, cut.stop)[:, None] + offsets[None]).ravel()
    return np.asarray(affine[row, axis] * index + affine[row, 3], np.float32)


def _average(fine: Floats, parts: tuple[int, ...]) -> Floats:
    k, j, i = (length // part for length, part in zip(fine.shape, parts, strict=True))
    return np.asarray(fine.reshape(k, parts[0], j, parts[1], i, parts[2]).mean((1, 3, 5)), np.float32)


def _tissue(
    nodule: Nodule, form: Form, points: tuple[Floats, Floats, Floats], rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Share of the nodule and its HU on the fine grid."""
    x, y, z = points
    away = np.sqrt(x * x + y * y + z * z)
    ways = np.stack([part / np.maximum(away, 1e-3) for part in np.broadcast_arrays(x, y, z)], axis=-1)
    surface = form.base_mm * _radius(ways, form.axes, form.swellings)
    share = coverage(away - surface, form.margin_mm)
    value = np.full(share.shape, nodule.hu, np.float32)
    if nodule.kind in FAINT:
        value += _texture(rng, share.shape, 65.0)
    if nodule.kind == "part-solid":
        off = rng.normal(scale=0.08 * nodule.diameter_mm, size=3)
        core = np.sqrt((x - off[0]) ** 2 + (y - off[1]) ** 2 + (z - off[2]) ** 2)
        ragged = core - surface * nodule.solid_share + _texture(rng, share.shape, 1.2)
        inner = coverage(ragged, CORE_EDGE_MM)
        value += inner * (SOLID_HU - value)
    if nodule.kind == "solid":
        value += _texture(rng, share.shape, 8.0)
    spikes = _spikes(nodule, form, points)
    added = np.maximum(spikes - share, 0.0)
    total, spike_hu = share + added, FAINT_SPIKE_HU if nodule.kind in FAINT else SPIKE_HU
    return total, np.where(total > 0, (share * value + added * spike_hu) / np.maximum(total, 1e-6), nodule.hu)


def _spikes(nodule: Nodule, form: Form, points: tuple[Floats, Floats, Floats]) -> Floats:
    """Share of the spicules: cones from within the nodule to a tip outside."""
    x, y, z = points
    share = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape), np.float32)
    for *way, length, thick in form.spikes.tolist():
        root, tip = 0.7 * nodule.diameter_mm / 2, nodule.diameter_mm / 2 + length
        along = x * way[0] + y * way[1] + z * way[2]
        across = np.sqrt(np.maximum(x * x + y * y + z * z - along * along, 0.0))
        radius = np.interp(along, (root, tip), SPIKE_R).astype(np.float32) * thick
        distance = np.maximum(across - radius, np.maximum(root - along, along - tip))
        np.maximum(share, coverage(distance, 0.7), out=share)
    return share


def _swellings(rng: np.random.Generator, number: int, kind: tuple[float, float], strength: float) -> Floats:
    heights = kind[0] * strength * rng.uniform(0.5, 1.5, size=(number, 1))
    return np.hstack([_directions(rng, number), heights, np.full((number, 1), kind[1])]).astype(np.float32)


def _radius(ways: Floats, axes: Floats, swellings: Floats) -> Floats:
    """Relative radius in each direction (..., 3): an ellipsoid with swellings."""
    radius = 1.0 / np.sqrt(((ways / axes) ** 2).sum(-1))
    grown = np.ones_like(radius)
    for *way, height, narrow in swellings.tolist():
        if height > 0.0:
            grown += height * np.exp(narrow * (ways @ np.array(way, np.float32) - 1.0))
    return np.asarray(radius * grown, np.float32)


def _texture(rng: np.random.Generator, shape: tuple[int, ...], sd_hu: float) -> Floats:
    """Smooth random field of a few millimetres."""
    coarse = rng.normal(scale=sd_hu, size=tuple(length // 5 + 2 for length in shape)).astype(np.float32)
    factor = [length / few for length, few in zip(shape, coarse.shape, strict=True)]
    return np.asarray(zoom(coarse, factor, order=1, grid_mode=True, mode="nearest"), np.float32)


def _directions(rng: np.random.Generator, number: int) -> Floats:
    ways = rng.normal(size=(number, 3))
    return np.asarray(ways / np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1e-9), np.float32)


def _sphere(number: int) -> Floats:
    """Evenly spread directions (n, 3): a Fibonacci lattice."""
    row = np.arange(number) + 0.5
    polar, around_axis = np.arccos(1.0 - 2.0 * row / number), np.pi * (1.0 + 5.0**0.5) * row
    ways = np.cos(around_axis) * np.sin(polar), np.sin(around_axis) * np.sin(polar), np.cos(polar)
    return np.stack(ways, axis=1).astype(np.float32)
