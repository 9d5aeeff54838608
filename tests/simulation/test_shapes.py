"""Shapes against their volumes: the oracle is the formula."""

import math

import numpy as np
import pytest

from lungrisk.core.geometry import axis_affine
from lungrisk.simulation.shapes import around, coverage, ellipsoid, paint, paint_tube, places

AFFINE = axis_affine((1.5, 0.8, 0.8), (-20.0, -20.0, -22.5))
SHAPE = (30, 50, 50)


def test_a_painted_ball_has_the_volume_of_a_ball() -> None:
    box = around(AFFINE, SHAPE, (-20, -20, -22.5), (19.2, 19.2, 21.0))
    assert box == (slice(0, 30), slice(0, 50), slice(0, 50))
    share = coverage(ellipsoid(places(AFFINE, box), (1.0, 2.0, 3.0), (12.0,) * 3), 0.8)
    assert share.sum() * 1.5 * 0.8 * 0.8 == pytest.approx(4 / 3 * math.pi * 12**3, rel=0.005)


def test_a_painted_tube_has_the_volume_of_a_cylinder_with_round_ends() -> None:
    hu = np.full((60, 50, 50), -1000.0, np.float32)
    fine = axis_affine((0.5, 0.8, 0.8), (-20.0, -20.0, -15.0))
    paint_tube(hu, fine, ((-8.0, 0.0, 0.0), (8.0, 0.0, 0.0), 5.0), 0.0)
    volume = (hu + 1000.0).sum() / 1000.0 * 0.5 * 0.8 * 0.8
    assert volume == pytest.approx(math.pi * 25 * 16 + 4 / 3 * math.pi * 125, rel=0.01)


def test_paint_mixes_by_share() -> None:
    hu = np.array([-1000.0, -1000.0], np.float32)
    paint(hu, np.array([0.0, 0.5], np.float32), 0.0)
    assert hu.tolist() == [-1000.0, -500.0]


def test_a_box_outside_the_grid_is_none() -> None:
    assert around(AFFINE, SHAPE, (100, 100, 100), (110, 110, 110)) is None
