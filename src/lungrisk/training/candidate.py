"""Training "nodule or not": labelled patches, and hard examples out of the nodules' stacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from lungrisk.cohort.candidate_views import PIXEL_MM, SIZE, Views, hide, stack_views
from lungrisk.cohort.nodule_folder import DEMO_PATIENT, NoduleStack, read_nodules, read_patches
from lungrisk.cohort.splits import fold_of, split_hash
from lungrisk.core.bundle import open_bundle, write_bundle
from lungrisk.evaluation.candidates import PATCH_KEY, evaluate_candidates, patient_key
from lungrisk.networks.candidate import Candidate, CandidateEnsemble, scaled
from lungrisk.training.candidate_card import card_of
from lungrisk.training.export import to_onnx
from lungrisk.training.loop import Batch, Draw, Schedule, fit
from lungrisk.training.options import Options

SEEN = 48  # pixels of the network's picture
SHIFT = (SIZE - SEEN) // 2  # pixels that a picture may be off centre in training
WINDOW = (-1000.0, 400.0)
HARD_A_STACK = 2  # hard examples that an epoch takes from each stack
HIDDEN_PATCHES = 0.3  # share of patches whose edges are hidden like those of the hard examples
BLURS = ((1, 1, 1), (1, 1, 1, 1, 1), (1, 2, 3, 2, 1))  # what thick slices do to a picture that runs across them
BLURRED = 0.4  # share of batches that are blurred so
# of the sum in `nodules.find`, and the least probability of an accepted candidate: chosen on two scans, see the card
CALIBRATION = {
    "weights": {"offset": -1.0, "mean": 0.4, "lowest": 0.8, "log_dotness": 1.6, "thickness": 0.15},
    "accept": 0.55,
}
GAIN_SD, OFFSET_SD = 0.1, 0.06  # of the scaled grey values


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """Pictures with their labels. rows: for each item of an epoch, the pictures one of which stands for it."""

    views: Views
    rows: Sequence[NDArray[np.int64]]
    patch: NDArray[np.bool_]


def train(folder: Path, options: Options) -> Path:
    """Train one network a fold, export them side by side and write the bundle; gives its folder.

    Raises UsageFault (`use.missing`) when the folder lacks a file.
    """
    patches, labels, table = read_patches(folder)
    keep = np.array([row["patient"] != DEMO_PATIENT for row in table])
    folds = fold_of([row["group"] for row in table], options.folds)
    stacks = [stack for stack in read_nodules(folder) if stack.patient != DEMO_PATIENT]
    touched = folds_touched(stacks, table, folds)
    hard = stack_views(stacks)
    members = []
    for fold in range(options.folds):
        own = np.flatnonzero((folds != fold) & keep)
        free = np.array([fold not in touched[stack.patient] for stack in stacks])
        material = gather(patches[own], labels[own], hard, free)
        schedule = Schedule.of(options, f"candidate-{fold}", epochs=15, batch=64, seed=100 * options.seed + fold)
        torch.manual_seed(schedule.seed)
        members.append(fit(Candidate(), len(material.rows), drawer(material), _loss, schedule))
    model = to_onnx(CandidateEnsemble(members, WINDOW), {"hu": torch.zeros(2, SEEN, SEEN)}, ["fold_logits"])
    settings = {
        "inputs": {"hu": f"(n, {SEEN}, {SEEN}) HU of a plane through the place, {PIXEL_MM} mm a pixel"},
        "outputs": {"fold_logits": "(n, folds) log odds, one column a network"},
        "view": {"pixels": SEEN, "pixel_mm": PIXEL_MM},
        "rows_of_fold": [
            " ".join(row[PATCH_KEY] for row, its in zip(table, folds, strict=True) if its == fold)
            for fold in range(options.folds)
        ],
        "patients_unseen_by_fold": [
            " ".join(sorted(patient_key(patient) for patient, those in touched.items() if fold in those))
            for fold in range(options.folds)
        ],
        "split_hash": split_hash([row["group"] for row in table]),
        "licence": "Apache-2.0",
        "data": "LUNA16 patches (CC BY 4.0) and LIDC-IDRI stacks (CC BY 3.0) without " + DEMO_PATIENT,
        "calibration": CALIBRATION,
    }
    write_bundle(options.output, name="candidate", task="candidate", model=model, card="", settings=settings)
    bundle = open_bundle(options.output)
    card = card_of(evaluate_candidates(folder, bundle))
    return write_bundle(options.output, name="candidate", task="candidate", model=model, card=card, settings=settings)


def folds_touched(
    stacks: Sequence[NoduleStack], table: Sequence[dict[str, str]], folds: NDArray[np.int64]
) -> dict[str, set[int]]:
    """For each patient of the stacks, the folds in which a patch of the same patient may lie.

    Patches know their place among the sorted series UIDs (rank_lo..rank_hi), some know the nodule. A series lies between the
    ranks of its neighbours that are known; every group of patches that reaches into that range may be its own.
    """
    series_of = {stack.id: stack.row["series_uid"] for stack in stacks}
    known = {
        series_of[row["nodule_id"]]: int(row["rank_lo"])
        for row in table
        if row["nodule_id"] in series_of and row["rank_lo"] == row["rank_hi"]
    }
    reach: dict[str, list[int]] = {}
    fold_of_group: dict[str, int] = {}
    for row, fold in zip(table, folds, strict=True):
        low, high = int(row["rank_lo"]), int(row["rank_hi"])
        before = reach.get(row["group"], [low, high])
        reach[row["group"]] = [min(before[0], low), max(before[1], high)]
        fold_of_group[row["group"]] = int(fold)
    uids = sorted(known)
    touched: dict[str, set[int]] = {stack.patient: set() for stack in stacks}
    for stack in stacks:
        uid = stack.row["series_uid"]
        place = int(np.searchsorted(uids, uid))
        exact = uid in known
        low = known[uid] if exact else (known[uids[place - 1]] if place else 0)
        high = known[uid] if exact else (known[uids[place]] if place < len(uids) else 10_000)
        touched[stack.patient] |= {
            fold_of_group[group] for group, (first, last) in reach.items() if first <= high and last >= low
        }
    return touched


def gather(patches: NDArray[np.float32], labels: NDArray[np.int64], hard: Views, free: NDArray[np.bool_]) -> Material:
    """The items of an epoch: every patch, every free stack's nodule (one of its slices), HARD_A_STACK of what lies beside it.

    patches: (n, 50, 50) HU. free: (stacks,) may be used.
    """
    margin = (SIZE - patches.shape[1]) // 2
    padded = np.pad(patches, ((0, 0), (margin, margin), (margin, margin)), mode="edge")
    edges = np.full((len(patches), 4), margin, np.int64)
    rows: list[NDArray[np.int64]] = [np.array([index]) for index in range(len(patches))]
    usable = free[hard.stack]
    for wanted, copies in ((1, 1), (0, HARD_A_STACK)):
        chosen = np.flatnonzero(usable & (hard.label == wanted))
        parts = np.split(chosen, np.flatnonzero(np.diff(hard.stack[chosen])) + 1)
        rows += [part + len(patches) for part in parts for _ in range(copies) if len(part)]
    views = Views(
        hu=np.concatenate([padded, hard.hu]),
        label=np.concatenate([labels, hard.label]),
        stack=np.concatenate([np.full(len(patches), -1), hard.stack]),
        beyond=np.concatenate([edges, hard.beyond]),
    )
    return Material(views=views, rows=rows, patch=views.stack < 0)


def drawer(material: Material) -> Draw:
    """Cuts, hides, turns and blurs the items of a batch: (n, 1, 48, 48) scaled pictures and (n,) labels."""
    views = material.views
    hard = np.flatnonzero(~material.patch & (views.label == 0))
    windows = np.lib.stride_tricks.sliding_window_view

    def draw(items: NDArray[np.int64], rng: np.random.Generator) -> Batch:
        rows = np.array([rng.choice(material.rows[item]) for item in items])
        lent = views.beyond[rng.choice(hard, len(rows))]
        hides = np.where(material.patch[rows], rng.random(len(rows)) < HIDDEN_PATCHES, views.label[rows] == 1)
        beyond = np.where(hides[:, None], np.maximum(lent, views.beyond[rows]), views.beyond[rows])
        pictures = windows(hide(views.hu[rows], beyond), (SEEN, SEEN), axis=(1, 2))
        down, right = rng.integers(0, 2 * SHIFT + 1, (2, len(rows)))
        hu = torch.from_numpy(pictures[np.arange(len(rows)), down, right].copy())
        view = _vary(scaled(hu, *WINDOW)[:, None], rng)
        return view, torch.from_numpy(views.label[rows].astype(np.float32))

    return draw


def _vary(view: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Flip, transpose, blur along rows, change grey values; what is random in shape is so for the batch."""
    if rng.random() < BLURRED:
        kernel = torch.tensor(BLURS[rng.integers(len(BLURS))], dtype=torch.float32)
        padded = functional.pad(view, (0, 0, len(kernel) // 2, len(kernel) // 2), mode="replicate")
        view = functional.conv2d(padded, (kernel / kernel.sum())[None, None, :, None])
    if rng.random() < 0.5:
        view = view.transpose(2, 3)
    view = view.flip([axis for axis in (2, 3) if rng.random() < 0.5])
    noise = rng.normal(size=(2, len(view), 1, 1, 1)).astype(np.float32)
    return view * (1 + GAIN_SD * torch.from_numpy(noise[0])) + OFFSET_SD * torch.from_numpy(noise[1])


def _loss(module: torch.nn.Module, batch: Batch) -> torch.Tensor:
    view, label = batch
    return functional.binary_cross_entropy_with_logits(module(view), label)
