"""Candidates: on balls, tubes and plates whose place is known, and on real scans."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lungrisk.core.bundle import open_bundle
from lungrisk.core.geometry import apply_affine, axis_affine
from lungrisk.core.records import Lungs, Scan
from lungrisk.formats import read
from lungrisk.lungs import segment_lungs
from lungrisk.nodules.blobs import Blobs, dotness, find_blobs, search_grid
from lungrisk.nodules.find import apart, find_candidates
from lungrisk.nodules.planes import PLANES, cut_planes
from lungrisk.nodules.thickness import settle

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


def test_a_mass_is_placed_where_it_is_thickest() -> None:
    shape = (60, 120, 120)
    affine, points = world(shape, (2.0, 1.0, 1.0))
    centre = points[30, 60, 50]
    hu = np.full(shape, LUNG, np.int16)
    hu[np.linalg.norm(points - centre, axis=-1) < 20] = 30
    hu[25:35, 55:65, 60:110] = 30  # a tongue that pulls every filter aside
    grid, grid_affine = search_grid(hu, np.ones(shape, bool), affine)
    blobs = settle(find_blobs(grid, grid_affine), grid, grid_affine)
    thick = blobs.thickness_mm > 20
    assert thick.any()
    assert np.linalg.norm(blobs.centre_mm[thick] - centre, axis=1).min() < 4
    assert abs(blobs.thickness_mm.max() - 40) < 4


def lungs_of(mask: NDArray) -> Lungs:
    none = np.zeros_like(mask)
    return Lungs(left=mask, right=none, left_ml=1.0, right_ml=0.0, coverage=1.0)


def test_without_lungs_there_are_no_candidates() -> None:
    scan = Scan(hu=np.full((20, 30, 30), 40, np.int16), affine=axis_affine((2.5, 0.8, 0.8)))
    assert find_candidates(scan, lungs_of(np.zeros(scan.hu.shape, bool)), open_bundle("candidate")) == ()
    one_slice = Scan(hu=np.full((1, 30, 30), LUNG, np.int16), affine=axis_affine((5.0, 0.8, 0.8)))
    assert find_candidates(one_slice, lungs_of(np.ones((1, 30, 30), bool)), open_bundle("candidate")) == ()


def test_the_network_prefers_a_ball_to_the_vessels_around_it() -> None:
    shape = (60, 160, 160)
    affine, points = world(shape, (1.5, 0.7, 0.7))
    rng = np.random.default_rng(0)
    hu = rng.normal(LUNG, 30, shape)
    for _ in range(12):
        start, along = points[tuple(rng.integers(0, shape))], rng.normal(size=3)
        along /= np.linalg.norm(along)
        off = points - start
        hu[np.linalg.norm(off - (off @ along)[..., None] * along, axis=-1) < rng.uniform(1, 3)] = 20
    ball = points[30, 80, 80]
    hu[np.linalg.norm(points - ball, axis=-1) < 9] = LUNG  # a clearing
    hu[np.linalg.norm(points - ball, axis=-1) < 5] = 20
    scan = Scan(hu=hu.astype(np.int16), affine=affine)
    found = find_candidates(scan, lungs_of(np.ones(shape, bool)), open_bundle("candidate"))
    assert np.linalg.norm(np.array(found[0].centre_mm) - ball) < 3
    assert found[0].probability > 0.5
    assert [c.probability for c in found] == sorted((c.probability for c in found), reverse=True)


@pytest.mark.shared
def test_the_known_lesion_of_a_real_scan_comes_first(shared_data: Path) -> None:
    scan = read(shared_data / "scans" / "qin-lsc-0014.zip")
    found = find_candidates(scan, segment_lungs(scan), open_bundle("candidate"))
    away = [np.linalg.norm(np.array(c.centre_mm) - (-21.1, -137.2, 237.1)) for c in found[:3]]
    assert min(away) < 10


def test_the_shipped_bundle_is_small_enough() -> None:
    bundle = open_bundle("candidate", "candidate")
    assert len(bundle.model) <= 2.5e6
    assert 0 < bundle.settings["calibration"]["accept"] < 1
