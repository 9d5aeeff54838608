"""Figures for labels with a time: C-index, AUC by year, Brier score by year, with patients who left early. By scikit-survival."""

from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.calibration import Floats
from lungrisk.core.extras import need

DRAWS = 200  # slower than the other figures
YEARS = (1, 2, 3, 4, 5, 6)
LEAST_EVENTS = 2  # by a year, for its AUC


def survival_figures(
    risk: Floats, time_years: Floats, event: NDArray[np.bool_], counts: Floats | None = None
) -> dict[str, Any]:
    """`c_index` (Harrell), `c_index_ipcw` (Uno) and `years`: AUC of those diagnosed by then against those known not to be.

    risk: (n,) or (n, years), higher is sooner; the C-index takes the last column. time_years: to the diagnosis where event, else
    to the end of the follow-up. counts: (draws, n) bootstrap samples for intervals. Weights for those who left early are
    estimated on the same patients. NaN where a figure does not exist. Needs the extra [evaluate] (`env.extra`).
    Sources: Harrell et al., JAMA 1982;247:2543; Uno et al., Statistics in Medicine 2011;30:1105 and JASA 2007;102:527.
    """
    need("sksurv.metrics", extra="evaluate")
    years = usable_years(time_years, event)
    value = _figures(risk, time_years, event, years)
    drawn = [] if counts is None else [_of_sample(row, risk, time_years, event, years) for row in counts]
    names = ("c_index", "c_index_ipcw", *(f"auc_{year}" for year in years))
    ends = {name: _ends([one[name] for one in drawn]) for name in names}
    result: dict[str, Any] = {"n": len(event), "n_events": int(event.sum())}
    for name in names[:2]:
        result |= {name: value[name], f"{name}_low": ends[name][0], f"{name}_high": ends[name][1]}
    result["years"] = [
        {
            "year": year,
            "n_events": int((event & (time_years <= year)).sum()),
            "n_free": int((time_years > year).sum()),
            "auc": value[f"auc_{year}"],
            "auc_low": ends[f"auc_{year}"][0],
            "auc_high": ends[f"auc_{year}"][1],
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


def _figures(risk: Floats, time_years: Floats, event: NDArray[np.bool_], years: list[int]) -> dict[str, float]:
    from sksurv.metrics import concordance_index_censored, concordance_index_ipcw, cumulative_dynamic_auc
    from sksurv.util import Surv

    last = risk if risk.ndim == 1 else risk[:, -1]
    figures = dict.fromkeys(("c_index", "c_index_ipcw", *(f"auc_{year}" for year in years)), nan)
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
    except (ValueError, ZeroDivisionError):  # no comparable pair, or nobody left to weigh by
        return figures
    return figures


def _of_sample(
    counts: Floats, risk: Floats, time_years: Floats, event: NDArray[np.bool_], years: list[int]
) -> dict[str, float]:
    rows = np.repeat(np.arange(len(counts)), counts.astype(int))
    followed = [year for year in years if year < time_years[rows].max(initial=0)]
    figures = _figures(risk[rows], time_years[rows], event[rows], followed)
    return {**dict.fromkeys((f"auc_{year}" for year in years), nan), **figures}


def _ends(values: list[float]) -> tuple[float, float]:
    kept = [value for value in values if value == value]
    if not kept:
        return nan, nan
    low, high = np.quantile(kept, (0.025, 0.975))
    return float(low), float(high)
