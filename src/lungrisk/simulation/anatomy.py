"""The simulated chest without its nodules: body, table, bones, mediastinum, airways, lungs and their vessels.

Places are LPS mm about the middle of the chest. Sizes are those of an adult, rounded; this is a stage for tests and for
the demo without a network, not a model of a population.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from lungrisk.core.geometry import Affine, Triple
from lungrisk.simulation.shapes import Floats, coverage, ellipsoid, paint, paint_tube

AIR, FAT, MUSCLE, BLOOD, LIVER, MARROW, CORTEX = -1000.0, -100.0, 45.0, 42.0, 60.0, 180.0, 650.0
LUNG_X, LUNG_RX, LUNG_RY, APEX_Z, BASE_Z, WIDEST_Z = 72.0, 57.0, 76.0, 118.0, -125.0, 10.0
BODY = (160.0, 106.0)
HEART = ((24.0, -30.0, -62.0), (56.0, 44.0, 60.0))
SPINE_Y, SPINE_R, AORTA, AORTA_R = 62.0, 18.0, (22.0, 44.0), 12.0
CARINA_Z, TRACHEA_R, WALL = 25.0, 8.5, 2.0
Tube: TypeAlias = tuple[Triple, Triple, float]
Lay: TypeAlias = Callable[[Floats, ArrayLike], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What differs from chest to chest. size: factor on the lungs' height. dome_mm: height of the right diaphragm."""

    size: float
    dome_mm: float
    lung_hu: float
    noise_hu: float
    vessels: tuple[Tube, ...] = ()


def lung_distance(body: Body, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Floats:
    """Signed distance to the lungs, mm, negative inside; about right within a centimetre of their surface."""
    x, y, z = np.asarray(x, np.float32), np.asarray(y, np.float32), np.asarray(z, np.float32)
    sides = []
    for side, dome in ((-1, body.dome_mm), (1, body.dome_mm - 10.0)):
        middle = side * LUNG_X
        height = APEX_Z * body.size - WIDEST_Z
        above = np.maximum(z - WIDEST_Z, 0.0)
        bell = ellipsoid((x, y, above), (middle, 0.0, 0.0), (LUNG_RX, LUNG_RY, height))
        floor = BASE_Z * body.size + dome * (1.0 - ((x - middle) / LUNG_RX) ** 2 - (y / LUNG_RY) ** 2)
        sides.append(np.maximum(bell, 0.7 * (floor - z)))
    lungs = np.minimum(*sides)
    centre, radii = HEART
    for solid in (
        ellipsoid((x, y, z), centre, radii) - 2.0,
        ellipsoid((x, y), (0.0, SPINE_Y), (SPINE_R, SPINE_R)) - 4.0,
        ellipsoid((x, y), AORTA, (AORTA_R, AORTA_R)) - 2.0,
    ):
        lungs = np.maximum(lungs, -solid)
    return np.asarray(lungs, np.float32)


def slice_hu(body: Body, x: Floats, y: Floats, z: float, edge_mm: float) -> Floats:
    """One axial slice, (j, i) float32 HU, without vessels, airways, nodules and noise. x, y: mm, (1, i) and (j, 1)."""
    hu = np.full(np.broadcast_shapes(x.shape, y.shape), AIR, np.float32)

    def lay(distance: Floats, value: ArrayLike) -> None:
        paint(hu, coverage(distance, edge_mm), value)

    for depth, value in ((0.0, 80.0), (3.0, -850.0)):  # the table: a thin shell with foam inside
        lay(np.maximum(np.abs(x) - 150.0 + depth, np.abs(y - 119.0) - 12.0 + depth), value)
    skin = ellipsoid((x, y), (0.0, 0.0), BODY)
    lay(skin, FAT)
    lay(skin + 11.0, MUSCLE)
    _abdomen(body, lay, x, y, z)
    lungs = lung_distance(body, x, y, z)
    lay(lungs, body.lung_hu + 0.35 * (y + LUNG_RY))  # the lower side of a lying patient is denser
    centre, radii = HEART
    lay(ellipsoid((x, y, z), centre, radii), BLOOD)
    lay(ellipsoid((x, y), AORTA, (AORTA_R, AORTA_R)), BLOOD)
    _bones(lay, x, y, z)
    return hu


def _abdomen(body: Body, lay: Lay, x: Floats, y: Floats, z: float) -> None:
    lay(ellipsoid((x, y, z), (-55.0, -5.0, -125.0), (85.0, 75.0, 60.0)), LIVER)
    lay(ellipsoid((x, y, z), (70.0, -20.0, BASE_Z * body.size - 12.0), (28.0, 24.0, 14.0)), AIR)  # gas in the stomach


def _bones(lay: Lay, x: Floats, y: Floats, z: float) -> None:
    disc = (z % 28.0) < 6.0
    for shrink, value in ((0.0, 60.0 if disc else CORTEX), (2.5, 60.0 if disc else MARROW)):
        lay(ellipsoid((x, y), (0.0, SPINE_Y), (SPINE_R, SPINE_R - 2.0)) + shrink, value)
        lay(ellipsoid((x, y), (0.0, SPINE_Y + 26.0), (14.0, 9.0)) + shrink, CORTEX if shrink else MARROW)
        if z > -80.0:
            lay(ellipsoid((x, y), (0.0, -90.0), (20.0, 6.0)) + shrink, value)
    narrow = max(0.55, 1.0 - max(0.0, z - WIDEST_Z) / 260.0)
    wall = np.minimum(
        *(ellipsoid((x, y), (side * LUNG_X, 0.0), (LUNG_RX * narrow, LUNG_RY * narrow)) for side in (-1, 1))
    )
    height = np.abs((z + 0.45 * y + 14.0) % 28.0 - 14.0) - 5.0  # ribs run down from the back to the front
    rib = np.maximum(np.maximum(np.abs(wall - 7.0) - 3.5, 0.8 * height), 30.0 - np.abs(x))
    lay(rib, CORTEX)
    lay(rib + 2.0, MARROW)


def airways() -> tuple[Tube, ...]:
    """Trachea and main bronchi as tubes, mm; they end inside the lungs."""
    fork: Triple = (0.0, 12.0, CARINA_Z)
    return (
        ((0.0, 5.0, 400.0), fork, TRACHEA_R),
        (fork, (-34.0, 14.0, CARINA_Z - 22.0), 6.0),
        (fork, (36.0, 14.0, CARINA_Z - 26.0), 5.5),
    )


def paint_airways(hu: Floats, affine: Affine) -> None:
    """Walls first, then the air in them, in place on (k, j, i)."""
    for start, end, radius in airways():
        paint_tube(hu, affine, (start, end, radius + WALL), MUSCLE)
    mirrored = -hu  # tubes only make denser: air is painted on the negative
    for start, end, radius in airways():
        paint_tube(mirrored, affine, (start, end, radius), 990.0)
    np.negative(mirrored, out=hu)


def grow_vessels(rng: np.random.Generator, body: Body) -> Iterator[Tube]:
    """A tree of vessels in each lung, every branch thinner and shorter than the one before, all inside the lung."""
    for side in (-1, 1):
        root = np.array([side * 34.0, 8.0, 0.0])
        twigs = [
            (root, np.array([side * 1.0, *(0.4 * turn)]), 4.5, 30.0) for turn in rng.normal(size=(5, 2)) * [1.2, 2.0]
        ]
        while twigs:
            start, heading, radius, length = twigs.pop()
            for _ in range(6):
                way = heading / np.linalg.norm(heading) + rng.normal(scale=0.28, size=3)
                end = start + way / np.linalg.norm(way) * length
                if lung_distance(body, *end) < -4.0:
                    break
            else:
                continue
            yield (_triple(start), _triple(end), radius)
            if radius > 0.9:
                ways = (end - start) / length + rng.normal(scale=0.55, size=(2, 3))
                twigs.extend((end, way, radius * 0.74, length * 0.84) for way in ways)


def _triple(point: Floats) -> Triple:
    x, y, z = point.tolist()
    return x, y, z
