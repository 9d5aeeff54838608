"""A small head on what the shipped malignancy network sees of a patient's nodules; the network itself is not trained."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lungrisk.networks.nodule_set import ACCEPTED, N_NUMBERS, PRESENT, RATING
from lungrisk.networks.rater import Rater
from lungrisk.networks.score import YearOffsets

INPUTS = ("fixed", "scaled", "features", "numbers")
INTERCEPT, SLOPE = -2.66977, 2.38513  # the line's map of the highest rating above 3 (risk.py)
BEND = 1.0  # above 3: from there on the map may rise otherwise
SHARP = 4.0  # of the attention at first: a nodule rated 0.5 higher weighs e^2 times more


class Head(nn.Module):
    """seen (n, 8, e) and numbers (n, 8, 10) to (n, heads) logits.

    The line's map of the highest rating, which may learn a bend, plus a linear reading of the nodules: their mean weighed by an attention that starts on the
    most suspicious accepted one. What is seen is shown as its `k` main components, of unit spread over the training nodules.
    """

    mean: Tensor
    components: Tensor

    def __init__(self, mean: Tensor, components: Tensor, offsets: Sequence[float] = (0.0,)) -> None:
        super().__init__()
        self.register_buffer("mean", mean.float())
        self.register_buffer("components", components.float())
        self.map = nn.Parameter(torch.tensor([INTERCEPT, SLOPE, 0.0, SHARP]))
        self.reading = nn.Linear(components.shape[1] + N_NUMBERS + 1, 1, bias=False)
        self.years = YearOffsets(offsets)
        nn.init.zeros_(self.reading.weight)

    def forward(self, seen: Tensor, numbers: Tensor) -> Tensor:
        """Logits of each patient."""
        intercept, slope, bend, sharp = self.map.unbind()
        counts = numbers[..., PRESENT] * numbers[..., ACCEPTED]
        rating = numbers[..., RATING] * counts - 3 * (1 - counts)  # what does not count lies below every rating
        highest = torch.relu(rating.amax(1))
        weights = torch.softmax(sharp * rating, 1) * counts
        nodule = torch.cat([(seen - self.mean) @ self.components, numbers], 2)
        patient = torch.cat([(weights[..., None] * nodule).sum(1), counts.sum(1, keepdim=True)], 1)
        line = intercept + slope * highest + bend * torch.relu(highest - BEND)
        logits: Tensor = self.years(line + self.reading(patient)[:, 0])
        return logits


class Backbone(nn.Module):
    """fixed, scaled (n, 8, 6, 32, 32), features (n, 8, f), numbers (n, 8, 10) to (n, heads) logits: the rater, then the head."""

    def __init__(self, rater: Rater, head: Head) -> None:
        super().__init__()
        self.rater, self.head = rater, head

    def forward(self, fixed: Tensor, scaled: Tensor, features: Tensor, numbers: Tensor) -> Tensor:
        """Logits of each patient."""
        seen, _ = self.rater(fixed.flatten(0, 1), scaled.flatten(0, 1), features.flatten(0, 1))
        logits: Tensor = self.head(seen.reshape(*numbers.shape[:2], -1), numbers)
        return logits


def backbone(rater: Rater, head: Head) -> Backbone:
    """The whole network, from the arrays of a store to logits."""
    return Backbone(rater, head)
