"""A patient as a set of nodules: each through the shipped malignancy network, joined by a leaky noisy-or."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lungrisk.networks.rater import Rater
from lungrisk.networks.score import YearOffsets

INPUTS = ("fixed", "scaled", "features", "numbers")
# columns of `numbers`: the rating (less 3, the middle of its scale), chance of being a nodule, accepted, present
RATING, PROBABILITY, ACCEPTED, PRESENT = 0, 2, 3, 9
N_NUMBERS = 10

# Where it starts: P = 1 - (1 - leak) (1 - s(intercept + slope m)) of the highest rating m, fitted on 1,595 patients of the
# Data Science Bowl 2017 like the line's own map (scripts/fit_map.py); the intercept is at m = 3.
LEAK, INTERCEPT, SLOPE = -3.29918, -10.46558 + 3 * 2.51529, 2.51529
CEILING = 3.0  # logit of the most that one nodule can add: some are benign however they look
DOUBTED = -3.0  # logit of how much a nodule counts that the line did not accept
CHANGE = 1.5  # most by which the rating of a nodule may be moved, of a scale of 1..5


class NoduleSet(nn.Module):
    """fixed, scaled (n, 8, 6, 32, 32), features (n, 8, f), numbers (n, 8, 10) to (n, heads) logits.

    1 - P = (1 - leak) * product over nodules of (1 - P_i), P_i = counts * ceiling * s(intercept + slope * rating), where the
    rating is the line's moved by what the network sees (nothing at first). Absent nodules have P_i = 0. Leak, ceiling, map and
    convolutions are all learned.
    Source of the form: Liao et al., IEEE TNNLS 2019;30:3484-3495.
    """

    def __init__(self, rater: Rater, offsets: Sequence[float] = (0.0,)) -> None:
        super().__init__()
        self.rater = rater
        self.change = nn.Linear(rater.n_seen, 1)
        self.adjust = nn.Linear(N_NUMBERS, 1, bias=False)
        self.map = nn.Parameter(torch.tensor([LEAK, INTERCEPT, SLOPE, CEILING, DOUBTED]))
        self.years = YearOffsets(offsets)
        for weight in (self.change.weight, self.change.bias, self.adjust.weight):
            nn.init.zeros_(weight)

    def chances(self, fixed: Tensor, scaled: Tensor, features: Tensor, numbers: Tensor) -> Tensor:
        """P_i of each nodule, (n, 8)."""
        _, intercept, slope, ceiling, doubted = self.map.unbind()
        accepted = numbers[..., ACCEPTED]
        change = self.change_of(fixed, scaled, features, accepted) + self.adjust(numbers)[..., 0]
        rating = numbers[..., RATING] + CHANGE * torch.tanh(change / CHANGE)
        counts = numbers[..., PRESENT] * (accepted + (1 - accepted) * torch.sigmoid(doubted))
        return counts * torch.sigmoid(ceiling) * torch.sigmoid(intercept + slope * rating)

    def change_of(self, fixed: Tensor, scaled: Tensor, features: Tensor, accepted: Tensor) -> Tensor:
        """What the look of accepted nodules adds to their rating, (n, 8); 0 for the others."""
        planes = (fixed.flatten(0, 1), scaled.flatten(0, 1), features.flatten(0, 1))
        if torch.onnx.is_in_onnx_export():  # a graph has no rows to choose
            every: Tensor = self.change(self.rater(*planes)[0])[:, 0].reshape(accepted.shape) * accepted
            return every
        change = torch.zeros_like(accepted).flatten()
        rows = accepted.flatten().nonzero()[:, 0]  # the others need not be looked at
        if len(rows):
            change[rows] = self.change(self.rater(*(part[rows] for part in planes))[0])[:, 0].to(change.dtype)
        return change.reshape(accepted.shape)

    def forward(self, fixed: Tensor, scaled: Tensor, features: Tensor, numbers: Tensor) -> Tensor:
        """Logits of each patient."""
        chances = self.chances(fixed, scaled, features, numbers)
        free = (1 - torch.sigmoid(self.map[0])) * (1 - chances).prod(1)
        logits: Tensor = self.years(torch.log(1 - free) - torch.log(free))
        return logits


def nodules(rater: Rater, offsets: Sequence[float] = (0.0,)) -> NoduleSet:
    """The network, at the map of the line. rater: the shipped malignancy network. offsets: added to the logit, one a head."""
    return NoduleSet(rater, offsets)
