"""How many nodules are found at how many false alarms a scan (FROC). Pure arrays."""

from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.calibration import Floats
from lungrisk.evaluation.metrics import draw_counts, interval

RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # false alarms a scan of the LUNA16 challenge
Ints = NDArray[np.int64]


def match_candidates(points_mm: Floats, centres_mm: Floats, radius_mm: Floats) -> Ints:
    """Which nodule of one scan each candidate hits, (n,), -1 for none: the nearest within whose radius it lies.

    points_mm: (n, 3); centres_mm: (m, 3); radius_mm: (m,). As in LUNA16, a hit lies within the radius of the nodule.
    """
    if not len(centres_mm):
        return np.full(len(points_mm), -1)
    away = np.linalg.norm(np.asarray(points_mm)[:, None, :] - np.asarray(centres_mm)[None, :, :], axis=2)
    inside = np.where(away <= np.asarray(radius_mm)[None, :], away, np.inf)
    nearest = inside.argmin(axis=1)
    return np.where(np.isfinite(inside.min(axis=1)), nearest, -1)


def froc(scores: Floats, hits: Ints, scans: Ints, nodules_of_scan: Ints) -> dict[str, Any]:
    """Sensitivity at 1/8 to 8 false alarms a scan and their mean (`cpm`), with 95 % intervals by bootstrap of scans.

    scores: (n,) of candidates; hits: (n,) number of the nodule in its scan, -1 for a false alarm; scans: (n,) number of the scan,
    0..s-1; nodules_of_scan: (s,) how many there are. Of several hits of one nodule the highest counts and the others neither way.
    Source: Setio et al., Medical Image Analysis 2017;42:1-13 (LUNA16).
    """
    n_scans, n_nodules = len(nodules_of_scan), int(np.sum(nodules_of_scan))
    keep = first_hits(scores, hits, scans)
    chosen = scores[keep], hits[keep] >= 0, scans[keep]
    curve = _sensitivities(*chosen, np.asarray(nodules_of_scan, np.float64), np.ones((1, n_scans)))[0]
    drawn = _sensitivities(
        *chosen, np.asarray(nodules_of_scan, np.float64), draw_counts([str(one) for one in range(n_scans)])
    )
    ends = [interval(column) for column in drawn.T]
    low, high = interval(drawn.mean(axis=1))
    return {
        "n_scans": n_scans,
        "n_nodules": n_nodules,
        "cpm": float(curve.mean()),
        "cpm_low": low,
        "cpm_high": high,
        "points": [
            {"false_alarms_per_scan": rate, "sensitivity": float(value), "low": ends[k][0], "high": ends[k][1]}
            for k, (rate, value) in enumerate(zip(RATES, curve, strict=True))
        ],
    }


def first_hits(scores: Floats, hits: Ints, scans: Ints) -> Ints:
    """Indices of all false alarms and of the highest hit of each nodule, by falling score."""
    order = np.argsort(-scores, kind="stable")
    key = np.stack([scans[order], np.where(hits[order] >= 0, hits[order], -1 - order)], axis=1)
    _, first = np.unique(key, axis=0, return_index=True)
    return np.asarray(order[np.sort(first)])


def _sensitivities(scores: Floats, true: NDArray[np.bool_], scans: Ints, nodules: Floats, counts: Floats) -> Floats:
    """Sensitivity at each rate of each sample of scans, (draws, rates). Candidates by falling score; counts: (draws, scans)."""
    total = counts @ nodules
    n_scans = counts.sum(axis=1)
    weight = counts[:, scans]
    found = np.where(true, weight, 0.0).cumsum(axis=1)
    false = np.where(true, 0.0, weight).cumsum(axis=1)
    ends = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1) if len(scores) else np.zeros(0, int)
    result = np.full((len(counts), len(RATES)), nan)
    for place, rate in enumerate(RATES):
        allowed = false[:, ends] <= rate * n_scans[:, None] + 1e-9
        best = np.where(allowed, found[:, ends], 0.0).max(axis=1, initial=0.0)
        result[:, place] = np.where(total > 0, best / np.maximum(total, 1e-300), nan)
    return result
