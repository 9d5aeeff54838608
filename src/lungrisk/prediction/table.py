"""predictions.csv: the Bowl's submission, and beside it what else is asked for."""

import csv
import io
from collections.abc import Sequence

from lungrisk.core.cohort import Prediction

LEAST, MOST = 0.001, 0.999  # a likelihood of 0 that is wrong costs everything in log loss
DETAILS = ("low", "high", "status")


def table_of(predictions: Sequence[Prediction], prevalence: float, *, n_years: int = 0, details: bool = False) -> str:
    """The text of predictions.csv: `id,cancer`, a row a patient in the order given, 0.001..0.999.

    A patient without a likelihood is given the prevalence, as nothing else is known; low and high stay empty there.
    details: also low, high, status. n_years: columns year_1 .. of the likelihood of a diagnosis within so many years.

    >>> print(table_of([Prediction(id="a", value=0.5), Prediction(id="b", value=None, status="refused")], 0.26), end="")
    id,cancer
    a,0.500000
    b,0.260000
    """
    text = io.StringIO()
    odd = any("\r" in one.id for one in predictions)  # which the writer does not quote by itself
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL)
    years = [f"year_{year}" for year in range(1, n_years + 1)]
    writer.writerow(["id", "cancer", *(DETAILS if details else ()), *years])
    for one in predictions:
        row = [one.id, _cell(prevalence if one.value is None else one.value)]
        if details:
            row += [_cell(one.low), _cell(one.high), one.status]
        # hazards that are all the prevalence
        row += [_cell(value) for value in one.years or [1 - (1 - prevalence) ** (year + 1) for year in range(n_years)]]
        writer.writerow(row)
    return text.getvalue()


def _cell(value: float | None) -> str:
    return "" if value is None else f"{min(max(value, LEAST), MOST):.6f}"
