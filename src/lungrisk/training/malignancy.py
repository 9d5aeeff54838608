"""Training the readers' mean malignancy rating: networks of five folds, shipped side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lungrisk.cohort.nodule_folder import DEMO_PATIENT, NoduleStack, read_nodules
from lungrisk.cohort.splits import fold_of, split_hash
from lungrisk.core.bundle import Bundle, list_bundles, open_bundle, write_bundle
from lungrisk.evaluation.candidates import patient_key
from lungrisk.evaluation.nodules import Rated, judge_stacks, outline_all, outline_of, rate_stacks
from lungrisk.networks.malignancy import FoldEnsemble, Malignancy, flip_planes
from lungrisk.nodules.appearance import FEATURES, PLANE
from lungrisk.training.export import to_onnx
from lungrisk.training.loop import Batch, Draw, Schedule, fit
from lungrisk.training.malignancy_card import card_of
from lungrisk.training.options import Options
from lungrisk.training.variants import Variants, draw_variants

MEMBERS = 2  # networks a fold, of different seeds
WIDTH = 12
VARIANTS = 8  # of each nodule beside the consensus
PLAIN = 0.2  # share of draws that are the consensus
GAIN_SD, OFFSET_SD = 0.08, 0.05  # of the grey values of the planes
TAILS = (0.5, 99.5)  # percentiles of a feature beyond which it is clipped
SPREAD_AT = (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5)
SPREAD_WIDTH = 0.35  # of the kernel that smooths the error's spread over the rating
MANY_READERS = 3
OF_THE_BUNDLE = ("kind", "version", "name", "task", "files")  # what write_bundle puts beside the settings


def train(folder: Path, options: Options) -> Path:
    """Train the networks of every fold, export them side by side and write the bundle; gives its folder.

    Raises UsageFault (`use.missing`) when the folder lacks a file.
    """
    stacks = [stack for stack in read_nodules(folder) if stack.patient != DEMO_PATIENT]
    folds = fold_of([stack.patient for stack in stacks], options.folds)
    variants = draw_variants(stacks, VARIANTS, options.seed)
    weights = np.array([stack.n_readers / 4 for stack in stacks], np.float32) ** 0.5
    networks: list[list[torch.nn.Module]] = []
    for fold in range(options.folds):
        own = np.flatnonzero(folds != fold)
        networks.append([_fit(variants, weights, own, options, f"{fold}-{member}") for member in range(MEMBERS)])
    return pack(networks, stacks, folds, options.output)


def _fit(
    variants: Variants, weights: NDArray[np.float32], own: NDArray[np.int64], options: Options, name: str
) -> torch.nn.Module:
    fold, member = map(int, name.split("-"))
    seed = 1000 * options.seed + 10 * fold + member
    schedule = Schedule.of(options, f"malignancy-{name}", epochs=20, batch=32, learning_rate=2e-3, seed=seed)
    torch.manual_seed(seed)
    values = variants.features[own].reshape(-1, len(FEATURES))
    low, high = np.percentile(values, TAILS, axis=0)
    values = np.clip(values, low, high)
    mean, sd, bottom, top = map(torch.from_numpy, (values.mean(axis=0), values.std(axis=0) + 1e-6, low, high))
    return fit(Malignancy(mean, sd, bottom, top, WIDTH), len(own), drawer(variants, weights, own), loss, schedule)


def drawer(variants: Variants, weights: NDArray[np.float32], own: NDArray[np.int64]) -> Draw:
    """Batches: fixed, scaled, features, rating, weight. A variant of each nodule, turned, its grey values changed."""

    def draw(items: NDArray[np.int64], rng: np.random.Generator) -> Batch:
        rows = own[items]
        which = rng.integers(0, variants.rating.shape[1], len(rows)) * (rng.random(len(rows)) >= PLAIN)
        x, y, z, turned = (rng.random(4) < 0.5).tolist()
        noise = rng.normal(size=(2, len(rows), 1, 1, 1)).astype(np.float32)
        planes = []
        for name in ("fixed", "scaled"):
            view = flip_planes(torch.from_numpy(variants.planes[name][rows, which].astype(np.float32)), x, y, z)
            view = turn_planes(view) if turned else view
            image = view[:, :3] * torch.from_numpy(1 + GAIN_SD * noise[0]) + torch.from_numpy(OFFSET_SD * noise[1])
            planes.append(torch.cat([image, view[:, 3:]], 1))
        numbers = (variants.features[rows, which], variants.rating[rows, which], weights[rows])
        return (*planes, *(torch.from_numpy(part) for part in numbers))

    return draw


def turn_planes(planes: torch.Tensor) -> torch.Tensor:
    """Exchange x and y of the nodule behind (n, 6, h, w) planes: axial turned over, coronal and sagittal exchanged."""
    axial, coronal, sagittal, *masks = [planes[:, i : i + 1] for i in range(6)]
    turned = [axial.transpose(2, 3), sagittal, coronal, masks[0].transpose(2, 3), masks[2], masks[1]]
    return torch.cat(turned, 1)


def loss(network: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """Squared error of the rating, weighted by the readers."""
    fixed, scaled, features, rating, weight = batch
    value: torch.Tensor = (weight * (network(fixed, scaled, features) - rating) ** 2).mean()
    return value


def pack(
    networks: list[list[torch.nn.Module]], stacks: Sequence[NoduleStack], folds: NDArray[np.int64], out: Path
) -> Path:
    """Export the networks, judge them, and write the bundle."""
    planes = torch.zeros(2, 6, PLANE, PLANE)
    example = {"fixed": planes, "scaled": planes.clone(), "features": torch.zeros(2, len(FEATURES))}
    model = to_onnx(FoldEnsemble(networks), example, ["rating"])
    settings: dict[str, Any] = {
        "inputs": {
            "fixed": "(n, 6, 32, 32) three planes of 32 mm and the mask in them, see nodules/appearance.py",
            "scaled": "(n, 6, 32, 32) the same planes, 1.6 widths of the nodule wide",
            "features": f"(n, {len(FEATURES)}) " + ", ".join(FEATURES),
        },
        "outputs": {"rating": "(n, folds) mean rating of readers, 1..5, a column the networks of a fold"},
        "fold_of_patient": {patient_key(stack.patient): int(fold) for stack, fold in zip(stacks, folds, strict=True)},
        "split_hash": split_hash([stack.patient for stack in stacks]),
        "licence": "Apache-2.0",
        "data": "LIDC-IDRI stacks, outlines, ratings (CC BY 3.0), grey values by LUNA16 (CC BY 4.0), without "
        + DEMO_PATIENT,
        "calibration": {"at": [1.0], "sd": [0.5]},
    }

    return _finish(model, settings, stacks, out)


def recalibrate(folder: Path, bundle: Bundle, out: Path) -> Path:
    """A rating bundle calibrated and judged again, its networks as they are: for when the shipped outlines have changed.

    Raises UsageFault (`use.missing`) when the folder lacks a file.
    """
    stacks = [stack for stack in read_nodules(folder) if stack.patient != DEMO_PATIENT]
    settings = {name: value for name, value in bundle.settings.items() if name not in OF_THE_BUNDLE}
    return _finish(bundle.model, settings, stacks, out)


def _finish(model: bytes, settings: dict[str, Any], stacks: Sequence[NoduleStack], out: Path) -> Path:
    """Find the spread of the error out of fold, on the shipped outlines where there are some, judge, and write the bundle."""

    def write(card: str) -> Path:
        return write_bundle(out, name="malignancy", task="malignancy", model=model, card=card, settings=settings)

    write("")
    bundle = open_bundle(out, unfinished=True)
    outlines = open_bundle("outline", "outline") if "outline" in list_bundles() else None
    outlined = outline_all(stacks, outlines) if outlines else None
    masks = outlined or [outline_of(stack) for stack in stacks]
    settings["calibration"] = calibrate(rate_stacks(stacks, masks, bundle))
    settings["calibration"]["outlines"] = outlines.sha256 if outlines else "readers"
    write("")
    figures = judge_stacks(stacks, open_bundle(out), outlined)
    return write(card_of(figures, settings))


def calibrate(rated: Rated) -> dict[str, Any]:
    """Spread of the error, readers' noise included, over the predicted rating: a smooth root mean square.

    Of nodules with three readers or more. Gives `at` (ratings) and `sd` there.
    """
    many = rated.of(rated.n_readers >= MANY_READERS)
    at = np.array(SPREAD_AT)
    weight = np.exp(-0.5 * ((many.predicted - at[:, None]) / SPREAD_WIDTH) ** 2)
    squared = (many.predicted - many.rating) ** 2
    sd = np.sqrt((weight @ squared) / weight.sum(axis=1))
    return {"at": at.tolist(), "sd": [round(float(value), 4) for value in sd]}
