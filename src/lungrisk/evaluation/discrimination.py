"""How well likelihoods tell patients with cancer from those without: curves, DeLong's interval, operating points. Pure arrays."""

from dataclasses import dataclass
from math import isnan, nan, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm, rankdata

from lungrisk.core.calibration import Floats, Z


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Of two figures on the same patients: the first less the second, its 95 % interval, its two-sided p."""

    value: float
    low: float
    high: float
    p: float


def placements(scores: Floats, labels: NDArray[np.generic]) -> tuple[Floats, Floats]:
    """Share of negatives below each positive, (n_positive,), and of positives above each negative, (n_negative,); ties half.

    Either mean is the AUC. Source: DeLong et al., Biometrics 1988;44:837-845; ranks as in Sun and Xu, IEEE SPL 2014;21:1389.
    """
    positive = labels.astype(bool)
    ranks = rankdata(scores)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    below = (ranks[positive] - rankdata(scores[positive])) / n_negative
    above = 1 - (ranks[~positive] - rankdata(scores[~positive])) / n_positive
    return below, above


def delong_covariance(scores: Floats, labels: NDArray[np.generic]) -> tuple[Floats, Floats]:
    """The AUCs of k scores of the same patients, (k,), and their covariance, (k, k). scores: (k, n); labels: (n,) 0 or 1.

    Needs two of each class; with fewer the covariance is NaN.
    """
    parts = [placements(row, labels) for row in scores]
    values = np.array([below.mean() for below, _ in parts])
    if min(len(part) for part in parts[0]) < 2:
        return values, np.full((len(parts),) * 2, nan)
    covariance = sum(np.atleast_2d(np.cov(np.stack(side))) / len(side[0]) for side in zip(*parts, strict=True))
    return values, np.asarray(covariance, np.float64)


def delong_interval(scores: Floats, labels: NDArray[np.generic]) -> tuple[float, float]:
    """95 % interval of the AUC, kept within 0..1; NaN, NaN where a class has fewer than two.

    >>> [round(end, 3) for end in delong_interval(np.arange(6.0), np.array([0, 0, 1, 0, 1, 1]))]
    [0.581, 1.0]
    """
    if len(set(labels.tolist())) < 2:
        return nan, nan
    values, covariance = delong_covariance(scores[None], labels)
    value, variance = float(values[0]), float(covariance[0, 0])
    if isnan(variance):
        return nan, nan
    return max(0.0, value - Z * sqrt(variance)), min(1.0, value + Z * sqrt(variance))


def newcombe_interval(area: float, n_positive: float, n_negative: float) -> tuple[float, float]:
    """95 % interval of an AUC from the sizes of the classes alone: it is honest where no patient, or hardly one, is out of order.

    The areas from which the one found is at most 1.96 of their own standard errors away (a score interval, as Wilson's is of a share).
    Source: Newcombe, Statistics in Medicine 2006;25:559-573, method 5. NaN, NaN without one of the classes.

    >>> [round(end, 3) for end in newcombe_interval(1.0, 10, 10)]
    [0.8, 1.0]
    """
    if min(n_positive, n_negative) < 1 or isnan(area):
        return nan, nan
    more = (n_positive + n_negative) / 2 - 1

    def beyond(theta: float) -> float:
        spread = 1 + more * (1 - theta) / (2 - theta) + more * theta / (1 + theta)
        return (theta - area) ** 2 - Z * Z * theta * (1 - theta) * spread / (n_positive * n_negative)

    edge = 1e-9  # 0 and 1 have no error of their own and are not meant
    low = 0.0 if area <= edge else float(brentq(beyond, 0.0, min(area, 1 - edge)))
    high = 1.0 if area >= 1 - edge else float(brentq(beyond, max(area, edge), 1.0))
    return low, high


def delong_difference(one: Floats, other: Floats, labels: NDArray[np.generic]) -> Difference:
    """The AUC of `one` less that of `other` on the same patients, (n,) each; p = 1 where the two never differ."""
    if len(set(labels.tolist())) < 2:
        return Difference(value=nan, low=nan, high=nan, p=nan)
    values, covariance = delong_covariance(np.stack([one, other]), labels)
    value = float(values[0] - values[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    sd = nan if isnan(variance) else sqrt(max(variance, 0.0))
    if not sd > 0:  # both at the edge, or of the same order: there is nothing to estimate an error from
        return Difference(value=value, low=nan, high=nan, p=1.0 if np.array_equal(one, other) else nan)
    p = float(2 * norm.sf(abs(value) / sd))
    return Difference(value=value, low=value - Z * sd, high=value + Z * sd, p=p)


def roc_curve(scores: Floats, labels: NDArray[np.generic]) -> dict[str, Floats]:
    """Every threshold (positive is a score >= it), falling, from +inf: `threshold`, `sensitivity`, `specificity`, `precision`.

    precision is 1 where nobody is positive, as in scikit-learn; sensitivity and specificity are NaN without their class.
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.concatenate([[0], labels.astype(bool)[order].cumsum()[ends]])
    taken = np.concatenate([[0], ends + 1])
    n_positive = int(labels.astype(bool).sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "threshold": np.concatenate([[np.inf], scores[order][ends]]),
            "sensitivity": hits / n_positive,
            "specificity": 1 - (taken - hits) / (len(scores) - n_positive),
            "precision": np.where(taken > 0, hits / np.maximum(taken, 1), 1.0),
        }


def confusion(scores: Floats, labels: NDArray[np.generic], threshold: float) -> dict[str, int]:
    """How many are `true_positive, false_negative, false_positive, true_negative` when a score >= threshold is positive."""
    positive, said = labels.astype(bool), scores >= threshold
    return {
        "true_positive": int((positive & said).sum()),
        "false_negative": int((positive & ~said).sum()),
        "false_positive": int((~positive & said).sum()),
        "true_negative": int((~positive & ~said).sum()),
    }


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share hits / n by Wilson's score; NaN, NaN of nothing. Source: Wilson, JASA 1927;22:209-212.

    >>> [round(end, 4) for end in wilson(81, 263)]
    [0.2553, 0.3662]
    """
    if not n:
        return nan, nan
    share, wide = hits / n, Z * Z / n
    centre, half = share + wide / 2, sqrt(wide * (share * (1 - share) + wide / 4))
    low, high = (centre - half) / (1 + wide), (centre + half) / (1 + wide)
    return max(0.0, min(low, share)), min(
        1.0, max(high, share)
    )  # of 0 and n hits the end is the share, but for the last bit


def find_threshold(
    scores: Floats,
    labels: NDArray[np.generic],
    aim: Literal["sensitivity", "specificity", "youden"],
    least: float = 0.0,
) -> float:
    """The threshold that reaches at least this sensitivity with the most specificity, or the reverse, or the largest sum of both.

    NaN without one of the classes.
    """
    if len(set(labels.tolist())) < 2:
        return nan
    curve = roc_curve(scores, labels)
    if aim == "youden":
        return float(curve["threshold"][np.argmax(curve["sensitivity"] + curve["specificity"])])
    other = "specificity" if aim == "sensitivity" else "sensitivity"
    reached = curve[aim] >= least - 1e-12
    return float(curve["threshold"][np.argmax(np.where(reached, curve[other], -1.0))])


def operating_point(scores: Floats, labels: NDArray[np.generic], threshold: float) -> dict[str, Any]:
    """What happens at a threshold: the confusion, and sensitivity, specificity, ppv, npv with Wilson's intervals."""
    table = confusion(scores, labels, threshold)
    hit, missed, false, right = table.values()
    shares = {
        "sensitivity": (hit, hit + missed),
        "specificity": (right, right + false),
        "ppv": (hit, hit + false),
        "npv": (right, right + missed),
    }
    figures: dict[str, Any] = {"threshold": threshold, **table, "called": (hit + false) / max(len(scores), 1)}
    for name, (part, whole) in shares.items():
        figures[name] = part / whole if whole else nan
        figures[f"{name}_low"], figures[f"{name}_high"] = wilson(part, whole)
    return figures
