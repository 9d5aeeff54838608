"""Survival figures: without anybody leaving they are plain AUCs and counts of pairs; with it they are scikit-survival's."""

import numpy as np
import pytest

from lungrisk.evaluation.metrics import auc, draw_counts
from lungrisk.evaluation.survival import survival_figures, usable_years

sksurv_metrics = pytest.importorskip("sksurv.metrics")


def a_cohort(seed: int, n: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Risks, and times to diagnosis that are shorter the higher the risk."""
    rng = np.random.default_rng(seed)
    risk = rng.random(n)
    return risk, rng.exponential(6 * np.exp(-2 * risk))


def test_without_anybody_leaving_the_auc_of_a_year_is_the_plain_one() -> None:
    risk, time = a_cohort(0)
    found = survival_figures(risk, time, np.ones(150, bool))
    assert [one["year"] for one in found["years"]] == [1, 2, 3, 4, 5, 6]
    for one in found["years"]:
        assert one["auc"] == pytest.approx(auc(risk, time <= one["year"]))


def test_the_c_index_counts_the_pairs_whose_order_is_known() -> None:
    risk, time = a_cohort(1, 60)
    event = np.random.default_rng(2).random(60) < 0.6
    right = comparable = 0.0
    for i in range(60):
        for j in range(60):
            if event[i] and time[i] < time[j]:
                comparable += 1
                right += 1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0
    assert survival_figures(risk, time, event)["c_index"] == pytest.approx(right / comparable)


def test_patients_who_left_are_weighted_as_in_scikit_survival() -> None:
    from sksurv.util import Surv

    risk, time = a_cohort(3)
    event = time <= 3.5
    rng = np.random.default_rng(4)
    left = rng.random(150) < 0.3
    time = np.where(left, time * rng.random(150), np.minimum(time, 3.5))
    event = event & ~left
    found = survival_figures(risk, time, event)
    truth = Surv.from_arrays(event, time)
    for one in found["years"]:
        assert one["auc"] == pytest.approx(
            sksurv_metrics.cumulative_dynamic_auc(truth, truth, risk, [one["year"]])[0][0]
        )
    tau = max(one["year"] for one in found["years"])
    assert found["c_index_ipcw"] == pytest.approx(sksurv_metrics.concordance_index_ipcw(truth, truth, risk, tau=tau)[0])


def test_likelihoods_by_year_are_each_judged_in_their_year() -> None:
    risk, time = a_cohort(5)
    noise = np.random.default_rng(6).random(150)
    found = survival_figures(np.stack([noise, risk], axis=1), time, np.ones(150, bool))
    assert found["years"][0]["auc"] == pytest.approx(auc(noise, time <= 1))
    assert found["years"][1]["auc"] == pytest.approx(auc(risk, time <= 2))
    assert found["years"][4]["auc"] == pytest.approx(auc(risk, time <= 5))  # beyond the last column: the last


def test_the_brier_score_of_a_year_is_the_mean_square_where_nobody_leaves() -> None:
    risk, time = a_cohort(8)
    chances = np.stack([risk / 4, risk / 2], axis=1)
    found = survival_figures(chances, time, np.ones(150, bool))["years"]
    for year in (1, 2):
        truth = time <= year
        assert found[year - 1]["brier"] == pytest.approx(np.mean((chances[:, year - 1] - truth) ** 2))
        assert found[year - 1]["brier_base_rate"] == pytest.approx(truth.mean() * (1 - truth.mean()))
    assert np.isnan(found[2]["brier"])  # nothing was said of the third year
    assert np.isnan(survival_figures(risk, time, np.ones(150, bool))["years"][0]["brier"])


def test_true_chances_beat_the_base_rate_and_patients_who_left_do_not_shift_the_brier_score() -> None:
    rng = np.random.default_rng(9)
    hazard = rng.choice([0.05, 0.8], 4000)
    time = rng.exponential(1 / hazard)
    leaves = rng.exponential(4, 4000)
    chances = 1 - np.exp(-hazard[:, None] * np.array([1, 2]))
    whole = survival_figures(chances, time, np.ones(4000, bool))["years"][1]
    partly = survival_figures(chances, np.minimum(time, leaves), time <= leaves)["years"][1]
    assert partly["brier"] < partly["brier_base_rate"]
    assert partly["brier"] == pytest.approx(whole["brier"], abs=0.02)
    assert partly["brier_base_rate"] == pytest.approx(whole["brier_base_rate"], abs=0.02)


def test_intervals_hold_their_figures() -> None:
    risk, time = a_cohort(7, 80)
    event = time < 4
    found = survival_figures(risk, np.minimum(time, 4), event, draw_counts([str(n) for n in range(80)], 60))
    assert found["c_index_low"] < found["c_index"] < found["c_index_high"]
    assert all(one["auc_low"] <= one["auc"] <= one["auc_high"] for one in found["years"])


def test_years_without_diagnoses_or_without_anybody_left_are_left_out() -> None:
    time = np.array([1.5, 1.6, 2.4, 2.4])
    assert usable_years(time, np.array([True, True, False, False])) == [2]
    assert usable_years(time, np.zeros(4, bool)) == []
