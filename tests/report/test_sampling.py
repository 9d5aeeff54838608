import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungrisk.core.geometry import axis_affine
from lungrisk.core.records import Lungs, Nodule, Scan
from lungrisk.report.sampling import (
    BONE,
    LUNG,
    MEDIASTINUM,
    Window,
    contours,
    fit,
    grey,
    lung_box,
    mask_on,
    project,
    sample,
    section,
    size_mm,
    spread,
    steps,
)


def marked() -> Scan:
    """A scan with one bright voxel near the patient's left, back and head."""
    hu = np.full((9, 10, 12), -1000, np.int16)
    hu[7, 8, 10] = 1000
    return Scan(hu=hu, affine=axis_affine((2.5, 0.7, 0.6), (-3.0, 5.0, 100.0)))


@pytest.mark.parametrize(("window", "level", "width"), [(LUNG, -600, 1500), (MEDIASTINUM, 40, 400), (BONE, 400, 1800)])
def test_a_window_is_the_one_that_radiologists_name(window: Window, level: int, width: int) -> None:
    assert ((window.low + window.high) / 2, window.high - window.low) == (level, width)
    assert grey(np.array([level], np.int16), window)[0] == 127


@given(st.integers(-32768, 32767))
def test_grey_rises_with_hu_and_never_wraps(hu: int) -> None:
    value = int(grey(np.array([hu], np.int16), LUNG)[0])
    assert value == int(min(max((hu + 1350) / 1500 * 255, 0), 255))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_left_back_and_head_lie_where_a_radiologist_expects_them(axis: int) -> None:
    scan = marked()
    view = section(scan.hu, axis, (7, 8, 10)[axis])
    row, column = np.unravel_index(view.argmax(), view.shape)
    assert row == (8 if axis == 0 else 1)  # the back is down in an axial view, the head is up in the others
    assert column == (8 if axis == 2 else 10)  # left is on the right; in a sagittal view the back is
    down, across = steps(scan.spacing, axis)
    place = project(scan, tuple(scan.to_mm((7, 8, 10)).tolist()), axis)
    assert place == pytest.approx(((column + 0.5) * across, (row + 0.5) * down))


def test_fit_keeps_the_size_in_mm() -> None:
    picture = np.zeros((50, 80), np.uint8)
    fitted = fit(picture, (2.5, 0.5), 1.0)
    assert fitted.shape == (125, 40)
    assert size_mm(fitted, (1.0, 1.0)) == size_mm(picture, (2.5, 0.5))


def test_a_contour_holds_the_area_of_its_disc() -> None:
    down, across = np.indices((200, 150))
    disc = ((down + 0.5) * 0.5 - 40) ** 2 + ((across + 0.5) * 0.7 - 60) ** 2 <= 25.0**2
    (line,) = contours(disc, (100.0, 105.0))
    x, y = line.T
    area = 0.5 * abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))
    assert area == pytest.approx(np.pi * 25.0**2, rel=0.01)
    assert line.mean(axis=0) == pytest.approx([60.0, 40.0], abs=0.3)


def test_a_mask_at_the_edge_still_has_a_closed_contour() -> None:
    (line,) = contours(np.ones((4, 4), bool), (4.0, 4.0))
    assert line[0].tolist() == line[-1].tolist()


@given(st.floats(-3, 12), st.floats(-3, 12), st.floats(-3, 14))
def test_sampling_a_linear_field_gives_it_back(k: float, j: float, i: float) -> None:
    field = np.fromfunction(lambda k, j, i: 3 * k + 2 * j - i, (9, 10, 12))
    value = float(sample(field, np.array([[k, j, i]]), np.nan)[0])
    inside = 0 <= k <= 8 and 0 <= j <= 9 and 0 <= i <= 11
    assert value == pytest.approx(3 * k + 2 * j - i, abs=1e-3) if inside else not np.isfinite(value) or value < 40


def test_a_mask_on_its_own_finer_grid_lies_where_the_nodule_is(scan: Scan, nodules: tuple[Nodule, ...]) -> None:
    nodule = nodules[0]
    centre = np.array(nodule.centre_mm)
    for offset, inside in (
        ((0, 0, 0), True),
        ((10, 0, 0), True),
        ((0, -10, 0), True),
        ((0, 0, 12.5), False),
        ((30, 0, 0), False),
    ):
        share = float(mask_on(scan, nodule, scan.to_index([centre + offset]))[0])
        assert (share > 0.5) == inside


def test_the_lung_box_holds_the_lungs_and_a_margin(scan: Scan, lungs: Lungs) -> None:
    box = lung_box(scan, lungs, 10.0)
    assert lungs.mask[box].sum() == lungs.mask.sum()
    inside = np.flatnonzero(lungs.mask.any(axis=(0, 1)))
    assert (box.i.start, box.i.stop) == (inside[0] - 3, inside[-1] + 4)  # 10 mm are 3 voxels of 3.5 mm
    whole = lung_box(scan, None, 10.0)
    assert scan.hu[whole].shape == scan.hu.shape


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 30))
def test_spread_indices_are_few_different_and_reach_both_ends(first: int, more: int, count: int) -> None:
    indices = spread(first, first + more, count)
    assert len(indices) <= count
    assert indices == sorted(set(indices))
    assert indices[0] == first
    assert count == 1 or indices[-1] == first + more
