"""Figures of parts of the patients: by sex, age, scanner, slices, and by how the scan was judged."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lungrisk.cohort.store import open_store
from lungrisk.core.cohort import Label, Prediction
from lungrisk.evaluation.patients import EvaluateOptions, headline
from lungrisk.evaluation.tables import Judged
from lungrisk.evaluation.verdicts import enough, standing

AGES = (55.0, 65.0, 75.0)
THICKNESS_MM = (1.5, 2.5)
SCANNER = ("vendor", "kernel", "slice thickness")  # the properties that say how a scan was made
OF_THE_STORE = ("group", "vendor", "kernel", "thickness_mm")  # what a store knows of its patients and their scans
MOST_NAMES = 8  # of one property, the most frequent first; the rest is "other"
SHOWN = (
    *("n", "n_positive", "prevalence", "said", "auc", "auc_low", "auc_high"),
    *("log_loss", "log_loss_low", "log_loss_high", "log_loss_base_rate"),
    *("log_loss_gain", "log_loss_gain_low", "log_loss_gain_high"),
)
Part = Callable[[Label, Prediction], str | None]

# a row a property: what a patient belongs to, None where that is not known
PROPERTIES: dict[str, Part] = {
    "sex": lambda label, _: label.sex,
    "age": lambda label, _: in_band(label.age, AGES, "years"),
    "vendor": lambda label, _: label.vendor,
    "kernel": lambda label, _: label.kernel,
    "slice thickness": lambda label, _: in_band(label.thickness_mm, THICKNESS_MM, "mm"),
    "status": lambda _, prediction: prediction.status,
}


def in_band(value: float | None, cuts: Sequence[float], unit: str) -> str | None:
    """The band of a number; a cut belongs to the band above it.

    >>> in_band(65.0, (55, 65, 75), "years"), in_band(80.0, (55, 65, 75), "years")
    ('65 to under 75 years', '75 years and more')
    """
    if value is None:
        return None
    place = int(np.searchsorted(np.asarray(cuts), value, side="right"))
    if place == 0:
        return f"under {cuts[0]:g} {unit}"
    if place == len(cuts):
        return f"{cuts[-1]:g} {unit} and more"
    return f"{cuts[place - 1]:g} to under {cuts[place]:g} {unit}"


def subgroup_figures(judged: Judged, options: EvaluateOptions) -> list[dict[str, Any]]:
    """The figures of each part of each property that parts the patients: `property, name`, SHOWN, `standing` (None: too few)."""
    rows = []
    for name, part in PROPERTIES.items():
        values = [part(*pair) for pair in zip(judged.labels, judged.predictions, strict=True)]
        for value, which in parts_of(values).items():
            figures = headline(judged.of(which), options)
            shown = {key: figures[key] for key in SHOWN}
            found = standing(figures) if enough(figures) else None
            rows.append({"property": name, "name": value, **shown, "standing": found})
    return rows


def with_scanners(judged: Judged, store: str | Path) -> Judged:
    """The same patients; what the labels do not say of vendor, kernel and thickness is what the scans in a store say, and so is who belongs together.

    Raises EnvironmentFault (`coh.store`).
    """
    stored = open_store(store).patients
    scans = {patient.id: {"group": patient.group, **(patient.record.get("scan") or {})} for patient in stored}
    labels = []
    for label, prediction in zip(judged.labels, judged.predictions, strict=True):
        scan = scans.get(prediction.id, {})
        lacking: dict[str, Any] = {name: scan.get(name) for name in OF_THE_STORE if getattr(label, name) is None}
        labels.append(replace(label, **lacking))
    return replace(judged, labels=tuple(labels))


def parts_of(found: Sequence[str | None]) -> dict[str, Any]:
    """Which patients, (n,) bool, belong to each part; nothing where all belong to one."""
    words = np.array(["not known" if one is None else one for one in found])
    names, counts = np.unique(words, return_counts=True)
    if len(names) < 2:
        return {}
    by_size = sorted(zip(names.tolist(), counts.tolist(), strict=True), key=lambda item: (-item[1], item[0]))
    kept = {name for name, _ in by_size[:MOST_NAMES]}
    order = sorted(kept - {"not known"}, key=_band_order)
    parts = {name: words == name for name in [*order, *(["not known"] if "not known" in kept else [])]}
    if len(kept) < len(names):
        parts["other"] = ~np.isin(words, list(kept))
    return parts


def _band_order(name: str) -> tuple[bool, float, str]:
    """Bands by their lower end, the first being "under ..."; other names by the alphabet."""
    first = name.split()[0]
    return not name.startswith("under "), float(first) if first.replace(".", "").isdigit() else 0.0, name
