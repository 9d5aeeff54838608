"""What the headers alone say of the label: a network that does no better may have learnt the scanner instead of the lungs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.cohort.splits import fold_of
from lungrisk.core.findings import Finding, find

WARN_ABOVE = 0.6
SURE = 2.6  # standard errors above 0.5 that an AUC must be, too: there are a dozen columns and few patients
FOLDS = 5
Floats = NDArray[np.float64]


def header_aucs(ids: Sequence[str], headers: Sequence[Mapping[str, Any]], y: Sequence[int]) -> dict[str, float]:
    """How well each entry of the header tells patients with cancer from those without: AUC, 0.5..1, by name.

    headers: of n patients, as `scan` in assessment.json (slices, matrix, spacing_mm, vendor, kernel, kvp, thickness_mm,
    orientation). y: (n,) 0 or 1. Also judged: the place of the id in the alphabet, and that an entry is missing. Words are
    taken to the share of cancers in the other folds, numbers as they are, in either direction. Columns that are the same in
    all patients are left out; empty when y has one class.
    """
    truth = np.asarray(y, np.int64)
    if len(set(truth.tolist())) < 2:
        return {}
    columns: dict[str, list[Any]] = {"place of the id": [sorted(ids).index(one) for one in ids]}
    for name in sorted({name for header in headers for name in header} - {"series_hash"}):
        columns.update(_parts(name, [header.get(name) for header in headers]))
    aucs = {}
    for name, values in columns.items():
        if len(set(values)) > 1:
            scores = _scores(ids, values, truth)
            area = _auc(scores, truth)
            aucs[name] = area if any(isinstance(value, str) for value in values) else max(area, 1 - area)
    return aucs


def find_leaks(ids: Sequence[str], headers: Sequence[Mapping[str, Any]], y: Sequence[int]) -> tuple[Finding, ...]:
    """`lab.leak` where an entry of the header has an AUC above 0.6 that is not chance (2.6 standard errors); else nothing."""
    positive = int(np.sum(y))
    negative = len(y) - positive
    if not positive or not negative:
        return ()
    error = np.sqrt((positive + negative + 1) / (12 * positive * negative))  # of an AUC where nothing is to be told
    leaks = {
        name: area for name, area in header_aucs(ids, headers, y).items() if area > max(WARN_ABOVE, 0.5 + SURE * error)
    }
    if not leaks:
        return ()
    worst = sorted(leaks.items(), key=lambda item: -item[1])
    return (find("lab.leak", found=", ".join(f"{name} (AUC {area:.2f})" for name, area in worst)),)


def _parts(name: str, values: Sequence[Any]) -> list[tuple[str, list[Any]]]:
    """A column a number: lists of equal length are taken apart."""
    lengths = {len(value) for value in values if isinstance(value, (list, tuple))}
    if not lengths:
        return [(name, list(values))]
    return [
        (f"{name} {place}", [value[place] if value is not None and place < len(value) else None for value in values])
        for place in range(max(lengths))
    ]


def _scores(ids: Sequence[str], values: Sequence[Any], y: NDArray[np.int64]) -> Floats:
    """Numbers as they are, missing ones below all; words by the share of cancers among the same word in the other folds."""
    if not any(isinstance(value, str) for value in values):
        return np.array([-np.inf if value is None else float(value) for value in values])
    folds = fold_of(ids, FOLDS)
    words = np.array([str(value) for value in values])
    scores = np.full(len(y), 0.0)
    for place, word in enumerate(words):
        others = folds != folds[place]
        same = others & (words == word)
        base = y[others].mean()
        scores[place] = (y[same].sum() + base) / (same.sum() + 1) - base  # a word that is nowhere else says nothing
    return scores


def _auc(scores: Floats, y: NDArray[np.int64]) -> float:
    """Chance that a patient with cancer scores above one without; ties count half."""
    positive, negative = scores[y == 1], np.sort(scores[y == 0])
    below = np.searchsorted(negative, positive, "left")
    up_to = np.searchsorted(negative, positive, "right")
    return float((below + up_to).mean() / (2 * len(negative)))
