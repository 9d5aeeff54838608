"""Candidates: on balls, tubes and plates whose place is known, and on real scans."""

import numpy as np
import pytest
from numpy.typing import NDArray

from lungrisk.core.bundle import Bundle
from lungrisk.core.geometry import apply_affine, axis_affine
from lungrisk.nodules.blobs import Blobs, dotness, find_blobs, search_grid
from lungrisk.nodules.find import apart
from lungrisk.nodules.planes import PLANES, cut_planes

LUNG = -850


def world(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> tuple[NDArray, NDArray]:
    """Affine, and LPS mm (x, y, z) of each voxel."""
    affine = axis_affine(spacing, (-60.0, -200.0, 30.0))
    return affine, apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1))


@pytest.mark.parametrize(
    ("diameter", "spacing"),
    [(d, (2.5, 0.7, 0.7)) for d in (6, 8, 12, 20, 30, 60)] + [(8, (1.0, 0.8, 0.8)), (12, (3.0, 0.6, 0.6))],
)
def test_a_ball_is_the_best_blob_at_its_place_and_of_its_size(
    diameter: int, spacing: tuple[float, float, float]
) -> None:
    shape = tuple(int(110 / step) for step in spacing)
    affine, points = world(shape, spacing)
    centre = points[shape[0] // 2, shape[1] // 2, shape[2] // 2] + (1.3, -0.9, 0.4)
    inside = np.linalg.norm(points - centre, axis=-1) < diameter / 2
    hu = np.where(inside, 40, LUNG).astype(np.int16)
    best = find_blobs(*search_grid(hu, np.ones(shape, bool), affine)).take(np.array([0]))
    assert np.linalg.norm(best.centre_mm[0] - centre) < max(2.5, diameter / 6)
    assert 0.6 < best.diameter_mm[0] / diameter < 1.6


@pytest.mark.parametrize("direction", [(0, 0, 1), (0, 1, 0), (1, 1, 1)])
def test_a_ball_comes_before_a_brighter_tube_of_the_same_width(direction: tuple[int, int, int]) -> None:
    shape = (60, 100, 100)
    affine, points = world(shape, (1.5, 0.8, 0.8))
    ball, on_tube = points[30, 25, 25], points[30, 65, 65]
    along = np.array(direction) / np.linalg.norm(direction)
    off = points - on_tube
    tube = np.linalg.norm(off - (off @ along)[..., None] * along, axis=-1) < 5
    hu = np.full(shape, LUNG, np.int16)
    hu[np.linalg.norm(points - ball, axis=-1) < 5] = 0
    hu[tube] = 150
    blobs = find_blobs(*search_grid(hu, np.ones(shape, bool), affine))
    assert np.linalg.norm(blobs.centre_mm[0] - ball) < 3
    rounds = dotness(blobs.curvature)
    assert rounds[np.linalg.norm(blobs.centre_mm - on_tube, axis=1) < 8].max(initial=0) < rounds[0] / 3


def test_what_is_outside_the_lungs_is_not_looked_at() -> None:
    shape = (40, 60, 60)
    affine, points = world(shape, (2.0, 1.0, 1.0))
    hu = np.where(np.linalg.norm(points - points[20, 30, 30], axis=-1) < 6, 40, LUNG).astype(np.int16)
    mask = np.ones(shape, bool)
    mask[10:30, 20:40, 20:40] = False
    blobs = find_blobs(*search_grid(hu, mask, affine))
    assert not len(blobs.response)


def test_a_plane_shows_a_linear_field_exactly() -> None:
    affine, points = world((30, 30, 30), (2.0, 1.0, 1.0))
    slope = np.array([3.0, -2.0, 1.0])
    hu = np.round(points @ slope).astype(np.int16)
    centre = points[15, 15, 15] + 0.25
    picture = cut_planes(hu, affine, centre[None], np.array([0.5]), 9)[0]
    steps = (np.arange(9) - 4) * 0.5
    for plane, (row, column) in zip(picture, PLANES, strict=True):
        expected = centre @ slope + steps[:, None] * (row @ slope) + steps[None, :] * (column @ slope)
        np.testing.assert_allclose(plane, expected, atol=1.01)


def test_all_planes_are_spanned_by_unit_vectors_at_right_angles() -> None:
    np.testing.assert_allclose(np.einsum("pax,pbx->pab", PLANES, PLANES), np.tile(np.eye(2), (9, 1, 1)), atol=1e-12)
    normals = np.cross(PLANES[:, 0], PLANES[:, 1])
    alike = np.abs(normals @ normals.T) - np.eye(9)
    assert alike.max() < 0.9


def test_two_blobs_at_one_place_are_one() -> None:
    centres = np.array([[0.0, 0, 0], [3, 0, 0], [30, 0, 0], [38, 0, 0]])
    blobs = Blobs(
        centre_mm=centres,
        diameter_mm=np.array([6.0, 6, 20, 6]),
        response=np.ones(4),
        curvature=np.ones((4, 3)),
        thickness_mm=np.zeros(4),
    )
    assert apart(blobs, np.array([0.5, 0.9, 0.8, 0.7]), 0.65).tolist() == [1, 2]


def test_the_shipped_bundle_is_small_enough() -> None:
    from lungrisk.core.bundle import open_bundle

    bundle: Bundle = open_bundle("candidate", "candidate")
    assert len(bundle.model) <= 2.5e6
    assert 0 < bundle.settings["calibration"]["accept"] < 1
