"""Oracle: balls and ellipsoids of known size, rasterised here by counting fine points, and their formulas."""

import numpy as np
import pytest
from numpy.typing import NDArray

from lungrisk.core.geometry import axis_affine
from lungrisk.nodules.measure import MEASURES, Measurements, measure, volume_interval

CT = (2.5, 0.7, 0.7)


def ellipsoid(
    diameters: tuple[float, float, float], spacing: tuple[float, float, float], offset: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(k, j, i) share of each voxel inside an ellipsoid, mm (k, j, i), offset from the grid's middle."""
    steps, radii = np.array(spacing), np.array(diameters) / 2
    fine = int(np.clip(np.ceil(20 * steps.max() / min(diameters)), 4, 8))  # points a side of a voxel
    size = 2 * np.ceil((radii + 2 * steps) / steps).astype(int) + 1
    axes = [
        (((np.arange(n * fine) + 0.5) / fine - n / 2) * step - shift) / radius
        for n, step, shift, radius in zip(size, steps, offset, radii, strict=True)
    ]
    inside = axes[0][:, None, None] ** 2 + axes[1][:, None] ** 2 + axes[2] ** 2 <= 1
    k, j, i = size
    shares: NDArray[np.float64] = inside.reshape(k, fine, j, fine, i, fine).mean(axis=(1, 3, 5))
    return shares


def offset_of(seed: int, spacing: tuple[float, float, float]) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, 3) * spacing


@pytest.mark.parametrize("spacing", [(0.8, 0.8, 0.8), (1.0, 0.7, 0.7), CT, (2.5, 2.5, 2.5)])
@pytest.mark.parametrize("diameter", [6.0, 9.0, 30.0])
def test_a_ball_is_within_5_percent_and_half_a_mm_at_any_spacing(
    diameter: float, spacing: tuple[float, float, float]
) -> None:
    for seed in range(2):
        shares = ellipsoid((diameter,) * 3, spacing, offset_of(seed, spacing))
        found = measure(shares, axis_affine(spacing), shares)
        assert found.volume_mm3 == pytest.approx(np.pi / 6 * diameter**3, rel=0.05)
        for measured in (found.diameter_mm, found.long_mm, found.short_mm):
            assert measured == pytest.approx(diameter, abs=0.5)
        assert found.max_3d_mm == pytest.approx(diameter, abs=0.75)


@pytest.mark.parametrize("diameter", [8.0, 12.0, 20.0])
def test_a_ball_of_whole_voxels_is_within_7_percent_and_half_a_mm_on_a_ct_grid(diameter: float) -> None:
    for seed in range(4):
        k, j, i = (np.arange(n) - (n - 1) / 2 for n in (15, 41, 41))
        dk, dj, di = offset_of(seed, CT)
        apart = (k[:, None, None] * CT[0] - dk) ** 2 + (j[:, None] * CT[1] - dj) ** 2 + (i * CT[2] - di) ** 2
        found = measure(apart <= (diameter / 2) ** 2, axis_affine(CT), apart)
        assert found.volume_mm3 == pytest.approx(np.pi / 6 * diameter**3, rel=0.07)
        assert found.diameter_mm == pytest.approx(diameter, abs=0.5)


def test_an_ellipsoid_has_its_axes() -> None:
    shares = ellipsoid((24.0, 10.0, 16.0), (1.25, 0.7, 0.7), np.array([0.3, 0.2, -0.1]))
    found = measure(shares, axis_affine((1.25, 0.7, 0.7)), shares)
    assert found.long_mm == pytest.approx(16, abs=0.5)
    assert found.short_mm == pytest.approx(10, abs=0.5)
    assert found.diameter_mm == pytest.approx((found.long_mm + found.short_mm) / 2)
    assert found.max_3d_mm == pytest.approx(24, abs=0.75)
    assert found.volume_mm3 == pytest.approx(np.pi / 6 * 24 * 10 * 16, rel=0.02)


def test_the_centre_lies_where_the_ball_was_put_in_the_world() -> None:
    offset = np.array([0.7, -0.3, 0.2])
    shares = ellipsoid((8.0,) * 3, CT, offset)
    middle = (np.array(shares.shape) - 1) / 2 * CT + offset
    found = measure(shares, axis_affine(CT, (100.0, -50.0, 20.0)), shares)
    assert found.centre_mm == pytest.approx((100 + middle[2], -50 + middle[1], 20 + middle[0]), abs=0.1)
    assert abs(found.slice_index - middle[0] / CT[0]) <= 1


def test_a_larger_box_around_the_same_nodule_changes_nothing() -> None:
    shares = ellipsoid((9.0, 7.0, 8.0), CT, np.zeros(3))
    alone = measure(shares, axis_affine(CT), shares)
    wide = measure(np.pad(shares, 3), axis_affine(CT, (-3 * 0.7, -3 * 0.7, -3 * 2.5)), np.pad(shares, 3))
    assert wide.volume_mm3 == pytest.approx(alone.volume_mm3)
    assert wide.centre_mm == pytest.approx(alone.centre_mm, abs=1e-9)
    assert (wide.long_mm, wide.max_3d_mm) == pytest.approx((alone.long_mm, alone.max_3d_mm))


def test_mirrored_nodules_measure_the_same() -> None:
    shares = ellipsoid((12.0, 7.0, 9.0), CT, np.array([0.4, 0.2, 0.1]))
    there, back = (measure(mask, axis_affine(CT), shares) for mask in (shares, shares[::-1, ::-1, ::-1]))
    for name in ("long_mm", "short_mm", "max_3d_mm", "volume_mm3"):
        assert getattr(there, name) == pytest.approx(getattr(back, name), rel=0.005)


def test_mean_hu_is_of_the_voxels_that_are_mostly_nodule() -> None:
    shares = np.array([[[0.0, 0.4, 1.0, 0.6]]])
    hu = np.array([[[-900, -400, 50, -10]]])
    assert measure(shares, np.eye(4), hu).mean_hu == 20


def test_one_voxel_can_be_measured() -> None:
    mask = np.zeros((3, 3, 3), bool)
    mask[1, 1, 1] = True
    found = measure(mask, axis_affine(CT), np.full((3, 3, 3), 7))
    assert (found.volume_mm3, found.mean_hu, found.slice_index) == (pytest.approx(2.5 * 0.49), 7, 1)
    assert found.short_mm > 0


def test_every_measurement_has_its_row() -> None:
    assert set(MEASURES) == set(Measurements.__dataclass_fields__)


def test_an_empty_mask_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="not empty"):
        measure(np.zeros((2, 2, 2), bool), np.eye(4), np.zeros((2, 2, 2)))


def test_the_interval_of_the_volume_is_that_of_its_size_and_never_narrower_than_readings_differ() -> None:
    rows = [
        {"from_mm": 0.0, "low": 0.5, "median": 0.9, "high": 2.0},
        {"from_mm": 10.0, "low": 0.99, "median": 1.0, "high": 1.01},
    ]
    small, large = volume_interval(100.0, rows), volume_interval(1000.0, rows)
    assert (small.value, small.low, small.high) == pytest.approx((100, 50, 200))
    assert (large.value, large.low, large.high) == pytest.approx((1000, 740, 1260))
