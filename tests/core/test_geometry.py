"""Index to mm and back, for any affine that a CT can have."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lungrisk.core.geometry import apply_affine, axis_affine, shift_affine, spacing_of
from lungrisk.core.records import Scan

LENGTH = st.floats(0.3, 10.0)
PLACE = st.floats(-1000.0, 1000.0)
INDEX = st.tuples(*[st.floats(-50.0, 600.0)] * 3)


@st.composite
def affines(draw: st.DrawFn) -> np.ndarray:
    """Any right-angled grid: a rotation, three spacings, an origin."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    affine = np.eye(4)
    affine[:3, :3] = rotation * draw(st.tuples(LENGTH, LENGTH, LENGTH))
    affine[:3, 3] = draw(st.tuples(PLACE, PLACE, PLACE))
    return affine


@given(affines(), INDEX)
def test_index_to_mm_and_back_is_the_same_index(affine: np.ndarray, index: tuple[float, float, float]) -> None:
    scan = Scan(hu=np.zeros((1, 1, 1), np.int16), affine=affine)
    assert np.allclose(scan.to_index(scan.to_mm(index)), index, atol=1e-6)


@given(affines(), INDEX, INDEX)
def test_a_crop_keeps_every_place(
    affine: np.ndarray, start: tuple[float, float, float], index: tuple[float, float, float]
) -> None:
    inside = apply_affine(shift_affine(affine, start), index)
    assert np.allclose(inside, apply_affine(affine, np.add(start, index)), atol=1e-6)


@given(affines())
def test_spacing_is_the_distance_of_neighbours(affine: np.ndarray) -> None:
    origin = apply_affine(affine, [0, 0, 0])
    steps = [np.linalg.norm(apply_affine(affine, step) - origin) for step in np.eye(3)]
    assert np.allclose(steps, spacing_of(affine))


@given(st.tuples(LENGTH, LENGTH, LENGTH), st.tuples(PLACE, PLACE, PLACE), INDEX)
def test_an_axial_grid_is_k_up_j_back_i_left(
    spacing: tuple[float, float, float], origin: tuple[float, float, float], index: tuple[float, float, float]
) -> None:
    k, j, i = index
    expected = [origin[0] + spacing[2] * i, origin[1] + spacing[1] * j, origin[2] + spacing[0] * k]
    assert np.allclose(apply_affine(axis_affine(spacing, origin), index), expected)
