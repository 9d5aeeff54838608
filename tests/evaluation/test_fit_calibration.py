"""Fitted maps against scikit-learn, closed forms, and what each must do to bent likelihoods."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit

from lungrisk.core.calibration import METHODS, Method
from lungrisk.core.errors import InputError
from lungrisk.evaluation.calibration import cross_fit, doubts, fit_calibration
from lungrisk.evaluation.calibration_figures import fit_logistic, log_losses, slope_and_intercept

GRID = np.linspace(0, 1, 501)


def a_cohort(seed: int, n: int = 500, slope: float = 0.6, shift: float = -0.4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.beta(1.2, 2.5, n).clip(0.001, 0.999)
    return p, (rng.random(n) < expit(shift + slope * logit(p))).astype(int)


def pulled(columns: np.ndarray, y: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Intercept and coefficients of least loss, each coefficient held to 1 by its precision: scipy's minimiser."""

    def cost(beta: np.ndarray) -> float:
        odds = beta[0] + columns @ beta[1:]
        return float(np.sum(np.logaddexp(0, odds) - y * odds) + by @ (beta[1:] - 1) ** 2 / 2)

    return np.asarray(minimize(cost, np.ones(columns.shape[1] + 1), tol=1e-12).x)


@pytest.mark.parametrize(("method", "n"), [("platt", 36), ("platt", 500), ("beta", 200)])
def test_a_map_is_the_logistic_regression_with_slopes_drawn_to_one_as_by_a_student_law(method: Method, n: int) -> None:
    """The precision that draws a slope is that law's, 8 / (7 scale^2 + E (slope - 1)^2), at the slope that comes of it."""
    p, y = a_cohort(3, n, shift=0.4)
    columns = logit(p)[:, None] if method == "platt" else np.c_[np.log(p), -np.log(1 - p)]
    by = np.full(columns.shape[1], 1 / 0.49)
    for _ in range(60):
        beta = pulled(columns, y, by)
        design = np.c_[np.ones(n), columns]
        chance = expit(design @ beta)
        spread = np.linalg.inv(design.T @ (design * (chance * (1 - chance))[:, None]) + np.diag([0, *by]))
        by = 8 / (7 * 0.49 + (beta[1:] - 1) ** 2 + np.diag(spread)[1:])
    assert fit_calibration(p, y, method).parameters == pytest.approx(beta, abs=2e-4)


def test_of_many_patients_the_map_is_the_logistic_regression_of_scikit_learn_without_penalty() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    p, y = a_cohort(0, 100_000)
    model = linear_model.LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logit(p)[:, None], y)
    found = fit_calibration(p, y)
    assert found.parameters == pytest.approx((model.intercept_[0], model.coef_[0, 0]), abs=2e-4)
    _, covariance = fit_logistic(np.c_[np.ones(len(p)), logit(p)], y)
    assert np.array(found.covariance) == pytest.approx(covariance, rel=1e-2)


def test_the_fewer_the_patients_the_nearer_is_the_slope_to_one() -> None:
    p, y = a_cohort(11, 60, slope=2.5, shift=0.6)
    slopes = [fit_calibration(np.repeat(p, k), np.repeat(y, k)).parameters[1] for k in (1, 3, 30, 1000)]
    alone = fit_logistic(np.c_[np.ones(60), logit(p)], y)[0][1]
    assert alone > 1.5
    assert 1 < slopes[0] < slopes[1] < slopes[2] < slopes[3] < alone
    assert slopes[0] - 1 < 0.75 * (alone - 1)
    assert slopes[3] == pytest.approx(alone, abs=0.01)


@pytest.mark.parametrize("method", ["platt", "beta", "temperature", "prior"])
def test_beyond_what_it_was_fitted_on_a_map_moves_log_odds_no_faster_than_they_move(method: Method) -> None:
    p, y = a_cohort(12, 3000, slope=2.0, shift=0.0)
    found = fit_calibration(p, y, method)
    inside = (p > 0.2) & (p < 0.5)
    narrow = replace(found, span=(0.2, 0.5))
    grid = np.linspace(-6, 6, 400)
    value, low, high = narrow.apply(expit(grid))
    steps = np.diff(logit(value)) / np.diff(grid)
    outside = (expit(grid)[:-1] > 0.5) | (expit(grid)[1:] < 0.2)
    assert steps[outside].max() <= 1 + 1e-6
    assert np.all(steps >= -1e-9)
    assert narrow.apply(p[inside])[0] == pytest.approx(found.apply(p[inside])[0])
    curve = found.apply(expit(grid))[0]
    assert np.all((low <= curve + 1e-9) & (curve <= high + 1e-9))  # the interval reaches to where the curve goes


def test_what_was_fitted_on_few_holds_the_truth_as_often_as_it_says() -> None:
    """Of 36 and 100 patients whose true map is known; without the map's own error a point would hold it never."""
    rng = np.random.default_rng(5)
    for n, least in ((36, 0.90), (100, 0.92)):
        held = []
        while len(held) < 60:
            odds = rng.normal(-0.5, 1.2, n + 200)
            truth = expit(0.3 + odds)
            y = (rng.random(n + 200) < truth).astype(int)
            if min(y[:n].sum(), n - y[:n].sum()) >= 10:
                _, low, high = fit_calibration(expit(odds[:n]), y[:n]).apply(expit(odds[n:]))
                held.append(((low <= truth[n:]) & (truth[n:] <= high)).mean())
        assert np.mean(held) > least


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


def test_the_temperature_lies_between_that_of_the_least_loss_and_one_near_the_first() -> None:
    p, y = a_cohort(4, shift=0.0)
    (slope,) = fit_calibration(p, y, "temperature").parameters
    best = minimize_scalar(
        lambda value: log_losses(expit(value * logit(p)), y).sum(), bounds=(0, 3), method="bounded"
    ).x
    assert best < slope < 1  # 500 patients are drawn to 1 a little
    assert slope == pytest.approx(best, abs=0.03)


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


@pytest.mark.parametrize("method", ["platt", "beta", "temperature"])
def test_likelihoods_that_part_the_classes_are_spread_no_further_than_so_few_patients_can_say(method: Method) -> None:
    p, y = np.linspace(0.1, 0.9, 40), (np.arange(40) >= 20).astype(int)
    value, low, high = fit_calibration(p, y, method).apply(p)
    assert 0.9 < value[-1] < 1 - 1 / 1000
    assert np.all((low < value) & (value < high))


@pytest.mark.parametrize("method", ["platt", "beta"])
def test_likelihoods_that_are_all_one_have_no_best_map(method: Method) -> None:
    with pytest.raises(InputError, match=r"evl\.fit"):
        fit_calibration(np.full(40, 0.3), (np.arange(40) >= 20).astype(int), method)


def test_a_staircase_of_few_is_refused_or_limited_by_name() -> None:
    for n, positive in ((99, 40), (400, 24)):
        with pytest.raises(InputError, match=r"evl\.steps"):
            fit_calibration(np.linspace(0.1, 0.9, n), (np.arange(n) % n >= n - positive).astype(int), "isotonic")
    p, y = a_cohort(9, 300)
    assert [one.code for one in doubts(p, y, fit_calibration(p, y, "isotonic"))] == ["evl.steps"]
    p, y = a_cohort(9, 2000)
    assert doubts(p, y, fit_calibration(p, y, "isotonic")) == ()


@pytest.mark.parametrize(("method", "slope", "shift"), [("temperature", 1.0, 1.0), ("prior", 0.3, 0.0)])
def test_a_method_that_cannot_mend_what_is_wrong_is_told(method: Method, slope: float, shift: float) -> None:
    p, y = a_cohort(10, 1000, slope=slope, shift=shift)
    assert [one.code for one in doubts(p, y, fit_calibration(p, y, method))] == ["evl.misfit"]
    assert doubts(p, y, fit_calibration(p, y, "platt")) == ()


@given(st.integers(0, 10_000), st.sampled_from(METHODS))
def test_every_map_rises_and_stays_a_likelihood(seed: int, method: str) -> None:
    rng = np.random.default_rng(seed)
    p, y = np.round(rng.random(120), 1), rng.integers(0, 2, 120)
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
