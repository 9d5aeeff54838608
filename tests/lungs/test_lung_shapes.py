import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from lungrisk.lungs.shapes import box_of, close, components, dilate, erode, fill

SPACING = (2.5, 1.4, 0.9)
seeds = st.integers(0, 10_000)


def spots(seed: int, share: float = 0.03) -> np.ndarray:
    return np.random.default_rng(seed).random((9, 14, 20)) < share


@given(seeds, st.floats(0.5, 8.0))
def test_dilation_is_the_distance_transform_below_the_radius(seed: int, radius: float) -> None:
    mask = spots(seed)
    if not mask.any():
        return
    distance = ndimage.distance_transform_edt(~mask, sampling=SPACING)
    clear = np.abs(distance - radius) > 1e-6  # a tie is decided by rounding
    assert np.array_equal(dilate(mask, radius, SPACING)[clear], (distance <= radius)[clear])


@given(seeds, st.floats(0.5, 6.0))
def test_erosion_is_dilation_of_the_rest_and_closing_adds_only(seed: int, radius: float) -> None:
    mask = spots(seed, 0.6)
    assert np.array_equal(erode(mask, radius, SPACING), ~dilate(~mask, radius, SPACING))
    closed = close(mask, radius, SPACING)
    assert (closed | mask == closed).all()


def test_closing_fills_a_slit_narrower_than_the_ball_and_no_wider_one() -> None:
    mask = np.ones((3, 40, 60), bool)
    mask[:, 5:35, 20:26] = False
    spacing = (1.0, 1.0, 1.0)
    assert close(mask, 4.0, spacing)[1, 20, 22]
    assert not close(mask, 2.0, spacing)[1, 20, 22]


@given(seeds)
def test_filling_agrees_with_scipy(seed: int) -> None:
    mask = spots(seed, 0.6)
    assert np.array_equal(fill(mask), ndimage.binary_fill_holes(mask))


def test_pieces_are_counted_and_boxed() -> None:
    mask = np.zeros((5, 6, 7), bool)
    mask[1, 2, 3:5] = mask[4, 0, 0] = True
    labels, counts = components(mask)
    assert sorted(counts[1:]) == [1, 2]
    assert labels[1, 2, 3] == labels[1, 2, 4]
    assert box_of(mask[:4]) == (slice(1, 2), slice(2, 3), slice(3, 5))
    assert box_of(mask[:4], 2) == (slice(0, 4), slice(0, 5), slice(1, 7))


def test_an_empty_mask_stays_empty() -> None:
    empty = np.zeros((4, 5, 6), bool)
    assert not dilate(empty, 3.0, SPACING).any()
    assert pytest.approx(0) == fill(empty).sum()
