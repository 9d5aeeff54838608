"""Fitting calibrations: likelihoods and what happened in, a record out; and figures on patients that were not fitted on."""

from collections.abc import Sequence
from itertools import pairwise
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.stats import chi2

from lungrisk.cohort.splits import fold_of
from lungrisk.core.calibration import NAMES, Calibration, Floats, Method, design_of, log_odds
from lungrisk.core.errors import InputError
from lungrisk.core.findings import find
from lungrisk.evaluation.calibration_figures import fit_logistic
from lungrisk.evaluation.discrimination import wilson

SURE = 0.95
LEAST_OF_EACH = 10  # fewer patients with or without cancer cannot place a curve


def fit_calibration(p: Floats, y: NDArray[np.generic], method: Method = "platt") -> Calibration:
    """The calibration by maximum likelihood (isotonic: by least squares, which gives the same).

    p: (n,) 0..1; y: (n,) 0 or 1. No penalty. The map never falls: a slope that would be negative is 0 (for beta as in Kull et al.,
    AISTATS 2017), and so are the slopes of platt and beta where they fit no better than chance would (likelihood ratio, 5 %):
    likelihoods that tell nothing become the share of cancers. Isotonic: the blocks of scikit-learn's regression, kept
    1 / (n + 2) away from 0 and 1, for n patients cannot say more. Raises InputError (`lab.one_class`, `lab.few`, `evl.fit`).
    """
    n_positive = int(np.sum(y))
    if min(n_positive, len(y) - n_positive) < LEAST_OF_EACH:
        code = "lab.few" if 0 < n_positive < len(y) else "lab.one_class"
        raise InputError(find(code, found=f"{n_positive} with and {len(y) - n_positive} without cancer"))
    return _fit(p, y, method)


def _fit(p: Floats, y: NDArray[np.generic], method: Method) -> Calibration:
    p, n, n_positive = np.asarray(p, np.float64), len(y), int(np.sum(y))
    if method == "isotonic":
        parameters, covariance = fit_isotonic(p, y), np.zeros((0, 0))
    else:
        parameters, covariance = _fit_rising(p, y, method)
    if not np.isfinite(parameters).all():
        raise InputError(find("evl.fit", found=f"{method} on {n_positive} with and {n - n_positive} without cancer"))
    return Calibration(
        method=method,
        parameters=tuple(parameters.tolist()),
        covariance=tuple(tuple(row) for row in covariance.tolist()),
        prevalence=n_positive / n,
        n=n,
        n_positive=n_positive,
    )


def _fit_rising(p: Floats, y: NDArray[np.generic], method: Method) -> tuple[Floats, Floats]:
    """Parameters and covariance; slopes that would be negative are left out, the worst first."""
    design = design_of(method, p)
    offset = log_odds(p) if method == "prior" else 0.0
    slopes = [place for place, name in enumerate(NAMES[method]) if name not in {"intercept", "shift"}]
    free = list(range(design.shape[1]))
    while True:
        parameters, covariance = np.zeros(design.shape[1]), np.zeros((design.shape[1],) * 2)
        if not free:
            return parameters, covariance
        parameters[free], covariance[np.ix_(free, free)] = fit_logistic(design[:, free], y, offset)
        worst = min((place for place in slopes if place in free), key=lambda place: parameters[place], default=None)
        if worst is not None and parameters[worst] < 0:
            free.remove(worst)
            continue
        sloping = [place for place in free if place in slopes]
        if len(sloping) in {0, len(free)} or _better_than_chance(design, parameters, y, len(sloping)):
            return parameters, covariance
        free = [place for place in free if place not in sloping]


def _better_than_chance(design: Floats, parameters: Floats, y: NDArray[np.generic], n_slopes: int) -> bool:
    """Whether a map fits better than the share of cancers by more than chance gives its slopes in 19 of 20 cohorts."""
    if not np.isfinite(parameters).all():
        return True  # there is no best fit: the caller says so
    truth, odds = y.astype(np.float64), design @ parameters
    share = float(truth.mean())
    gain = np.sum(truth * odds - np.logaddexp(0, odds)) - len(truth) * (
        share * log(share) + (1 - share) * log(1 - share)
    )
    return bool(2 * gain > chi2.ppf(SURE, n_slopes))


def fit_isotonic(p: Floats, y: NDArray[np.generic]) -> Floats:
    """Knots p, value, low, high, p, value, ... of a rising staircase, low and high Wilson's interval of each step.

    Straight lines join the steps, as in scikit-learn; before the first and after the last step the map is flat.
    """
    places, member = np.unique(p, return_inverse=True)
    n = np.bincount(member).astype(np.float64)
    hits = np.bincount(member, weights=y.astype(np.float64))
    fitted = isotonic_regression(hits / n, weights=n)
    starts = fitted.blocks
    rows = []
    for first, end in pairwise(starts):
        least = 1 / (len(p) + 2)
        value = float(np.clip(fitted.x[first], least, 1 - least))
        low, high = wilson(round(hits[first:end].sum()), round(n[first:end].sum()))
        ends = {places[first], places[end - 1]}
        rows += [(place, value, min(low, value), max(high, value)) for place in sorted(ends)]
    table = np.array(rows)
    table[:, 2] = np.maximum.accumulate(table[:, 2])  # a short step may have a lower end than the one before
    table[:, 3] = np.minimum.accumulate(table[::-1, 3])[::-1]
    table[:, 2], table[:, 3] = np.minimum(table[:, 2], table[:, 1]), np.maximum(table[:, 3], table[:, 1])
    return np.asarray(table.ravel(), np.float64)


def cross_fit(
    p: Floats, y: NDArray[np.generic], groups: Sequence[str], method: Method = "platt", folds: int = 5
) -> Floats:
    """Each patient's calibrated likelihood by a map fitted on the other folds, (n,): what figures of the method rest on.

    Groups stay together. Raises InputError (`evl.fit`) when the other folds do not hold both classes.
    """
    fold = fold_of(list(groups), folds)
    calibrated = np.empty(len(p))
    for one in np.unique(fold):
        calibrated[fold == one] = _fit(p[fold != one], y[fold != one], method).apply(p[fold == one])[0]
    return calibrated
