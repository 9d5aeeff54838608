"""The shipped malignancy network as a torch module: its weights are read out of the bundle's ONNX graph."""

from functools import lru_cache

import onnx
import torch
from onnx import numpy_helper

from lungrisk.core.bundle import open_bundle
from lungrisk.networks.malignancy import FLIPS
from lungrisk.networks.rater import Rater

TOWER = 6  # convolutions of a tower


def load_rater(member: int = 0, bundle: str = "malignancy") -> Rater:
    """One of the networks in the bundle of task "malignancy", ready to be trained on.

    member: counted through folds and then the networks of a fold; taken modulo their number. Its rating equals what the bundle
    says of nodules seen from that one network without mirroring. Raises EnvironmentFault (`env.bundle`).
    """
    opened = open_bundle(bundle, "malignancy")
    weights, names = _read(opened.sha256, opened.model)
    heads = [name.removesuffix(".head.1.weight") for name in names if name.endswith(".head.1.weight")]
    prefix = heads[member % len(heads)]
    convolutions = [name for name in names if name.startswith("conv:")]
    # every network is in the graph once a mirror, its fixed tower first
    first = heads.index(prefix) * len(FLIPS) * 2 * TOWER
    own = [name.removeprefix("conv:") for name in convolutions[first : first + 2 * TOWER]]
    wide = weights[own[0].split("|")[0]].shape[0]
    rater = Rater(weights[f"{prefix}.head.1.weight"].shape[1] - 16 * wide - 32, wide)
    state = {name: weights[f"{prefix.rsplit('.', 1)[0]}.0.{name}"] for name in ("mean", "sd", "low", "high")}
    for ours, theirs in (("numbers", "numbers.0"), ("head", "head.1")):
        state |= {f"{ours}.{kind}": weights[f"{prefix}.{theirs}.{kind}"] for kind in ("weight", "bias")}
    for tower, pairs in (("fixed", own[:TOWER]), ("scaled", own[TOWER:])):
        layers = [name for name, layer in getattr(rater, tower).named_children() if isinstance(layer, torch.nn.Conv2d)]
        for layer, pair in zip(layers, pairs, strict=True):
            weight, bias = pair.split("|")
            state |= {f"{tower}.{layer}.weight": weights[weight], f"{tower}.{layer}.bias": weights[bias]}
    rater.load_state_dict(state)
    return rater.eval()


@lru_cache(maxsize=2)
def _read(sha256: str, model: bytes) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    """The graph's arrays by name, and what it computes in order: "conv:weight|bias" and names of the last layers.

    Equal arrays are stored once and reached through Identity nodes.
    """
    graph = onnx.load_model_from_string(model).graph
    weights = {array.name: torch.from_numpy(numpy_helper.to_array(array).copy()) for array in graph.initializer}
    names = [array.name for array in graph.initializer if array.name.endswith(".head.1.weight")]
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
        if node.op_type == "Conv":
            names.append(f"conv:{node.input[1]}|{node.input[2]}")
    return weights, tuple(names)
