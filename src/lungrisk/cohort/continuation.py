"""What may lie above and below a stack that ends where its nodule ends: slices made from the stack's own end slices.

The nodule is replaced by tissue from elsewhere in the same slice; vessels and the chest wall go on, drifting and bending.
So a network that is trained on stacks learns to stop where a nodule stops, not where the data stop.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter, map_coordinates, zoom

Plane = NDArray[np.float32]
TRIES = 48  # displacements looked at for the tissue that replaces the nodule
FARTHEST = 26  # voxels
SEEN_HU = (-1000.0, 400.0)  # differences outside this window do not count
DRIFT = 0.35  # mm a mm: SD of the slope of vessels to the axis
VESSELS = 0.3  # share of ends at which a vessel leaves the nodule
BEND = 0.12  # mm a mm: SD of the growth of the bending


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Continued:
    """A stack with slices made beyond both ends. hu: (k, j, i) float32; below: how many slices were put under the first."""

    hu: NDArray[np.float32]
    below: int


def continue_stack(
    hu: NDArray[np.float32],
    inside: NDArray[np.bool_],
    spacing: tuple[float, float, float],
    reach_mm: float,
    rng: np.random.Generator,
) -> Continued:
    """Slices beyond both ends of a stack, at least reach_mm far.

    hu: (k, j, i) HU. inside: (k, j, i), where any reader saw the nodule. spacing: mm (k, j, i).
    """
    n = int(np.ceil(reach_mm / spacing[0]))
    above = _beyond(hu[-1], inside[-1], n, spacing, rng)
    below = _beyond(hu[0], inside[0], n, spacing, rng)
    return Continued(hu=np.concatenate([below[::-1], hu, above]), below=n)


def _beyond(
    end: Plane, inside: NDArray[np.bool_], n: int, spacing: tuple[float, float, float], rng: np.random.Generator
) -> NDArray[np.float32]:
    """(n, j, i): the slices beyond an end slice, the nearest first."""
    bare = replace_nodule(end, inside, rng)
    if rng.random() < VESSELS and inside.any():
        bare = _with_vessel(bare, end, inside, spacing[1], rng)
    noise_sd = noise_of(end)
    drift = rng.normal(0, DRIFT, 2) / spacing[1:]
    bend = rng.normal(0, 1, (2, 5, 5)) * BEND / spacing[1]
    fade_mm, strength = rng.uniform(0.3, 2.0), rng.uniform(0, 0.6)
    slices = []
    for step in range(1, n + 1):
        far_mm = step * spacing[0]
        left = strength * np.exp(-far_mm / fade_mm)  # partial volume: what is left of the nodule
        moved = _warp(left * end + (1 - left) * bare, np.clip(drift * far_mm, -8, 8), bend * min(far_mm, 15.0))
        slices.append(moved + _noise(end.shape, 0.7 * noise_sd, rng))
    return np.stack(slices).astype(np.float32)


def _with_vessel(
    bare: Plane, end: Plane, inside: NDArray[np.bool_], pixel_mm: float, rng: np.random.Generator
) -> Plane:
    """The slice with the cross-section of a vessel where the nodule was, thinner than the nodule and no denser."""
    across_mm = min(rng.uniform(1.5, 4.0), 0.6 * pixel_mm * 2 * float(np.sqrt(inside.sum() / np.pi)))
    j, i = np.argwhere(inside)[rng.integers(inside.sum())]
    grid = np.indices(bare.shape)
    apart_mm = pixel_mm * np.hypot(grid[0] - j, grid[1] - i)
    share = np.exp(-np.log(2) * (2 * apart_mm / across_mm) ** 2)
    return np.asarray(bare + share * np.maximum(0, np.percentile(end[inside], 80) - bare), np.float32)


def replace_nodule(plane: Plane, inside: NDArray[np.bool_], rng: np.random.Generator) -> Plane:
    """The slice without its nodule: tissue from that displacement whose surroundings fit best.

    plane: (j, i) HU. inside: (j, i). An empty `inside` gives the slice itself.
    """
    if not inside.any():
        return plane
    hole = binary_dilation(inside, iterations=2)
    ring = binary_dilation(hole, iterations=3) & ~hole
    clipped = np.clip(plane, *SEEN_HU)
    places, around = np.argwhere(hole), np.argwhere(ring)
    level = clipped[ring].mean() if len(around) else 0.0
    best, best_cost = None, np.inf
    for move in rng.integers(-FARTHEST, FARTHEST + 1, (TRIES, 2)):
        source = places - move
        if (source < 0).any() or (source >= plane.shape).any() or hole[tuple(source.T)].any():
            continue
        shifted = np.roll(clipped, tuple(move), (0, 1))
        edge = np.abs(shifted[ring] - clipped[ring]).mean() if len(around) else 0.0
        cost = edge + 0.5 * max(0.0, float(shifted[hole].mean() - level))  # another lump is no surroundings
        if cost < best_cost:
            best, best_cost = np.roll(plane, tuple(move), (0, 1)), cost
    if best is None:  # a nodule that fills the window: lung of the level that surrounds it
        best = np.full_like(plane, np.percentile(plane[ring], 25) if ring.any() else -800.0)
        best = best + _noise(plane.shape, 30.0, rng)
    weight = gaussian_filter(hole.astype(np.float32), 0.8)
    return np.asarray(weight * best + (1 - weight) * plane, np.float32)


def noise_of(plane: Plane) -> float:
    """SD of the noise of a slice, HU: of its finest detail, where that is smallest."""
    detail = plane - gaussian_filter(plane, 1.0)
    spread = np.sqrt(gaussian_filter(detail**2, 3.0))
    return float(min(np.percentile(spread, 25) * 1.3, 120.0))


def _noise(shape: tuple[int, ...], sd: float, rng: np.random.Generator) -> Plane:
    grain = gaussian_filter(rng.normal(0, 1, shape).astype(np.float32), 0.6)
    return np.asarray(grain * sd / max(float(grain.std()), 1e-6), np.float32)


def _warp(plane: Plane, shift: NDArray[np.float64], bend: NDArray[np.float64]) -> Plane:
    factors = (plane.shape[0] / bend.shape[1], plane.shape[1] / bend.shape[2])
    grid = np.indices(plane.shape, dtype=np.float32)
    for axis in range(2):
        grid[axis] += shift[axis] + zoom(bend[axis], factors, order=1, mode="nearest", grid_mode=False)
    return np.asarray(map_coordinates(plane, grid, order=1, mode="nearest"), np.float32)
