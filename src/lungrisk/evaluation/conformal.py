"""Sets of answers that hold the truth as often as promised: split conformal prediction. Pure arrays.

Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005; by class (Mondrian): its chapter 4.
"""

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.calibration import Floats
from lungrisk.evaluation.discrimination import wilson

ANSWERS = ("no cancer", "cancer")


def conformal_threshold(strangeness: Floats, level: float) -> float:
    """The strangeness up to which an answer is kept, so that the truth is kept with probability of at least `level`.

    strangeness: (n,) of the true answers of patients not fitted on: 1 less the likelihood given to what happened. 1 (everything is
    kept) where n patients cannot promise that much.

    >>> conformal_threshold(np.array([0.1, 0.2, 0.3, 0.4]), 0.8), conformal_threshold(np.array([0.1]), 0.9)
    (0.4, 1.0)
    """
    rank = ceil((len(strangeness) + 1) * level - 1e-9)
    return float(np.sort(strangeness)[rank - 1]) if rank <= len(strangeness) else 1.0


def conformal_thresholds(p: Floats, y: NDArray[np.generic], level: float, *, by_class: bool) -> tuple[float, float]:
    """Thresholds for the answers "no cancer" and "cancer": of all patients together, or of each class by itself (Mondrian)."""
    truth = y.astype(bool)
    strangeness = np.where(truth, 1 - p, p)
    if not by_class:
        return (conformal_threshold(strangeness, level),) * 2
    return conformal_threshold(strangeness[~truth], level), conformal_threshold(strangeness[truth], level)


def conformal_sets(p: Floats, thresholds: tuple[float, float]) -> NDArray[np.bool_]:
    """(n, 2): whether "no cancer" and whether "cancer" is in each patient's set.

    >>> conformal_sets(np.array([0.05, 0.5]), (0.3, 0.6)).tolist()
    [[True, False], [False, True]]
    """
    return np.stack([p <= thresholds[0] + 1e-12, 1 - p <= thresholds[1] + 1e-12], axis=1)


def coverage(sets: NDArray[np.bool_], y: NDArray[np.generic]) -> dict[str, Any]:
    """How often the truth is in the set (`all`, and by class), with Wilson's intervals, and the share of each kind of set."""
    truth = y.astype(int)
    held = sets[np.arange(len(truth)), truth]
    result: dict[str, Any] = {}
    for name, which in (("all", truth >= 0), (ANSWERS[0], truth == 0), (ANSWERS[1], truth == 1)):
        n, hits = int(which.sum()), int(held[which].sum())
        low, high = wilson(hits, n)
        result[name] = {"n": n, "share": hits / n if n else float("nan"), "low": low, "high": high}
    kinds = sets @ np.array([1, 2])
    names = ("neither", "no cancer alone", "cancer alone", "both")
    result["sets"] = {name: float((kinds == kind).mean()) for kind, name in enumerate(names)}
    return result


def cross_coverage(
    p: Floats, y: NDArray[np.generic], fold: NDArray[np.int64], level: float, *, by_class: bool
) -> dict[str, Any]:
    """Coverage of each fold's patients with the thresholds of the other folds. p: (n,), each from a map of the other folds."""
    sets = np.zeros((len(p), 2), np.bool_)
    for one in np.unique(fold):
        thresholds = conformal_thresholds(p[fold != one], y[fold != one], level, by_class=by_class)
        sets[fold == one] = conformal_sets(p[fold == one], thresholds)
    return coverage(sets, y)
