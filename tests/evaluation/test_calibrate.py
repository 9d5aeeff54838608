"""calibrate: the bundle holds the map, its base, and figures of patients that it was not fitted on."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit

from lungrisk.core.bundle import LINE, open_bundle, write_bundle
from lungrisk.core.calibration import METHODS, Calibration
from lungrisk.core.errors import EnvironmentFault, InputError, UsageFault
from lungrisk.evaluation import calibrate
from lungrisk.prediction import models


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    """Likelihoods that are too high and too extreme, of 400 patients."""
    rng = np.random.default_rng(0)
    z = rng.normal(-1.2, 1.2, 400)
    y = (rng.random(400) < expit(z)).astype(int)
    predictions, labels = tmp_path / "p.csv", tmp_path / "l.csv"
    predictions.write_text("id,cancer\n" + "".join(f"{k},{one:.6f}\n" for k, one in enumerate(expit(1.8 * z + 1))))
    labels.write_text("id,cancer\n" + "".join(f"{k},{one}\n" for k, one in enumerate(y)))
    return predictions, labels


@pytest.mark.parametrize("method", METHODS)
def test_every_method_writes_a_bundle_with_a_card(tables: tuple[Path, Path], tmp_path: Path, method: str) -> None:
    folder = calibrate(*tables, tmp_path / "b", method)  # type: ignore[arg-type]
    bundle = open_bundle(folder, "calibration")
    found = Calibration.from_dict(bundle.settings["calibration"])
    assert (found.method, found.n) == (method, 400)
    assert bundle.settings["base"] == LINE
    assert not (folder / "base").exists()
    figures = bundle.settings["figures"]
    assert figures["after"]["log_loss"] < figures["before"]["log_loss"]
    card = (folder / "CARD.md").read_text("utf-8").lower()
    for word in ("intended use", "data", "figures", "limits", "licence", "not a medical device", method):
        assert word in card


def test_the_map_undoes_how_the_likelihoods_were_bent(tables: tuple[Path, Path], tmp_path: Path) -> None:
    found = Calibration.from_dict(open_bundle(calibrate(*tables, tmp_path / "b")).settings["calibration"])
    value, low, high = found.apply(expit(1.8 * logit(np.array([0.1, 0.3, 0.6])) + 1))
    assert value == pytest.approx([0.1, 0.3, 0.6], abs=0.06)
    assert np.all((low < [0.1, 0.3, 0.6]) & (high > [0.1, 0.3, 0.6]))


def test_the_figures_are_of_patients_not_fitted_on(tmp_path: Path) -> None:
    """Isotonic on noise fits itself well; the figures must not show that."""
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 300)
    (tmp_path / "p.csv").write_text(
        "id,cancer\n" + "".join(f"{k},{one:.6f}\n" for k, one in enumerate(rng.random(300)))
    )
    (tmp_path / "l.csv").write_text("id,cancer\n" + "".join(f"{k},{one}\n" for k, one in enumerate(y)))
    figures = open_bundle(calibrate(tmp_path / "p.csv", tmp_path / "l.csv", tmp_path / "b", "isotonic")).settings[
        "figures"
    ]
    assert figures["after"]["log_loss"] > figures["log_loss_base_rate"] - 0.005
    assert not figures["better_than_base_rate"]


def test_conformal_sets_come_with_the_coverage_they_had(tables: tuple[Path, Path], tmp_path: Path) -> None:
    rows = open_bundle(calibrate(*tables, tmp_path / "b")).settings["conformal"]
    assert [(row["level"], row["by_class"]) for row in rows] == [
        (level, by_class) for level in (0.8, 0.9, 0.95) for by_class in (False, True)
    ]
    for row in rows:
        held = row["coverage"]
        assert held["all"]["low"] - 0.01 <= row["level"] <= held["all"]["high"] + 0.03
        if row["by_class"]:
            assert held["cancer"]["low"] - 0.02 <= row["level"]


def test_the_same_tables_give_the_same_bytes(tables: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = (calibrate(*tables, tmp_path / place / "b") for place in ("one", "two"))
    for file in ("bundle.json", "CARD.md"):
        assert (first / file).read_bytes() == (second / file).read_bytes()


def test_the_base_goes_into_the_bundle_and_predict_takes_it_from_there(
    tables: tuple[Path, Path], tmp_path: Path
) -> None:
    known = open_bundle(calibrate(*tables, tmp_path / "a")).settings["calibration"]
    settings = {"inputs": ["numbers"], "recipe": {}, "calibration": known}
    base = write_bundle(tmp_path / "net", name="net", task="patient", model=b"m", card="# net\n", settings=settings)
    folder = calibrate(*tables, tmp_path / "b", base=base)
    kept = open_bundle(folder / "base", "patient")
    assert (kept.name, kept.model) == ("net", b"m")
    assert open_bundle(folder).settings["base"] == {"name": "net", "sha256": kept.sha256}
    again = calibrate(*tables, tmp_path / "c", base=folder)  # a calibration of a calibration takes all with it
    assert open_bundle(again / "base", "calibration").settings == open_bundle(folder).settings
    assert open_bundle(again / "base" / "base").model == b"m"


def test_predict_lays_the_map_on_the_shipped_line(tables: tuple[Path, Path], tmp_path: Path) -> None:
    folder = calibrate(*tables, tmp_path / "b")
    line = {"line": np.array([0.4, 0.2, 0.6, 3.0])}
    chance, _ = models.judge_arrays(models.open_model(str(folder)), "x", line)
    found = Calibration.from_dict(open_bundle(folder).settings["calibration"])
    expected = found.apply(np.array([0.4]), np.array([0.2]), np.array([0.6]))
    assert (chance.value, chance.low, chance.high) == pytest.approx([float(one[0]) for one in expected])


def test_refused_patients_are_not_fitted_on(tables: tuple[Path, Path], tmp_path: Path) -> None:
    header, *rows = tables[0].read_text().split()
    marked = [f"{row},{'refused' if k < 50 else 'assessed'}" for k, row in enumerate(rows)]
    predictions = tmp_path / "marked.csv"
    predictions.write_text("\n".join([f"{header},status", *marked]) + "\n")
    settings = open_bundle(calibrate(predictions, tables[1], tmp_path / "b")).settings
    assert settings["calibration"]["n"] == 350
    assert [one["code"] for one in settings["findings"]] == ["evl.refused"]


def test_likelihoods_that_say_nothing_are_told(tables: tuple[Path, Path], tmp_path: Path) -> None:
    header, *rows = tables[0].read_text().split()
    turned = [f"{row.split(',')[0]},{1 - float(row.split(',')[1]):.6f}" for row in rows]
    predictions = tmp_path / "turned.csv"
    predictions.write_text("\n".join([header, *turned]) + "\n")
    assert [
        one["code"] for one in open_bundle(calibrate(predictions, tables[1], tmp_path / "b")).settings["findings"]
    ] == ["evl.flat"]


def test_what_cannot_be_calibrated_is_refused_and_nothing_is_written(tables: tuple[Path, Path], tmp_path: Path) -> None:
    few = tmp_path / "few.csv"
    few.write_text("id,cancer\n" + "".join(f"{k},{int(k < 9)}\n" for k in range(400)))
    with pytest.raises(InputError, match=r"lab\.few"):
        calibrate(tables[0], few, tmp_path / "b")
    with pytest.raises(UsageFault, match=r"use\.option"):
        calibrate(*tables, tmp_path / "b", "magic")  # type: ignore[arg-type]
    with pytest.raises(EnvironmentFault, match=r"env\.bundle"):
        calibrate(*tables, tmp_path / "b", base="nowhere")
    assert not (tmp_path / "b").exists()
