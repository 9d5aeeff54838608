import numpy as np
import pytest

from lungrisk.core.geometry import axis_affine
from lungrisk.nodules.appearance import FEATURES, PLANE, cut_slab, measure_features, rating_inputs


def ball(radius_mm: float, spacing: tuple[float, float, float], margin_mm: float = 8.0, hu: float = 30.0):
    size = [int(2 * (radius_mm + margin_mm) / step) + 1 for step in spacing]
    grid = np.indices(size) - (np.array(size)[:, None, None, None] - 1) / 2
    far = np.sqrt(sum((grid[axis] * spacing[axis]) ** 2 for axis in range(3)))
    mask = far <= radius_mm
    return np.where(mask, hu, -850.0).astype(np.float32), axis_affine(spacing, (10.0, -20.0, 30.0)), mask


def test_what_lies_above_and_below_the_mask_changes_nothing() -> None:
    hu, affine, mask = ball(8.0, (1.0, 0.7, 0.7))
    other = hu.copy()
    touched = np.flatnonzero(mask.any(axis=(1, 2)))
    other[: touched[0]] = np.random.default_rng(0).normal(0, 500, other[: touched[0]].shape)
    other[touched[-1] + 1 :] = 300.0
    low, high = touched[0], touched[-1] + 1
    alone = rating_inputs(hu[low:high], affine @ np.array(shift(low)), mask[low:high])
    for name, array in rating_inputs(other, affine, mask).items():
        np.testing.assert_allclose(array, alone[name], atol=1e-4)


def shift(k: int) -> list[list[float]]:
    return [[1, 0, 0, k], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 0.7), (1.25, 0.6, 0.6), (2.5, 0.8, 0.8)])
@pytest.mark.parametrize("radius", [3.0, 6.0, 14.0])
def test_a_ball_is_measured_as_geometry_says(radius: float, spacing: tuple[float, float, float]) -> None:
    numbers = measure_features(cut_slab(*ball(radius, spacing)))
    coarse = max(spacing) / radius
    assert numbers["diameter"] == pytest.approx(2 * radius, rel=0.03 + 0.1 * coarse)
    assert numbers["log_volume"] == pytest.approx(np.log(4 / 3 * np.pi * radius**3), abs=0.1 + 0.3 * coarse)
    assert numbers["area_diameter"] == pytest.approx(2 * radius, rel=0.05 + 0.1 * coarse)
    assert numbers["axis_2"] == pytest.approx(1.0, abs=0.05 + 0.3 * coarse)
    assert numbers["hu_95"] == pytest.approx(30.0, abs=15)  # partial volume
    assert numbers["near_median"] == pytest.approx(-850.0, abs=20)


def test_place_and_resolution_of_the_scan_hardly_matter() -> None:
    one = rating_inputs(*ball(9.0, (1.0, 0.5, 0.5)))
    other = rating_inputs(*ball(9.0, (1.0, 0.9, 0.9)))
    for name in ("fixed", "scaled"):
        assert np.abs(one[name] - other[name]).mean() < 0.1


def test_the_scaled_view_shows_a_mass_as_large_as_a_nodule() -> None:
    small, large = (rating_inputs(*ball(radius, (2.0, 1.0, 1.0)))["scaled"] for radius in (9.0, 38.0))
    assert small[3].mean() == pytest.approx(large[3].mean(), abs=0.05)
    assert large[3, 0].max() == 0  # the border of the view is outside


def test_all_that_the_network_is_given_is_finite_for_the_smallest_masks() -> None:
    rng = np.random.default_rng(0)
    hu = rng.normal(-700, 200, (3, 12, 12)).astype(np.float32)
    for shape in ((1, 1, 1), (1, 2, 2), (3, 1, 1), (3, 12, 12)):
        mask = np.zeros(hu.shape, bool)
        mask[: shape[0], : shape[1], : shape[2]] = True
        inputs = rating_inputs(hu, axis_affine((5.0, 0.7, 0.7)), mask)
        assert inputs["fixed"].shape == inputs["scaled"].shape == (6, PLANE, PLANE)
        assert inputs["features"].shape == (len(FEATURES),)
        assert all(np.isfinite(array).all() for array in inputs.values())


def test_an_empty_mask_or_one_of_another_shape_is_refused() -> None:
    hu = np.zeros((3, 4, 5), np.float32)
    with pytest.raises(ValueError, match="0 voxels"):
        cut_slab(hu, np.eye(4), np.zeros(hu.shape, bool))
    with pytest.raises(ValueError, match="shape"):
        cut_slab(hu, np.eye(4), np.ones((2, 4, 5), bool))
