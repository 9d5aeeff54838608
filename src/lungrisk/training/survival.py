"""What a patient's label asks of each logit, for cancer yes or no and for the year of the diagnosis.

Discrete time: logit j is of the hazard of year j, the chance of a diagnosis in it for those who came to it without one. A
patient is asked about every year that was watched in full, and about the year of the diagnosis; later years are masked. The
loss is then the negative log likelihood of what was seen: masked cross-entropies over years.
Source: Singer and Willett, Journal of Educational Statistics 1993;18:155-195.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from lungrisk.core.cohort import Label

Floats = NDArray[np.float32]


def questions(labels: Sequence[Label], years: int = 0) -> tuple[Floats, Floats]:
    """What is known of n patients: answers and whether they were asked, (n, heads) each, 0 or 1.

    years 0: one head, the label `cancer`. Otherwise a head a year. A patient of whom nothing is known is asked nothing.

    >>> answers, asked = questions([Label(id="a", cancer=1, time_years=1.4, event=1), Label(id="b", cancer=0, time_years=2.5, event=0)], 3)
    >>> answers.tolist(), asked.tolist()
    ([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    """
    answers = np.zeros((len(labels), max(years, 1)), np.float32)
    asked = np.zeros_like(answers)
    for row, label in enumerate(labels):
        if years == 0:
            asked[row] = label.cancer is not None
            answers[row] = label.cancer or 0
        elif label.time_years is not None and label.event is not None:
            diagnosed = max(math.ceil(label.time_years), 1) if label.event else None  # year 1 is the time up to 1.0
            watched = diagnosed or math.floor(label.time_years)
            asked[row, :watched] = 1
            if diagnosed and diagnosed <= years:
                answers[row, diagnosed - 1] = 1
    return answers, asked


def base_logits(answers: Floats, asked: Floats) -> tuple[float, ...]:
    """The logit of each head's share of yes, half a patient added to both answers, in quarters.

    In quarters, so that all folds start alike: an untrained network would else be worse than chance on the patients held out,
    as a fold with more cancers in it leaves fewer to learn from.

    >>> base_logits(np.array([[1.0], [0.0], [0.0], [0.0]], np.float32), np.ones((4, 1), np.float32))
    (-0.75,)
    """
    yes = (answers * asked).sum(axis=0)
    no = ((1 - answers) * asked).sum(axis=0)
    return tuple(round(4 * math.log((a + 0.5) / (b + 0.5))) / 4 for a, b in zip(yes, no, strict=True))


def loss_of(logits: Tensor, answers: Tensor, asked: Tensor) -> Tensor:
    """Negative log likelihood of each patient, (n,): cross-entropies of what was asked, summed over heads."""
    each = functional.binary_cross_entropy_with_logits(logits, answers, reduction="none")
    return (each * asked).sum(1)


def likelihood_by_year(hazards: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hazards of years, (n, years), to the likelihood of a diagnosis within 1, 2, ... years: never falling.

    >>> likelihood_by_year(np.array([[0.1, 0.5, 0.0]])).round(3).tolist()
    [[0.1, 0.55, 0.55]]
    """
    return np.asarray(1 - np.cumprod(1 - hazards, axis=1))


def class_weights(answers: Floats, asked: Floats, balanced: bool) -> Floats:
    """The weight of each patient in the loss, (n,), mean 1: all the same, or such that both classes weigh the same.

    >>> class_weights(np.array([[1.0], [0.0], [0.0]]), np.ones((3, 1)), True).tolist()
    [1.5, 0.75, 0.75]
    """
    weights = np.ones(len(answers), np.float32)
    if balanced:
        positive = (answers * asked).any(axis=1)
        for one in (positive, ~positive):
            weights[one] = len(weights) / (2 * max(int(one.sum()), 1))
    return weights


def to_tensors(*arrays: Floats) -> tuple[Tensor, ...]:
    """Copies of the arrays as tensors."""
    return tuple(torch.from_numpy(np.array(array, np.float32)) for array in arrays)
