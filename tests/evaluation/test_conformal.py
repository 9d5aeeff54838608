"""Conformal sets hold the truth as often as promised, whatever the likelihoods are worth."""

import numpy as np
import pytest
from scipy.special import expit

from lungrisk.evaluation.conformal import (
    conformal_sets,
    conformal_threshold,
    conformal_thresholds,
    coverage,
    cross_coverage,
)


def a_cohort(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Likelihoods that are too sure."""
    rng = np.random.default_rng(seed)
    score = rng.normal(-1, 1.5, n)
    return expit(2 * score), (rng.random(n) < expit(score)).astype(int)


def test_the_threshold_is_the_rank_of_the_theorem() -> None:
    values = np.arange(1, 100) / 100
    assert conformal_threshold(values, 0.9) == pytest.approx(0.9)  # the 90th of 99
    assert conformal_threshold(values[:8], 0.9) == 1.0  # eight cannot promise nine in ten
    assert conformal_threshold(values[:9], 0.9) == pytest.approx(0.09)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_promise_is_kept_over_many_cohorts_of_all_and_of_each_class(level: float) -> None:
    held: dict[str, list[float]] = {"all": [], "no": [], "yes": []}
    for seed in range(300):
        p, y = a_cohort(seed, 400)
        fit, test = slice(0, 200), slice(200, 400)
        sets = conformal_sets(p[test], conformal_thresholds(p[fit], y[fit], level, by_class=False))
        held["all"].append(coverage(sets, y[test])["all"]["share"])
        sets = conformal_sets(p[test], conformal_thresholds(p[fit], y[fit], level, by_class=True))
        found = coverage(sets, y[test])
        held["no"].append(found["no cancer"]["share"])
        held["yes"].append(found["cancer"]["share"])
    for name, shares in held.items():
        assert level - 0.005 < np.mean(shares) < level + 0.025, name


def test_shares_of_the_sets_add_up_and_coverage_is_counted() -> None:
    sets = np.array([[True, False], [True, True], [False, True], [False, False]])
    found = coverage(sets, np.array([0, 1, 0, 1]))
    assert found["all"]["share"] == 0.5
    assert (found["cancer"]["share"], found["no cancer"]["share"]) == (0.5, 0.5)
    assert found["sets"] == {"no cancer alone": 0.25, "both": 0.25, "cancer alone": 0.25, "neither": 0.25}


def test_folds_are_judged_by_the_thresholds_of_the_others() -> None:
    p, y = a_cohort(1, 2000)
    fold = np.arange(2000) % 5
    assert cross_coverage(p, y, fold, 0.9, by_class=True)["cancer"]["share"] == pytest.approx(0.9, abs=0.04)
    strange = np.where(fold == 0, 1 - y, y).astype(float)  # the first fold is wrong throughout, the others right
    assert cross_coverage(strange * 0.98 + 0.01, y, fold, 0.7, by_class=False)["all"]["share"] == pytest.approx(0.8)
