"""predictions.csv is a submission that the Bowl would take."""

import csv
import io
import math

from hypothesis import given
from hypothesis import strategies as st

from lungrisk.core.cohort import Prediction
from lungrisk.prediction.table import table_of

CHANCES = st.floats(0, 1, allow_nan=False)


def score_as_the_bowl(text: str, solution: dict[str, int]) -> float:
    """What the competition's page did with a file: exactly the sample's ids, numbers from 0 to 1, mean log loss."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if rows[0] != ["id", "cancer"]:
        raise ValueError("columns")
    given_ids = [row[0] for row in rows[1:]]
    if sorted(given_ids) != sorted(solution) or any(len(row) != 2 for row in rows):
        raise ValueError("ids")
    loss = 0.0
    for one, number in rows[1:]:
        p = float(number)
        if not 0 <= p <= 1:  # NaN neither
            raise ValueError("not a probability")
        p = min(max(p, 1e-15), 1 - 1e-15)
        loss -= math.log(p if solution[one] else 1 - p)
    return loss / len(solution)


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8).filter(lambda one: "\0" not in one), st.one_of(st.none(), CHANCES), min_size=1
    ),
    CHANCES.filter(lambda p: 0.01 < p < 0.99),
)
def test_the_bowl_takes_it_whatever_the_ids_and_likelihoods_are(
    rows: dict[str, float | None], prevalence: float
) -> None:
    predictions = [
        Prediction(id=one, value=value, status="refused" if value is None else "assessed")
        for one, value in sorted(rows.items())
    ]
    text = table_of(predictions, prevalence)
    loss = score_as_the_bowl(text, dict.fromkeys(rows, 1))
    assert loss <= -math.log(0.001) + 1e-9  # the worst that a clipped likelihood costs
    assert loss >= -math.log(0.999) - 1e-9


def test_a_refused_patient_is_given_the_base_rate_and_that_costs_what_the_base_rate_costs() -> None:
    predictions = [Prediction(id=f"{n:03d}", value=None, status="refused") for n in range(1595)]
    text = table_of(predictions, 419 / 1595)
    solution = {f"{n:03d}": int(n < 419) for n in range(1595)}
    assert round(score_as_the_bowl(text, solution), 4) == 0.5759  # the published figure of the base rate


def test_years_are_columns_and_a_refused_patient_has_the_same_hazard_every_year() -> None:
    predictions = [
        Prediction(id="a", value=0.1, low=0.05, high=0.2, years=(0.1, 0.4)),
        Prediction(id="b", value=None, status="refused"),
    ]
    assert table_of(predictions, 0.2, n_years=2, details=True).splitlines() == [
        "id,cancer,low,high,status,year_1,year_2",
        "a,0.100000,0.050000,0.200000,assessed,0.100000,0.400000",
        "b,0.200000,,,refused,0.200000,0.360000",
    ]


def test_what_predict_writes_is_what_evaluate_reads(tmp_path: object) -> None:
    from pathlib import Path

    from lungrisk.evaluation.tables import read_predictions

    predictions = (
        Prediction(id="a", value=0.1, low=0.05, high=0.2, years=(0.1, 0.4)),
        Prediction(id="b;c", value=0.3, low=0.2, high=0.9, status="limited", years=(0.3, 0.5)),
    )
    path = Path(str(tmp_path)) / "p.csv"
    path.write_text(table_of(predictions, 0.2, n_years=2, details=True), "utf-8")
    assert read_predictions(path)[0] == predictions
