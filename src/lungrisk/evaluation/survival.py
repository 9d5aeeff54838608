"""Figures for labels with a time: C-index, AUC by year, Brier score by year, with patients who left early. By scikit-survival."""

from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.calibration import Floats
from lungrisk.core.extras import need
from lungrisk.evaluation.metrics import interval
from lungrisk.evaluation.verdicts import LEAST_FOR_INTERVAL

DRAWS = 200  # slower than the other figures
YEARS = (1, 2, 3, 4, 5, 6)
LEAST_EVENTS = 2  # by a year, for its AUC
BY_YEAR = ("auc", "brier", "brier_base_rate")


def survival_figures(
    risk: Floats, time_years: Floats, event: NDArray[np.bool_], counts: Floats | None = None
) -> dict[str, Any]:
    """`c_index` (Harrell), `c_index_ipcw` (Uno) and `years`: AUC of those diagnosed by then against those known not to be.

    Where risk is by year, `years` also has the Brier score of each of its years and `brier_base_rate`, that of giving everybody
    the share who are diagnosed by then (Kaplan-Meier).

    risk: (n,) or (n, years), higher is sooner; the C-index takes the last column. time_years: to the diagnosis where event, else
    to the end of the follow-up. counts: (draws, n) bootstrap samples for intervals. Weights for those who left early are
    estimated on the same patients. NaN where a figure does not exist. Needs the extra [evaluate] (`env.extra`).
    Sources: Harrell et al., JAMA 1982;247:2543; Uno et al., Statistics in Medicine 2011;30:1105 and JASA 2007;102:527; Graf et
    al., Statistics in Medicine 1999;18:2529 (Brier score).
    """
    need("sksurv.metrics", extra="evaluate")
    with np.errstate(invalid="ignore", divide="ignore"):  # no comparable pair: the figure is NaN, and that is told
        return _with_intervals(risk, time_years, event, counts)


def _with_intervals(
    risk: Floats, time_years: Floats, event: NDArray[np.bool_], counts: Floats | None
) -> dict[str, Any]:
    years = usable_years(time_years, event)
    if event.sum() < LEAST_FOR_INTERVAL:
        counts = None
    value = _figures(risk, time_years, event, years)
    drawn = [] if counts is None else [_of_sample(row, risk, time_years, event, years) for row in counts]
    names = _names(years)
    ends = {name: interval(np.array([one[name] for one in drawn])) for name in names}
    result: dict[str, Any] = {"n": len(event), "n_events": int(event.sum())}
    for name in names[:2]:
        result |= {name: value[name], f"{name}_low": ends[name][0], f"{name}_high": ends[name][1]}
    result["years"] = [
        {
            "year": year,
            "n_events": int((event & (time_years <= year)).sum()),
            "n_free": int((time_years > year).sum()),
            **{
                f"{name}{end}": number
                for name in BY_YEAR
                for end, number in zip(
                    ("", "_low", "_high"), (value[f"{name}_{year}"], *ends[f"{name}_{year}"]), strict=True
                )
            },
        }
        for year in years
    ]
    return result


def usable_years(time_years: Floats, event: NDArray[np.bool_]) -> list[int]:
    """Whole years by which enough were diagnosed and after which somebody is still followed.

    >>> usable_years(np.array([0.5, 0.7, 2.5, 2.5]), np.array([True, True, False, False]))
    [1, 2]
    """
    return [
        year
        for year in YEARS
        if (event & (time_years <= year)).sum() >= LEAST_EVENTS
        and (time_years > year).any()
        and year < time_years.max()
    ]


def _names(years: list[int]) -> tuple[str, ...]:
    return ("c_index", "c_index_ipcw", *(f"{name}_{year}" for name in BY_YEAR for year in years))


def _figures(risk: Floats, time_years: Floats, event: NDArray[np.bool_], years: list[int]) -> dict[str, float]:
    from sksurv.metrics import concordance_index_censored, concordance_index_ipcw, cumulative_dynamic_auc
    from sksurv.util import Surv

    last = risk if risk.ndim == 1 else risk[:, -1]
    figures = dict.fromkeys(_names(years), nan)
    if not event.any() or event.sum() == len(event) == 1:
        return figures
    truth = Surv.from_arrays(event, time_years)
    horizon = float(max(years)) if years else None
    try:
        figures["c_index"] = float(concordance_index_censored(event, time_years, last)[0])
        figures["c_index_ipcw"] = float(concordance_index_ipcw(truth, truth, last, tau=horizon)[0])
        for year in years:
            column = last if risk.ndim == 1 else risk[:, min(year, risk.shape[1]) - 1]
            figures[f"auc_{year}"] = float(cumulative_dynamic_auc(truth, truth, column, [year])[0][0])
            if risk.ndim == 2 and year <= risk.shape[1]:
                figures |= _briers(truth, event, time_years, column, year)
    except (ValueError, ZeroDivisionError):  # no comparable pair, or nobody left to weigh by
        return figures
    return figures


def _briers(
    truth: NDArray[Any], event: NDArray[np.bool_], time_years: Floats, chance: Floats, year: int
) -> dict[str, float]:
    """The Brier score of the chances of a diagnosis within the year, (n,), and that of the share who are diagnosed by then."""
    from sksurv.metrics import brier_score
    from sksurv.nonparametric import kaplan_meier_estimator

    times, free = kaplan_meier_estimator(event, time_years)
    share_free = free[np.searchsorted(times, year, side="right") - 1]
    scores = {"brier": 1 - chance, "brier_base_rate": np.full(len(chance), share_free)}
    return {
        f"{name}_{year}": float(brier_score(truth, truth, estimate[:, None], [year])[1][0])
        for name, estimate in scores.items()
    }


def _of_sample(
    counts: Floats, risk: Floats, time_years: Floats, event: NDArray[np.bool_], years: list[int]
) -> dict[str, float]:
    rows = np.repeat(np.arange(len(counts)), counts.astype(int))
    followed = [year for year in years if year < time_years[rows].max(initial=0)]
    figures = _figures(risk[rows], time_years[rows], event[rows], followed)
    return {**dict.fromkeys(_names(years), nan), **figures}
