"""Digital balls on the pleura of real scans: which share of each stays inside the lungs?

    python scripts/lung_pleura.py SCAN...

Twelve balls of each size a scan, at random places of the lungs' surface, centre 0.3 diameters inside. Counted is the part of
a ball that was lung before it was put there. Prints a line a scan and size, then one a size for all scans.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungrisk.core.records import Scan
from lungrisk.formats import read
from lungrisk.lungs import segment_lungs

DIAMETERS_MM = (8, 12, 20, 30, 40)
BALLS = 12
APART_MM = 25.0
BALL_HU = 40
LOOK_MM = 8.0  # how far the inward direction is looked for
ENOUGH = 0.95


def places(mask: NDArray[np.bool_], spacing: NDArray[np.float64], diameter: float) -> Iterator[NDArray[np.float64]]:
    """Centres in mm (k, j, i), drawn with a fixed seed."""
    rng = np.random.default_rng(1)
    surface = np.argwhere(mask & ~ndimage.binary_erosion(mask))
    used: list[NDArray[np.float64]] = []
    reach = np.ceil(LOOK_MM / spacing).astype(int)
    for place in surface[rng.integers(len(surface), size=600)]:
        low = np.maximum(0, place - reach)
        near = mask[tuple(slice(a, b) for a, b in zip(low, place + reach + 1, strict=True))]
        inward = ((np.argwhere(near) + low) - place).mean(0) * spacing
        length = float(np.linalg.norm(inward))
        centre = place * spacing + inward / max(length, 1e-9) * 0.3 * diameter
        if length < 1 or any(np.linalg.norm(centre - other) < diameter + APART_MM for other in used):
            continue
        used.append(centre)
        yield centre
        if len(used) == BALLS:
            return


def ball_index(
    shape: tuple[int, ...], spacing: NDArray[np.float64], centre: NDArray[np.float64], diameter: float
) -> tuple[NDArray[np.intp], ...]:
    """Indices of a ball's voxels."""
    low = np.maximum(0, np.floor((centre - diameter / 2) / spacing)).astype(int)
    high = np.minimum(shape, np.ceil((centre + diameter / 2) / spacing).astype(int) + 1)
    grid = np.stack(np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij"), -1)
    return tuple(grid[np.linalg.norm(grid * spacing - centre, axis=-1) <= diameter / 2].T)


def shares(scan: Scan, diameter: float) -> list[float]:
    """Of each ball, the share of what was lung that still is."""
    before = segment_lungs(scan).mask
    spacing = np.array(scan.spacing)
    hu = scan.hu.copy()
    balls = [ball_index(hu.shape, spacing, centre, diameter) for centre in places(before, spacing, diameter)]
    for ball in balls:
        hu[ball] = np.maximum(hu[ball], BALL_HU)
    after = segment_lungs(Scan(hu=hu, affine=scan.affine)).mask
    return [float(after[ball][before[ball]].mean()) for ball in balls]


def main() -> int:
    """Print every figure. Gives the exit code."""
    together: dict[int, list[float]] = defaultdict(list)
    for path in sys.argv[1:]:
        scan = read(path)
        for diameter in DIAMETERS_MM:
            found = shares(scan, diameter)
            together[diameter] += found
            print(
                f"{path} {diameter} mm: median {np.median(found):.2f}, {sum(share >= ENOUGH for share in found)} of {len(found)} inside"
            )
    for diameter, found in together.items():
        print(
            f"all {diameter} mm: median {np.median(found):.2f}, {sum(share >= ENOUGH for share in found)} of {len(found)} inside"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
