"""The map from nodules to a patient, against published bins, brute force and the axioms of fair shares."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungrisk.core.errors import UsageFault
from lungrisk.core.records import Estimate, Nodule, Rating
from lungrisk.risk import (
    COVARIANCE,
    INTERCEPT,
    M_MEAN,
    M_SD,
    PREVALENCE,
    RATER_SD,
    SLOPE,
    likelihood,
    possible,
    share_out,
)


def nodule(mean: float, *, accepted: bool = True, sd: float = 0.4) -> Nodule:
    return Nodule(
        id=f"{mean}",
        centre_mm=(0.0, 0.0, 0.0),
        mask=np.ones((1, 1, 1), bool),
        affine=np.eye(4),
        side="left",
        third="upper",
        diameter_mm=8.0,
        long_mm=9.0,
        short_mm=7.0,
        max_3d_mm=9.0,
        volume_mm3=Estimate(value=268.0, low=200.0, high=350.0),
        mean_hu=20.0,
        type="solid",
        nodule_probability=0.9,
        malignancy=Rating(mean=mean, sd=sd, low=mean - 1, high=mean + 1),
        accepted=accepted,
        slice_index=0,
    )


@pytest.mark.parametrize(
    ("mean", "published"), [(3.0, 0.065), (3.5, 0.186), (4.0, 0.429), (4.5, 0.713)], ids=["3", "3.5", "4", "4.5"]
)
def test_the_curve_without_the_raters_error_is_the_published_one(
    mean: float, published: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lungrisk.risk.RATER_SD", 1e-6)
    chances = possible(Rating(mean=mean, sd=0.0, low=1, high=5))
    assert chances.mean() == pytest.approx(published, abs=0.002)


def test_the_mixture_is_what_random_draws_give() -> None:
    generator = np.random.default_rng(0)
    n = 400_000
    trust = M_SD**2 / (M_SD**2 + RATER_SD**2)
    m = M_MEAN + trust * (4.4 - M_MEAN) + np.sqrt(trust) * RATER_SD * generator.standard_normal(n)
    a, b = generator.multivariate_normal([INTERCEPT, SLOPE], COVARIANCE, n).T
    drawn = 1 / (1 + np.exp(-(a + b * np.maximum(np.minimum(m, 5) - 3, 0))))
    chances = possible(Rating(mean=4.4, sd=0.3, low=3, high=5))
    assert chances.mean() == pytest.approx(drawn.mean(), abs=2e-3)
    assert np.quantile(chances, (0.025, 0.975)) == pytest.approx(np.quantile(drawn, (0.025, 0.975)), abs=6e-3)


def test_no_nodule_gives_the_floor_and_says_so() -> None:
    chance, _ = likelihood(())
    assert chance.value == chance.floor == pytest.approx(0.065, abs=0.002)
    assert "no nodule was found" in chance.basis


def test_a_nodule_that_is_not_accepted_changes_nothing() -> None:
    assert likelihood((nodule(4.8, accepted=False),))[0].value == likelihood(())[0].value


@given(st.lists(st.floats(1, 5), min_size=1, max_size=6))
def test_floor_and_contributions_add_up_to_the_likelihood(means: list[float]) -> None:
    chance, nodules = likelihood([nodule(mean) for mean in means])
    assert chance.floor + sum(item.contribution for item in nodules) == pytest.approx(chance.value, abs=1e-9)
    assert all(item.contribution >= 0 for item in nodules)


def test_shares_are_the_shapley_values_of_the_maximum() -> None:
    chances, floor = [0.7, 0.4, 0.25], 0.1
    expected = np.zeros(3)
    orders = list(permutations(range(3)))
    for order in orders:
        before = floor
        for item in order:
            after = max(before, chances[item])
            expected[item] += (after - before) / len(orders)
            before = after
    assert share_out(chances, 0.7, floor) == pytest.approx(expected.tolist())


@given(st.floats(1, 4.9), st.floats(0.01, 0.1))
def test_a_higher_rating_never_gives_a_lower_likelihood(mean: float, step: float) -> None:
    lower, higher = (likelihood((nodule(value),))[0].value for value in (mean, mean + step))
    assert higher >= lower
    assert higher > lower or mean < 3  # the map is flat below its knot


def test_a_less_certain_rating_gives_a_wider_interval() -> None:
    sure, _ = likelihood((nodule(4.2, sd=0.3),))
    unsure, _ = likelihood((nodule(4.2, sd=0.8),))
    assert unsure.high - unsure.low > sure.high - sure.low


def test_the_prevalence_moves_the_logit_by_the_case_control_shift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lungrisk.risk.COVARIANCE", ((0.0, 0.0), (0.0, 0.0)))
    chance = likelihood((), 0.01)[0].value
    assert np.log(chance / (1 - chance)) == pytest.approx(INTERCEPT - 3.563, abs=1e-3)
    assert likelihood((), PREVALENCE)[0].value == pytest.approx(likelihood(())[0].value)


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.2, float("nan")])
def test_a_prevalence_that_is_no_share_is_refused(prevalence: float) -> None:
    with pytest.raises(UsageFault, match=r"use\.option"):
        likelihood((), prevalence)


def test_the_order_of_the_nodules_does_not_matter() -> None:
    items = [nodule(2.0), nodule(4.4), replace(nodule(3.6), id="x")]
    forward, backward = likelihood(items), likelihood(items[::-1])
    assert forward[0] == backward[0]
    assert [item.contribution for item in forward[1]] == [item.contribution for item in backward[1]][::-1]
