"""Net benefit by its definition and at its known ends."""

import numpy as np
import pytest

from lungrisk.evaluation.decision import net_benefit, net_benefit_of_all, net_benefit_of_draws

P = np.array([0.05, 0.2, 0.2, 0.6, 0.9])
Y = np.array([0, 0, 1, 0, 1])


@pytest.mark.parametrize("threshold", [0.01, 0.1, 0.2, 0.5, 0.75, 0.95])
def test_net_benefit_is_counted_patient_by_patient(threshold: float) -> None:
    worth = sum((1 if y else -threshold / (1 - threshold)) for p, y in zip(P, Y, strict=True) if p >= threshold)
    assert net_benefit(P, Y, np.array([threshold]))[0] == pytest.approx(worth / 5)


def test_calling_everybody_is_what_a_threshold_below_all_gives() -> None:
    at = np.array([0.01, 0.04])
    assert net_benefit(P, Y, at) == pytest.approx(net_benefit_of_all(0.4, at))


def test_perfect_likelihoods_are_worth_the_prevalence_at_every_threshold() -> None:
    assert net_benefit(Y.astype(float), Y, np.array([0.1, 0.5, 0.9])) == pytest.approx([0.4] * 3)


def test_calling_nobody_is_worth_nothing() -> None:
    assert net_benefit(P, Y, np.array([0.99])).tolist() == [0.0]


def test_a_drawn_sample_has_the_net_benefit_of_its_patients_repeated() -> None:
    counts = np.array([[2.0, 0, 1, 1, 1]])
    rows = np.repeat(np.arange(5), counts[0].astype(int))
    at = np.array([0.1, 0.3])
    assert net_benefit_of_draws(P, Y, at, counts)[0] == pytest.approx(net_benefit(P[rows], Y[rows], at))
