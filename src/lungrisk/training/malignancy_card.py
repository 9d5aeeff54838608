"""The card of the malignancy bundle, written from its figures."""

from collections.abc import Mapping
from typing import Any

from lungrisk.training.export import DATA, Card

GROUPS = {
    "": "all",
    "at_least_3_readers": "3 readers or more",
    "at_least_3_readers_6_15_mm": "3 readers or more, 6 to 15 mm",
    "without_calcified": "all, without calcified",
    "at_least_3_readers_without_calcified": "3 readers or more, without calcified",
    "at_least_3_readers_6_15_mm_without_calcified": "3 readers or more, 6 to 15 mm, without calcified",
}
LIMITS = (
    "The rating is an opinion of radiologists on the image, not an outcome: what it says of cancer is another step (the map of `risk`).",
    "Most of the benchmark is size and calcification: compare with the diameter alone, and look at the rows without calcified nodules.",
    "LIDC-IDRI is no screening population; nodules of 3 to 30 mm, slices up to 5 mm, scanners of before 2010.",
    "Beyond 30 mm there is no data. Large nodules that readers suspect were also shown grown to 25..75 mm with a rating of at least "
    "4.6: that a mass is rated high is taught, not measured.",
    "Only the slices that the outline touches are looked at; what lies above and below is not known in the training data.",
    "The design was chosen on the same five folds (one network design, five models of features alone): the figures flatter a little.",
    "An outline that is wrong makes the rating wrong; the rows from our own outline say by how much on average.",
)


def card_of(figures: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """CARD.md as text."""
    rows = [["nodules", "n (positive)", "AUC (95 %)", "diameter alone", "gain (95 %)", "mean absolute error (95 %)"]]
    rows += _rows(figures, "readers' consensus: ")
    if "from_point" in figures:
        rows += _rows(figures["from_point"], "our outline from a point: ")
    kind = figures["type"]
    spread = settings["calibration"]
    notes = (
        "Mean rating of 3.5 or more against 2.5 or less; the mean absolute error is of all nodules of the row, the median rating as "
        f"constant answer has {_number(figures['mae_constant'])} on all. Five folds by patient: every nodule is rated by the networks that "
        "did not see its patient. Intervals by bootstrap of patients.\n\n"
        "The networks of all folds are in the one graph, a column each; a new patient gets the mean of all, "
        "while the figures are of the two networks of one fold. A patient of the training set is recognised by the hash of its name and rated out of fold.\n\n"
        f"Spread of the error (standard deviation, readers' own noise included): "
        + ", ".join(f"{sd:.2f} at {at}" for at, sd in zip(spread["at"], spread["sd"], strict=True))
        + f"; {_number(figures['inside'])} of the readers' means lie in the 95 % interval.\n\n"
        f"Type (solid, part-solid, ground-glass, calcified) is by density alone, without network, by limits chosen on these nodules; it agrees with the readers in "
        f"{kind['agreement']:.1%} of {kind['n']} nodules of three readers or more:\n\n"
        + _types(kind["found_of_readers_type"])
    )
    return Card(
        title="malignancy: what readers would rate a nodule",
        what="From a nodule's HU and its outline to the mean malignancy rating (1 highly unlikely .. 5 highly suspicious) that radiologists "
        "of LIDC-IDRI would give, with the spread of the error. Input: axial, coronal, sagittal plane with the mask at 1 mm and scaled to the "
        f"nodule, and {settings['inputs']['features'].count(',')} measured features. Two convolutional towers beside the features; two networks a fold, mirrored four ways.",
        data=DATA + " Patient LIDC-IDRI-0001 (the demo) is left out.",
        command="lungrisk train NODULES_DIR --net malignancy -o BUNDLE",
        recompute="lungrisk evaluate NODULES_DIR --bundle malignancy",
        figures=rows,
        notes=notes,
        limits=LIMITS,
        facts={"hash of the split": settings["split_hash"], "licence of the weights": settings["licence"]},
    ).text()


def _rows(figures: Mapping[str, Any], prefix: str) -> list[list[str]]:
    rows = []
    for group, name in GROUPS.items():
        part = figures[group] if group else figures
        rows.append(
            [
                prefix + name,
                f"{part['n']} ({part['n_positive']})",
                f"{_number(part['auc'])} ({_number(part['auc_low'])} to {_number(part['auc_high'])})",
                _number(part["auc_diameter"]),
                f"{_number(part['auc_gain_low'])} to {_number(part['auc_gain_high'])}",
                f"{_number(part['mae'])} ({_number(part['mae_low'])} to {_number(part['mae_high'])})",
            ]
        )
    return rows


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _types(table: Mapping[str, Mapping[str, int]]) -> str:
    names = list(table)
    lines = ["| readers | " + " | ".join(f"found {name}" for name in names) + " |", "| --- " * (len(names) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(str(row[other]) for other in names) + " |" for name, row in table.items()]
    return "\n".join(lines)
