"""A nodule of one patient in the lungs of another."""

import numpy as np
import pytest

from lungrisk.training.pasting import Paste, apply_paste, draw_paste, shrink


def ball(radius: float = 9.0, hu: float = 40.0) -> dict[str, np.ndarray]:
    """A ball of `radius` mm in a cube of 1 mm, in lung."""
    grid = np.indices((32, 32, 32)) - 15.0
    mask = (grid**2).sum(0) <= radius**2
    return {"crop": np.where(mask, hu, -830.0).astype(np.int16), "mask": mask, "rating": np.float32(4.5)}


def chest() -> dict[str, np.ndarray]:
    lungs = np.zeros((40, 40, 40), np.uint8)
    lungs[5:35, 5:35, 3:18], lungs[5:35, 5:35, 22:37] = 2, 1
    volume = np.where(lungs > 0, -850, 0).astype(np.int16)
    return {"volume": volume, "lungs": lungs, "line": np.array([0.1, 0.1, 0.1, 2.0], np.float32)}


def test_as_much_tissue_comes_in_as_the_nodule_has() -> None:
    """The HU above lung, summed over the volume in mm3, are those of the ball: 4/3 pi 9^3 of 890 HU, within 3 %."""
    arrays = chest()
    pasted = apply_paste(arrays, ball(), Paste(donor=(0, 0), centre=(20, 20, 10)), 3.0)
    gained = (pasted["volume"].astype(float) - arrays["volume"]).sum() * 27
    rim = (
        20 * 27 * (shrink(ball()["crop"], ball()["mask"], 3)[1].sum() - (4 / 3 * np.pi * 9**3) / 27)
    )  # its rim is of -830
    assert gained - rim == pytest.approx(4 / 3 * np.pi * 9**3 * 890, rel=0.03)


def test_its_middle_comes_to_lie_where_it_was_drawn_and_the_highest_rating_is_the_higher_one() -> None:
    pasted = apply_paste(chest(), ball(), Paste(donor=(0, 0), centre=(20, 20, 10)), 3.0)
    bright = np.argwhere((pasted["volume"] > -400) & (chest()["lungs"] > 0))
    np.testing.assert_allclose(bright.mean(axis=0), (20, 20, 10), atol=0.6)
    assert pasted["line"][3] == 4.5
    dull = {**ball(), "rating": np.float32(1.2)}
    assert apply_paste(chest(), dull, Paste(donor=(0, 0), centre=(20, 20, 10)), 3.0)["line"][3] == 2.0


def test_the_given_arrays_stay_and_a_nodule_at_the_edge_is_cut() -> None:
    arrays = chest()
    before = arrays["volume"].copy()
    pasted = apply_paste(arrays, ball(), Paste(donor=(0, 0), centre=(0, 39, 0)), 3.0)
    np.testing.assert_array_equal(arrays["volume"], before)
    assert pasted["volume"].shape == before.shape


def test_half_of_the_patients_get_one_in_their_lungs_and_half_of_those_a_suspicious_one() -> None:
    lungs, donors = chest()["lungs"], [(0, 0, 1.5), (1, 0, 4.2), (2, 1, 2.0)]
    drawn = [draw_paste(lungs, donors, np.random.default_rng(number)) for number in range(400)]
    pasted = [one for one in drawn if one is not None]
    assert 160 < len(pasted) < 240
    assert all(lungs[one.centre] > 0 for one in pasted)
    assert 0.4 < sum(one.donor == (1, 0) for one in pasted) / len(pasted) < 0.6
    assert draw_paste(lungs, [], np.random.default_rng(0)) is None
