"""`calibrate`: likelihoods and what happened in, a bundle out that corrects them; its figures are of patients not fitted on."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lungrisk.cohort.splits import fold_of, split_hash
from lungrisk.core.bundle import LINE, keep_base, write_bundle
from lungrisk.core.calibration import METHODS, Floats, Method
from lungrisk.core.errors import UsageFault
from lungrisk.core.findings import find
from lungrisk.evaluation.calibration import cross_fit, doubts, fit_calibration
from lungrisk.evaluation.calibration_card import card
from lungrisk.evaluation.conformal import conformal_thresholds, cross_coverage
from lungrisk.evaluation.metrics import auc_within
from lungrisk.evaluation.patients import EvaluateOptions, compare, headline, plain
from lungrisk.evaluation.tables import Judged, join, read_both
from lungrisk.evaluation.verdicts import standing, verdict

FOLDS = 5
LEVELS = (0.8, 0.9, 0.95)  # of the conformal sets
KEPT = ("auc", "log_loss", "log_loss_gain", "brier", "slope", "intercept")


def calibrate(
    predictions: str | Path,
    labels: str | Path,
    out: str | Path,
    method: Method = "platt",
    *,
    base: str | Path = LINE,
    unknown: Sequence[str] = (),
) -> Path:
    """Fit a map of likelihoods to what happened, and write it as a bundle of the task "calibration". Gives its folder.

    predictions: id,cancer (0..1); labels: id,cancer (0, 1). method: platt, isotonic, beta, temperature or prior (a shift for
    another prevalence). base: what made the likelihoods: the shipped line, or a bundle by name or path, which is copied into the new one. unknown: see `read_labels`.
    Refused patients are not fitted on. The figures in the bundle and its CARD.md are of five folds by group: each patient is judged by
    a map that was fitted without it. Conformal sets are given with the coverage that they had in the same folds.
    Raises UsageFault (`use.missing`, `use.option`), InputError (`evl.*`, `lab.*`), EnvironmentFault (`env.*`, `bun.*`).
    """
    if method not in METHODS:
        raise UsageFault(find("use.option", found=f"method {method}", expected=", ".join(METHODS)))
    (said, _), (known, _) = read_both(predictions, labels, unknown)
    judged = without_refused(join(said, known))
    fitted = fit_calibration(judged.p, judged.y, method)
    calibrated = cross_fit(judged.p, judged.y, judged.groups, method, FOLDS)
    figures = plain(judge(judged, calibrated))
    findings = [one.as_dict() for one in (*judged.findings, *doubts(judged.p, judged.y, fitted))]
    folder = Path(out)
    settings: dict[str, Any] = {
        "calibration": fitted.as_dict(),
        "base": keep_base(base, folder),
        "figures": figures,
        "conformal": plain(conformal(judged, calibrated)),
        "folds": FOLDS,
        "split_hash": split_hash(judged.groups),
        "findings": findings,
        "licence": "that of the labels that it was fitted on",
    }
    text = card(folder.name, settings)
    return write_bundle(folder, name=folder.name, task="calibration", model=b"", card=text, settings=settings)


def without_refused(judged: Judged) -> Judged:
    """Without the patients whose likelihood was filled in: there is nothing to calibrate in it."""
    kept = judged.of(np.array([one.status != "refused" for one in judged.predictions], np.bool_))
    return replace(kept, findings=judged.findings)


def judge(judged: Judged, calibrated: Floats) -> dict[str, Any]:
    """Figures before and after, both on all patients, the second by maps of the other folds; and their paired differences."""
    options = EvaluateOptions()
    before, after = headline(judged, options), headline(replace(judged, p=calibrated), options)
    fold = fold_of(judged.groups, FOLDS)
    names = [
        *(f"{name}{end}" for name in KEPT for end in ("", "_low", "_high")),
        "ece",
        "ece_perfect",
        "ece_perfect_high",
    ]
    return {
        "n": before["n"],
        "n_positive": before["n_positive"],
        "log_loss_base_rate": before["log_loss_base_rate"],
        "before": {name: before[name] for name in names} | {"auc_within_folds": auc_within(judged.p, judged.y, fold)},
        "after": {name: after[name] for name in names} | {"auc_within_folds": auc_within(calibrated, judged.y, fold)},
        "difference": compare(replace(judged, p=calibrated), judged.p, options)["log_loss_difference"],
        "better_than_base_rate": standing(after) == "better",
        "standing": standing(after),
        "verdict": verdict(after),
    }


def conformal(judged: Judged, calibrated: Floats) -> list[dict[str, Any]]:
    """Thresholds of each level, of all and by class, with the coverage that they had in the folds."""
    fold = fold_of(judged.groups, FOLDS)
    rows = []
    for level in LEVELS:
        for by_class in (False, True):
            no, yes = conformal_thresholds(calibrated, judged.y, level, by_class=by_class)
            rows.append(
                {
                    "level": level,
                    "by_class": by_class,
                    "thresholds": {"no cancer": no, "cancer": yes},
                    "coverage": cross_coverage(calibrated, judged.y, fold, level, by_class=by_class),
                }
            )
    return rows
