"""Where figures fall on the page's scales, in per cent of the width."""

from math import log
from typing import Any

from lungrisk.core.records import Likelihood
from lungrisk.report.words import percent

LEAST, MOST = 0.005, 0.995  # ends of the likelihood's scale
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.99)
CROWDED = (0.02, 0.95)  # ticks that a narrow page leaves out


def on_odds(share: float) -> float:
    """Place of a likelihood 0..1 on a scale of its odds: equal steps are equal factors, 1 % is as legible as 90 %.

    >>> on_odds(0.5), on_odds(0.0), on_odds(1.0)
    (50.0, 0.0, 100.0)
    """
    bounded = min(max(share, LEAST), MOST)
    return round(100 * (_logit(bounded) - _logit(LEAST)) / (_logit(MOST) - _logit(LEAST)), 3)


def on_ratings(rating: float) -> float:
    """Place of a malignancy rating on the scale from 1 to 5.

    >>> on_ratings(1), on_ratings(4), on_ratings(9)
    (0.0, 75.0, 100.0)
    """
    return round(100 * (min(max(rating, 1.0), 5.0) - 1.0) / 4.0, 3)


def likelihood_scale(likelihood: Likelihood) -> dict[str, Any]:
    """Places of everything that the likelihood's scale shows."""
    return {
        "ticks": [{"at": on_odds(tick), "label": f"{100 * tick:g}", "crowded": tick in CROWDED} for tick in TICKS],
        "value": on_odds(likelihood.value),
        "low": on_odds(likelihood.low),
        "high": on_odds(likelihood.high),
        "prevalence": on_odds(likelihood.prevalence),
        "floor": on_odds(likelihood.floor),
        "floor_words": percent(likelihood.floor),
        "prevalence_words": percent(likelihood.prevalence),
    }


def _logit(share: float) -> float:
    return log(share / (1.0 - share))
