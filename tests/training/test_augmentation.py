"""What is drawn is applied, alike to everything that shows the same place."""

import numpy as np
import pytest

from lungrisk.training.augmentation import SHIFT_VOXELS, Change, apply_change, draw_change

STILL = Change(flip=(False, False, False), shift=(0, 0, 0), gain=0.0, offset=0.0, noise=0)


def marked() -> dict[str, np.ndarray]:
    """A volume with one voxel of 500 HU in the right lung, and the lungs."""
    volume = np.full((10, 12, 14), -1000, np.int16)
    volume[4, 5, 3] = 500
    lungs = np.zeros(volume.shape, np.uint8)
    lungs[2:8, 2:10, 2:6] = 2
    return {"volume": volume, "lungs": lungs}


def test_the_mark_stays_in_the_lung_wherever_it_is_moved_to() -> None:
    for number in range(40):
        change = draw_change(np.random.default_rng(number))
        moved = apply_change(marked(), change)
        place = np.unravel_index(moved["volume"].argmax(), moved["volume"].shape)
        k, j, i = (4 + change.shift[0], 5 + change.shift[1], 3 + change.shift[2])
        assert place == (k, j, 13 - i if change.flip[2] else i)
        assert moved["lungs"][place] == 2
        assert max(map(abs, change.shift)) <= SHIFT_VOXELS


def test_the_given_arrays_are_not_touched_and_no_change_changes_nothing() -> None:
    arrays = marked()
    before = {name: array.copy() for name, array in arrays.items()}
    apply_change(arrays, draw_change(np.random.default_rng(3)))
    for name, array in apply_change(arrays, STILL).items():
        np.testing.assert_array_equal(arrays[name], before[name])
        np.testing.assert_allclose(array, before[name])


def test_grey_values_change_along_a_line_through_air() -> None:
    change = Change(flip=(False, False, False), shift=(0, 0, 0), gain=1.0, offset=1.0, noise=0)
    hu = apply_change(marked(), change)["volume"]
    assert hu[0, 0, 0] == pytest.approx(-1000 + 15)
    assert hu[4, 5, 3] == pytest.approx(1500 * 1.02 - 1000 + 15)


def test_planes_are_mirrored_where_x_runs_and_only_there() -> None:
    planes = np.zeros((2, 6, 32, 32), np.float32)
    planes[:, 3:, 10, 4] = 1  # masks, whose values stay
    turned = apply_change(
        {"fixed": planes}, Change(flip=(False, False, True), shift=(0, 0, 0), gain=0, offset=0, noise=1)
    )
    for plane, column in ((3, 27), (4, 27), (5, 4)):
        assert np.argwhere(turned["fixed"][0, plane]).tolist() == [[10, column]]


def test_everybody_keeps_head_up_and_back_behind() -> None:
    changes = [draw_change(np.random.default_rng(number)) for number in range(60)]
    assert not any(change.flip[0] or change.flip[1] for change in changes)
    assert 15 < sum(change.flip[2] for change in changes) < 45
