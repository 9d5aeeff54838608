"""What acting on a likelihood is worth: net benefit against acting on everybody and on nobody. Pure arrays."""

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.calibration import Floats


def net_benefit(p: Floats, y: NDArray[np.generic], thresholds: Floats) -> Floats:
    """True positives less false positives at the threshold's odds, per patient, at each threshold, (t,).

    A threshold of 0.1 says that finding one cancer is worth nine people called in vain. Acting on everybody with p >= threshold.
    Source: Vickers and Elkin, Medical Decision Making 2006;26:565-574.

    >>> net_benefit(np.array([0.9, 0.2, 0.1]), np.array([1, 0, 0]), np.array([0.15])).round(4).tolist()
    [0.2745]
    """
    return np.asarray(net_benefit_of_draws(p, y, thresholds, np.ones((1, len(p))))[0])


def net_benefit_of_draws(p: Floats, y: NDArray[np.generic], thresholds: Floats, counts: Floats) -> Floats:
    """The same of each of some samples: counts, (draws, n), how often a patient is in each. Gives (draws, t)."""
    called = p[:, None] >= thresholds[None, :]
    positive = y.astype(bool)[:, None]
    odds = thresholds / (1 - thresholds)
    worth = np.where(positive, 1.0, -odds[None, :]) * called
    return np.asarray(counts @ worth / counts.sum(axis=1, keepdims=True))


def net_benefit_of_all(prevalence: float, thresholds: Floats) -> Floats:
    """Net benefit of acting on everybody, (t,).

    >>> net_benefit_of_all(0.3, np.array([0.3])).round(6).tolist()
    [0.0]
    """
    return np.asarray(prevalence - (1 - prevalence) * thresholds / (1 - thresholds))
