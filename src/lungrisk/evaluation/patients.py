"""How good likelihoods of patients are: all figures with their intervals, beside the base rate, as plain values for JSON."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from math import isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np

from lungrisk.core.calibration import Floats
from lungrisk.evaluation.calibration_figures import (
    base_rate_loss,
    brier_parts,
    calibration_bins,
    equal_parts,
    expected_calibration_error,
    log_losses,
    slope_and_intercept,
)
from lungrisk.evaluation.decision import net_benefit, net_benefit_of_all, net_benefit_of_draws
from lungrisk.evaluation.discrimination import (
    delong_difference,
    find_threshold,
    operating_point,
    roc_curve,
)
from lungrisk.evaluation.metrics import (
    auc,
    auc_of_draws,
    average_precision,
    average_precision_of_draws,
    draw_counts,
    interval,
    mean_of_draws,
)
from lungrisk.evaluation.tables import Judged
from lungrisk.evaluation.verdicts import auc_interval, without_interval

CELLS = 4_000_000  # draws x patients that are held at once
ALL_CELLS, LEAST_DRAWS = 12_000_000, 200  # of large cohorts fewer samples are drawn: their intervals are narrow anyway
THRESHOLDS = np.arange(1, 100) / 100  # of the decision curve
SHOWN_POINTS = 400  # of a curve
PERFECT_DRAWS = 400
Draw = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateOptions:
    """sensitivities, specificities, thresholds: operating points to give beside Youden's. draws: bootstrap samples, at most.

    unknown: see `read_labels`. store: what is known of the scans, for subgroups; nodules: the table of its true nodules, for how
    many of them were found.
    """

    sensitivities: tuple[float, ...] = (0.9, 0.95)
    specificities: tuple[float, ...] = (0.9, 0.95)
    thresholds: tuple[float, ...] = ()
    draws: int = 2000
    seed: int = 0
    unknown: tuple[str, ...] = ()
    store: Path | None = None
    nodules: Path | None = None


def headline(judged: Judged, options: EvaluateOptions) -> dict[str, Any]:
    """The figures of a group of patients and their 95 % intervals; NaN where a figure does not exist.

    `auc` with its interval and the name of its method (see `verdicts.auc_interval`), `auc_bootstrap_low, _high`; `ap`;
    `log_loss`, `brier` with those of the base rate (everybody is given the share of cancers) and the gain over it; `slope,
    intercept`; `ece` with what chance gives to perfect likelihoods (`ece_perfect, ece_perfect_high`); `said` and `prevalence`: mean likelihood and share of cancers.
    """
    p, y = judged.p, judged.y.astype(np.float64)
    share, loss, square = float(y.mean()), log_losses(p, y), brier_parts(p, y)
    given = np.full(len(y), share)  # the base rate as likelihoods: the gain is paired, patient by patient
    figures: dict[str, Any] = {"n": len(y), "n_positive": int(y.sum()), "prevalence": share, "said": float(p.mean())}
    drawn = draw(
        judged,
        options,
        {
            "auc_bootstrap": lambda counts: auc_of_draws(p, y, counts),
            "ap": lambda counts: average_precision_of_draws(p, y, counts),
            "log_loss": lambda counts: mean_of_draws(loss, counts),
            "log_loss_gain": lambda counts: mean_of_draws(log_losses(given, y) - loss, counts),
            "brier": lambda counts: mean_of_draws(square, counts),
            "brier_gain": lambda counts: mean_of_draws(brier_parts(given, y) - square, counts),
        },
    )
    ends = {name: interval(values) for name, values in drawn.items()}
    low, high, figures["auc_interval"] = auc_interval(judged, ends["auc_bootstrap"])
    ends["auc"] = low, high
    base = float(base_rate_loss(share)), share * (1 - share)
    values = {
        "auc": auc(p, y),
        "ap": average_precision(p, y),
        "log_loss": float(loss.mean()),
        "log_loss_gain": base[0] - float(loss.mean()),
        "brier": float(square.mean()),
        "brier_gain": base[1] - float(square.mean()),
    }
    for name, value in values.items():
        figures |= {name: value, f"{name}_low": ends[name][0], f"{name}_high": ends[name][1]}
    figures["ece"] = expected_calibration_error(p, y)
    figures["ece_perfect"], figures["ece_perfect_high"] = _ece_of_perfect(p, options)
    figures["auc_bootstrap_low"], figures["auc_bootstrap_high"] = ends["auc_bootstrap"]
    figures |= {"log_loss_base_rate": base[0], "brier_base_rate": base[1], **slope_and_intercept(p, y)}
    return figures | {f"{name}{end}": nan for name in without_interval(judged) for end in ("_low", "_high")}


def draw(judged: Judged, options: EvaluateOptions, figures: dict[str, Draw]) -> dict[str, Floats]:
    """Each figure in every bootstrap sample: from counts (draws, n) a figure gives (draws, ...)."""
    parts: dict[str, list[Floats]] = {name: [] for name in figures}
    for counts in _samples(judged.groups, options):
        for name, figure in figures.items():
            parts[name].append(figure(counts))
    return {name: np.concatenate(values) for name, values in parts.items()}


def _samples(groups: Sequence[str], options: EvaluateOptions) -> Iterator[Floats]:
    """The samples in blocks that fit into memory."""
    draws, at_once = draws_for(len(groups), options), max(1, CELLS // max(len(groups), 1))
    for block, done in enumerate(range(0, draws, at_once)):
        yield draw_counts(groups, min(at_once, draws - done), options.seed + 7919 * block)


def draws_for(n: int, options: EvaluateOptions) -> int:
    """How many bootstrap samples are drawn of n patients.

    >>> draws_for(1595, EvaluateOptions()), draws_for(30_000, EvaluateOptions())
    (2000, 400)
    """
    return min(options.draws, max(LEAST_DRAWS, ALL_CELLS // max(n, 1)))


def _ece_of_perfect(p: Floats, options: EvaluateOptions) -> tuple[float, float]:
    """Mean and 97.5th percentile of the expected calibration error that chance gives to perfect likelihoods of these sizes."""
    rng, errors = np.random.default_rng(options.seed), []
    parts = equal_parts(p)
    for _ in range(min(options.draws, PERFECT_DRAWS)):
        off = p - (rng.random(len(p)) < p)
        errors.append(sum(abs(float(off[part].sum())) for part in parts) / len(p))
    return float(np.mean(errors)), float(np.quantile(errors, 0.975))


def operating_points(judged: Judged, options: EvaluateOptions) -> list[dict[str, Any]]:
    """Youden's threshold, those that reach the wished sensitivity and specificity, and those given; empty with one class."""
    p, y = judged.p, judged.y
    if len(set(y.tolist())) < 2:
        return []
    wanted = [("largest sensitivity + specificity", find_threshold(p, y, "youden"))]
    wanted += [
        (f"sensitivity {100 * aim:g} %", find_threshold(p, y, "sensitivity", aim)) for aim in options.sensitivities
    ]
    wanted += [
        (f"specificity {100 * aim:g} %", find_threshold(p, y, "specificity", aim)) for aim in options.specificities
    ]
    wanted += [(f"threshold {given:g}", given) for given in options.thresholds]
    return [{"name": name, **operating_point(p, y, threshold)} for name, threshold in wanted]


def curves(judged: Judged, options: EvaluateOptions) -> dict[str, Any]:
    """What the pictures show: `roc` (with precision), `calibration` bins, `histogram`, `decision`."""
    p, y = judged.p, judged.y
    bands = draw(judged, options, {"model": lambda counts: net_benefit_of_draws(p, y, THRESHOLDS, counts)})["model"]
    low, high = np.quantile(bands, (0.025, 0.975), axis=0)
    if "log_loss_gain" in without_interval(judged):
        low, high = np.full_like(low, nan), np.full_like(high, nan)
    full = roc_curve(p, y)
    shown = np.unique(np.linspace(0, len(full["threshold"]) - 1, SHOWN_POINTS).round().astype(int))
    counted = {name: np.histogram(p[y == cancer], np.linspace(0, 1, 21))[0] for name, cancer in (("no", 0), ("yes", 1))}
    return {
        "roc": {name: column[shown].tolist() for name, column in full.items()},
        "calibration": calibration_bins(p, y),
        "histogram": {name: values.tolist() for name, values in counted.items()},
        "decision": {
            "threshold": THRESHOLDS.tolist(),
            "model": net_benefit(p, y, THRESHOLDS).tolist(),
            "low": low.tolist(),
            "high": high.tolist(),
            "all": net_benefit_of_all(float(y.mean()), THRESHOLDS).tolist(),
        },
    }


def compare(judged: Judged, other: Floats, options: EvaluateOptions) -> dict[str, Any]:
    """These likelihoods less the other ones, (n,), on the same patients: differences with 95 % intervals.

    `auc` by DeLong (bootstrap of groups where patients belong together, then without p), `log_loss` and `brier` by bootstrap.
    """
    p, y = judged.p, judged.y
    losses, squares = log_losses(p, y) - log_losses(other, y), brier_parts(p, y) - brier_parts(other, y)
    drawn = draw(
        judged,
        options,
        {
            "auc": lambda counts: auc_of_draws(p, y, counts) - auc_of_draws(other, y, counts),
            "log_loss": lambda counts: mean_of_draws(losses, counts),
            "brier": lambda counts: mean_of_draws(squares, counts),
        },
    )
    area = asdict(delong_difference(p, other, y))
    if judged.grouped:
        area = {"value": auc(p, y) - auc(other, y), **_ends(drawn["auc"]), "p": nan}
    few = without_interval(judged)
    if "auc_bootstrap" in few:
        area |= {"low": nan, "high": nan, "p": nan}
    if "log_loss" in few:
        drawn |= dict.fromkeys(("log_loss", "brier"), np.array([nan]))
    return {
        "n": len(y),
        "n_positive": int(y.sum()),
        "other": {"auc": auc(other, y), "log_loss": float(log_losses(other, y).mean())},
        "this": {"auc": auc(p, y), "log_loss": float(log_losses(p, y).mean())},
        "auc_difference": area,
        "log_loss_difference": {"value": float(losses.mean()), **_ends(drawn["log_loss"])},
        "brier_difference": {"value": float(squares.mean()), **_ends(drawn["brier"])},
    }


def _ends(values: Floats) -> dict[str, float]:
    low, high = interval(values)
    return {"low": low, "high": high}


def plain(value: Any) -> Any:
    """The value for JSON: NaN and infinity become None, numpy numbers Python's.

    >>> plain({"a": [float("nan"), 1.5]})
    {'a': [None, 1.5]}
    """
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return plain(value.tolist())
    return None if isinstance(value, float) and not isfinite(value) else value
