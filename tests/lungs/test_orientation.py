"""A body whose anatomy contradicts the geometry is told axis by axis; one that does not is left in peace."""

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest

from lungrisk.formats import read
from lungrisk.lungs import segment_lungs
from lungrisk.lungs.coarse import Coarse, coarsen
from lungrisk.lungs.orientation import judge_axes, taper

Body = tuple[Coarse, np.ndarray]


def body_of(path: Path) -> Body:
    """A scan and its lungs on the coarse grid."""
    scan = read(path)
    coarse = coarsen(scan)
    lungs = segment_lungs(scan).mask[tuple(slice(factor // 2, None, factor) for factor in coarse.factor)]
    return coarse, lungs[tuple(slice(size) for size in coarse.hu.shape)]


@pytest.fixture(scope="module")
def simulated(chest: Path) -> Body:
    return body_of(chest / "scan")


def turned(body: Body, axes: tuple[int, ...], signs: tuple[int, ...]) -> list[str]:
    """The codes for a body whose array is transposed and flipped while its geometry says that it is not."""
    coarse, lungs = body
    part = tuple(slice(None, None, sign) for sign in signs)
    spacing = tuple(coarse.spacing[axis] for axis in axes)
    moved = Coarse(coarse.hu.transpose(axes)[part], coarse.factor, (spacing[0], spacing[1], spacing[2]))
    return sorted(finding.code for finding in judge_axes(moved, lungs.transpose(axes)[part], 1.0))


def wanted(signs: tuple[int, ...]) -> list[str]:
    return ["anat.back_front"] * (signs[1] < 0) + ["anat.upside_down"] * (signs[0] < 0)


@pytest.mark.parametrize("signs", list(product((1, -1), repeat=3)))
def test_every_flip_of_k_and_j_is_told_by_its_name(simulated: Body, signs: tuple[int, ...]) -> None:
    assert turned(simulated, (0, 1, 2), signs) == wanted(signs)


@pytest.mark.parametrize("axes", [axes for axes in permutations(range(3)) if axes != (0, 1, 2)])
def test_exchanged_axes_are_refused(simulated: Body, axes: tuple[int, ...]) -> None:
    assert turned(simulated, axes, (1, 1, 1)) == ["anat.axes"]
    coarse, lungs = simulated
    moved = Coarse(coarse.hu.transpose(axes), coarse.factor, coarse.spacing)
    assert judge_axes(moved, lungs.transpose(axes), 1.0)[0].severity == "refused"


def test_cut_lungs_say_nothing_of_head_and_feet(simulated: Body) -> None:
    coarse, lungs = simulated
    down = Coarse(coarse.hu[::-1], coarse.factor, coarse.spacing)
    assert taper(down, lungs[::-1]) == pytest.approx(-taper(coarse, lungs), abs=0.03)
    assert judge_axes(down, lungs[::-1], 0.9) == ()
    assert judge_axes(down, np.zeros_like(lungs), 1.0) == ()


@pytest.mark.shared
@pytest.mark.parametrize("name", ["qin-lsc-0014.zip", "c3n-00247"])
def test_every_flip_of_a_real_scan_is_told_and_the_scan_itself_is_not(shared_data: Path, name: str) -> None:
    body = body_of(shared_data / "scans" / name)
    for signs in product((1, -1), repeat=3):
        assert turned(body, (0, 1, 2), signs) == wanted(signs)
    for axes in permutations(range(3)):
        assert turned(body, axes, (1, 1, 1)) == ["anat.axes"] * (axes != (0, 1, 2))
