"""Training the outline of a nodule from a point inside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from lungrisk.cohort.nodule_folder import DEMO_PATIENT, NoduleStack, read_nodules
from lungrisk.cohort.splits import fold_of, split_hash
from lungrisk.core.bundle import open_bundle, write_bundle
from lungrisk.evaluation.candidates import patient_key
from lungrisk.evaluation.outlines import evaluate_outlines
from lungrisk.networks.outline import OutlineEnsemble, OutlineNet
from lungrisk.nodules.segment import CUBE, FITS, LEVELS, SPACING, WINDOW_HU
from lungrisk.training.export import to_onnx
from lungrisk.training.loop import Batch, Draw, Schedule, fit
from lungrisk.training.options import Options
from lungrisk.training.outline_card import card_of
from lungrisk.training.outline_samples import Subject, draw, draw_slices, subject

VARIANTS = 2  # continuations of each stack
SLICES = 6  # of each cube that an epoch looks at
BCE_WEIGHT = 4.0
SMALL = 5.0  # voxels: added to both sides of Dice, so that slices without nodule do not rule it


def train(folder: Path, options: Options) -> Path:
    """Train one network a fold, export them side by side and write the bundle; gives its folder.

    Raises UsageFault (`use.missing`) when the folder lacks a file.
    """
    stacks = [stack for stack in read_nodules(folder) if stack.patient != DEMO_PATIENT]
    folds = fold_of([stack.patient for stack in stacks], options.folds)
    rng = np.random.default_rng(options.seed)
    subjects = [[subject(stack, rng) for _ in range(VARIANTS)] for stack in stacks]
    networks = []
    for fold in range(options.folds):
        own = [subjects[number] for number in np.flatnonzero(folds != fold)]
        seed = 100 * options.seed + fold
        schedule = Schedule.of(options, f"outline-{fold}", epochs=20, batch=24, learning_rate=4e-3, seed=seed)
        torch.manual_seed(seed)
        network = OutlineNet()
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # known to torch, not to its stubs
        fit(network, len(own), drawer(own), loss, schedule)
        networks.append(network)
    return pack(networks, stacks, folds, folder, options.output)


def pack(
    networks: Sequence[OutlineNet],
    stacks: Sequence[NoduleStack],
    folds: NDArray[np.int64],
    folder: Path,
    out: Path,
) -> Path:
    """Export the networks, judge them on the nodules that each has not seen, and write the bundle with these figures."""
    model = to_onnx(OutlineEnsemble(list(networks)), {"cube": torch.zeros(2, *CUBE)}, ["probability"])
    settings: dict[str, Any] = {
        "inputs": {"cube": f"(n, {', '.join(map(str, CUBE))}) HU about the point, {WINDOW_HU} taken to -0.8..1.2"},
        "outputs": {"probability": "(n, folds, k, j, i) of belonging to the nodule, one network a fold"},
        "recipe": {"cube": list(CUBE), "spacing_mm": list(SPACING), "levels": LEVELS, "fits": FITS},
        "fold_of_patient": {patient_key(stack.patient): int(fold) for stack, fold in zip(stacks, folds, strict=True)},
        "split_hash": split_hash([stack.patient for stack in stacks]),
        "licence": "Apache-2.0",
        "data": "LIDC-IDRI stacks and outlines (CC BY 3.0), grey values by LUNA16 (CC BY 4.0), without " + DEMO_PATIENT,
        "calibration": {},
    }
    write_bundle(out, name="outline", task="outline", model=model, card="", settings=settings)
    figures = evaluate_outlines(folder, open_bundle(out))
    settings["calibration"] = {"volume": figures["volume_calibration"]}
    return write_bundle(out, name="outline", task="outline", model=model, card=card_of(figures), settings=settings)


def drawer(subjects: Sequence[Sequence[Subject]]) -> Draw:
    """Batches: cube (n, k, j, i), the slices looked at (n, s), the target there (n, s, j, i), weight (n,)."""

    def batch(rows: NDArray[np.int64], rng: np.random.Generator) -> Batch:
        items = [subjects[row][int(rng.integers(len(subjects[row])))] for row in rows.tolist()]
        drawn = [draw(item, rng) for item in items]
        slices = np.stack([draw_slices(target, SLICES, rng) for _, target in drawn])
        targets = np.stack([target[chosen] for (_, target), chosen in zip(drawn, slices, strict=True)])
        cubes = np.stack([cube for cube, _ in drawn])
        weights = np.array([item.weight for item in items], np.float32)
        return torch.from_numpy(cubes), torch.from_numpy(slices), torch.from_numpy(targets), torch.from_numpy(weights)

    return batch


def loss(network: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """Cross-entropy plus soft Dice over the slices looked at, weighted by the readers."""
    cube, slices, target, weight = batch
    net: Any = network
    views = net.views(cube, slices).flatten(0, 1).contiguous(memory_format=torch.channels_last)
    with torch.autocast(views.device.type, torch.bfloat16, enabled=_half_is_fast(views.device.type)):
        logits = net.plane(views)
    logits = logits.float().reshape(target.shape)
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none").mean((1, 2, 3))
    inside = torch.sigmoid(logits)
    both, either = (inside * target).sum((1, 2, 3)), inside.sum((1, 2, 3)) + target.sum((1, 2, 3))
    value: torch.Tensor = BCE_WEIGHT * entropy + 1 - (2 * both + SMALL) / (either + SMALL)
    return (value * weight).sum() / weight.sum()


def _half_is_fast(device: str) -> bool:
    """bfloat16 halves the time where the processor knows it, and multiplies it elsewhere."""
    return device == "cuda" or (device == "cpu" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()))
