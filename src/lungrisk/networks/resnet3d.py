"""A 3D residual network over both lungs, with attention over the volume."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from lungrisk.networks.score import YearOffsets

INPUTS = ("volume", "lungs")
BLOCKS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2)}  # residual blocks of each stage
STRIDES = 1, 2, 1, 2  # of the stages; nodules are small, so that not every stage halves the maps as for photographs
WIDTHS = 1, 2, 3  # of cubes, in pairs of voxels
SHARP, MIDDLE = 4.0, 0.7  # takes their means about to -1..1
Norm = Literal["none", "instance", "group", "batch"]


def _thickest(tissue: Tensor) -> Tensor:
    """The highest mean over cubes of several widths, (n, widths): what is thick stands out without having been learnt."""
    half = functional.avg_pool3d(tissue, 2)
    means = [functional.avg_pool3d(tissue, 3, 1), *(functional.avg_pool3d(half, width, 1) for width in WIDTHS)]
    return torch.cat([SHARP * (mean.flatten(2).amax(2) - MIDDLE) for mean in means], 1)


class Scale(nn.Module):
    """A learned factor and offset a channel: what is left of a norm when nothing is measured of the maps."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of the same shape."""
        return maps * self.weight[:, None, None, None] + self.bias[:, None, None, None]


def _norm(kind: Norm, channels: int) -> nn.Module:
    if kind == "none":
        return Scale(channels)
    if kind == "batch":
        return nn.BatchNorm3d(channels)
    # group norm of as many groups as channels is instance norm, and exports as plain arithmetic
    return nn.GroupNorm(channels if kind == "instance" else max(1, channels // 4), channels)


class Block(nn.Module):
    """Two 3 x 3 x 3 convolutions beside a short cut; the second one starts at zero, so that a block starts as its short cut."""

    def __init__(self, inputs: int, outputs: int, stride: int, norm: Norm) -> None:
        super().__init__()
        last = _norm(norm, outputs)
        nn.init.zeros_(last.weight)  # type: ignore[arg-type]
        self.body = nn.Sequential(
            nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1, bias=False), _norm(norm, outputs), nn.ReLU(),
            nn.Conv3d(outputs, outputs, 3, padding=1, bias=False), last,
        )  # fmt: skip
        changes = stride > 1 or inputs != outputs
        self.short: nn.Module = nn.Conv3d(inputs, outputs, 1, stride=stride) if changes else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of the next block."""
        return torch.relu(self.body(maps) + self.short(maps))


class ResNet3d(nn.Module):
    """volume (n, k, j, i), about -1..1, and lungs, 0 or 1, to (n, heads) logits.

    Of 10 or 18 layers: a convolution of stride 2, a pooling, four stages of `width` * 1, 2, 4, 8 channels. The last maps are
    weighed by a learned attention (a softmax over the volume) and summed; their maximum and the
    thickest places of the lungs are seen beside it. `both` gives, beside the logits, the number that the
    same maps are taught to tell: the highest malignancy of a nodule.
    """

    def __init__(
        self, offsets: Sequence[float] = (0.0,), layers: Literal[10, 18] = 10, width: int = 8, norm: Norm = "none"
    ) -> None:
        super().__init__()
        stem = [nn.Conv3d(2, width, 3, stride=2, padding=1, bias=False), _norm(norm, width), nn.ReLU(), nn.MaxPool3d(2)]
        stages: list[nn.Module] = []
        channels = width
        for stage, n_blocks in enumerate(BLOCKS[layers]):
            for place in range(n_blocks):
                wide = width * 2**stage
                stages.append(Block(channels, wide, 1 if place else STRIDES[stage], norm))
                channels = wide
        self.body = nn.Sequential(*stem, *stages)
        self.attention = nn.Conv3d(channels, 1, 1)
        n_seen = 2 * channels + len(WIDTHS) + 1
        self.score, self.rating = nn.Linear(n_seen + 1, 1), nn.Linear(n_seen, 1)
        self.years = YearOffsets(offsets)
        for module in self.body.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        for head in (self.score, self.rating):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def both(self, volume: Tensor, lungs: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, (n, heads), and the rating that it reads off the maps, (n,)."""
        # outside of the lungs everything is as dark as air: the heart and the ribs would drown what is to be found
        tissue = ((volume + 1) * lungs)[:, None]
        maps = self.body(torch.cat([tissue, lungs[:, None]], 1)).flatten(2)
        weights = torch.softmax(self.attention(maps[..., None, None]).flatten(2), 2)
        seen = torch.cat([(maps * weights).sum(2), maps.amax(2), _thickest(tissue)], 1)
        rating = self.rating(seen)
        return self.years(self.score(torch.cat([seen, rating], 1))[:, 0]), rating[:, 0]

    def forward(self, volume: Tensor, lungs: Tensor) -> Tensor:
        """Logits of each patient."""
        return self.both(volume, lungs)[0]


def resnet3d(offsets: Sequence[float] = (0.0,), layers: Literal[10, 18] = 10, width: int = 8) -> ResNet3d:
    """The network. offsets: logits at which it starts, one a head."""
    return ResNet3d(offsets, layers, width)
