"""Nothing is claimed without ground: three verdicts, none of few patients, and no interval that has no width."""

import json
from math import isnan
from typing import Any

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from lungrisk.core.cohort import Label, Prediction
from lungrisk.evaluation.discrimination import newcombe_interval
from lungrisk.evaluation.patients import EvaluateOptions, compare, headline, plain
from lungrisk.evaluation.subgroups import subgroup_figures
from lungrisk.evaluation.tables import Judged, join
from lungrisk.evaluation.verdicts import standing, verdict

QUICK = EvaluateOptions(draws=200)


def judged(p: Any, y: Any, **more: Any) -> Judged:
    columns = {name: list(values) for name, values in more.items()}
    labels = [
        Label(id=f"{k:05d}", cancer=int(one), **{name: values[k] for name, values in columns.items()})
        for k, one in enumerate(y)
    ]
    return join([Prediction(id=f"{k:05d}", value=float(one)) for k, one in enumerate(p)], labels)


@pytest.mark.parametrize(
    ("n_positive", "low", "high", "found", "words"),
    [
        (50, 0.01, 0.09, "better", "Better than the base rate."),
        (50, -0.2, -0.1, "worse", "Worse than the base rate."),
        (50, -0.01, 0.11, "not shown", "the interval of the gain holds 0 (50 with and 150 without cancer)"),
        (9, 0.01, 0.09, "not shown", "9 with and 191 without cancer, and a verdict takes 10 of each"),
        (191, -0.2, -0.1, "not shown", "191 with and 9 without cancer, and a verdict takes 10 of each"),
        (0, float("nan"), float("nan"), "not shown", "all 200 patients have the same outcome"),
        (50, float("nan"), float("nan"), "not shown", "they give everybody the same"),
    ],
)
def test_the_words_follow_the_interval_of_the_gain_and_the_numbers(
    n_positive: int, low: float, high: float, found: str, words: str
) -> None:
    figures = {"log_loss": 0.5, "log_loss_base_rate": 0.55, "prevalence": 0.25, "log_loss_gain": 0.05}
    figures |= {"n": 200, "n_positive": n_positive, "log_loss_gain_low": low, "log_loss_gain_high": high}
    assert standing(figures) == found
    assert words in verdict(figures)
    assert "nan" not in verdict(figures)


@pytest.mark.parametrize("value", ["p", "1 - p"])
def test_six_patients_whom_a_threshold_parts_have_an_auc_and_no_interval(value: str) -> None:
    p = np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9])
    figures = headline(judged(p if value == "p" else 1 - p, [0, 0, 0, 1, 1, 1]), QUICK)
    assert figures["auc"] in {0.0, 1.0}
    assert figures["auc_interval"].startswith("cannot be had")
    for name in ("auc", "auc_bootstrap", "ap", "log_loss", "log_loss_gain", "brier", "slope"):
        assert isnan(figures[f"{name}_low"]), name
        assert isnan(figures[f"{name}_high"]), name
    assert standing(figures) == "not shown"


@pytest.mark.parametrize("n", [5, 10, 200])
def test_the_interval_of_a_perfect_auc_has_width(n: int) -> None:
    p = np.r_[np.linspace(0.1, 0.4, n), np.linspace(0.6, 0.9, n)]
    figures = headline(judged(p, np.repeat([0, 1], n)), QUICK)
    assert figures["auc"] == figures["auc_high"] == 1.0
    assert figures["auc_interval"] == "Newcombe"
    assert figures["auc_low"] < 1 - 1 / (2 * n)


def test_in_the_middle_of_the_range_the_interval_is_delongs() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 100)
    assert headline(judged(np.clip(rng.normal(0.4 + 0.2 * y, 0.2), 0, 1), y), QUICK)["auc_interval"] == "DeLong"


@pytest.mark.parametrize(("shift", "truth"), [(0.0, 0.5), (1.5, 0.8556), (3.0, 0.98305)])
def test_newcombes_interval_holds_the_truth_as_often_as_it_says_also_of_few_and_at_the_edge(
    shift: float, truth: float
) -> None:
    """Of two normal laws `shift` sd apart, whose AUC is the normal law at shift over root 2; the sample's by scipy's U."""
    rng = np.random.default_rng(1)
    ends: dict[float, tuple[float, float]] = {}
    held = 0
    for _ in range(600):
        area = mannwhitneyu(rng.normal(size=10) + shift, rng.normal(size=12)).statistic / 120
        low, high = ends.setdefault(area, newcombe_interval(area, 10, 12))
        held += low <= truth <= high
    assert 0.925 <= held / 600 <= 1.0
    assert isnan(newcombe_interval(0.8, 0, 5)[0])


def test_groups_are_counted_not_patients_where_they_belong_together() -> None:
    """Twenty scans of each of four people are no eighty patients."""
    y = np.repeat([0, 1, 0, 1], 20)
    p = np.clip(np.random.default_rng(0).normal(0.4 + 0.1 * y, 0.2), 0.01, 0.99)
    figures = headline(judged(p, y, group=np.repeat(list("abcd"), 20)), QUICK)
    assert figures["auc_interval"].startswith("cannot be had")
    assert isnan(figures["log_loss_low"])


def test_parts_with_under_ten_of_either_outcome_have_figures_and_no_verdict() -> None:
    rng = np.random.default_rng(0)
    y = np.r_[rng.integers(0, 2, 200), np.repeat([0, 1], [30, 9])]
    p = np.clip(0.2 + 0.6 * y + rng.normal(0, 0.05, len(y)), 0.01, 0.99)
    rows = subgroup_figures(judged(p, y, vendor=["many"] * 200 + ["few"] * 39), QUICK)
    many, few = (next(row for row in rows if row["name"] == name) for name in ("many", "few"))
    assert many["standing"] == "better"
    assert few["standing"] is None
    assert few["auc"] > 0.9
    assert few["log_loss"] < few["log_loss_base_rate"]


def test_two_perfect_orders_do_not_differ_by_exactly_nothing() -> None:
    p, other = np.linspace(0.1, 0.9, 40), np.linspace(0.1, 0.9, 40) ** 2
    found = plain(compare(judged(p, np.repeat([0, 1], 20)), other, QUICK))
    assert found["auc_difference"] == {"value": 0.0, "low": None, "high": None, "p": None}
    assert found["log_loss_difference"]["low"] < found["log_loss_difference"]["high"]
    json.dumps(found, allow_nan=False)
