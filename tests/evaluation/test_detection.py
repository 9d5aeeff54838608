"""FROC by hand and at its known ends."""

import numpy as np
import pytest

from lungrisk.evaluation.detection import RATES, first_hits, froc, match_candidates


def test_a_hand_counted_example() -> None:
    """Two scans with one nodule each: found at no false alarm in the first, after one false alarm in the second."""
    found = froc(np.array([0.9, 0.8, 0.7, 0.1]), np.array([0, -1, 0, -1]), np.array([0, 1, 1, 0]), np.array([1, 1]))
    by_rate = {one["false_alarms_per_scan"]: one["sensitivity"] for one in found["points"]}
    assert by_rate == {0.125: 0.5, 0.25: 0.5, 0.5: 1.0, 1.0: 1.0, 2.0: 1.0, 4.0: 1.0, 8.0: 1.0}
    assert found["cpm"] == pytest.approx(6 / 7)
    assert (found["n_scans"], found["n_nodules"]) == (2, 2)


def test_a_nodule_that_is_hit_twice_counts_once_at_its_highest_and_is_no_false_alarm() -> None:
    scores, hits, scans = np.array([0.9, 0.8, 0.7]), np.array([0, 0, -1]), np.zeros(3, int)
    assert first_hits(scores, hits, scans).tolist() == [0, 2]
    assert froc(scores, hits, scans, np.array([2]))["points"][-1]["sensitivity"] == 0.5


def test_perfect_candidates_find_all_and_useless_ones_none() -> None:
    rng = np.random.default_rng(0)
    scans = np.repeat(np.arange(10), 12)
    hits = np.tile([0, 1, *[-1] * 10], 10)
    perfect = froc(np.where(hits >= 0, 1.0, rng.random(120) * 0.9), hits, scans, np.full(10, 2))
    assert perfect["cpm"] == 1.0
    assert np.isnan(perfect["cpm_low"])  # no draw of such scans differs: how far from 1 it may be cannot be told
    useless = froc(np.where(hits >= 0, -1.0, rng.random(120)), hits, scans, np.full(10, 2))
    assert useless["cpm"] == 0.0


def test_the_sensitivity_is_that_of_thresholding_at_each_score() -> None:
    rng = np.random.default_rng(1)
    scans, hits = rng.integers(0, 8, 60), np.where(rng.random(60) < 0.25, rng.integers(0, 3, 60), -1)
    scores = np.round(rng.random(60) + 0.5 * (hits >= 0), 1)  # with ties
    found = froc(scores, hits, scans, np.full(8, 3))
    for rate, point in zip(RATES, found["points"], strict=True):
        best = 0.0
        for threshold in np.unique(scores):
            kept = scores >= threshold
            alarms = int((kept & (hits < 0)).sum())
            nodules = {(scan, hit) for scan, hit, one in zip(scans, hits, kept, strict=True) if one and hit >= 0}
            if alarms / 8 <= rate:
                best = max(best, len(nodules) / 24)
        assert point["sensitivity"] == pytest.approx(best)
        assert point["low"] <= point["sensitivity"] <= point["high"]


def test_a_candidate_hits_the_nearest_nodule_within_whose_radius_it_lies() -> None:
    centres, radii = np.array([[0.0, 0, 0], [10, 0, 0]]), np.array([6.0, 6.0])
    points = np.array([[1.0, 0, 0], [5.9, 0, 0], [20.0, 0, 0], [16.0, 0, 0]])
    assert match_candidates(points, centres, radii).tolist() == [0, 1, -1, 1]
    assert match_candidates(points, np.zeros((0, 3)), np.zeros(0)).tolist() == [-1] * 4
