"""Slices that no body makes are named, and those that a body makes are not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from lungrisk.formats.neighbours import jumps, shifts


@pytest.fixture(scope="module")
def body() -> NDArray[np.int16]:
    """A trunk with two lungs, ribs and noise, that changes along its height."""
    k, j, i = np.meshgrid(np.arange(9), np.linspace(-1, 1, 128), np.linspace(-1, 1, 160), indexing="ij")
    hu = np.where((i / 0.85) ** 2 + (j / 0.7) ** 2 < 1, 40, -1000)
    for side in (-1, 1):
        hu[((i - 0.4 * side) / 0.3) ** 2 + (j / (0.45 + k / 90)) ** 2 < 1] = -850
    hu[(np.sin(14 * np.arctan2(j, i) + k / 2) > 0.8) & ((i / 0.8) ** 2 + (j / 0.65) ** 2 > 0.85) & (hu > 0)] = 500
    noisy: NDArray[np.int16] = (hu + np.random.default_rng(1).normal(0, 25, hu.shape)).astype(np.int16)
    return noisy


def moved(plane: NDArray[np.int16], start: int, n: int) -> NDArray[np.int16]:
    """n values put in at `start`, those at the end pushed out."""
    flat = plane.ravel()
    return np.concatenate([flat[:start], np.zeros(n, np.int16), flat[start:-n]]).reshape(plane.shape)


def test_a_body_makes_neither(body: NDArray[np.int16]) -> None:
    assert jumps(body) == shifts(body) == ()
    assert shifts(np.roll(body, 1, axis=0)[1:]) == ()


@pytest.mark.parametrize("start", [0, 5_000, 9_000])
@pytest.mark.parametrize("n", [20, 40, 80, 3 * 160 + 70])
def test_values_put_into_a_slice_are_seen_where_the_rest_has_moved(body: NDArray[np.int16], start: int, n: int) -> None:
    hurt = body.copy()
    hurt[4] = moved(body[4], start, n)
    assert [(finding.code, finding.slices) for finding in shifts(hurt)] == [("px.shift", (4,))]


@pytest.mark.parametrize("rows", [slice(0, 128), slice(40, 60)])
def test_a_slice_or_a_band_of_it_that_is_lost_is_seen(body: NDArray[np.int16], rows: slice) -> None:
    hurt = body.copy()
    hurt[5, rows] = 3000
    assert [finding.slices for finding in jumps(hurt)] == [(5,)]


def test_few_slices_are_no_fault() -> None:
    assert jumps(np.zeros((1, 8, 8), np.int16)) == shifts(np.zeros((2, 64, 64), np.int16)) == ()
