"""The outline of a nodule from a point inside it: a 2D U-Net that reads one slice of a cube with its neighbours."""

import torch
from torch import Tensor, nn
from torch.nn import functional

NEIGHBOURS = (-3, -1, 0, 1, 3)  # slices that are seen beside the one that is outlined
MIRRORED = (1, 2, 3)  # axes of the one mirror image that is averaged with the cube: about the point
POINT_SD = 5.0  # voxels: how sharply the point (the middle of the cube) is marked


def _pair(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


class OutlineNet(nn.Module):
    """(n, k, j, i) cube, about -1..1, the point in its middle -> (n, k, j, i) logits of belonging to the nodule.

    Beside its neighbours a slice sees the middle slice, where the point is, and how far it is from the point. j and i
    are multiples of 4, k is odd.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        channels = len(NEIGHBOURS) + 3
        self.down = nn.ModuleList([_pair(channels, width), _pair(width, 2 * width), _pair(2 * width, 4 * width)])
        self.up = nn.ModuleList([_pair(6 * width, 2 * width), _pair(3 * width, width)])
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, cube: Tensor) -> Tensor:
        """All slices of the cubes."""
        n, depth = cube.shape[0], cube.shape[1]
        slices = torch.arange(depth, device=cube.device)
        seen = [torch.index_select(cube, 1, (slices + step).clamp(0, depth - 1)) for step in NEIGHBOURS]
        views = _stacked(seen, cube[:, depth // 2][:, None], slices[None] - depth // 2, depth)
        return self.plane(views.flatten(0, 1)).reshape(n, depth, *cube.shape[2:])

    def views(self, cube: Tensor, slices: Tensor) -> Tensor:
        """(n, k, j, i) cubes and (n, s) slices of them -> (n, s, channels, j, i): what `plane` reads."""
        depth = cube.shape[1]
        row = torch.arange(len(cube), device=cube.device)[:, None]
        seen = [cube[row, (slices + step).clamp(0, depth - 1)] for step in NEIGHBOURS]
        return _stacked(seen, cube[:, depth // 2][:, None], slices - depth // 2, depth)

    def plane(self, views: Tensor) -> Tensor:
        """(m, channels, j, i) views -> (m, j, i) logits."""
        skips = []
        x = views
        for level, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for block, skip in zip(self.up, reversed(skips[:-1]), strict=True):
            x = block(torch.cat([functional.interpolate(x, scale_factor=2.0), skip], 1))
        logits: Tensor = self.head(x)[:, 0]
        return logits


def _stacked(seen: list[Tensor], middle: Tensor, apart: Tensor, depth: int) -> Tensor:
    """Slices, the middle slice, nearness to the point in the plane, distance from it across: one channel each."""
    like = seen[0]
    j = torch.arange(like.shape[2], device=like.device) - (like.shape[2] - 1) / 2
    i = torch.arange(like.shape[3], device=like.device) - (like.shape[3] - 1) / 2
    near = torch.exp(-(j[:, None] ** 2 + i[None] ** 2) / (2 * POINT_SD**2))
    far = apart.abs().to(like.dtype) / (depth // 2)
    marks = (middle, near, far[:, :, None, None])
    return torch.stack([*seen, *(mark.expand_as(like) for mark in marks)], 2)


class OutlineEnsemble(nn.Module):
    """Outline networks side by side: (n, k, j, i) cube -> (n, network, k, j, i) probability, the mean of cube and mirrored cube."""

    def __init__(self, networks: list[OutlineNet]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, cube: Tensor) -> Tensor:
        """The probability of every network."""
        mirrored = cube.flip(MIRRORED)
        columns = [
            (torch.sigmoid(network(cube)) + torch.sigmoid(network(mirrored)).flip(MIRRORED)) / 2
            for network in self.networks
        ]
        return torch.stack(columns, 1)


def outline(width: int = 16) -> OutlineNet:
    """The network; `width` channels at full resolution (152 k weights at 16)."""
    return OutlineNet(width)
