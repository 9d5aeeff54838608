"""Batches of patients for one fold: read, changed at random in training, and shown as the network wants it."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lungrisk.training.augmentation import Arrays, apply_change, draw_change
from lungrisk.training.options import Options
from lungrisk.training.pasting import ACCEPTED, RATING, apply_paste, draw_paste
from lungrisk.training.patient_set import PatientSet
from lungrisk.training.plans import Plan
from lungrisk.training.processes import Group
from lungrisk.training.scaling import shown

Rows: TypeAlias = NDArray[np.int64]
Donors: TypeAlias = list[tuple[int, int, float]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fold:
    """What one fold learns from. learnt, watched: rows of the patients. weights: of every patient in the loss, (n,)."""

    number: int
    patients: PatientSet
    plan: Plan
    options: Options
    learnt: Rows
    watched: Rows
    weights: NDArray[np.float32]
    group: Group
    donors: Donors

    def seed(self, *places: int) -> list[int]:
        """The seed of one place of the run: every epoch, step and patient has its own, so that nothing has to be remembered."""
        return [self.options.seed, self.number, *places]


def find_donors(patients: PatientSet, plan: Plan, learnt: Rows) -> Donors:
    """The accepted nodules of the patients learnt from, where the plan puts nodules into other lungs."""
    if not plan.pasted or patients.store.recipe.spacing is None:
        return []
    numbers = {row: patients.arrays(row, ["numbers"])["numbers"] for row in learnt.tolist()}
    return [
        (row, place, float(nodule[RATING]))
        for row, nodules in numbers.items()
        for place, nodule in enumerate(nodules)
        if nodule[ACCEPTED]
    ]


def load_batch(fold: Fold, rows: Rows, epoch: int | None) -> dict[str, Tensor]:
    """Arrays of patients as the network is shown them, with their answers; changed at random in training (epoch given)."""
    patients, device = fold.patients, fold.group.device
    items, asked = [], patients.asked[rows].copy()
    for place, row in enumerate(rows.tolist()):
        arrays = patients.arrays(row, fold.plan.needed)
        if epoch is not None:
            arrays, known = _changed(fold, arrays, np.random.default_rng(fold.seed(epoch, row)))
            asked[place] *= known
        items.append(arrays)
    batch = {name: torch.from_numpy(np.stack([item[name] for item in items])).to(device) for name in items[0]}
    batch = {name: shown(name, array) for name, array in batch.items()}
    batch["answers"] = torch.from_numpy(patients.answers[rows]).to(device)
    batch["asked"] = torch.from_numpy(asked).to(device)
    return batch


def _changed(fold: Fold, arrays: Arrays, rng: np.random.Generator) -> tuple[Arrays, bool]:
    """A patient's arrays after a change, and whether the label still holds."""
    change = draw_change(rng)
    paste = draw_paste(arrays["lungs"], fold.donors, rng) if fold.donors else None
    spacing = fold.patients.store.recipe.spacing
    if paste is None or spacing is None:
        return apply_change(arrays, change), True
    row, place = paste.donor
    cubes = fold.patients.arrays(row, ["crops", "masks", "numbers"])
    nodule = {"crop": cubes["crops"][place], "mask": cubes["masks"][place], "rating": cubes["numbers"][place, RATING]}
    return apply_change(apply_paste(arrays, nodule, paste, spacing[0]), change), False
