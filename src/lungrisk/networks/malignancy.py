"""The rating network: planes through a nodule at two scales beside its measured features."""

import torch
from torch import Tensor, nn

MIDDLE = 2.8  # of the ratings: where an untrained network starts


def _block(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU())


class Tower(nn.Module):
    """(n, channels, 32, 32) to (n, 8 * width): three stages of two convolutions, then mean and maximum over the plane."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        a, b, c = width, 2 * width, 4 * width
        self.stages = nn.Sequential(
            _block(channels, a), _block(a, a), nn.MaxPool2d(2),
            _block(a, b), _block(b, b), nn.MaxPool2d(2),
            _block(b, c), _block(c, c),
        )  # fmt: skip

    def forward(self, planes: Tensor) -> Tensor:
        """Planes to a vector."""
        maps = self.stages(planes)
        return torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], 1)


class Malignancy(nn.Module):
    """fixed, scaled (n, 6, 32, 32) and features (n, f) to a rating (n,).

    mean, sd, low, high: (f,), of the features in the training set: standardised, and clipped to that range, so that a mass
    beyond it is taken for the largest one seen.
    """

    mean: Tensor
    sd: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, mean: Tensor, sd: Tensor, low: Tensor, high: Tensor, width: int = 16) -> None:
        super().__init__()
        for name, value in {"mean": mean, "sd": sd, "low": low, "high": high}.items():
            self.register_buffer(name, value.float())
        self.fixed, self.scaled = Tower(6, width), Tower(6, width)
        self.numbers = nn.Sequential(nn.Linear(len(mean), 32), nn.ReLU(), nn.Dropout(0.1))
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(16 * width + 32 + len(mean), 1))

    def forward(self, fixed: Tensor, scaled: Tensor, features: Tensor) -> Tensor:
        """The rating, on the scale of the targets."""
        numbers = (torch.minimum(torch.maximum(features, self.low), self.high) - self.mean) / self.sd
        joined = torch.cat([self.fixed(fixed), self.scaled(scaled), self.numbers(numbers), numbers], 1)
        rating: Tensor = self.head(joined).squeeze(1) + MIDDLE
        return rating


FLIPS: tuple[tuple[bool, bool, bool], ...] = (
    (False, False, False),
    (True, False, False),
    (False, True, True),
    (True, True, False),
)


def flip_planes(planes: Tensor, x: bool, y: bool, z: bool) -> Tensor:
    """Mirror the nodule behind (n, 6, h, w) planes (axial y-x, coronal z-x, sagittal z-y, and their masks)."""
    axes = ([2] * y + [3] * x, [2] * z + [3] * x, [2] * z + [3] * y)
    parts = [planes[:, i : i + 1].flip(axes[i % 3]) if axes[i % 3] else planes[:, i : i + 1] for i in range(6)]
    return torch.cat(parts, 1)


class FoldEnsemble(nn.Module):
    """Networks of several folds as one: fixed, scaled, features to (n, folds); a column is the mean over members and mirrors."""

    def __init__(self, folds: list[list[nn.Module]]) -> None:
        super().__init__()
        self.folds = nn.ModuleList([nn.ModuleList(members) for members in folds])

    def forward(self, fixed: Tensor, scaled: Tensor, features: Tensor) -> Tensor:
        """One column a fold."""
        mirrored = [(flip_planes(fixed, *flip), flip_planes(scaled, *flip)) for flip in FLIPS]
        columns = []
        for members in self.folds.children():
            ratings = [member(a, b, features) for member in members.children() for a, b in mirrored]
            columns.append(torch.stack(ratings).mean(0))
        return torch.stack(columns, 1)
