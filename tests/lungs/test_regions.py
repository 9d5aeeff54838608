"""What no anatomy explains is listed with its place; a chest without it has no list."""

import numpy as np
import pytest
from lung_phantom import Chest, make

from lungrisk.core.records import Lungs
from lungrisk.lungs import segment_lungs

WALL = -108.0  # x of the right lung's wall at y = z = 0


def lungs_with(*balls: tuple[float, float, float, float, int]) -> Lungs:
    return segment_lungs(make(Chest(balls=balls)).scan)


def test_a_healthy_chest_has_no_region() -> None:
    assert lungs_with().regions == ()


BALLS = {  # x, y, z, radius, HU, and what is to be said
    "half in the wall": (WALL + 4, 0.0, 0.0, 12.0, 40, "dense", "right", "middle"),
    "above": (-60.0, 45.0, 62.0, 9.0, 40, "dense", "right", "upper"),
    "ground glass": (75.0, 40.0, 10.0, 13.0, -620, "hazy", "left", "middle"),
    "small": (75.0, -30.0, 60.0, 4.0, 40, None, "left", "upper"),  # left to the finder
    "small and hazy": (-70.0, -30.0, 30.0, 5.0, -620, None, "right", "middle"),
}


def test_what_is_large_is_listed_at_its_place_and_nothing_else() -> None:
    regions = list(lungs_with(*(ball[:5] for ball in BALLS.values())).regions)
    for x, y, z, radius, _, kind, side, third in BALLS.values():
        if kind is None:
            continue
        region = min(regions, key=lambda one, at=(x, y, z): float(np.linalg.norm(np.subtract(one.centre_mm, at))))
        regions.remove(region)
        assert (region.kind, region.side, region.third) == (kind, side, third)
        assert np.linalg.norm(np.subtract(region.centre_mm, (x, y, z))) < 0.8 * radius
        assert 0.5 * radius < region.size_mm < 2.4 * radius
        assert np.linalg.norm(region.points_mm.mean(0) - region.centre_mm) < 1e-6
    assert regions == []


@pytest.mark.parametrize("radius", [18.0, 40.0])
def test_a_mass_on_the_wall_is_named_whatever_its_shape_test_says(radius: float) -> None:
    lungs = lungs_with((WALL - 0.2 * radius, 0.0, 10.0, radius, 40), (WALL - 2, 5.0, 10.0 + radius, radius / 2, 40))
    said = [str(finding.found) for finding in lungs.findings if finding.code == "nod.opacity"]
    places = [region.centre_mm for region in lungs.regions]
    places += [tuple(float(part) for part in text.split("(")[1].split(")")[0].split(",")) for text in said]
    assert min(np.linalg.norm(np.subtract(place, (WALL, 0, 10))) for place in places) < 1.2 * radius
