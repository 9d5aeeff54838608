"""Is there a nodule in the middle of this picture: a small 2D network, and several of them as one."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def _stage(channels: int, width: int, size: int = 3, stride: int = 1) -> list[nn.Module]:
    """A convolution with batch norm."""
    convolution = nn.Conv2d(channels, width, size, stride=stride, padding=size // 2, bias=False)
    return [convolution, nn.BatchNorm2d(width), nn.ReLU()]


class Candidate(nn.Module):
    """(n, 1, 48, 48) scaled pictures to (n,) logits.

    Seven convolutions of 1, 1, 1, 2, 2, 4, 8 times `width` channels, the first with stride 2, two poolings, then mean and
    maximum over the picture.
    """

    def __init__(self, width: int = 16, dropout: float = 0.3) -> None:
        super().__init__()
        w = width
        layers = _stage(1, w, size=5, stride=2)
        layers += [*_stage(w, w), *_stage(w, w), nn.MaxPool2d(2)]
        layers += [*_stage(w, 2 * w), *_stage(2 * w, 2 * w), nn.MaxPool2d(2)]
        layers += [*_stage(2 * w, 4 * w), *_stage(4 * w, 8 * w)]
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(16 * w, 1))

    def forward(self, view: Tensor) -> Tensor:
        """Logits, (n,)."""
        maps = self.body(view)
        pooled = torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)
        logits: Tensor = self.head(pooled)[:, 0]
        return logits


class CandidateEnsemble(nn.Module):
    """The networks of all folds side by side: (n, 48, 48) HU to (n, folds) logits.

    HU are clipped to `window` and scaled inside, so that the exported graph takes HU.
    """

    def __init__(self, members: Sequence[nn.Module], window: tuple[float, float]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.low, self.high = window

    def forward(self, hu: Tensor) -> Tensor:
        """Logits, (n, folds)."""
        view = scaled(hu, self.low, self.high)[:, None]
        return torch.stack([member(view) for member in self.members], 1)


def scaled(hu: Tensor, low: float, high: float) -> Tensor:
    """HU clipped to low..high and taken to -0.8..1.2."""
    return ((hu.clamp(low, high) - low) / (high - low) - 0.4) * 2
