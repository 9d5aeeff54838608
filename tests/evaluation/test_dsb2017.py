"""Published figures of 1,595 real patients come out of evaluate, calibrate and the measures, to the printed digits."""

import importlib
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.shared
def test_every_published_figure_of_the_bowl_comes_out(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    figures = importlib.import_module("dsb2017").all_figures(shared_data / "dsb2017" / "patients.csv")
    assert len(figures) > 250
    assert [one for one in figures if not one.agrees] == []
