import numpy as np
import pytest

from lungrisk.report.pictures.rays import Grid, cast, coarse, look, smooth, without_specks

GRID = (1.25, 1.4, 1.4)
RADIUS = 30.0


def ball() -> Grid:
    """Distances to the edge of a ball: positive inside, so that the surface at 0 is exact."""
    axes = [np.arange(count) * step for count, step in zip((80, 70, 72), GRID, strict=True)]
    k, j, i = np.meshgrid(*axes, indexing="ij")
    middle = [axis[-1] / 2 for axis in axes]
    values = RADIUS - np.sqrt((k - middle[0]) ** 2 + (j - middle[1]) ** 2 + (i - middle[2]) ** 2)
    return Grid(values.astype(np.float32), GRID, (0.0, 0.0, 0.0))


@pytest.mark.parametrize("degrees", [0.0, 40.0, 90.0, 200.0])
def test_rays_meet_a_ball_where_geometry_says(degrees: float) -> None:
    grid = ball()
    view = look(grid, np.deg2rad(degrees))
    hits = cast(grid, 0.0, view)
    up = view.rows[:, None] - 79 * 1.25 / 2
    across = view.across[None, :]
    distance = np.hypot(up, across)
    inner = distance < 0.8 * RADIUS  # at the rim a ray is almost a tangent
    expected = -np.sqrt(np.maximum(RADIUS**2 - distance**2, 0))
    assert np.isfinite(hits.depth[inner]).all()
    assert not np.isfinite(hits.depth[distance > RADIUS + 1.0]).any()
    error = (hits.depth - expected)[inner]
    assert np.abs(error).max() < GRID[0] / 2
    assert np.quantile(np.abs(error), 0.95) < 0.15
    assert abs(error.mean()) < 0.1
    normal = np.stack(np.broadcast_arrays(across, expected, up), axis=-1) / RADIUS
    assert (hits.normal * normal).sum(axis=-1)[inner].min() > 0.99


def test_a_place_and_its_view_are_each_others_inverse() -> None:
    view = look(ball(), np.deg2rad(40.0))
    point = np.array([10.0, 20.0, 70.0])
    assert view.points(*view.place(point)) == pytest.approx(point)
    assert view.place(np.array([0.0, 0.0, 999.0]))[1] > 0, "the patient's left is on the right, from the front"


def test_a_coarse_grid_keeps_means_and_places() -> None:
    array = np.fromfunction(lambda k, j, i: 10 * k + 2 * j + i, (9, 12, 14))
    grid = coarse(array, (2.5, 0.7, 0.7), 1.25)
    assert grid.spacing == (1.25, 1.4, 1.4)
    assert grid.start == pytest.approx((0.0, 0.35, 0.35))
    k, j, i = np.indices(grid.values.shape)
    expected = 10 * k * 0.5 + 2 * (2 * j + 0.5) + (2 * i + 0.5)
    assert grid.values == pytest.approx(expected, abs=1e-3)


def test_smoothing_keeps_a_plane_where_it_is() -> None:
    values = np.zeros((10, 10, 10), np.float32)
    values[:5] = 1.0
    smoothed = smooth(Grid(values, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))).values
    assert smoothed[4, 5, 5] + smoothed[5, 5, 5] == pytest.approx(1.0, abs=1e-5)
    assert smoothed[0, 0, 0] == 1.0


def test_specks_go_and_bones_stay() -> None:
    values = np.zeros((20, 20, 20), np.float32)
    values[2:12, 2:12, 2:12] = 500
    values[16, 16, 16] = 900
    kept = without_specks(Grid(values, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)), 400.0, 300.0).values
    assert (kept >= 400).sum() == 1000
