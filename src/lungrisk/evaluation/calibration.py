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
from lungrisk.core.findings import Finding, find
from lungrisk.evaluation.calibration_figures import SINGULAR, fit_logistic
from lungrisk.evaluation.discrimination import wilson

SURE = 0.95
LEAST_OF_EACH = 10  # fewer patients with or without cancer cannot place a curve
STEPS_FROM, STEPS_SURE = (
    (100, 25),
    (1000, 100),
)  # patients and those of either outcome that a staircase takes, and that it is sure of
NO_SPREAD = 1e-9  # likelihoods nearer to each other are one
SCALE, FREEDOM, ROUNDS = (
    0.7,
    7,
    100,
)  # half of the slopes lie within this of 1 before anything is known (calibration_of_few.py)


def fit_calibration(p: Floats, y: NDArray[np.generic], method: Method = "platt") -> Calibration:
    """The calibration that these patients give (isotonic: by least squares, which is maximum likelihood).

    p: (n,) 0..1; y: (n,) 0 or 1. Slopes are drawn to 1, where likelihoods stay as spread as they are: much by few patients, hardly by many
    (`fit_pulled`); intercept and shift are not drawn. The map never falls: a slope that would be negative is 0 (for beta as in Kull et al.,
    AISTATS 2017), and so are the slopes of platt and beta where the likelihoods do not tell patients apart (`_tells`): they become the share
    of cancers. Isotonic: the blocks of scikit-learn's regression, kept 1 / (n + 2) away from 0 and 1, for n patients cannot say more; not of
    fewer than 100 patients or 25 of either outcome. Raises InputError (`lab.one_class`, `lab.few`, `evl.fit`, `evl.steps`).
    """
    n_positive = int(np.sum(y))
    if min(n_positive, len(y) - n_positive) < LEAST_OF_EACH:
        code = "lab.few" if 0 < n_positive < len(y) else "lab.one_class"
        raise InputError(find(code, found=f"{n_positive} with and {len(y) - n_positive} without cancer"))
    if method == "isotonic" and (len(y) < STEPS_FROM[0] or min(n_positive, len(y) - n_positive) < STEPS_FROM[1]):
        raise InputError(find("evl.steps", severity="refused", found=f"{n_positive} of {len(y)} with cancer"))
    return _fit(p, y, method)


def doubts(p: Floats, y: NDArray[np.generic], fitted: Calibration) -> tuple[Finding, ...]:
    """What is to be said of a fitted map: everybody is given the same, few patients for steps, a misfit that the method cannot mend."""
    told = []
    if np.ptp(fitted.apply(p)[0]) < NO_SPREAD < np.ptp(p):
        told.append(find("evl.flat", found=fitted.method))
    n_positive = int(np.sum(y))
    if fitted.method == "isotonic" and (len(y) < STEPS_SURE[0] or min(n_positive, len(y) - n_positive) < STEPS_SURE[1]):
        told.append(find("evl.steps", found=f"{n_positive} of {len(y)} with cancer"))
    if fitted.method in {"temperature", "prior"}:
        design = design_of("platt", p)
        mended = _gain(design @ fit_logistic(design, y)[0], y) - _gain(log_odds(fitted.apply(p)[0]), y)
        if 2 * mended > chi2.ppf(SURE, 1):
            told.append(find("evl.misfit", found=fitted.method))
    return tuple(told)


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
        span=(float(p.min()), float(p.max())),
    )


def _fit_rising(p: Floats, y: NDArray[np.generic], method: Method) -> tuple[Floats, Floats]:
    """Parameters and covariance. Where the likelihoods tell nothing the slopes are 0, and what they could have been is in the covariance."""
    design, slopes = design_of(method, p), slopes_of(method)
    offset = log_odds(p) if method == "prior" else 0.0
    parameters, covariance = fit_pulled(design, y, offset, slopes)
    if not slopes.any() or not np.isfinite(parameters).all():
        return parameters, covariance
    free = ~slopes | (parameters > 0) if _tells(design, y, slopes) else ~slopes
    if free.all():
        return parameters, covariance
    fewer = np.zeros(len(slopes))
    if free.any():
        fewer[free] = fit_pulled(design[:, free], y, offset, slopes[free])[0]
    off = parameters - fewer
    return fewer, covariance + np.outer(off, off)


def slopes_of(method: Method) -> NDArray[np.bool_]:
    """Which parameters of a method are slopes."""
    return np.array([name not in {"intercept", "shift"} for name in NAMES[method]])


def fit_pulled(
    design: Floats, y: NDArray[np.generic], offset: float | Floats, slopes: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Parameters with the slopes drawn to 1 as by a Student law: few patients move them little, many do.

    The covariance is what the patients alone tell: to have been drawn makes nobody surer. NaN where they tell nothing (all likelihoods are one).
    Source: Gelman et al., Annals of Applied Statistics 2008;2:1360-1383, with the centre at 1, where likelihoods stay as spread as they are.
    """
    pull = np.where(slopes, 1 / SCALE**2, 0.0)
    for _ in range(ROUNDS):
        parameters, covariance = fit_logistic(design, y, offset, pull)
        far = (parameters - 1) ** 2 + np.diag(covariance)
        weighed = np.where(slopes, (FREEDOM + 1) / (FREEDOM * SCALE**2 + far), 0.0)
        if np.allclose(weighed, pull, rtol=1e-9, equal_nan=True):
            break
        pull = weighed
    if not np.isfinite(parameters).all():
        return parameters, covariance
    told = np.linalg.inv(covariance) - np.diag(pull)
    if not np.linalg.cond(told) < SINGULAR:
        return np.full(len(parameters), np.nan), np.full_like(covariance, np.nan)
    return parameters, np.asarray(np.linalg.inv(told), np.float64)


def _tells(design: Floats, y: NDArray[np.generic], slopes: NDArray[np.bool_]) -> bool:
    """Whether the likelihoods tell patients apart, as far as these patients can show it.

    They do where they rise with the share of cancers by more than chance would make them, and where, too few to show that, they fit as
    spread as they are better than not at all. Without an intercept only the sign is looked at.
    """
    free = np.ones(len(slopes), np.bool_)
    while (rising := free & slopes).any():
        parameters = np.zeros(len(slopes))
        parameters[free], _ = fit_logistic(design[:, free], y)
        if not (parameters[rising] < 0).any():
            break
        free[np.flatnonzero(rising)[parameters[rising].argmin()]] = False
    if slopes.all() or not rising.any():
        return bool(rising.any())
    gain = _gain(design @ parameters, y) if np.isfinite(parameters).all() else np.inf
    if 2 * gain > chi2.ppf(SURE, int(rising.sum())):
        return True  # infinite where a threshold parts the classes
    as_given = design[:, slopes].sum(axis=1)
    shift = fit_logistic(np.ones((len(y), 1)), y, as_given)[0]
    return _gain(as_given + shift, y) > 0


def _gain(odds: Floats, y: NDArray[np.generic]) -> float:
    """Log likelihood of log odds less that of the share of cancers."""
    truth, share = y.astype(np.float64), float(y.mean())
    entropy = share * log(share) + (1 - share) * log(1 - share)
    return float(np.sum(truth * odds - np.logaddexp(0, odds)) - len(truth) * entropy)


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
