"""The trees of the simulated lungs, vessels and airways: each divides the space that it has to reach, so the lungs are filled."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.geometry import Triple
from lungrisk.simulation.thorax import Thorax, Tube, lung_distance

Points: TypeAlias = NDArray[np.float64]
REACH = 0.42  # a branch goes this share of the way to the middle of what lies beyond it
UNEVEN = (0.34, 0.66)  # shares of the two parts at a fork
KEEP_MM = 2.5  # from the surface


@dataclass(frozen=True, slots=True)
class Tree:
    """ends: tips in each lung. stem_mm: radius of the first branch. power: radius goes with the tips beyond to this power."""

    ends: int
    stem_mm: float
    power: float


ARTERIES, VEINS, BRONCHI = Tree(420, 3.8, 0.34), Tree(300, 3.4, 0.34), Tree(34, 4.2, 0.36)
ROOTS: dict[str, tuple[Triple, Triple]] = {  # right and left, mm
    "arteries": ((-32.0, 4.0, 6.0), (34.0, 8.0, 12.0)),
    "veins": ((-30.0, -4.0, -10.0), (32.0, 2.0, -8.0)),
    "bronchi": ((-32.0, 14.0, 6.0), (38.0, 16.0, 0.0)),
}


def grow_vessels(rng: np.random.Generator, thorax: Thorax) -> Iterator[Tube]:
    """Arteries and veins of both lungs as tubes: two ends and a radius, mm."""
    for row in (0, 1):
        yield from _grow(rng, thorax, ARTERIES, ROOTS["arteries"][row])
        yield from _grow(rng, thorax, VEINS, ROOTS["veins"][row])


def grow_airways(rng: np.random.Generator, thorax: Thorax) -> Iterator[Tube]:
    """The bronchi beyond the main ones, as far as they run in the lungs."""
    for row in (0, 1):
        tubes = list(_grow(rng, thorax, BRONCHI, ROOTS["bronchi"][row]))
        places = np.array([(start, np.add(start, end) / 2, end) for start, end, _ in tubes])
        deep = -lung_distance(thorax, *np.moveaxis(places, -1, 0)).max(axis=1)
        yield from (tube for n, tube in enumerate(tubes) if n == 0 or deep[n] > tube[2])  # not through the heart


def _grow(rng: np.random.Generator, thorax: Thorax, tree: Tree, root: Triple) -> Iterator[Tube]:
    tips = _scatter(rng, thorax, tree.ends, side=1 if root[0] > 0 else -1)
    twigs = [(np.array(root), tips)]
    while twigs:
        start, beyond = twigs.pop()
        middle = beyond.sum(axis=0) / len(beyond)
        way = middle - start
        end = start + (REACH if len(beyond) > 1 else 1.0) * way
        end += rng.normal(scale=0.06 * float(np.linalg.norm(way)), size=3)
        yield _triple(start), _triple(end), tree.stem_mm * (len(beyond) / tree.ends) ** tree.power
        if len(beyond) > 1:
            spread = beyond - middle
            axis = np.linalg.eigh(spread.T @ spread)[1][:, 2]
            order = np.argsort(spread @ axis)
            cut = min(max(1, round(len(order) * rng.uniform(*UNEVEN))), len(order) - 1)
            twigs += [(end, beyond[order[:cut]]), (end, beyond[order[cut:]])]


def _scatter(rng: np.random.Generator, thorax: Thorax, number: int, side: int) -> Points:
    """Places inside one lung, (number, 3) mm."""
    found = np.zeros((0, 3))
    while len(found) < number:
        points = rng.uniform((0.0, -100.0, -140.0), (140.0, 100.0, 135.0), size=(4 * number, 3)) * (side, 1.0, 1.0)
        inside = lung_distance(thorax, *points.T) < -KEEP_MM
        found = np.concatenate([found, points[inside]])
    return found[:number]


def _triple(point: Points) -> Triple:
    x, y, z = point.tolist()
    return x, y, z
