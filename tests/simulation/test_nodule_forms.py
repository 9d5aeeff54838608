"""Painted nodules against what was drawn: volume, place, density, and spicules that are seen at the scan's resolution."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lungrisk.core.geometry import apply_affine, axis_affine
from lungrisk.simulation.nodule_forms import paint_nodule
from lungrisk.simulation.patients import Nodule
from lungrisk.simulation.truth import Kind

LUNG = -860.0
AFFINE = axis_affine((2.0, 1.0, 1.0), (-30.0, -30.0, -30.0))
SMOOTH = Nodule(
    family="lymph node",
    kind="solid",
    centre_mm=(1.3, -2.2, 0.7),
    diameter_mm=12.0,
    spiculation=1.0,
    lobulation=1.0,
    solid_share=0.0,
    hu=40.0,
    side="left",
    third="upper",
    form=(1, 2, 3),
)


def painted(nodule: Nodule) -> np.ndarray:
    hu = np.full((31, 61, 61), LUNG, np.float32)
    paint_nodule(hu, AFFINE, nodule, 0.5)
    return hu


def excess(nodule: Nodule) -> np.ndarray:
    return (painted(nodule) - LUNG) / (nodule.hu - LUNG)


@pytest.mark.parametrize("diameter", [4.0, 8.0, 16.0, 26.0])
@pytest.mark.parametrize("lobulation", [1.0, 4.0])
def test_the_tissue_of_a_nodule_is_that_of_a_ball_of_its_diameter(diameter: float, lobulation: float) -> None:
    nodule = replace(SMOOTH, diameter_mm=diameter, lobulation=lobulation)
    assert excess(nodule).sum() * 2.0 == pytest.approx(math.pi / 6 * diameter**3, rel=0.07)


def test_a_nodule_lies_where_it_was_placed() -> None:
    share = excess(SMOOTH)
    index = np.stack(np.indices(share.shape), axis=-1).reshape(-1, 3)
    middle = apply_affine(AFFINE, (index * share.ravel()[:, None]).sum(axis=0) / share.sum())
    assert np.allclose(middle, SMOOTH.centre_mm, atol=0.3)


@pytest.mark.parametrize(("kind", "hu"), [("solid", 40.0), ("ground-glass", -620.0), ("calcified", 600.0)])
def test_the_middle_of_a_nodule_has_its_density(kind: Kind, hu: float) -> None:
    k, j, i = np.rint(apply_affine(np.linalg.inv(AFFINE), SMOOTH.centre_mm)).astype(int)
    middle = painted(replace(SMOOTH, kind=kind, hu=hu))[k, j - 1 : j + 2, i - 1 : i + 2]
    assert middle.mean() == pytest.approx(hu, abs=60)


def test_a_part_solid_nodule_has_a_solid_part_in_ground_glass() -> None:
    hu = painted(replace(SMOOTH, kind="part-solid", hu=-600.0, solid_share=0.5, diameter_mm=18.0))
    litre = 2.0
    solid, faint = (hu > -250).sum() * litre, ((hu > -780) & (hu < -400)).sum() * litre
    assert 0.5 < solid / (math.pi / 6 * 9.0**3) < 1.5
    assert faint > solid


def test_spicules_reach_beyond_the_surface_and_are_seen() -> None:
    share = excess(replace(SMOOTH, spiculation=5.0))
    index = np.stack(np.indices(share.shape), axis=-1)
    away = np.linalg.norm(apply_affine(AFFINE, index) - SMOOTH.centre_mm, axis=-1)
    beyond = (away > 9.0) & (away < 12.0)  # 3 to 6 mm from the surface
    assert (share[beyond] > 0.25).sum() >= 12
    assert (excess(SMOOTH)[beyond] > 0.05).sum() == 0


def test_the_same_nodule_has_the_same_form_and_another_another() -> None:
    assert np.array_equal(painted(SMOOTH), painted(SMOOTH))
    lobed = replace(SMOOTH, lobulation=4.0)
    assert not np.array_equal(painted(lobed), painted(replace(lobed, form=(1, 2, 4))))


def test_a_nodule_outside_the_scan_is_not_painted() -> None:
    assert (painted(replace(SMOOTH, centre_mm=(500.0, 0.0, 0.0))) == LUNG).all()
