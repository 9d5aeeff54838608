"""Discrete-time survival against an example worked by hand."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lungrisk.core.cohort import Label  # noqa: E402
from lungrisk.training.survival import class_weights, likelihood_by_year, loss_of, questions  # noqa: E402


def seen(time: float, event: int) -> Label:
    return Label(id="x", cancer=event, time_years=time, event=event)


def test_the_loss_of_four_patients_is_what_a_hand_gets() -> None:
    """Hazards 0.1, 0.2, 0.5 in years 1, 2, 3.

    Diagnosed after 0.4 years: -ln 0.1. After 2.5: -ln(0.9 * 0.8 * 0.5). Followed for 2.0 years: -ln(0.9 * 0.8).
    Followed for 0.5 years: nothing is known of a whole year, 0.
    """
    labels = [seen(0.4, 1), seen(2.5, 1), seen(2.0, 0), seen(0.5, 0)]
    answers, asked = questions(labels, 3)
    hazards = torch.tensor([[0.1, 0.2, 0.5]]).expand(4, 3)
    loss = loss_of(torch.logit(hazards), torch.from_numpy(answers), torch.from_numpy(asked))
    wanted = [-math.log(0.1), -math.log(0.9 * 0.8 * 0.5), -math.log(0.9 * 0.8), 0.0]
    assert loss.tolist() == pytest.approx(wanted, abs=1e-6)


def test_what_happens_after_the_last_year_counts_as_free_until_then() -> None:
    answers, asked = questions([seen(4.2, 1), seen(9.0, 0)], 3)
    assert answers.sum() == 0
    assert asked.tolist() == [[1, 1, 1], [1, 1, 1]]


def test_a_diagnosis_at_the_end_of_a_year_belongs_to_that_year_and_one_at_once_to_the_first() -> None:
    answers, _ = questions([seen(1.0, 1), seen(1.01, 1), seen(0.0, 1)], 2)
    assert answers.tolist() == [[1, 0], [0, 1], [1, 0]]


def test_nothing_is_asked_of_a_patient_without_a_label_or_without_a_time() -> None:
    assert questions([Label(id="a")])[1].tolist() == [[0]]
    assert questions([Label(id="a", cancer=1)], 2)[1].tolist() == [[0, 0]]


def test_the_likelihood_never_falls_from_year_to_year() -> None:
    hazards = np.random.default_rng(0).random((50, 6))
    found = likelihood_by_year(hazards)
    assert (np.diff(found, axis=1) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_the_masked_loss_is_least_at_the_shares_of_those_who_came_to_the_year() -> None:
    """Life table: hazard of year j = diagnoses in it / patients that were watched through it or diagnosed in it."""
    rng = np.random.default_rng(1)
    labels = [seen(float(t), int(e)) for t, e in zip(rng.uniform(0.1, 4, 200), rng.random(200) < 0.4, strict=True)]
    answers, asked = (torch.from_numpy(array).double() for array in questions(labels, 3))
    logits = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([logits], max_iter=100, tolerance_grad=1e-10)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = loss_of(logits.expand(200, 3), answers, asked).mean()
        loss.backward()
        return loss

    optimiser.step(closure)
    died = [sum(one.event and math.ceil(one.time_years) == year for one in labels) for year in (1, 2, 3)]
    free = [sum(math.floor(one.time_years) >= year or (one.event and one.time_years > year) for one in labels) for year in (1, 2, 3)]  # fmt: skip
    hazards = [d / (d + f) for d, f in zip(died, free, strict=True)]
    assert torch.sigmoid(logits)[0].tolist() == pytest.approx(hazards, abs=1e-4)


def test_balanced_classes_weigh_the_same() -> None:
    answers = np.array([[1.0]] * 3 + [[0.0]] * 9, np.float32)
    weights = class_weights(answers, np.ones_like(answers), True)
    assert weights[:3].sum() == pytest.approx(weights[3:].sum())
    assert weights.mean() == pytest.approx(1)
