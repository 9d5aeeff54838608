"""The malignancy network as it is shipped: batch norms folded into the convolutions, and what it saw beside its rating."""

import torch
from torch import Tensor, nn

from lungrisk.networks.malignancy import MIDDLE


def _tower(width: int) -> nn.Sequential:
    """The stages of `malignancy.Tower` without their batch norms."""
    layers: list[nn.Module] = []
    inputs = 6
    for stage, wide in enumerate((width, 2 * width, 4 * width)):
        layers += [nn.MaxPool2d(2)] if stage else []
        for channels in (inputs, wide):
            layers += [nn.Conv2d(channels, wide, 3, padding=1), nn.ReLU()]
        inputs = wide
    return nn.Sequential(*layers)


class Rater(nn.Module):
    """fixed, scaled (m, 6, 32, 32) and features (m, f) of m nodules to what is seen (m, 16 * width + 32 + f), and a rating (m,).

    The rating is `malignancy.Malignancy`'s own when its weights are loaded.
    """

    mean: Tensor
    sd: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, n_features: int, width: int) -> None:
        super().__init__()
        for name in ("mean", "sd", "low", "high"):
            self.register_buffer(name, torch.zeros(n_features) if name == "mean" else torch.ones(n_features))
        self.fixed, self.scaled = _tower(width), _tower(width)
        self.numbers = nn.Linear(n_features, 32)
        self.head = nn.Linear(16 * width + 32 + n_features, 1)

    @property
    def n_seen(self) -> int:
        """How many numbers a nodule is to it."""
        return self.head.in_features

    def forward(self, fixed: Tensor, scaled: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """What it sees of each nodule, and its rating, 1..5."""
        numbers = (torch.minimum(torch.maximum(features, self.low), self.high) - self.mean) / self.sd
        towers = []
        for tower, planes in ((self.fixed, fixed), (self.scaled, scaled)):
            maps = tower(planes)
            towers += [maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))]
        seen = torch.cat([*towers, torch.relu(self.numbers(numbers)), numbers], 1)
        return seen, self.head(seen)[:, 0] + MIDDLE
