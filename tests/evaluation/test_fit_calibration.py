"""Fitted maps against scikit-learn, closed forms, and what each must do to bent likelihoods."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from lungrisk.core.calibration import METHODS, Method
from lungrisk.core.errors import InputError
from lungrisk.evaluation.calibration import cross_fit, fit_calibration
from lungrisk.evaluation.calibration_figures import log_losses, slope_and_intercept

GRID = np.linspace(0, 1, 501)


def a_cohort(seed: int, n: int = 500, slope: float = 0.6, shift: float = -0.4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.beta(1.2, 2.5, n).clip(0.001, 0.999)
    return p, (rng.random(n) < expit(shift + slope * logit(p))).astype(int)


def test_platt_is_the_logistic_regression_of_scikit_learn_without_penalty() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    p, y = a_cohort(0)
    found = fit_calibration(p, y, "platt")
    model = linear_model.LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logit(p)[:, None], y)
    assert found.parameters == pytest.approx((model.intercept_[0], model.coef_[0, 0]), abs=1e-6)
    inside = np.clip(GRID, 0.001, 0.999)
    assert found.apply(inside)[0] == pytest.approx(model.predict_proba(logit(inside)[:, None])[:, 1], abs=1e-6)


def test_beta_is_the_logistic_regression_of_its_two_columns() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    p, y = a_cohort(1)
    found = fit_calibration(p, y, "beta")
    columns = np.c_[np.log(p), -np.log(1 - p)]
    model = linear_model.LogisticRegression(C=np.inf, tol=1e-12, max_iter=10000).fit(columns, y)
    assert found.parameters == pytest.approx((model.intercept_[0], *model.coef_[0]), abs=1e-4)


def test_isotonic_is_that_of_scikit_learn_but_never_sure() -> None:
    isotonic = pytest.importorskip("sklearn.isotonic")
    p, y = a_cohort(2)
    p = np.round(p, 2)  # with ties
    expected = isotonic.IsotonicRegression(out_of_bounds="clip").fit(p, y).predict(GRID)
    value, low, high = fit_calibration(p, y, "isotonic").apply(GRID)
    assert value == pytest.approx(np.clip(expected, 1 / 502, 1 - 1 / 502), abs=2.1e-3)
    away = (expected > 0.01) & (expected < 0.99)
    assert value[away] == pytest.approx(expected[away], abs=2.1e-3)
    assert np.all((low <= value) & (value <= high))
    assert np.all(np.diff(low) >= -1e-12)
    assert np.all(np.diff(high) >= -1e-12)


def test_the_prior_shift_makes_as_many_cancers_said_as_there_are_and_keeps_the_order() -> None:
    p, y = a_cohort(3)
    found = fit_calibration(p, y, "prior")
    assert found.apply(p)[0].mean() == pytest.approx(y.mean(), abs=1e-9)
    assert logit(found.apply(p)[0]) - logit(p) == pytest.approx(np.full(len(p), found.parameters[0]))


def test_the_temperature_has_the_least_loss_of_all_temperatures() -> None:
    p, y = a_cohort(4, shift=0.0)
    (slope,) = fit_calibration(p, y, "temperature").parameters
    losses = {value: log_losses(expit(value * logit(p)), y).mean() for value in (slope, slope - 0.01, slope + 0.01)}
    assert min(losses, key=lambda value: losses[value]) == slope
    assert slope == pytest.approx(0.6, abs=0.2)


@pytest.mark.parametrize("method", METHODS)
def test_a_record_says_on_whom_it_was_fitted(method: str) -> None:
    p, y = a_cohort(5)
    found = fit_calibration(p, y, method)  # type: ignore[arg-type]
    assert (found.method, found.n, found.n_positive) == (method, 500, y.sum())
    assert found.prevalence == pytest.approx(y.mean())


@pytest.mark.parametrize("method", ["platt", "beta", "isotonic"])
def test_bent_likelihoods_are_straightened_for_patients_not_fitted_on(method: str) -> None:
    p, y = a_cohort(6, 3000)
    calibrated = cross_fit(p, y, [str(n) for n in range(3000)], method)  # type: ignore[arg-type]
    found = slope_and_intercept(calibrated, y)
    assert found["slope"] == pytest.approx(1.0, abs=0.2 if method == "isotonic" else 0.1)
    assert found["intercept"] == pytest.approx(0.0, abs=0.1)
    assert log_losses(calibrated, y).mean() < log_losses(p, y).mean() - 0.008


def test_no_patient_is_judged_by_a_map_that_saw_its_group() -> None:
    """One group with all the cancers: whoever judges it has seen none, so it cannot be judged."""
    p, y = a_cohort(7, 200)
    groups = ["all the cancers" if one else str(n) for n, one in enumerate(y)]
    with pytest.raises(InputError, match=r"evl\.fit"):
        cross_fit(p, y, groups, "platt")


@pytest.mark.parametrize("method", ["platt", "temperature", "beta", "isotonic"])
def test_likelihoods_that_tell_the_opposite_become_flat_not_turned_round(method: str) -> None:
    p, y = a_cohort(8)
    value = fit_calibration(1 - p, y, method).apply(GRID)[0]  # type: ignore[arg-type]
    assert np.all(np.diff(value) >= -1e-12)
    assert np.ptp(value) < 0.5 if method == "isotonic" else np.ptp(value) < 1e-9
    if method != "temperature":
        assert value[250] == pytest.approx(y.mean(), abs=0.05)


@pytest.mark.parametrize(
    ("positive", "code"), [(0, "lab.one_class"), (40, "lab.one_class"), (9, "lab.few"), (31, "lab.few")]
)
def test_too_few_of_a_class_are_not_fitted_on(positive: int, code: str) -> None:
    y = (np.arange(40) < positive).astype(int)
    with pytest.raises(InputError, match=code.replace(".", r"\.")):
        fit_calibration(np.linspace(0.1, 0.9, 40), y)


def test_likelihoods_that_part_the_classes_have_no_best_map() -> None:
    y = (np.arange(40) >= 20).astype(int)
    with pytest.raises(InputError, match=r"evl\.fit"):
        fit_calibration(np.linspace(0.1, 0.9, 40), y, "platt")


@given(st.integers(0, 10_000), st.sampled_from(METHODS))
def test_every_map_rises_and_stays_a_likelihood(seed: int, method: str) -> None:
    rng = np.random.default_rng(seed)
    p, y = np.round(rng.random(80), 1), rng.integers(0, 2, 80)
    value, low, high = fit_calibration(p, y, method).apply(GRID)  # type: ignore[arg-type]
    assert np.all(np.diff(value) >= -1e-12)
    assert np.all((low >= 0) & (low <= value) & (value <= high) & (high <= 1))


@pytest.mark.parametrize("method", ["platt", "beta"])
def test_where_labels_were_dealt_out_anew_nearly_every_map_is_the_share_of_cancers(method: Method) -> None:
    flat = 0
    for seed in range(100):
        p, y = a_cohort(seed, n=200)
        np.random.default_rng(1000 + seed).shuffle(y)
        calibrated = fit_calibration(p, y, method).apply(p)[0]
        flat += np.ptp(calibrated) == 0
        assert np.ptp(calibrated) > 0 or calibrated[0] == pytest.approx(y.mean())
    assert flat >= 93  # of 100 slopes by chance, those that rise by more than the 5 % level allows


def test_a_weak_but_true_relation_keeps_its_slope() -> None:
    p, y = a_cohort(2, n=400, slope=0.4)
    assert fit_calibration(p, y).parameters[1] > 0.2
