"""Whether likelihoods are as large as they should be: losses, slope and intercept, bins. Pure arrays."""

from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.calibration import Floats, chance_of, log_odds
from lungrisk.evaluation.discrimination import wilson

CLIP = 1e-15  # what a likelihood of exactly 0 or 1 is taken for in the log loss, as the Bowl did
BINS = 10
STEPS, SMALL_STEP = 100, 1e-9  # of Newton's method
SINGULAR = 1e13  # condition of the information above which nothing can be said


def log_losses(p: Floats, y: NDArray[np.generic]) -> Floats:
    """The log loss of each patient, (n,): -ln of the likelihood given to what happened.

    >>> log_losses(np.array([0.5]), np.array([1])).round(4).tolist()
    [0.6931]
    """
    said = np.clip(np.where(y.astype(bool), p, 1 - np.asarray(p, np.float64)), CLIP, 1.0)
    return np.asarray(-np.log(said), np.float64)


def base_rate_loss(share: float | Floats) -> Floats:
    """Log loss of giving everybody the share of patients with cancer, where that is the share: its entropy.

    >>> base_rate_loss(419 / 1595).round(4).item()
    0.5759
    """
    kept = np.clip(np.asarray(share, np.float64), CLIP, 1 - CLIP)
    return np.asarray(-(kept * np.log(kept) + (1 - kept) * np.log1p(-kept)))


def brier_parts(p: Floats, y: NDArray[np.generic]) -> Floats:
    """Squared error of each likelihood, (n,); the mean is Brier's score (Monthly Weather Review 1950;78:1-3)."""
    return np.asarray((np.asarray(p, np.float64) - y.astype(np.float64)) ** 2)


def fit_logistic(
    design: Floats, y: NDArray[np.generic], offset: float | Floats = 0.0, pull: Floats | None = None
) -> tuple[Floats, Floats]:
    """Maximum likelihood of logit P = design @ coefficients + offset by Newton's method.

    design: (n, k); y: (n,). pull: (k,), 0 for none, how strongly each coefficient is drawn to 1: the precision of a normal prior.
    Gives the coefficients, (k,), and their covariance, (k, k) (inverse information); NaN where there is
    no maximum: one class only, or (without a pull) classes that a threshold parts.
    """
    truth = y.astype(np.float64)
    beta, k = np.zeros(design.shape[1]), design.shape[1]
    drawn = np.zeros(k) if pull is None else pull

    def loss_of(coefficients: Floats) -> float:
        logit = design @ coefficients + offset
        return float(np.sum(np.logaddexp(0.0, logit) - truth * logit) + drawn @ (coefficients - 1) ** 2 / 2)

    lost = np.full(k, nan), np.full((k, k), nan)
    if len(set(truth.tolist())) < 2:
        return lost
    loss = loss_of(beta)
    for _ in range(STEPS):
        chance = chance_of(design @ beta + offset)
        information = design.T @ (design * (chance * (1 - chance))[:, None]) + np.diag(drawn)
        if not np.linalg.cond(information) < SINGULAR:
            return lost
        step = np.linalg.solve(information, design.T @ (truth - chance) - drawn * (beta - 1))
        scale = 1.0
        while loss_of(beta + scale * step) > loss + 1e-12 * max(1.0, loss) and scale > 1e-6:
            scale /= 2  # a full step can leap over the maximum
        beta = beta + scale * step
        loss = loss_of(beta)
        if np.abs(step).max() < SMALL_STEP * max(1.0, np.abs(beta).max()):
            break
    else:
        return lost
    return beta, np.asarray(np.linalg.inv(information), np.float64)


def slope_and_intercept(p: Floats, y: NDArray[np.generic]) -> dict[str, float]:
    """Cox's recalibration: `slope` of logit P on the log odds given (1 = spread as it should be; below: too extreme), and
    `intercept` with the slope held at 1 (0 = as many cancers as said; above: too few said), each with its 95 % interval.

    Source: Cox, Biometrika 1958;45:562-565; Van Calster et al., BMC Medicine 2019;17:230.
    """
    logit = log_odds(p)
    both, covariance = fit_logistic(np.stack([np.ones_like(logit), logit], axis=1), y)
    alone, variance = fit_logistic(np.ones((len(logit), 1)), y, logit)
    half_slope, half_intercept = 1.959964 * np.sqrt(covariance[1, 1]), 1.959964 * np.sqrt(variance[0, 0])
    return {
        "slope": float(both[1]),
        "slope_low": float(both[1] - half_slope),
        "slope_high": float(both[1] + half_slope),
        "intercept": float(alone[0]),
        "intercept_low": float(alone[0] - half_intercept),
        "intercept_high": float(alone[0] + half_intercept),
    }


def calibration_bins(p: Floats, y: NDArray[np.generic], bins: int = BINS) -> list[dict[str, Any]]:
    """Patients in order of their likelihood, parted into equally many: `n, n_positive, said, observed, observed_low, _high`.

    said, observed: means; the interval is Wilson's. Equal likelihoods stay in one bin, so there may be fewer bins.
    """
    return [_bin(p[which], y[which]) for which in equal_parts(p, bins)]


def equal_parts(p: Floats, bins: int = BINS) -> list[NDArray[np.int64]]:
    """Indices of each of some bins of about equally many, rising; equal values stay together."""
    if not len(p):
        return []
    cuts = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(cuts, p, side="right")
    return [np.flatnonzero(place == one) for one in np.unique(place)]


def _bin(p: Floats, y: NDArray[np.generic]) -> dict[str, Any]:
    n, hits = len(p), int(y.sum())
    low, high = wilson(hits, n)
    return {
        "n": n,
        "n_positive": hits,
        "said": float(p.mean()),
        "observed": hits / n,
        "observed_low": low,
        "observed_high": high,
    }


def expected_calibration_error(p: Floats, y: NDArray[np.generic], bins: int = BINS) -> float:
    """Mean over patients of |said - observed| of their bin, bins of equally many; NaN of nobody.

    Source: Naeini et al., AAAI 2015; with equal counts as in Nixon et al., CVPR workshops 2019. It is above 0 by chance even
    of perfect likelihoods, the more so the fewer patients there are.
    """
    parts = calibration_bins(p, y, bins)
    total = sum(one["n"] for one in parts)
    return sum(one["n"] * abs(one["said"] - one["observed"]) for one in parts) / total if total else nan
