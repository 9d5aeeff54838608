"""What may be said in words, and of which figures an interval can be had: one rule for page, card, terminal and JSON."""

from math import nan
from typing import Any, Literal

import numpy as np

from lungrisk.evaluation.discrimination import delong_interval, newcombe_interval
from lungrisk.evaluation.metrics import auc
from lungrisk.evaluation.tables import Judged

LEAST_FOR_VERDICT = 10  # of either outcome: below, figures are given and nothing is said of them
LEAST_FOR_INTERVAL = 5  # of either outcome: below, no method holds what it promises
LEAST_FOR_MEAN = 10  # patients, for the interval of a mean over all of them
BOOTSTRAP, DELONG, NEWCOMBE = "bootstrap of groups", "DeLong", "Newcombe"
NONE = f"cannot be had: fewer than {LEAST_FOR_INTERVAL} of one outcome"
MEANS = ("log_loss", "brier")
BOTH = ("auc_bootstrap", "ap", "log_loss_gain", "brier_gain", "slope", "intercept")
Standing = Literal["better", "worse", "not shown"]


def enough(figures: dict[str, Any]) -> bool:
    """Whether there are enough of either outcome for a verdict.

    >>> enough({"n": 20, "n_positive": 10}), enough({"n": 2000, "n_positive": 9})
    (True, False)
    """
    return bool(min(figures["n_positive"], figures["n"] - figures["n_positive"]) >= LEAST_FOR_VERDICT)


def standing(figures: dict[str, Any]) -> Standing:
    """Better or worse than the base rate only where the whole interval of the gain in log loss says so, of enough patients."""
    if enough(figures) and figures["log_loss_gain_low"] > 0:
        return "better"
    if enough(figures) and figures["log_loss_gain_high"] < 0:
        return "worse"
    return "not shown"


def verdict(figures: dict[str, Any]) -> str:
    """In words, whether the likelihoods say more than the share of cancers does; where that is not shown, why."""
    low, high = figures["log_loss_gain_low"], figures["log_loss_gain_high"]
    words = {
        "better": "Better than the base rate.",
        "worse": "Worse than the base rate.",
        "not shown": f"Not shown to be better or worse than the base rate: {_why(figures)}.",
    }[standing(figures)]
    interval = f"95 % {low:.3f} to {high:.3f}" if low == low else "its interval cannot be had"
    return (
        f"{words} Log loss {figures['log_loss']:.3f}; giving everybody the share of cancers "
        f"({100 * figures['prevalence']:.1f} %) would have {figures['log_loss_base_rate']:.3f}. "
        f"The gain is {figures['log_loss_gain']:.3f} ({interval})."
    )


def _why(figures: dict[str, Any]) -> str:
    positive, negative = figures["n_positive"], figures["n"] - figures["n_positive"]
    counted = f"{positive} with and {negative} without cancer"
    if not positive or not negative:
        return f"all {figures['n']} patients have the same outcome"
    if not enough(figures):
        return f"{counted}, and a verdict takes {LEAST_FOR_VERDICT} of each"
    if figures["log_loss_gain_low"] != figures["log_loss_gain_low"]:
        return f"they give everybody the same ({counted})"
    return f"the interval of the gain holds 0 ({counted})"


def auc_interval(judged: Judged, drawn: tuple[float, float]) -> tuple[float, float, str]:
    """95 % interval of the AUC and the name of its method; NaN, NaN where it cannot be had.

    DeLong's, or `drawn` (bootstrap of groups) where patients belong together. Where that passes 0 or 1, has no width or rests on fewer than
    10 of either outcome, Newcombe's; of groups it counts the groups.
    """
    p, y, sizes = judged.p, judged.y, _sizes(judged)
    if min(sizes) < LEAST_FOR_INTERVAL:
        return nan, nan, NONE
    low, high = drawn if judged.grouped else delong_interval(p, y)
    if min(sizes) >= LEAST_FOR_VERDICT and 0 < low < high < 1:
        return low, high, BOOTSTRAP if judged.grouped else DELONG
    return *newcombe_interval(auc(p, y), *sizes), NEWCOMBE


def without_interval(judged: Judged) -> tuple[str, ...]:
    """The figures whose interval cannot be had of so few patients (of groups: of so few groups)."""
    of_both = BOTH if min(_sizes(judged)) < LEAST_FOR_INTERVAL else ()
    of_all = MEANS if len(set(judged.groups)) < LEAST_FOR_MEAN else ()
    return (*of_both, *of_all)


def _sizes(judged: Judged) -> tuple[int, int]:
    """Groups that hold a patient with cancer, and groups that hold one without."""
    groups = np.array(judged.groups)
    return len(set(groups[judged.y == 1].tolist())), len(set(groups[judged.y == 0].tolist()))
