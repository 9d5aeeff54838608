"""The networks of all folds as one graph that takes a store's arrays as they are."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lungrisk.training.export import to_onnx
from lungrisk.training.scaling import shown


class FoldGraph(nn.Module):
    """Arrays of a store, batch first, to logits (n, folds, heads)."""

    def __init__(self, networks: Sequence[nn.Module], inputs: Sequence[str]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.inputs = tuple(inputs)

    def forward(self, *arrays: Tensor) -> Tensor:
        """One row a fold."""
        seen = [shown(name, array) for name, array in zip(self.inputs, arrays, strict=True)]
        return torch.stack([network(*seen) for network in self.networks], 1)


def graph_of(networks: Sequence[nn.Module], inputs: Sequence[str], shapes: dict[str, tuple[int, ...]]) -> bytes:
    """The ONNX of trained networks. shapes: of each array of a patient."""
    example = {name: torch.zeros(2, *shapes[name]) for name in inputs}
    return to_onnx(FoldGraph(networks, inputs), example, ["logits"])
