"""Oracle: slices made here, whose nodule and surroundings are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from lungrisk.cohort.continuation import continue_stack, noise_of, replace_nodule

SPACING = (2.0, 0.7, 0.7)


def stack_with_a_disc(noise_sd: float = 20.0) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Three equal slices of lung, chest wall on the right, a bright disc in the middle; and the disc."""
    j, i = np.indices((64, 64)) - 31.5
    disc = np.hypot(j, i) < 6
    plane = np.where(i > 22, 40.0, -850.0) + 900.0 * disc
    noise = np.random.default_rng(0).normal(0, noise_sd, (3, 64, 64))
    return (plane + noise).astype(np.float32), np.broadcast_to(disc, (3, 64, 64))


def test_the_stack_itself_is_not_changed_and_both_ends_reach_far_enough() -> None:
    hu, disc = stack_with_a_disc()
    found = continue_stack(hu, disc, SPACING, 9.0, np.random.default_rng(1))
    assert found.below == 5
    assert len(found.hu) == 5 + 3 + 5
    np.testing.assert_array_equal(found.hu[5:8], hu)


@pytest.mark.parametrize("seed", range(5))
def test_beyond_the_ends_there_is_lung_where_the_nodule_was_and_the_chest_wall_goes_on(seed: int) -> None:
    hu, disc = stack_with_a_disc()
    found = continue_stack(hu, disc, SPACING, 10.0, np.random.default_rng(seed))
    for plane in (found.hu[0], found.hu[1], found.hu[-2], found.hu[-1]):
        assert np.median(plane[disc[0]]) < -600
        assert np.median(plane[:, 62:]) > -100


def test_made_slices_are_as_noisy_as_the_stack_and_not_copies_of_one_another() -> None:
    hu, disc = stack_with_a_disc(noise_sd=30.0)
    found = continue_stack(hu, disc, SPACING, 10.0, np.random.default_rng(2))
    assert noise_of(found.hu[0]) == pytest.approx(noise_of(hu[0]), rel=0.5)
    assert np.abs(found.hu[0] - found.hu[1])[:, :40].mean() > 10


def test_the_same_seed_makes_the_same_slices() -> None:
    hu, disc = stack_with_a_disc()
    one, other = (continue_stack(hu, disc, SPACING, 6.0, np.random.default_rng(3)).hu for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_a_slice_without_nodule_stays_and_one_filled_by_it_still_gets_tissue() -> None:
    hu, _ = stack_with_a_disc()
    rng = np.random.default_rng(4)
    assert np.array_equal(replace_nodule(hu[0], np.zeros((64, 64), bool), rng), hu[0])
    assert np.isfinite(replace_nodule(hu[0], np.ones((64, 64), bool), rng)).all()
