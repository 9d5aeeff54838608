"""The card of a patient network: what it is, how good it is out of fold, and what that does not say."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.evaluation.calibration_figures import log_losses
from lungrisk.evaluation.discrimination import delong_interval
from lungrisk.evaluation.metrics import auc, draw_counts, interval, mean_of_draws
from lungrisk.networks import NETWORKS
from lungrisk.training.export import Card
from lungrisk.training.patient_set import PatientSet

WHOLE_LUNGS = (
    "It sees the lungs alone, at the store's spacing: learned maps, weighed by attention, and the thickest places. A few hundred labels would "
    "hardly train it, so it is taught the line's highest malignancy rating of the patient as well, also of patients in whose lungs a nodule "
    "of another one was put: what it knows beyond the labels comes from the line."
)
WHAT = {
    "seed": "It sees the chest shrunk to 50 x 50 x 20 voxels, where a nodule of 6 mm is less than one. It is there to be beaten.",
    "resnet3d": WHOLE_LUNGS,
    "resnet3d-18": WHOLE_LUNGS,
    "nodules": (
        "It starts at the shipped line: the eight most suspicious nodules are rated by the shipped malignancy network, and the ratings "
        "are joined by a leaky noisy-or fitted on the Bowl. Map, leak and convolutions are then trained end to end on the labels, held near their start."
    ),
    "backbone": (
        "The shipped malignancy network is not trained. What it sees of the nodules (its main components over the training patients) and their "
        "measurements move the line's map of the highest rating."
    ),
}
LIMITS = (
    "It holds for patients who come the same way as those it was trained on, seen by the same recipe.",
    "A patient whom the line refuses is not judged.",
    "The figures are of patients that the network at work had not seen, but of the same cohort; a new patient gets the mean of all folds.",
)


def figures_of(p: NDArray[np.float64], y: NDArray[np.int64], groups: Sequence[str]) -> dict[str, Any]:
    """AUC, log loss and what the base rate alone would lose, with 95 % intervals, drawn by group. p, y: (cases,)."""
    counts = draw_counts(groups)
    share = float(y.mean())
    loss, base = log_losses(p, y), log_losses(np.full(len(y), share), y)
    rows = {"log_loss": loss, "log_loss_base_rate": base, "gain": base - loss}
    figures: dict[str, Any] = {
        "n": len(y),
        "n_positive": int(y.sum()),
        "auc": _rounded(auc(p, y), delong_interval(p, y)),
    }
    for name, values in rows.items():
        figures[name] = _rounded(float(values.mean()), interval(mean_of_draws(values, counts)))
    figures["better_than_base_rate"] = figures["gain"]["low"] > 0
    return figures


def _rounded(value: float, ends: tuple[float, float]) -> dict[str, float]:
    return {"value": round(value, 4), "low": round(ends[0], 4), "high": round(ends[1], 4)}


def verdict(figures: dict[str, Any]) -> str:
    """In words, whether it is of use."""
    if figures["better_than_base_rate"]:
        return "Better than the base rate: the interval of the gain lies above 0."
    if figures["gain"]["value"] > 0:
        return "Not shown to be better than the base rate: the interval of the gain holds 0."
    return "No better than the base rate."


def card_of(net: str, settings: dict[str, Any], patients: PatientSet) -> str:
    """CARD.md."""
    figures = settings["figures"]
    names = {
        "auc": "AUC (DeLong)",
        "log_loss": "log loss",
        "log_loss_base_rate": "log loss of the base rate",
        "gain": "gain over the base rate",
    }
    rows = [
        [text, f"{figures[name]['value']:.3f}", f"{figures[name]['low']:.3f} to {figures[name]['high']:.3f}"]
        for name, text in names.items()
    ]
    left_out = ", ".join(f"{n} {why}" for why, n in patients.left_out.items() if n) or "none"
    folds = f"{settings['folds']} folds" if settings["folds"] > 1 else "one fold held out"
    years = f", hazards of {settings['years']} years" if settings["years"] else ""
    return Card(
        title=f"{net}: {NETWORKS[net]}",
        what=f"The likelihood of lung cancer of a patient, from {', '.join(settings['inputs'])} of a store{years}. {WHAT[net]}",
        data=f"{settings['data']}: {len(patients.ids)} with labels, {int(patients.positive.sum())} positive; left out: {left_out}.",
        command=f"lungrisk train STORE --net {net} -o BUNDLE --folds {settings['folds']} --seed {settings['options']['seed']}",
        recompute="lungrisk evaluate BUNDLE/predictions.csv --labels CSV -o DIR",
        figures=[["out of fold", "value", "95 %"], *rows],
        notes=f"{verdict(figures)} Of {figures['n']} cases ({figures['n_positive']} positive), {folds}, patients and groups kept together. "
        "Likelihoods were calibrated (Platt) on patients that the networks had not seen; for the figures of each patient the map was fitted on others.",
        limits=LIMITS,
        facts={"split": settings["split_hash"], "data": settings["data_hash"], "recipe": settings["recipe_hash"]},
    ).text()
