"""The last step of every patient network: one score a patient, moved to a logit for each year."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class YearOffsets(nn.Module):
    """(n,) scores to (n, heads) logits: of cancer (one head), or of the hazard of each year, given that the years before were free.

    The years differ by a learned offset alone (proportional odds): a few hundred patients do not tell more about them.
    """

    def __init__(self, offsets: Sequence[float] = (0.0,)) -> None:
        super().__init__()
        self.offsets = nn.Parameter(torch.tensor(list(offsets), dtype=torch.float32))

    def forward(self, score: Tensor) -> Tensor:
        """Logits, a column a head."""
        return score[:, None] + self.offsets
