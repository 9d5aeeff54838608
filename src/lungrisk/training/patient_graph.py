"""The networks of all folds as one graph that takes a store's arrays as they are."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from lungrisk.training.export import to_onnx
from lungrisk.training.scaling import shown

LARGE = (
    10**6
)  # weights of a layer from which on they are kept in half precision: the seed's dense layer alone has 46 million


class HalfLinear(nn.Module):
    """A linear layer whose weights take half the space; it computes in full precision."""

    weight: Tensor
    bias: Tensor

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.register_buffer("weight", layer.weight.detach().half())
        self.register_buffer("bias", layer.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        """As the layer, but for the rounding of its weights."""
        return functional.linear(x, self.weight.float(), self.bias)


def lighten(network: nn.Module) -> nn.Module:
    """Replace the large linear layers of a trained network, in place, before it is judged."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Linear) and child.weight.numel() >= LARGE:
                setattr(parent, name, HalfLinear(child))
    return network


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
