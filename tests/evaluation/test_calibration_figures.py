"""Losses, slopes and bins against scikit-learn and by hand."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import expit, logit

from lungrisk.evaluation.calibration_figures import (
    base_rate_loss,
    brier_parts,
    calibration_bins,
    equal_parts,
    expected_calibration_error,
    fit_logistic,
    log_losses,
    slope_and_intercept,
)

sklearn_metrics = pytest.importorskip("sklearn.metrics")


def a_cohort(seed: int, n: int = 400, slope: float = 1.0, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Likelihoods p, and outcomes whose log odds are shift + slope * those of p."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1.2, 3, n).clip(0.01, 0.99)
    return p, (rng.random(n) < expit(shift + slope * logit(p))).astype(int)


def test_log_loss_and_brier_are_those_of_scikit_learn() -> None:
    p, y = a_cohort(0)
    assert log_losses(p, y).mean() == pytest.approx(sklearn_metrics.log_loss(y, p))
    assert brier_parts(p, y).mean() == pytest.approx(sklearn_metrics.brier_score_loss(y, p))
    assert base_rate_loss(y.mean()) == pytest.approx(sklearn_metrics.log_loss(y, np.full(len(y), y.mean())))


def test_a_likelihood_of_nothing_for_what_happened_costs_much_but_not_everything() -> None:
    assert np.isfinite(log_losses(np.array([0.0, 1.0]), np.array([1, 0]))).all()
    assert base_rate_loss(0.0) == pytest.approx(0.0, abs=1e-12)


def test_the_logistic_fit_is_that_of_scikit_learn_and_its_covariance_that_of_repeated_samples() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 2))
    y = (rng.random(500) < expit(0.3 + x @ [1.0, -0.5])).astype(int)
    design = np.c_[np.ones(500), x]
    beta, covariance = fit_logistic(design, y)
    model = linear_model.LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(x, y)
    assert beta == pytest.approx([model.intercept_[0], *model.coef_[0]], abs=1e-6)
    drawn = [fit_logistic(design, (rng.random(500) < expit(0.3 + x @ [1.0, -0.5])).astype(int))[0] for _ in range(400)]
    assert np.sqrt(np.diag(covariance)) == pytest.approx(np.std(drawn, axis=0), rel=0.15)


def test_where_there_is_no_maximum_nothing_is_given() -> None:
    x = np.c_[np.ones(20), np.arange(20.0)]
    assert np.isnan(fit_logistic(x, (np.arange(20) >= 10).astype(int))[0]).all()  # a threshold parts them
    assert np.isnan(fit_logistic(x, np.ones(20, int))[0]).all()
    assert np.isnan(fit_logistic(np.ones((20, 2)), np.arange(20) % 2)[0]).all()  # two columns are one


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.5, 0.0), (1.5, 0.0), (1.0, 0.8), (1.0, -0.8)])
def test_slope_and_intercept_find_how_the_likelihoods_were_bent(slope: float, shift: float) -> None:
    found = slope_and_intercept(*a_cohort(2, 6000, slope, shift))
    assert found["slope_low"] <= slope <= found["slope_high"]
    assert found["slope_high"] - found["slope_low"] < 0.25
    if slope == 1.0:
        assert found["intercept_low"] <= shift <= found["intercept_high"]


def test_the_intercept_is_zero_where_as_many_have_cancer_as_was_said() -> None:
    p, _ = a_cohort(3, 200)
    p = p - p.mean() + 0.3
    y = np.zeros(200, int)
    y[:60] = 1
    found = slope_and_intercept(np.clip(p, 0.01, 0.99), y)
    rest = np.clip(p, 0.01, 0.99).mean() - 0.3
    assert found["intercept"] == pytest.approx(0.0, abs=20 * abs(rest) + 1e-6)


def test_bins_hold_every_patient_once_and_equal_likelihoods_together() -> None:
    p, y = a_cohort(4, 203)
    p = np.round(p, 1)
    parts = equal_parts(p)
    assert sorted(np.concatenate(parts).tolist()) == list(range(203))
    assert all(p[a].max() < p[b].min() for a, b in pairwise(parts))
    bins = calibration_bins(p, y)
    assert sum(one["n"] for one in bins) == 203
    assert sum(one["n_positive"] for one in bins) == y.sum()
    assert all(one["observed_low"] <= one["observed"] <= one["observed_high"] for one in bins)


def test_the_expected_calibration_error_by_hand() -> None:
    p = np.array([0.1, 0.1, 0.4, 0.4])
    y = np.array([0, 0, 1, 0])
    assert expected_calibration_error(p, y, 2) == pytest.approx(0.5 * 0.1 + 0.5 * 0.1)
    assert expected_calibration_error(np.repeat(y, 5) * 1.0, np.repeat(y, 5)) == 0.0
    assert np.isnan(expected_calibration_error(np.array([]), np.array([])))


def test_the_bins_of_distinct_likelihoods_are_those_of_scikit_learn() -> None:
    calibration = pytest.importorskip("sklearn.calibration")
    p, y = a_cohort(5, 400)
    observed, said = calibration.calibration_curve(y, p, n_bins=10, strategy="quantile")
    bins = calibration_bins(p, y)
    assert [one["said"] for one in bins] == pytest.approx(said)
    assert [one["observed"] for one in bins] == pytest.approx(observed)
