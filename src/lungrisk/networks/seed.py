"""The seed's network: two convolutions and one dense layer on the whole chest shrunk to 50 x 50 x 20. There to be beaten."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lungrisk.networks.score import YearOffsets

INPUTS = ("seed",)
SIZE = (20, 50, 50)  # (k, j, i): slices, rows, columns
DENSE = 1024


class Seed(nn.Module):
    """(n, 20, 50, 50) values 0..1 to (n, heads) logits.

    As the notebook has it: 3 x 3 x 3 convolutions of 32 and 64, each with pooling by 2, a dense layer of 1,024 (with 46 of
    its 47 million weights), dropout. What differs: the axes are the volume's, the weights start at a sane size, dropout is off
    when it predicts.
    """

    def __init__(self, offsets: Sequence[float] = (0.0,), dropout: float = 0.2) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv3d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2),
            nn.Conv3d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2),
            nn.Flatten(),
        )  # fmt: skip
        k, j, i = (side // 4 for side in SIZE)
        self.dense = nn.Sequential(nn.Linear(64 * k * j * i, DENSE), nn.ReLU(), nn.Dropout(dropout))
        self.score = nn.Linear(DENSE, 1)
        self.years = YearOffsets(offsets)
        for module in self.modules():
            if isinstance(module, nn.Conv3d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                module.bias = nn.Parameter(torch.zeros(len(module.weight)))
        nn.init.zeros_(self.score.weight)

    def forward(self, seed: Tensor) -> Tensor:
        """Logits of each patient."""
        logits: Tensor = self.years(self.score(self.dense(self.body(seed[:, None] * 2 - 1)))[:, 0])
        return logits


def seed(offsets: Sequence[float] = (0.0,)) -> Seed:
    """The network. offsets: logits at which it starts, one a head."""
    return Seed(offsets)


def count(network: nn.Module) -> int:
    """How many weights it learns.

    >>> with torch.device("meta"):
    ...     count(Seed())
    47244226
    """
    return sum(weight.numel() for weight in network.parameters())
