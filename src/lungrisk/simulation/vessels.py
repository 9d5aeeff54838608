"""The vessels of the simulated lungs: trees that branch, thin out and stay inside."""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.geometry import Triple
from lungrisk.simulation.thorax import Thorax, Tube, lung_depth

Point: TypeAlias = NDArray[np.float64]
STEMS, STEM_R, STEM_MM = 6, 4.2, 26.0
THINNEST_MM = 0.55
THINNER, SHORTER = 0.76, 0.86
KEEP_MM = 3.0  # from the surface


def grow_vessels(rng: np.random.Generator, thorax: Thorax) -> Iterator[Tube]:
    """Tubes (two ends, radius; mm) of both lungs, every branch thinner and shorter than the one before."""
    for side in (-1, 1):
        twigs: list[tuple[Point, Point, float, float]] = []
        for turn in rng.normal(size=(STEMS, 2)) * [0.9, 1.6]:
            root = np.array([side * 38.0, 7.0 + rng.normal(scale=4.0), 4.0 + rng.normal(scale=8.0)])
            twigs.append(
                (root, np.array([side, 0.7 * turn[0], 0.8 * turn[1]]), STEM_R * rng.uniform(0.7, 1.0), STEM_MM)
            )
        while twigs:
            start, heading, radius, length = twigs.pop()
            end = _reach(rng, thorax, (start, heading), length)
            if end is None:
                continue
            yield _triple(start), _triple(end), radius
            if radius > THINNEST_MM:
                ways = (end - start) / length + rng.normal(scale=0.5, size=(2, 3))
                shares = rng.uniform(0.8, 1.2, size=(2, 2))
                twigs.extend(
                    (end, way, radius * THINNER * thin, length * SHORTER * short)
                    for way, (thin, short) in zip(ways, shares, strict=True)
                )


def _reach(rng: np.random.Generator, thorax: Thorax, ray: tuple[Point, Point], length: float) -> Point | None:
    """The end of a branch that stays in the lung; None when six tries leave it."""
    start, heading = ray
    for _ in range(6):
        way = heading / np.linalg.norm(heading) + rng.normal(scale=0.28, size=3)
        end: Point = start + way / np.linalg.norm(way) * length
        if lung_depth(thorax, *end.tolist()) > KEEP_MM:
            return end
    return None


def _triple(point: Point) -> Triple:
    x, y, z = point.tolist()
    return x, y, z
