"""From two tables, likelihoods and labels, to everything that is said of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk import __version__
from lungrisk.cohort.labels import check_classes, pair
from lungrisk.core.calibration import Floats
from lungrisk.core.cohort import Label, Prediction
from lungrisk.core.errors import EnvironmentFault, InputError, UsageFault
from lungrisk.core.findings import Finding, find
from lungrisk.core.records import NOTICE
from lungrisk.evaluation.checklist import checklist
from lungrisk.evaluation.found_nodules import judge_nodules
from lungrisk.evaluation.metrics import draw_counts
from lungrisk.evaluation.patients import (
    EvaluateOptions,
    compare,
    curves,
    draws_for,
    headline,
    operating_points,
    plain,
)
from lungrisk.evaluation.subgroups import subgroup_figures, with_scanners
from lungrisk.evaluation.survival import DRAWS, survival_figures
from lungrisk.evaluation.tables import Judged, join, read_both, read_predictions
from lungrisk.evaluation.verdicts import standing, verdict

SOONEST_YEARS = 1 / 365.25  # a diagnosis on the day of the scan


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Patients with a likelihood, a time and whether it ended in a diagnosis. risk: (n,) or (n, years)."""

    risk: Floats
    time_years: Floats
    event: NDArray[np.bool_]
    groups: list[str]


def evaluate_predictions(
    predictions: Path, labels: Path, against: Path | None = None, options: EvaluateOptions | None = None
) -> dict[str, Any]:
    """Figures of a table of likelihoods, as plain values for JSON; None stands for what does not exist.

    At the top those of `headline` with `standing` (better, worse, not shown), `verdict` (the same in words) and `better_than_base_rate`; `counts`, `operating_points`, `curves`, `subgroups`,
    `survival` (labels with time_years), `detection` (options with nodules), `comparison` (against: other likelihoods of the same patients), `checklist`, `findings`,
    `provenance`. Raises UsageFault (`use.missing`), InputError (`evl.*`, `lab.*`).
    """
    options = options or EvaluateOptions()
    if options.nodules is not None and options.store is None:
        raise UsageFault(find("use.option", found="--nodules alone", expected="--store STORE, where they were sought"))
    (said, read_findings), (known, label_findings) = read_both(predictions, labels, options.unknown)
    judged = join(said, known)
    if options.store is not None:
        judged = with_scanners(judged, options.store)
    figures = headline(judged, options)
    survival, survival_findings = _survival(said, known, options)
    comparison, comparison_findings = _comparison(judged, against, options) if against else (None, ())
    findings = (
        *read_findings,
        *(one for one in label_findings if one.code != "lab.unknown"),
        *judged.findings,
        *check_classes(judged.labels, fitting=False),
        *survival_findings,
        *comparison_findings,
    )
    figures |= {
        "better_than_base_rate": standing(figures) == "better",
        "standing": standing(figures),
        "verdict": verdict(figures),
        "counts": judged.counts,
        "operating_points": operating_points(judged, options),
        "subgroups": subgroup_figures(judged, options),
        "survival": survival,
        "detection": judge_nodules(options.store, options.nodules) if options.store and options.nodules else None,
        "comparison": comparison,
        "curves": curves(judged, options),
        "findings": [one.as_dict() for one in findings],
        "notice": NOTICE,
        "provenance": {
            "lungrisk": __version__,
            "draws": draws_for(len(judged.y), options),
            "seed": options.seed,
            "files": {
                role: {"name": path.name, "sha256": sha256(path.read_bytes()).hexdigest()}
                for role, path in (("predictions", predictions), ("labels", labels), ("against", against))
                if path
            },
        },
    }
    figures["checklist"] = checklist(figures)
    result: dict[str, Any] = plain(figures)
    return result


def _survival(
    said: Sequence[Prediction], known: Sequence[Label], options: EvaluateOptions
) -> tuple[dict[str, Any] | None, tuple[Finding, ...]]:
    timed = join_timed(said, known)
    if timed is None:
        return None, ()
    if timed.event.sum() < 2:
        return None, (find("evl.time", found=f"{int(timed.event.sum())} diagnoses"),)
    try:
        counts = draw_counts(timed.groups, min(DRAWS, options.draws), options.seed)
        return survival_figures(timed.risk, timed.time_years, timed.event, counts), ()
    except EnvironmentFault as error:  # all else is judged without the library
        lacking = error.findings[0]
        return None, (find("env.extra", severity="limited", found=lacking.found, expected=lacking.expected),)


def join_timed(said: Sequence[Prediction], known: Sequence[Label]) -> Timed | None:
    """The patients with a likelihood and a time; None where no label has a time."""
    pairs, _ = pair([one.id for one in said], known)
    kept = [
        (one, label)
        for one in said
        if one.value is not None
        and (label := pairs.get(one.id))
        and label.time_years is not None
        and _event(label) is not None
    ]
    if not kept:
        return None
    by_year = all(one.years for one, _ in kept) and len({len(one.years) for one, _ in kept}) == 1
    return Timed(
        risk=np.array([one.years if by_year else one.value for one, _ in kept], np.float64),
        time_years=np.maximum([label.time_years or 0.0 for _, label in kept], SOONEST_YEARS),
        event=np.array([_event(label) == 1 for _, label in kept], np.bool_),
        groups=[label.group or f"id {label.id}" for _, label in kept],
    )


def _event(label: Label) -> int | None:
    return label.cancer if label.event is None else label.event


def _comparison(judged: Judged, against: Path, options: EvaluateOptions) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """The paired differences, on the patients that both tables predict."""
    others = {one.id: one.value for one in read_predictions(against)[0] if one.value is not None}
    both = np.array([one.id in others for one in judged.predictions])
    if not both.any():
        raise InputError(find("evl.none", found=f"none of {len(both)} patients", files=[against.name]))
    shared = judged.of(both)
    other = np.array([others[one.id] for one in shared.predictions], np.float64)
    told = () if both.all() else (find("evl.other", found=f"{int(both.sum())} of {len(both)}", files=[against.name]),)
    return {"name": against.stem, **compare(shared, other, options)}, told
