"""`lungrisk prepare`, and `lungrisk info` of what it made: exit codes, what is said of whom."""

import fcntl
import json
import sys
from pathlib import Path

import pytest

from lungrisk.cli.app import build
from lungrisk.cli.exits import run
from lungrisk.cohort import preparing
from lungrisk.cohort.store import open_store

sys.path.insert(0, str(Path(__file__).parents[1] / "cohort"))
from made_assessments import assess_made, cohort


@pytest.fixture(autouse=True)
def _made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "assess", assess_made)


def call(*words: str | Path) -> int:
    return run(build(), [str(word) for word in words])


def test_a_cohort_with_refused_patients_ends_with_4_and_their_reasons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = cohort(tmp_path / "cohort", a="1", b="refuse", c="crash")
    assert call("prepare", source, "-o", tmp_path / "store") == 4
    out, err = capsys.readouterr()
    assert "3 patients: 1 prepared, 0 of them limited; 2 refused" in out
    assert "b  refused   anat.no_lung" in out
    assert "c  refused   coh.crash" in out
    assert "patient 3 of 3: c, coh.crash" in err
    assert "ZeroDivisionError" in err
    assert "no file may hold" not in out + err


def test_a_whole_cohort_ends_with_0_and_strictness_turns_limited_into_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = cohort(tmp_path / "cohort", a="1", b="limit 2")
    assert call("prepare", source, "-o", tmp_path / "store", "--quiet") == 0
    out, err = capsys.readouterr()
    assert "1 of them limited; 0 refused" in out
    assert not err
    assert call("prepare", source, "-o", tmp_path / "store", "--quiet", "--strict") == 4
    assert "b  limited   geo.thick" in capsys.readouterr().out


def test_labels_that_are_not_known_may_be_written_as_one_says(tmp_path: Path) -> None:
    source, labels = cohort(tmp_path / "cohort", a="1", b="2"), tmp_path / "labels.csv"
    labels.write_text("id,cancer\na,1\nb,-1\n")
    words = ("prepare", source, "-o", tmp_path / "store", "--labels", labels, "--quiet")
    assert call(*words) == 3
    assert call(*words, "--unknown", "-1") == 0
    label = {patient.id: patient.label for patient in open_store(tmp_path / "store").patients}
    assert label["a"] is not None
    assert label["a"].cancer == 1
    assert label["b"] is None or label["b"].cancer is None


def test_a_locked_store_ends_with_5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = cohort(tmp_path / "cohort", a="1")
    (tmp_path / "store").mkdir()
    with (tmp_path / "store" / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert call("prepare", source, "-o", tmp_path / "store") == 5
    assert "coh.locked" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--recipe", "unheard"], 2),
        (["--recipe", "nowhere.json"], 2),
        (["--workers", "2", "--dask", "tcp://x:1"], 2),
        (["--labels", "nowhere.csv"], 2),
    ],
)
def test_misuse_ends_with_2_and_leaves_nothing(tmp_path: Path, words: list[str], code: int) -> None:
    source = cohort(tmp_path / "cohort", a="1")
    assert call("prepare", source, "-o", tmp_path / "store", *words) == code
    assert not (tmp_path / "store").exists()


def test_a_recipe_from_a_file_shapes_the_volumes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = cohort(tmp_path / "cohort", a="1")
    (tmp_path / "small.json").write_text('{"spacing": [6, 6, 6], "size": [56, 48, 64]}', "utf-8")
    assert call("prepare", source, "-o", tmp_path / "store", "-q", "--recipe", tmp_path / "small.json") == 0
    capsys.readouterr()
    assert call("info", tmp_path / "store", "--json", "-") == 0
    about = json.loads(capsys.readouterr().out)
    assert about["recipe"]["name"] == "small"
    assert about["arrays"]["volume"] == "int16 [56, 48, 64]"


def test_info_counts_who_is_in_a_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = cohort(tmp_path / "cohort", a="1", b="refuse", c="limit 3", d="1")
    (tmp_path / "labels.csv").write_text("id,cancer\na,1\nb,0\nc,\nd,1\n", "utf-8")
    call("prepare", source, "-o", tmp_path / "store", "-q", "--labels", tmp_path / "labels.csv")
    capsys.readouterr()
    assert call("info", tmp_path / "store", "--json", "-") == 0
    about = json.loads(capsys.readouterr().out)
    assert about["patients"] == 4
    assert about["status"] == {"assessed": 2, "limited": 1, "refused": 1}
    assert about["cancer"] == {"0": 1, "1": 2, "none": 1}
    assert about["findings of patients"] == {"anat.no_lung": 1, "geo.thick": 1}
    assert "coh.same_scan" in about["findings"]
    assert call("info", tmp_path / "store") == 0
    assert "cancer:" in capsys.readouterr().out


def test_info_of_an_unfinished_store_ends_with_5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "store.json").write_text('{"kind": "lungrisk-store", "version": 1}', "utf-8")
    assert call("info", tmp_path) == 5
    assert "coh.unfinished" in capsys.readouterr().err
