"""`lungrisk evaluate` and `lungrisk calibrate`: streams, files, exit codes."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from lungrisk.cli.app import build
from lungrisk.cli.exits import run


def call(*words: object) -> int:
    return run(build(), [str(word) for word in words])


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    rng = np.random.default_rng(0)
    logit = rng.normal(-1, 1.5, 150)
    y = (rng.random(150) < expit(logit)).astype(int)
    predictions, labels = tmp_path / "p.csv", tmp_path / "l.csv"
    predictions.write_text("id,cancer\n" + "".join(f"{k},{one:.5f}\n" for k, one in enumerate(expit(logit))))
    labels.write_text("id,cancer\n" + "".join(f"{k},{one}\n" for k, one in enumerate(y)))
    return predictions, labels


def test_evaluate_prints_the_verdict_and_writes_the_page(
    tables: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions, labels = tables
    assert call("evaluate", predictions, "--labels", labels, "-o", tmp_path / "out", "--against", predictions) == 0
    out, err = capsys.readouterr()
    assert "Better than the base rate." in out
    assert str(tmp_path / "out" / "evaluation.html") in out
    assert err == "evaluate: p.csv\n"
    assert (tmp_path / "out" / "evaluation.html").is_file()


def test_json_on_stdout_is_all_that_is_there_and_operating_points_are_those_asked_for(
    tables: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    predictions, labels = tables
    words = ("--json", "-", "--threshold", "0.3", "--sensitivity", "0.8", "--specificity", "0.7", "-q")
    assert call("evaluate", predictions, "--labels", labels, *words) == 0
    figures = json.loads(capsys.readouterr().out)
    for name in ("n", "n_positive", "auc", "auc_low", "auc_high", "log_loss", "log_loss_base_rate", "brier"):
        assert figures[name] is not None
    assert [one["name"] for one in figures["operating_points"]] == [
        "largest sensitivity + specificity",
        "sensitivity 80 %",
        "specificity 70 %",
        "threshold 0.3",
    ]


def test_calibrate_writes_a_bundle_and_says_where(
    tables: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions, labels = tables
    assert call("calibrate", predictions, "--labels", labels, "-o", tmp_path / "b", "--method", "beta") == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'b'}\n"
    assert "the base rate" in err
    assert json.loads((tmp_path / "b" / "bundle.json").read_text())["task"] == "calibration"


def test_a_text_for_not_known_is_taken_where_it_is_named(
    tables: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions, labels = tables
    header, _, _, *rows = labels.read_text().splitlines()
    labels.write_text("\n".join([header, "0,-1", "1,?", *rows]) + "\n")
    for command in (("evaluate",), ("calibrate", "-o", tmp_path / "b")):
        words = (command[0], predictions, "--labels", labels, *command[1:])
        assert call(*words, "--unknown", "-1") == 3
        assert "cancer '?' in line 3" in capsys.readouterr().err
        assert call(*words, "--unknown", "-1", "--unknown", "?") == 0
    assert json.loads((tmp_path / "b" / "bundle.json").read_text())["figures"]["n"] == 148


def test_mistakes_end_with_the_exit_codes_of_the_contract(tables: tuple[Path, Path], tmp_path: Path) -> None:
    predictions, labels = tables
    bad = tmp_path / "bad.csv"
    bad.write_text("id,cancer\n1,nan\n")
    assert call("evaluate", predictions) == 2  # no labels
    assert call("evaluate", tmp_path / "none.csv", "--labels", labels) == 2
    assert call("evaluate", bad, "--labels", labels) == 3
    assert call("calibrate", bad, "--labels", labels, "-o", tmp_path / "b") == 3
    assert call("calibrate", predictions, "--labels", labels, "-o", tmp_path / "b", "--base", "nowhere") == 5
    assert call("calibrate", predictions, "--labels", labels, "-o", tmp_path / "b", "--method", "magic") == 2
