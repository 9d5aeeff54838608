"""Predictions and labels as tables, and the patients of both as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from lungrisk.cohort.labels import pair, read_labels
from lungrisk.cohort.tables import Table, in_lines, listed, scan_table
from lungrisk.core.calibration import Floats
from lungrisk.core.cohort import Label, Prediction
from lungrisk.core.errors import InputError, refusals
from lungrisk.core.findings import Finding, find
from lungrisk.core.parsing import Malformed, number

MOST_YEARS = 10
YEARS = tuple(f"year_{year}" for year in range(1, MOST_YEARS + 1))
COLUMNS = ("id", "cancer", "low", "high", "status", *YEARS)
STATUS = ("assessed", "limited", "refused")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """Patients with a likelihood and a known label, sorted by id.

    p: (n,) 0..1; y: (n,) 0 or 1. groups: patients of one are drawn together. counts: how the others were left out.
    """

    p: Floats
    y: NDArray[np.int64]
    predictions: tuple[Prediction, ...]
    labels: tuple[Label, ...]
    counts: dict[str, int]
    findings: tuple[Finding, ...] = ()

    @property
    def groups(self) -> list[str]:
        """The group of each patient; one that has none is its own."""
        return [label.group or f"id {label.id}" for label in self.labels]

    @property
    def grouped(self) -> bool:
        """Whether any two patients belong together."""
        return len(set(self.groups)) < len(self.labels)

    def of(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> "Judged":
        """Those patients alone."""
        places = np.flatnonzero(which) if which.dtype == bool else which
        return Judged(
            p=self.p[places],
            y=self.y[places],
            predictions=tuple(self.predictions[place] for place in places),
            labels=tuple(self.labels[place] for place in places),
            counts=self.counts,
        )


def read_predictions(path: str | Path) -> tuple[tuple[Prediction, ...], tuple[Finding, ...]]:
    """The likelihoods of a CSV with columns id and cancer (0..1), sorted by id, and what was noticed.

    Optional: low, high, status, year_1, year_2, ... Only a patient whose status is refused may have an empty likelihood. All that is wrong is told at once.
    Raises UsageFault (`use.missing`), InputError (`lab.columns`, `evl.value`, `evl.dup`).
    """
    table, faults = scan_table(Path(path), COLUMNS, ("id", "cancer"))
    wrong: list[int] = []
    seen: dict[str, int] = {}
    twice: list[int] = []
    predictions = []
    for line, row in table.rows:
        prediction = _prediction(row, table)
        if row["id"].strip() and seen.setdefault(row["id"], line) != line:
            twice.append(line)
        if prediction is None:
            wrong.append(line)
        elif line not in twice[-1:]:
            predictions.append(prediction)
    findings = [*table.corrections, *faults]
    if wrong or not (table.rows or faults):
        found = in_lines(wrong) if wrong else "no patients"
        findings.append(find("evl.value", found=found, files=[Path(path).name]))
    if twice:
        findings.append(find("evl.dup", found=in_lines(twice), files=[Path(path).name]))
    if refusals(findings):
        raise InputError(*findings)
    return tuple(sorted(predictions, key=lambda one: one.id)), tuple(findings)


def read_both(
    predictions: str | Path, labels: str | Path, unknown: Sequence[str] = ()
) -> tuple[tuple[tuple[Prediction, ...], tuple[Finding, ...]], tuple[tuple[Label, ...], tuple[Finding, ...]]]:
    """`read_predictions` and `read_labels`; where both are at fault, the faults of both in one InputError."""
    try:
        said = read_predictions(predictions)
    except InputError as fault:
        try:
            read_labels(labels, unknown)
        except InputError as other:
            raise InputError(*fault.findings, *other.findings) from other
        raise
    return said, read_labels(labels, unknown)


def _prediction(row: dict[str, str], table: Table) -> Prediction | None:
    """The row as a record; None where a cell cannot be used."""
    values = {name: _number(row[name], table.decimal_comma) for name in row if name not in {"id", "status"}}
    status = row.get("status", "").strip().casefold() or "assessed"
    value = values["cancer"]
    given = [one for one in values.values() if one is not None]
    years = tuple(cast(float, values[name]) for name in YEARS if values.get(name) is not None)
    if status not in STATUS or (value is None and status != "refused") or not row["id"].strip():
        return None
    if any(not 0 <= one <= 1 for one in given):  # NaN is not within either
        return None
    return Prediction(
        id=row["id"],
        value=value,
        low=values.get("low"),
        high=values.get("high"),
        status=cast(Literal["assessed", "limited", "refused"], status),
        years=years if len(years) == sum(name in row for name in YEARS) else (),
    )


def _number(text: str, decimal_comma: bool) -> float | None:
    """The cell as a number; None where it is empty, NaN where it is none."""
    bare = text.strip()
    if not bare:
        return None
    try:
        return number(bare.replace(",", ".") if decimal_comma else bare)
    except Malformed:
        return nan


def join(predictions: Sequence[Prediction], labels: Sequence[Label]) -> Judged:
    """The patients that have both a likelihood and a known label, and how the others were left out.

    Raises InputError (`evl.none`) when there is none.
    """
    pairs, findings = pair([one.id for one in predictions], labels)
    known = {one.id: label for one in predictions if (label := pairs.get(one.id)) and label.cancer is not None}
    kept = [one for one in predictions if one.value is not None and one.id in known]
    unlabelled = [one.id for one in predictions if one.id not in known]
    named = {one.id.strip().casefold() for one in predictions}
    unpredicted = [one.id for one in labels if one.cancer is not None and one.id.strip().casefold() not in named]
    unpredicted += [one.id for one in predictions if one.value is None and one.id in known]
    filled = [one.id for one in kept if one.status == "refused"]
    rows = (("evl.unlabelled", unlabelled), ("evl.unpredicted", unpredicted), ("evl.refused", filled))
    findings += tuple(find(code, found=f"{len(ids)}: {listed(ids)}") for code, ids in rows if ids)
    if not kept:
        raise InputError(*findings, find("evl.none", found=f"{len(predictions)} predictions, {len(labels)} labels"))
    return Judged(
        p=np.array([one.value for one in kept], np.float64),
        y=np.array([known[one.id].cancer for one in kept], np.int64),
        predictions=tuple(kept),
        labels=tuple(known[one.id] for one in kept),
        counts={
            "predicted": len(predictions),
            "labelled": sum(label.cancer is not None for label in labels),
            "judged": len(kept),
            "assessed": sum(one.status == "assessed" for one in kept),
            "limited": sum(one.status == "limited" for one in kept),
            "refused": len(filled),
            "unlabelled": len(unlabelled),
            "unpredicted": len(unpredicted),
        },
        findings=findings,
    )
