"""Figures of merit: pure arrays in, numbers out."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating]
DRAWS = 1000


def auc(scores: Floats, labels: NDArray[np.generic]) -> float:
    """Chance that a positive scores above a negative, ties half; NaN where one of the two is lacking.

    scores: (n,); labels: (n,) 0 or 1.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([0, 0, 1, 1]))
    0.875
    """
    positive = labels.astype(bool)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((rank[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


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


def bootstrap(
    figure: Callable[[NDArray[np.int64]], float], groups: Sequence[str], draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of a figure, groups (patients) drawn with replacement.

    figure: takes the indices of a drawn sample; draws in which it is NaN do not count. NaN, NaN where it always is.
    """
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    items = np.split(np.argsort(member, kind="stable"), np.cumsum(np.bincount(member))[:-1]) if len(member) else []
    rng = np.random.default_rng(seed)
    values = [
        figure(np.concatenate([items[group] for group in rng.integers(0, len(items), len(items))]))
        for _ in range(draws if items else 0)
    ]
    kept = [value for value in values if np.isfinite(value)]
    if not kept:
        return float("nan"), float("nan")
    low, high = np.quantile(kept, (0.025, 0.975))
    return float(low), float(high)
