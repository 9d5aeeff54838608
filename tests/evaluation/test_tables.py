"""The table of predictions: what cannot be used is refused with its lines, what spreadsheets do is read all the same."""

from pathlib import Path

import pytest

from lungrisk.core.errors import InputError
from lungrisk.evaluation.tables import read_predictions


def write(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


@pytest.mark.parametrize("cell", ["nan", "NaN", "inf", "1.2", "-0.1", "yes", ""])
def test_a_likelihood_that_is_none_is_refused_with_its_line(tmp_path: Path, cell: str) -> None:
    predictions = write(tmp_path / "p.csv", "id,cancer", ["a,0.2", f"b,{cell}"])
    with pytest.raises(InputError, match=r"evl\.value.*line 3"):
        read_predictions(predictions)


def test_a_patient_who_is_predicted_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"evl\.dup.*line 4"):
        read_predictions(write(tmp_path / "p.csv", "id,cancer", ["a,0.2", "b,0.1", "a,0.2"]))


def test_an_empty_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"evl\.value"):
        read_predictions(write(tmp_path / "p.csv", "id,cancer", []))


def test_a_table_with_semicolons_and_decimal_commas_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "ID;Cancer", ["a;0,25", "b;0,75"])
    assert [one.value for one in read_predictions(path)[0]] == [0.25, 0.75]


def test_years_are_read_where_every_cell_is_there(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "id,cancer,year_1,year_2", ["a,0.3,0.1,0.3", "b,0.2,0.1,"])
    assert [one.years for one in read_predictions(path)[0]] == [(0.1, 0.3), ()]


def test_an_id_stays_the_text_that_it_is(tmp_path: Path) -> None:
    assert [one.id for one in read_predictions(write(tmp_path / "p.csv", "id,cancer", ["007,0.1", "1e5,0.2"]))[0]] == [
        "007",
        "1e5",
    ]
