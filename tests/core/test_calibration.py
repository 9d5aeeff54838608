"""The map of likelihoods: closed forms, monotone, its interval holds its value, and it comes back from JSON."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from lungrisk.core.calibration import METHODS, Calibration, chance_of, log_odds, prevalence_shift

CASES = {
    "platt": Calibration(
        method="platt",
        parameters=(-0.4, 1.3),
        covariance=((0.04, -0.01), (-0.01, 0.09)),
        prevalence=0.3,
        n=90,
        n_positive=27,
    ),
    "beta": Calibration(
        method="beta",
        parameters=(0.2, 1.1, 0.6),
        covariance=((0.05, 0.01, 0.0), (0.01, 0.02, 0.0), (0.0, 0.0, 0.03)),
        prevalence=0.3,
    ),
    "temperature": Calibration(method="temperature", parameters=(0.7,), covariance=((0.01,),), prevalence=0.3),
    "prior": Calibration(method="prior", parameters=(-1.2,), covariance=((0.02,),), prevalence=0.3),
    "isotonic": Calibration(
        method="isotonic", parameters=(0.1, 0.05, 0.01, 0.2, 0.6, 0.4, 0.25, 0.6, 0.9, 0.8, 0.6, 0.95), prevalence=0.3
    ),
}
P = np.linspace(0.01, 0.99, 21)


def test_every_method_is_tried_here() -> None:
    assert set(CASES) == set(METHODS)


def test_values_are_the_closed_forms() -> None:
    expected = {
        "platt": expit(-0.4 + 1.3 * logit(P)),
        "beta": expit(0.2 + 1.1 * np.log(P) - 0.6 * np.log(1 - P)),
        "temperature": expit(0.7 * logit(P)),
        "prior": expit(logit(P) - 1.2),
        "isotonic": np.interp(P, [0.1, 0.6, 0.9], [0.05, 0.4, 0.8]),
    }
    for method, values in expected.items():
        assert CASES[method].apply(P)[0] == pytest.approx(values), method


def test_the_interval_is_that_of_drawn_parameters() -> None:
    case = CASES["platt"]
    drawn = np.random.default_rng(0).multivariate_normal(case.parameters, case.covariance, 200_000)
    for p, low, high in zip([0.1, 0.5, 0.8], *case.apply(np.array([0.1, 0.5, 0.8]))[1:], strict=True):
        chances = expit(drawn[:, 0] + drawn[:, 1] * logit(p))
        assert (low, high) == pytest.approx(tuple(np.quantile(chances, (0.025, 0.975))), abs=2e-3)


@pytest.mark.parametrize("method", METHODS)
def test_the_interval_holds_the_value_and_the_inputs_own_interval_widens_it(method: str) -> None:
    value, low, high = CASES[method].apply(P)
    _, wider_low, wider_high = CASES[method].apply(P, P * 0.8, 1 - (1 - P) * 0.8)
    assert np.all((low <= value) & (value <= high))
    assert np.all((wider_low <= low) & (high <= wider_high))
    assert np.all((wider_low >= 0) & (wider_high <= 1))


def test_an_input_interval_alone_is_mapped_as_its_ends_are() -> None:
    bare = Calibration(method="temperature", parameters=(0.7,), prevalence=0.3)
    _, low, high = bare.apply(np.array([0.5]), np.array([0.2]), np.array([0.6]))
    assert (low[0], high[0]) == pytest.approx((expit(0.7 * logit(0.2)), expit(0.7 * logit(0.6))))


@pytest.mark.parametrize("method", METHODS)
@given(p=st.floats(0, 1), step=st.floats(0, 0.5))
def test_more_never_becomes_less_and_all_stays_a_likelihood(method: str, p: float, step: float) -> None:
    lower, higher = CASES[method].apply(np.array([p, min(p + step, 1.0)]))[0]
    assert 0 <= lower <= higher <= 1


@pytest.mark.parametrize("method", METHODS)
def test_a_calibration_comes_back_from_json(method: str) -> None:
    assert Calibration.from_dict(json.loads(json.dumps(CASES[method].as_dict()))) == CASES[method]


def test_another_prevalence_moves_the_log_odds_by_the_case_control_shift() -> None:
    moved, there = CASES["platt"].apply(P, prevalence=0.02)[0], CASES["platt"].apply(P)[0]
    assert logit(moved) - logit(there) == pytest.approx(np.full(len(P), logit(0.02) - logit(0.3)))


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(0.02, 0.98))
def test_a_prevalence_shift_is_bayes_rule(old: float, new: float, p: float) -> None:
    ratio = p / (1 - p) * (1 - old) / old  # of the likelihoods of what was seen, with and without cancer
    expected = new * ratio / (new * ratio + 1 - new)
    assert prevalence_shift(old, new).apply(np.array([p]))[0][0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("method", "parameters"), [("platt", (1.0,)), ("beta", (1.0, 2.0)), ("isotonic", (0.1, 0.2)), ("isotonic", ())]
)
def test_a_record_with_too_few_parameters_is_not_made(method: str, parameters: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=method):
        Calibration(method=method, parameters=parameters, prevalence=0.3)  # type: ignore[arg-type]


@given(st.floats(-13, 13))
def test_log_odds_and_chance_undo_each_other(value: float) -> None:
    assert float(log_odds(chance_of(value))) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "magic"},
        {"method": ["platt"]},
        {"parameters": [1, 2]},
        {"parameters": {"intercept": "0", "slope": 1}},
        {"parameters": {"intercept": 10**400, "slope": 1}},
        {"covariance": None},
        {"covariance": [["a", 1], [1, 1]]},
        {"span": []},
        {"span": [0.5, 0.1]},
        {"span": [0.1, 7]},
        {"n": 1.5},
        {"prevalence": None},
    ],
)
def test_what_is_no_record_of_a_calibration_is_a_value_error(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Calibration.from_dict({**CASES["platt"].as_dict(), **change})


def test_a_record_of_before_there_was_a_span_is_read() -> None:
    old = {name: value for name, value in CASES["platt"].as_dict().items() if name != "span"}
    assert Calibration.from_dict(old) == CASES["platt"]
