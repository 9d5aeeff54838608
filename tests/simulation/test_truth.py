"""The stated risk: what readers call suspicious raises it, calcium lowers it, and it leaves room for a network to be judged."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungrisk.simulation.truth import CEILING, FLOOR, best_log_loss, nodule_score, risk_of, suspicion

ones_to_fives = st.floats(1.0, 5.0)


@given(st.floats(3.0, 29.0), ones_to_fives, ones_to_fives, st.booleans())
def test_size_spicules_lobes_and_the_upper_lobe_raise_the_score(
    d: float, spicules: float, lobes: float, up: bool
) -> None:
    score = nodule_score("solid", d, spicules, lobes, up)
    assert nodule_score("solid", d + 1.0, spicules, lobes, up) > score
    assert nodule_score("solid", d, spicules + 0.1, lobes, up) > score
    assert nodule_score("solid", d, spicules, lobes + 0.1, up) > score
    assert nodule_score("solid", d, spicules, lobes, True) >= score
    assert nodule_score("calcified", d, spicules, lobes, up) < score - 1.5


def test_the_score_of_a_doubled_diameter_is_that_of_the_fit() -> None:
    assert nodule_score("solid", 20.0, 1.0, 1.0, False) - nodule_score("solid", 10.0, 1.0, 1.0, False) == pytest.approx(
        0.59
    )


@given(st.lists(st.floats(0.0, 6.0), max_size=6), st.floats(0.0, 6.0))
def test_one_more_nodule_never_lowers_the_risk(scores: list[float], more: float) -> None:
    assert FLOOR - 1e-9 <= risk_of(scores) <= risk_of([*scores, more]) <= CEILING + 1e-9


def test_the_risk_is_a_logistic_function_of_the_highest_suspicion() -> None:
    logits = [math.log(risk_of([score]) / (1 - risk_of([score]))) for score in (2.5, 3.6, 4.4)]
    steps = [suspicion(score) for score in (2.5, 3.6, 4.4)]
    slope = (logits[2] - logits[0]) / (steps[2] - steps[0])
    assert (logits[1] - logits[0]) / (steps[1] - steps[0]) == pytest.approx(slope)


def test_the_best_log_loss_is_what_the_true_risks_get_over_many_draws() -> None:
    rng = np.random.default_rng(0)
    risks = rng.uniform(0.05, 0.95, 200_000)
    labels = rng.random(risks.size) < risks
    drawn = -np.where(labels, np.log(risks), np.log(1 - risks)).mean()
    assert best_log_loss(risks) == pytest.approx(drawn, abs=0.005)
