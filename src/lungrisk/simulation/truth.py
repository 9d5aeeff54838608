"""The stated truth of a simulated cohort: what a nodule's look is worth, and a patient's risk given the nodules.

The score follows the radiologists of LIDC-IDRI: a line fitted by least squares to the mean malignancy (1..5) of the 1,139
nodules that three readers or more rated, on their own mean readings (residual 0.43). Its terms and what was added are in
docs/decisions/0012.
"""

import math
from collections.abc import Iterable
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Kind: TypeAlias = Literal["solid", "part-solid", "ground-glass", "calcified"]
OFFSET, DOUBLED, SPICULATED, LOBULATED, CALCIFIED, UPPER = 2.87, 0.59, 0.175, 0.125, -1.80, 0.10
MIDDLE, WIDTH = 3.6, 0.3  # score at which suspicion is one half, and how fast it rises
FLOOR, CEILING = 0.06, 0.92  # risk without a suspicious nodule (the leak), and with a most suspicious one


def nodule_score(kind: Kind, diameter_mm: float, spiculation: float, lobulation: float, upper: bool) -> float:
    """What readers would call the malignancy of a nodule, about 1..5.

    spiculation, lobulation: 1 (none) .. 5 (marked). upper: in the upper third of its lung.

    >>> round(nodule_score("solid", 20.0, 4.0, 3.0, False), 2), round(nodule_score("calcified", 5.0, 1.0, 1.0, True), 2)
    (4.54, 0.88)
    """
    score = OFFSET + DOUBLED * math.log2(diameter_mm / 10.0) + SPICULATED * spiculation + LOBULATED * lobulation
    return score + (CALCIFIED if kind == "calcified" else 0.0) + (UPPER if upper else 0.0)


def suspicion(score: float) -> float:
    """The score brought to 0..1.

    >>> suspicion(MIDDLE), suspicion(5.0) > 0.99
    (0.5, True)
    """
    return 1.0 / (1.0 + math.exp(-(score - MIDDLE) / WIDTH))


def risk_of(scores: Iterable[float]) -> float:
    """The chance that a patient has cancer: logit risk = a + b * suspicion of the most suspicious nodule; a alone without any.

    >>> round(risk_of([]), 3), round(risk_of([2.0, 4.9]), 3)
    (0.06, 0.915)
    """
    low, high = (math.log(share / (1.0 - share)) for share in (FLOOR, CEILING))
    most = max((suspicion(score) for score in scores), default=0.0)
    return 1.0 / (1.0 + math.exp(-(low + (high - low) * most)))


def best_log_loss(risks: NDArray[np.float64]) -> float:
    """The mean log loss that is expected of one who knows every patient's risk: their mean entropy, nats.

    >>> round(best_log_loss(np.array([0.5, 0.5])), 4)
    0.6931
    """
    return float(-(risks * np.log(risks) + (1.0 - risks) * np.log(1.0 - risks)).mean())
