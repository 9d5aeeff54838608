"""How each patient network is built and taught: a row a network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lungrisk.networks import backbone, nodule_set, resnet3d, seed
from lungrisk.training.options import Options
from lungrisk.training.patient_set import PatientSet
from lungrisk.training.pretrained import load_rater
from lungrisk.training.scaling import shown

N_COMPONENTS = 8  # of what the shipped network sees of a nodule: as many as a few hundred patients can bear
AUXILIARY = 0.5  # weight of the error of the rating beside the loss of the label

Rows: TypeAlias = NDArray[np.int64]
Build: TypeAlias = Callable[[PatientSet, Rows, Sequence[float], int], nn.Module]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Inputs and schedule of a network.

    inputs: arrays of a patient, in the order of `forward`. exported: those of the whole network in the bundle, where they differ.
    build: (patients, rows learnt from, logits to start at, fold) to a module. whole: from the trained module to the one
    that goes into the bundle. auxiliary: weight of the line's highest rating as a second thing to learn (0: not).
    watched: share of the patients learnt from that decides when to stop (0: all are learnt from, the schedule decides).
    pasted: nodules of other patients are put into the lungs (`pasting.py`). priors: how far from its start a weight may lie, as the
    standard deviation of a normal prior, by how its name begins. slow: names that begin so learn at `slowly` times the rate.
    """

    inputs: tuple[str, ...]
    exported: tuple[str, ...] = ()
    build: Build
    whole: Callable[[nn.Module, int], nn.Module] = lambda module, fold: module
    epochs: int
    patience: int
    batch: int = 16
    learning_rate: float = 1e-3
    decay: float = 0.01
    watched: float = 0.2
    auxiliary: float = 0.0
    pasted: bool = False
    priors: tuple[tuple[str, float], ...] = ()
    slow: tuple[str, ...] = ()
    slowly: float = 0.1

    @property
    def needed(self) -> tuple[str, ...]:
        """Arrays that training reads."""
        return (*self.inputs, *(("line",) if self.auxiliary else ()))

    def with_options(self, options: Options) -> "Plan":
        """The plan with what the options ask for."""
        names = ("epochs", "patience", "batch", "learning_rate")
        chosen = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
        return replace(self, **chosen)


def _seed(_patients: PatientSet, _rows: Rows, offsets: Sequence[float], _fold: int) -> nn.Module:
    return seed.seed(offsets)


def _resnet3d(_patients: PatientSet, _rows: Rows, offsets: Sequence[float], _fold: int) -> nn.Module:
    return resnet3d.resnet3d(offsets)


def _resnet3d_18(_patients: PatientSet, _rows: Rows, offsets: Sequence[float], _fold: int) -> nn.Module:
    return resnet3d.resnet3d(offsets, layers=18)


def _nodules(patients: PatientSet, _rows: Rows, offsets: Sequence[float], fold: int) -> nn.Module:
    # one head starts at the map of the line; hazards at their own levels, moved from the map's middle to there
    return nodule_set.nodules(load_rater(fold), (0.0,) if len(offsets) == 1 else [x - offsets[0] for x in offsets])


def _backbone(patients: PatientSet, rows: Rows, offsets: Sequence[float], _fold: int) -> nn.Module:
    numbers = np.stack([patients.arrays(row, ["numbers"])["numbers"] for row in rows])
    seen = patients.made["seen"][rows][numbers[..., nodule_set.PRESENT] > 0]
    mean, components = main_components(seen, N_COMPONENTS)
    starts = (0.0,) if len(offsets) == 1 else [x - offsets[0] for x in offsets]
    return backbone.Head(torch.from_numpy(mean), torch.from_numpy(components), starts)


def main_components(seen: NDArray[np.float32], n: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean (e,) and the n main directions (e, n), scaled so that each has unit spread over the rows of seen, (m, e).

    Columns are put on one scale first; with fewer rows than n the missing directions are zero.
    """
    values = seen.astype(np.float64)
    if not len(values):
        return np.zeros(seen.shape[1], np.float32), np.zeros((seen.shape[1], n), np.float32)
    mean, sd = values.mean(axis=0), values.std(axis=0) + 1e-3
    _, sizes, rows = np.linalg.svd((values - mean) / sd, full_matrices=False)
    found = min(n, int((sizes > 1e-6).sum()))
    components = np.zeros((seen.shape[1], n))
    signs = np.sign(rows[np.arange(found), np.abs(rows[:found]).argmax(axis=1)])  # the sign of a direction is free
    components[:, :found] = (rows[:found] * (signs / sizes[:found])[:, None]).T * np.sqrt(len(values)) / sd[:, None]
    return mean.astype(np.float32), components.astype(np.float32)


def see_nodules(patients: PatientSet) -> NDArray[np.float32]:
    """What the shipped network sees of every nodule, (n, 8, e): computed once."""
    rater = load_rater(0)
    rows = []
    for row in range(len(patients.ids)):
        arrays = patients.arrays(row, backbone.INPUTS[:3])
        fixed, scaled, features = (shown(name, torch.from_numpy(np.array(arrays[name]))) for name in arrays)
        with torch.no_grad():
            rows.append(rater(fixed, scaled, features)[0].numpy())
    return np.stack(rows)


def _with_rater(module: nn.Module, _fold: int) -> nn.Module:
    return backbone.Backbone(load_rater(0), module)  # type: ignore[arg-type]  # the plan's own head


RESNET3D = Plan(
    inputs=resnet3d.INPUTS, build=_resnet3d, epochs=10, patience=10, batch=8, learning_rate=3e-3, auxiliary=AUXILIARY, pasted=True,
)  # fmt: skip
PLANS: dict[str, Plan] = {
    "seed": Plan(inputs=seed.INPUTS, build=_seed, epochs=6, patience=3, learning_rate=1e-4),
    "resnet3d": RESNET3D,
    "resnet3d-18": replace(RESNET3D, build=_resnet3d_18),
    "nodules": Plan(
        inputs=nodule_set.INPUTS, build=_nodules, epochs=16, patience=16, batch=16, learning_rate=2e-2, decay=0.0, watched=0.0,
        priors=(("map", 1.0), ("change.", 0.02), ("adjust.", 0.1), ("rater.", 0.01), ("years.", 1.0)),
        slow=("rater.", "change."), slowly=0.02,
    ),
    "backbone": Plan(
        inputs=("seen", "numbers"), exported=backbone.INPUTS, build=_backbone, whole=_with_rater, epochs=60, patience=60,
        batch=32, learning_rate=2e-2, decay=0.0, watched=0.0,
        priors=(("map", 1.0), ("reading.", 0.1), ("years.", 1.0)),
    ),
}  # fmt: skip


def rating_of(line: Tensor) -> Tensor:
    """The second thing to learn, (n,): how far the line's highest rating of an accepted nodule lies above 2; 0 without one."""
    return (line[:, 3] - 2).clamp_min(0.0)
