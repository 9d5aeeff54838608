"""Found nodules of a store against a table of the truth: hits, misses, false alarms, refused scans."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lungrisk.core.errors import InputError, UsageFault
from lungrisk.evaluation import found_nodules
from lungrisk.evaluation.found_nodules import judge_nodules, read_truth

HEADER = "id,nodule,x_mm,y_mm,z_mm,diameter_mm\n"


def listed(x: float, probability: float, accepted: bool = True) -> dict[str, Any]:
    return {"centre_mm": [x, 0.0, 0.0], "nodule_probability": probability, "accepted": accepted}


def store(monkeypatch: pytest.MonkeyPatch, **patients: list[dict[str, Any]] | None) -> None:
    """A stand-in: id to listed nodules, None for a refused scan."""
    stored = [
        SimpleNamespace(id=name, record={"nodules": nodules} if nodules is not None else {"nodules": None})
        for name, nodules in patients.items()
    ]
    monkeypatch.setattr(found_nodules, "open_store", lambda path: SimpleNamespace(patients=tuple(stored)))


def truth(folder: Path, rows: str) -> Path:
    path = folder / "nodules.csv"
    path.write_text(HEADER + rows)
    return path


def test_hits_misses_and_false_alarms_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(monkeypatch, a=[listed(1, 0.9), listed(50, 0.8), listed(200, 0.1, False)], b=[], c=None)
    found = judge_nodules("s", truth(tmp_path, "a,1,0,0,0,8\na,2,100,0,0,8\nc,1,0,0,0,8\n"))
    assert (found["n_scans"], found["n_nodules"]) == (3, 3)
    assert found["points"][-1]["sensitivity"] == pytest.approx(1 / 3)  # the refused scan's nodule is missed
    assert found["accepted"] == {"sensitivity": pytest.approx(1 / 3), "false_alarms_per_scan": pytest.approx(1 / 3)}


def test_a_nodule_too_small_to_matter_counts_neither_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(monkeypatch, a=[listed(0, 0.9), listed(30, 0.5)])
    found = judge_nodules("s", truth(tmp_path, "a,1,0,0,0,2.5\na,2,30,0,0,6\n"))
    assert found["n_nodules"] == 1
    assert found["cpm"] == 1.0
    assert found["accepted"]["false_alarms_per_scan"] == 0.0


def test_a_cohort_without_a_listed_nodule_finds_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(monkeypatch, a=[], b=[])
    assert judge_nodules("s", truth(tmp_path, "a,1,0,0,0,8\n"))["cpm"] == 0.0


def test_a_table_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=r"use\.missing"):
        read_truth(tmp_path / "none.csv")
    with pytest.raises(InputError, match=r"lab\.value.*line 3"):
        read_truth(truth(tmp_path, "a,1,0,0,0,8\nb,1,0,zero,0,8\n"))
    (tmp_path / "short.csv").write_text("id,x_mm\na,1\n")
    with pytest.raises(InputError, match=r"lab\.columns.*y_mm"):
        read_truth(tmp_path / "short.csv")


def test_columns_beyond_those_needed_are_let_be(tmp_path: Path) -> None:
    path = tmp_path / "more.csv"
    path.write_text("id,kind,diameter_mm,x_mm,y_mm,z_mm\na,solid,8,1,2,3\n")
    assert read_truth(path) == {"a": [(1.0, 2.0, 3.0, 8.0)]}
