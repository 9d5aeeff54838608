"""Oracle: balls of known place and size in a made-up lung; the mechanics with a network that is a threshold, then the shipped one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lungrisk.core.bundle import Bundle, open_bundle
from lungrisk.core.geometry import Affine, apply_affine, axis_affine, shift_affine
from lungrisk.formats import read
from lungrisk.nodules import segment
from lungrisk.nodules.measure import measure
from lungrisk.nodules.segment import Outline, normalise, outline, outline_many

LUNG_HU, TISSUE_HU = -850.0, 40.0
THRESHOLD = Bundle(name="threshold", task="outline", model=b"", sha256="", settings={})


POINTS = 6  # a side of a voxel, to rasterise


def threshold_network(bundle: Bundle, *, cube: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """The share of tissue between lung and tissue; the network of fold 1 sees nothing."""
    low, high = normalise(np.array([LUNG_HU, TISSUE_HU]))
    share = np.clip((cube - low) / (high - low), 0, 1)
    return {"probability": np.stack([share, np.zeros_like(share)], axis=1)}


@pytest.fixture
def threshold(monkeypatch: pytest.MonkeyPatch) -> Bundle:
    monkeypatch.setattr(segment, "run", threshold_network)
    return THRESHOLD


def lung_with_balls(
    spacing: tuple[float, float, float], *balls: tuple[tuple[float, float, float], float], side_mm: float = 60.0
) -> tuple[NDArray[np.float32], Affine]:
    """(k, j, i) HU and affine; a ball is its centre, LPS mm, and its diameter; partial volumes by counting points."""
    size = np.ceil(side_mm / np.array(spacing)).astype(int)
    affine = axis_affine(spacing)
    places = apply_affine(affine, np.moveaxis(np.indices(size), 0, -1))
    share = np.zeros(size)
    inner = (np.indices((POINTS,) * 3).reshape(3, -1).T + 0.5) / POINTS - 0.5  # of a voxel, in voxels (k, j, i)
    for centre, diameter in balls:
        away = places - centre
        near = np.linalg.norm(away, axis=-1) < diameter / 2 + np.linalg.norm(spacing)
        points = away[near][:, None] + (inner * spacing)[:, ::-1]
        share[near] = np.maximum(share[near], (np.linalg.norm(points, axis=-1) < diameter / 2).mean(axis=1))
    return (LUNG_HU + (TISSUE_HU - LUNG_HU) * share).astype(np.float32), affine


def only_network(bundle: Bundle, hu: NDArray[Any], affine: Affine, point: tuple[float, float, float]) -> Outline:
    return outline(hu, affine, point, bundle, fold=0)


@pytest.mark.parametrize("spacing", [(1.0, 0.8, 0.8), (2.5, 0.9, 0.9)])
@pytest.mark.parametrize("diameter", [7.0, 12.0, 24.0])
def test_a_ball_comes_back_with_its_place_volume_and_diameter(
    threshold: Bundle, diameter: float, spacing: tuple[float, float, float]
) -> None:
    centre = (30.3, 29.6, 31.2)
    hu, affine = lung_with_balls(spacing, (centre, diameter))
    found = only_network(threshold, hu, affine, centre)
    measured = measure(found.field, found.field_affine, found.hu)
    assert measured.volume_mm3 == pytest.approx(np.pi / 6 * diameter**3, rel=0.15)
    assert measured.diameter_mm == pytest.approx(diameter, abs=0.8)
    assert measured.centre_mm == pytest.approx(centre, abs=0.3)
    assert not found.findings


def test_an_outline_that_fills_its_cube_is_drawn_again_on_a_larger_one(threshold: Bundle) -> None:
    hu, affine = lung_with_balls((2.5, 1.5, 1.5), ((45.0, 45.0, 45.0), 40.0), side_mm=90)
    found = only_network(threshold, hu, affine, (38.0, 45.0, 49.0))
    assert found.mask.sum() * 2.5 * 1.5 * 1.5 == pytest.approx(np.pi / 6 * 40**3, rel=0.05)
    assert not found.findings


def test_a_size_that_was_guessed_too_large_leads_back_to_a_fine_cube(threshold: Bundle) -> None:
    hu, affine = lung_with_balls((2.0, 1.0, 1.0), ((30.0, 30.0, 30.0), 9.0))
    (found,) = outline_many(hu, affine, [(30.0, 30.0, 30.0)], threshold, fold=0, sizes_mm=[60.0])
    alone = only_network(threshold, hu, affine, (30.0, 30.0, 30.0))
    assert np.abs(found.mask.sum() / alone.mask.sum() - 1) < 0.05


def test_what_fills_the_largest_cube_is_a_mass(threshold: Bundle) -> None:
    hu, affine = lung_with_balls((4.0, 3.0, 3.0), ((70.0, 70.0, 70.0), 110.0), side_mm=140)
    found = only_network(threshold, hu, affine, (70.0, 70.0, 70.0))
    assert [finding.code for finding in found.findings] == ["nod.mass"]


def test_only_the_nodule_at_the_point_is_outlined(threshold: Bundle) -> None:
    hu, affine = lung_with_balls((1.5, 0.8, 0.8), ((30.0, 30.0, 30.0), 6.0), ((30.0, 30.0, 40.0), 7.0))
    found = only_network(threshold, hu, affine, (30.5, 29.5, 30.5))
    assert found.mask.sum() * 1.5 * 0.8 * 0.8 == pytest.approx(np.pi / 6 * 6**3, rel=0.2)


def test_the_mask_lies_on_the_grid_of_the_scan(threshold: Bundle) -> None:
    hu, affine = lung_with_balls((2.0, 1.0, 1.0), ((30.0, 28.0, 32.0), 12.0))
    found = only_network(threshold, hu, affine, (30.0, 28.0, 32.0))
    k, j, i = np.round(apply_affine(np.linalg.inv(affine), found.affine[:3, 3])).astype(int)
    assert np.allclose(shift_affine(affine, (k, j, i)), found.affine)
    part = hu[k : k + found.mask.shape[0], j : j + found.mask.shape[1], i : i + found.mask.shape[2]]
    assert (found.mask != (part > (LUNG_HU + TISSUE_HU) / 2)).mean() < 0.03


def test_a_tilted_scan_gives_the_same_place(threshold: Bundle) -> None:
    hu, straight = lung_with_balls((1.5, 1.0, 1.0), ((30.0, 30.0, 30.0), 10.0))
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]
    affine = turn @ straight
    centre = apply_affine(turn, (30.0, 30.0, 30.0))
    found = outline(hu, affine, centre, threshold, fold=0)
    measured = measure(found.field, found.field_affine, found.hu)
    assert measured.centre_mm == pytest.approx(tuple(centre), abs=0.3)
    assert measured.volume_mm3 == pytest.approx(np.pi / 6 * 1000, rel=0.1)


def test_where_nothing_is_there_is_a_small_ball_and_a_finding(threshold: Bundle) -> None:
    hu, affine = lung_with_balls((2.0, 1.0, 1.0))
    found = only_network(threshold, hu, affine, (30.0, 30.0, 30.0))
    assert [finding.code for finding in found.findings] == ["nod.outline"]
    assert found.mask.any()
    assert measure(found.field, found.field_affine, found.hu).diameter_mm < 6


def test_a_nodule_at_the_end_of_the_array_is_outlined_up_to_it(threshold: Bundle) -> None:
    hu, affine = lung_with_balls((2.0, 1.0, 1.0), ((1.0, 30.0, 1.0), 12.0))
    found = only_network(threshold, hu, affine, (1.0, 30.0, 1.0))
    assert np.array_equal(found.affine[[0, 2], 3], [0, 0])


def test_several_points_at_once_are_each_outlined_as_alone(threshold: Bundle) -> None:
    points = [(20.0, 20.0, 20.0), (44.0, 40.0, 40.0)]
    hu, affine = lung_with_balls((2.0, 1.0, 1.0), (points[0], 8.0), (points[1], 20.0))
    together = outline_many(hu, affine, points, threshold, fold=0)
    for point, found in zip(points, together, strict=True):
        alone = only_network(threshold, hu, affine, point)
        assert np.array_equal(found.mask, alone.mask)
        assert np.allclose(found.field, alone.field)
    assert outline_many(hu, affine, [], threshold) == []


def test_the_fold_chooses_the_network_and_none_their_mean(threshold: Bundle) -> None:
    hu, affine = lung_with_balls((2.0, 1.0, 1.0), ((30.0, 30.0, 30.0), 12.0))
    blind = outline(hu, affine, (30.0, 30.0, 30.0), threshold, fold=1)
    assert [finding.code for finding in blind.findings] == ["nod.outline"]
    mean = outline(hu, affine, (30.0, 30.0, 30.0), threshold)
    assert mean.mask.sum() < only_network(threshold, hu, affine, (30.0, 30.0, 30.0)).mask.sum()


@pytest.mark.parametrize("diameter", [6.0, 10.0, 20.0])
@pytest.mark.parametrize("thickness", [1.0, 2.5])
def test_the_shipped_network_outlines_a_ball_with_slices_above_and_below(diameter: float, thickness: float) -> None:
    hu, affine = lung_with_balls((thickness, 0.7, 0.7), ((30.0, 30.0, 30.0), diameter))
    noisy = hu + np.random.default_rng(0).normal(0, 25, hu.shape)
    found = outline(noisy, affine, (30.8, 29.5, 30.5), open_bundle("outline", "outline"))
    measured = measure(found.field, found.field_affine, found.hu)
    assert measured.centre_mm == pytest.approx((30, 30, 30), abs=1)
    assert measured.diameter_mm == pytest.approx(diameter, abs=0.5)
    assert measured.volume_mm3 / (np.pi / 6 * diameter**3) == pytest.approx(1, abs=0.05)


LESIONS = {  # centre of the consensus, LPS mm, from the data's README
    "qin-lsc-0028": (96.8, -172.5, 306.3),
    "qin-lsc-0049": (84.1, -107.7, 317.5),
    "qin-lsc-0064": (52.3, -85.8, 277.4),
    "qin-lung-01-0007": (-64.5, -167.7, 279.8),
    "qin-lung-01-0013": (-58.2, -155.3, 253.7),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", LESIONS)
def test_a_lesion_in_its_real_surroundings_is_outlined_as_machines_outlined_it(name: str, shared_data: Path) -> None:
    folder = shared_data / "scans" / "lesions"
    scan, readings = (read(folder / f"{name}-{part}.nii.gz") for part in ("ct", "readings"))
    consensus = readings.hu >= 5
    found = outline(scan.hu, scan.affine, LESIONS[name], open_bundle("outline", "outline"))
    start = np.round(scan.to_index(found.affine[:3, 3])).astype(int)
    mask = np.zeros(scan.hu.shape, bool)
    mask[tuple(slice(a, a + n) for a, n in zip(start, found.mask.shape, strict=True))] = found.mask
    assert 2 * (mask & consensus).sum() / (mask.sum() + consensus.sum()) > 0.75
