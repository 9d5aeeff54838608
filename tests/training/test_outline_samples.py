"""Oracle: a stack whose nodule is a ball of known size."""

import numpy as np
import pytest

from lungrisk.cohort.nodule_folder import RATINGS, NoduleStack
from lungrisk.core.geometry import axis_affine
from lungrisk.nodules.segment import CUBE
from lungrisk.training.outline_samples import draw, draw_slices, level_for, subject

SPACING = (1.0, 0.7, 0.7)


def ball_stack(diameter: float) -> NoduleStack:
    n = int(diameter / SPACING[0])
    k, j, i = ((np.arange(size) - (size - 1) / 2) * step for size, step in zip((n, 64, 64), SPACING, strict=True))
    inside = k[:, None, None] ** 2 + j[:, None] ** 2 + i**2 <= (diameter / 2) ** 2
    return NoduleStack(
        id="nobody_n0", patient="nobody", hu=np.where(inside, 40, -850).astype(np.float32), readers=inside[None],
        ratings={name: np.ones(1) for name in RATINGS}, affine=axis_affine(SPACING), hu_quality=3, row={},
    )  # fmt: skip


def test_a_subject_has_no_nodule_in_the_slices_that_were_made() -> None:
    stack = ball_stack(10.0)
    item = subject(stack, np.random.default_rng(0))
    held = np.flatnonzero(item.target.any(axis=(1, 2)))
    assert held[-1] - held[0] + 1 == len(stack.hu)
    assert held[0] >= 16
    assert len(item.target) - held[-1] > 16
    assert item.radius_mm == pytest.approx(5, abs=0.3)
    assert item.weight == 0.5  # one reader of four


def test_drawn_cubes_hold_the_point_inside_the_nodule_and_their_targets_fit() -> None:
    item = subject(ball_stack(9.0), np.random.default_rng(0))
    rng = np.random.default_rng(1)
    middle = tuple(n // 2 for n in CUBE)
    for _ in range(20):
        cube, target = draw(item, rng)
        assert cube.shape == target.shape == CUBE
        assert 0 <= target.min() <= target.max() <= 1
        assert target[middle] > 0.4
        if (target > 0.9).sum() > 10 and (target < 0.1).sum() > 10:
            assert cube[target > 0.9].mean() > cube[target < 0.1].mean() + 0.5


def test_the_level_leaves_room_about_a_nodule() -> None:
    assert [level_for(size) for size in (5, 13, 20, 27, 50, 200)] == [0, 0, 1, 1, 2, 2]


def test_slices_are_different_and_mostly_near_the_nodule() -> None:
    target = np.zeros(CUBE, np.float32)
    target[10:14] = 1
    rng = np.random.default_rng(0)
    drawn = [draw_slices(target, 6, rng) for _ in range(50)]
    assert all(len(set(slices.tolist())) == 6 for slices in drawn)
    assert np.mean([np.mean((slices >= 7) & (slices <= 16)) for slices in drawn]) > 0.6
