"""Figures of merit: pure arrays in, numbers out."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating]
DRAWS = 1000
NO_WIDTH = 1e-12  # an interval narrower than rounding is none


def auc(scores: Floats, labels: NDArray[np.generic]) -> float:
    """Chance that a positive scores above a negative, ties half; NaN where one of the two is lacking.

    scores: (n,); labels: (n,) 0 or 1.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([0, 0, 1, 1]))
    0.875
    """
    return float(auc_of_draws(scores, labels, np.ones((1, len(scores))))[0])


def auc_of_draws(scores: Floats, labels: NDArray[np.generic], counts: Floats) -> NDArray[np.float64]:
    """The AUC of each of some samples: counts, (draws, n), says how often an item is in a sample. Gives (draws,).

    >>> auc_of_draws(np.array([1, 2, 3]), np.array([0, 1, 0]), np.array([[1, 1, 1], [2, 1, 0]])).tolist()
    [0.5, 1.0]
    """
    if not len(scores):
        return np.full(len(counts), np.nan)
    order = np.argsort(scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # of each run of equal scores
    positive = np.where(labels.astype(bool)[order], counts[:, order], 0.0).cumsum(axis=1)[:, ends]
    negative = np.where(labels.astype(bool)[order], 0.0, counts[:, order]).cumsum(axis=1)[:, ends]
    zero = np.zeros((len(counts), 1))
    wins = (np.diff(positive, prepend=zero) * (negative + np.hstack([zero, negative[:, :-1]])) / 2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share: NDArray[np.float64] = wins / (positive[:, -1] * negative[:, -1])
    return share


def auc_within(scores: Floats, labels: NDArray[np.generic], fold: NDArray[np.int64]) -> float:
    """The AUC of pairs of one fold alone, all folds' pairs together; NaN where no fold has both classes.

    Where a rising map was fitted for each fold, this is what it leaves as it was; the pooled AUC also compares patients of different maps.

    >>> auc_within(np.array([1, 2, 11, 12]), np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]))
    1.0
    """
    pairs, wins = 0, 0.0
    for one in np.unique(fold):
        inside = fold == one
        of_fold = int(labels[inside].sum()) * int((1 - labels[inside].astype(int)).sum())
        if of_fold:
            pairs, wins = pairs + of_fold, wins + of_fold * auc(scores[inside], labels[inside])
    return wins / pairs if pairs else float("nan")


def average_precision(scores: Floats, labels: NDArray[np.generic]) -> float:
    """Mean precision at the rank of each positive, tied scores taken together; NaN without a positive.

    >>> average_precision(np.array([0.9, 0.8, 0.1]), np.array([1, 0, 1])).__round__(3)
    0.833
    """
    return float(average_precision_of_draws(scores, labels, np.ones((1, len(scores))))[0])


def average_precision_of_draws(scores: Floats, labels: NDArray[np.generic], counts: Floats) -> NDArray[np.float64]:
    """The average precision of each of some samples; counts as in `auc_of_draws`. Gives (draws,)."""
    if not len(scores):
        return np.full(len(counts), np.nan)
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.where(labels.astype(bool)[order], counts[:, order], 0.0).cumsum(axis=1)[:, ends]
    taken = counts[:, order].cumsum(axis=1)[:, ends]
    gained = np.diff(hits, prepend=np.zeros((len(counts), 1)))
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(taken > 0, hits / taken, 0.0)
        found: NDArray[np.float64] = (gained * precision).sum(axis=1) / hits[:, -1]
    return found


def mean_absolute_error(predicted: Floats, true: Floats) -> float:
    """Mean of |predicted - true|; NaN of nothing.

    >>> mean_absolute_error(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    1.0
    """
    return float(np.abs(predicted - true).mean()) if len(true) else float("nan")


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Twice the overlap of two masks by their sum; 1 of two empty ones.

    >>> dice(np.array([True, True, False]), np.array([True, False, False])).__round__(3)
    0.667
    """
    total = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / total if total else 1.0


def draw_counts(groups: Sequence[str], draws: int = DRAWS, seed: int = 0) -> NDArray[np.float64]:
    """Bootstrap samples, groups (patients) drawn with replacement: how often each item is in each, (draws, n)."""
    if not len(groups):
        return np.zeros((draws, 0))
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    n = int(member.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), draws)
    return drawn[:, member].astype(np.float64)


def interval(values: Floats) -> tuple[float, float]:
    """2.5th and 97.5th percentile of the draws in which a figure exists; NaN, NaN where it never does or where they are one.

    Draws that do not differ come of too few items, or of a figure at its edge: they say nothing of how far off it may be.

    >>> interval(np.arange(101.0)), interval(np.ones(9))
    ((2.5, 97.5), (nan, nan))
    """
    kept = values[np.isfinite(values)]
    if not len(kept):
        return float("nan"), float("nan")
    low, high = (float(end) for end in np.quantile(kept, (0.025, 0.975)))
    return (low, high) if high - low > NO_WIDTH else (float("nan"), float("nan"))


def mean_of_draws(values: Floats, counts: Floats) -> NDArray[np.float64]:
    """The mean of each sample: values (n,), counts (draws, n). Gives (draws,); NaN of an empty sample."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: NDArray[np.float64] = counts @ values / counts.sum(axis=1)
    return mean


def bootstrap(
    figure: Callable[[NDArray[np.int64]], float], groups: Sequence[str], draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of any figure, groups (patients) drawn with replacement; `auc_of_draws` is faster where it serves.

    figure: takes the indices of a drawn sample; draws in which it is NaN do not count. NaN, NaN where it always is.
    """
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    items = np.split(np.argsort(member, kind="stable"), np.cumsum(np.bincount(member))[:-1]) if len(member) else []
    rng = np.random.default_rng(seed)
    values = [
        figure(np.concatenate([items[group] for group in rng.integers(0, len(items), len(items))]))
        for _ in range(draws if items else 0)
    ]
    return interval(np.array(values))
