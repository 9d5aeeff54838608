"""From the nodules to the patient's likelihood, with its interval and what it rests on.

The map: logit P = a + b max(m - 3, 0), m the highest malignancy (1..5) of any accepted nodule. Fitted on published scores and
labels of 1,595 patients of the Data Science Bowl 2017; `scripts/fit_map.py` refits every number below.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.errors import UsageFault
from lungrisk.core.findings import find
from lungrisk.core.records import Likelihood, Nodule, Rating

INTERCEPT, SLOPE, KNOT = -2.66977, 2.38513, 3.0
COVARIANCE = ((0.0144764, -0.0121777), (-0.0121777, 0.0153481))
PREVALENCE = 419 / 1595  # of the patients on whom the map was fitted
M_MEAN, M_SD = 3.387, 0.773  # of m over those patients: what an uncertain m shrinks to

# A rater's own error beyond the readers' noise. Two independent raters of the same patients differ by sd 0.387 (m > 3), so one of
# them by 0.387 / sqrt(2). The readers' mean of four is itself off by sd 0.426; that part of a network's residual is not its error.
RATER_SD = 0.274
READERS_SD = 0.426

MASS = 101, 41  # grid of equally likely values of m and of the map: deterministic, error below 1e-3
BASIS = (
    "The chance of a lung cancer diagnosis within one year of the scan where {prevalence:.1%} of patients have it, {rests}. "
    "The rating was learnt from radiologists' opinions on LIDC-IDRI nodules, its step to a likelihood from published scores "
    "and outcomes of 1,595 patients of the Data Science Bowl 2017."
)
Floats: TypeAlias = NDArray[np.float64]


def likelihood(nodules: Sequence[Nodule], prevalence: float | None = None) -> tuple[Likelihood, tuple[Nodule, ...]]:
    """The patient's likelihood, and the nodules with their contributions.

    prevalence: share of patients with cancer where the scan comes from, 0..1 exclusive; None: that of the Bowl, 0.263.
    Contributions and `floor` add up to `value`; nodules that are not accepted contribute nothing.
    Raises UsageFault (`use.option`) when the prevalence is not a share.

    >>> likelihood(())[0].value < 0.1
    True
    """
    prior = PREVALENCE if prevalence is None else prevalence
    if not 0 < prior < 1:
        raise UsageFault(find("use.option", found=f"prevalence {prior}", expected="a share between 0 and 1"))
    offset = _logit(prior) - _logit(PREVALENCE)
    floor = float(possible(None, offset).mean())
    accepted = sorted((nodule for nodule in nodules if nodule.accepted), key=lambda nodule: -nodule.malignancy.mean)
    chances = possible(accepted[0].malignancy if accepted else None, offset)
    value = float(chances.mean())
    shares = share_out([float(possible(nodule.malignancy, offset).mean()) for nodule in accepted], value, floor)
    contribution = {id(nodule): share for nodule, share in zip(accepted, shares, strict=True)}
    rests = f"from the highest malignancy rating of {len(accepted)} accepted nodule{'s' * (len(accepted) > 1)}"
    low, high = np.quantile(chances, (0.025, 0.975))
    return (
        Likelihood(
            value=value,
            low=float(low),
            high=float(high),
            floor=floor,
            prevalence=prior,
            basis=BASIS.format(
                prevalence=prior, rests=rests if accepted else "as low as it goes, since no nodule was found"
            ),
        ),
        tuple(replace(nodule, contribution=contribution.get(id(nodule), 0.0)) for nodule in nodules),
    )


def possible(rating: Rating | None, offset: float = 0.0) -> Floats:
    """Equally likely values of a patient's likelihood, (n,) in 0..1, given the highest rating; None: no nodule.

    The rating is spread by its error and shrunk towards the mean of the fitted patients (an uncertain extreme is more often
    a lesser one), the map by its covariance. offset: of the logit, for another prevalence.
    """
    if rating is None:
        values = np.array([KNOT])
    else:
        error = max(RATER_SD**2, rating.sd**2 - READERS_SD**2)
        trust = M_SD**2 / (M_SD**2 + error)
        values = M_MEAN + trust * (rating.mean - M_MEAN) + math.sqrt(trust * error) * normal_quantiles(MASS[0])
    above = np.maximum(np.minimum(values, 5.0) - KNOT, 0.0)
    (v_a, v_ab), (_, v_b) = COVARIANCE
    centre = INTERCEPT + SLOPE * above + offset
    spread = np.sqrt(v_a + 2 * v_ab * above + v_b * above**2)
    logits = centre[:, None] + spread[:, None] * normal_quantiles(MASS[1])
    chances: Floats = 1 / (1 + np.exp(-logits.ravel()))
    return chances


def share_out(chances: Sequence[float], value: float, floor: float) -> list[float]:
    """How much each nodule adds above the floor, when the highest one decides: their Shapley values.

    chances: of each nodule alone, highest rating first; value: the likelihood. What the k highest have in common is shared
    by the k of them. Gives numbers that add up to value - floor.
    Source: Littlechild and Owen, Management Science 1973;20:370-372.

    >>> share_out([0.5, 0.3], 0.5, 0.1)
    [0.3, 0.1]
    """
    steps = np.minimum.accumulate([value, *chances[1:], floor]) if chances else np.array([floor])
    parts = (steps[:-1] - steps[1:]) / np.arange(1, len(chances) + 1)
    return [round(float(parts[place:].sum()), 12) for place in range(len(chances))]


@lru_cache
def normal_quantiles(n: int) -> Floats:
    """Mid-points of n equally likely slices of the standard normal, (n,).

    >>> normal_quantiles(3).round(2).tolist()
    [-0.97, 0.0, 0.97]
    """
    return np.array([NormalDist().inv_cdf((place + 0.5) / n) for place in range(n)])


def _logit(share: float) -> float:
    return math.log(share / (1 - share))
