"""The card of a patient network: what it is, how good it is out of fold, and what that does not say."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.cohort.splits import fold_of
from lungrisk.core.cohort import Label, Prediction
from lungrisk.evaluation.calibration_card import pooled
from lungrisk.evaluation.metrics import auc_within
from lungrisk.evaluation.patients import EvaluateOptions, headline, plain
from lungrisk.evaluation.tables import join
from lungrisk.evaluation.verdicts import standing, verdict
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
    """AUC, log loss and the gain over the base rate, as `lungrisk evaluate` gives them of the same table. p, y: (cases,).

    Likelihoods are taken with the digits that predictions.csv has. `auc_within_folds`: of pairs that one map of `cross_fit` judged.
    """
    said = np.array([float(f"{one:.6f}") for one in p], np.float64)
    ids = [f"{place:09d}" for place in range(len(y))]
    labels = [Label(id=one, cancer=int(yes), group=group) for one, yes, group in zip(ids, y, groups, strict=True)]
    judged = join([Prediction(id=one, value=float(value)) for one, value in zip(ids, said, strict=True)], labels)
    found = headline(judged, EvaluateOptions())
    figures: dict[str, Any] = {name: found[name] for name in ("n", "n_positive", "auc_interval")}
    for name, source in (("auc", "auc"), ("log_loss", "log_loss"), ("gain", "log_loss_gain")):
        figures[name] = {
            end: found[f"{source}{'' if end == 'value' else f'_{end}'}"] for end in ("value", "low", "high")
        }
    figures["log_loss_base_rate"] = {"value": found["log_loss_base_rate"]}
    figures["auc_within_folds"] = auc_within(said, y, fold_of(list(groups)))
    figures |= {"standing": standing(found), "verdict": verdict(found)}
    told: dict[str, Any] = plain(figures)
    return told


def card_of(net: str, settings: dict[str, Any], patients: PatientSet) -> str:
    """CARD.md."""
    figures = settings["figures"]
    names = {
        "auc": f"AUC ({figures['auc_interval']})",
        "log_loss": "log loss",
        "log_loss_base_rate": "log loss of the base rate",
        "gain": "gain over the base rate",
    }
    rows = [[text, f"{figures[name]['value']:.3f}", _interval(figures[name])] for name, text in names.items()]
    left_out = ", ".join(f"{n} {why}" for why, n in patients.left_out.items() if n) or "none"
    folds = f"{settings['folds']} folds" if settings["folds"] > 1 else "one fold held out"
    years = f", hazards of {settings['years']} years" if settings["years"] else ""
    return Card(
        title=f"{net}: {NETWORKS[net]}",
        what=f"The likelihood of lung cancer of a patient, from {', '.join(settings['inputs'])} of a store{years}. {WHAT[net]}",
        data=f"{settings['data']}: {len(patients.ids)} with labels, {int(patients.positive.sum())} positive; left out: {left_out}.",
        command=f"lungrisk train STORE --net {net} -o BUNDLE --folds {settings['folds']} --seed {settings['options']['seed']}",
        recompute="lungrisk evaluate BUNDLE/predictions.csv --labels CSV --store STORE -o DIR",
        figures=[["out of fold", "value", "95 %"], *rows],
        notes=f"{figures['verdict']} {pooled({'auc': figures['auc']['value'], 'auc_within_folds': figures['auc_within_folds']})} Of {figures['n']} cases ({figures['n_positive']} positive), {folds}, patients and groups kept together. "
        "Likelihoods were calibrated (Platt) on patients that the networks had not seen; for the figures of each patient the map was fitted on others.",
        limits=LIMITS,
        facts={"split": settings["split_hash"], "data": settings["data_hash"], "recipe": settings["recipe_hash"]},
    ).text()


def _interval(figure: dict[str, float | None]) -> str:
    low, high = figure.get("low"), figure.get("high")
    if low is not None and high is not None:
        return f"{low:.3f} to {high:.3f}"
    return "cannot be had" if "low" in figure else ""
