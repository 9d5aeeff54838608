"""From arrays to a likelihood: against arithmetic done here by hand."""

import json
import math
from pathlib import Path
from statistics import stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_bundles import RECIPE, arrays, calibration_bundle, patient_bundle

from lungrisk.core.bundle import open_bundle
from lungrisk.core.calibration import Calibration
from lungrisk.core.errors import EnvironmentFault, InputError
from lungrisk.prediction.models import judge_arrays, open_model


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def test_the_line_is_the_numbers_of_the_store(tmp_path: Path) -> None:
    for name in (None, "line"):
        model = open_model(name)
        chance, findings = judge_arrays(model, "a", arrays(4.0, (0.25, 0.125, 0.5)))
        assert (chance.value, chance.low, chance.high, findings) == (0.25, 0.125, 0.5, ())
        assert (model.inputs, model.recipe, model.n_years, model.name) == (("line",), None, 0, "line")


def test_networks_are_averaged_and_what_they_differ_by_is_the_interval(tmp_path: Path) -> None:
    model = open_model(str(patient_bundle(tmp_path / "net", [0.5, 1.0, 2.4])))
    chance, findings = judge_arrays(model, "new", arrays(4.0))
    mean, half = 1.3, 1.959964 * stdev([0.5, 1.0, 2.4])
    stated = (chance.value, chance.low, chance.high)
    assert stated == pytest.approx((sigmoid(mean), sigmoid(mean - half), sigmoid(mean + half)), abs=1e-6)
    assert (findings, model.recipe) == ((), RECIPE)


def test_a_patient_learnt_from_is_judged_by_the_network_that_did_not_see_it(tmp_path: Path) -> None:
    learnt_from = {"first": 0, "second": 1, "both": 5, "neither": -1}
    model = open_model(str(patient_bundle(tmp_path / "net", [0.5, 2.5], learnt_from=learnt_from)))
    values = {name: judge_arrays(model, name, arrays(4.0)) for name in (*learnt_from, "new")}
    logits = {"first": 0.5, "second": 2.5, "both": 1.5, "neither": 1.5, "new": 1.5}
    said = {"first": ["coh.held_out"], "second": ["coh.held_out"], "both": ["coh.seen"], "neither": ["coh.seen"]}
    for name, (chance, findings) in values.items():
        assert chance.value == pytest.approx(sigmoid(logits[name]), abs=1e-6)
        assert [finding.code for finding in findings] == said.get(name, [])


def test_hazards_become_likelihoods_by_year_that_never_fall(tmp_path: Path) -> None:
    model = open_model(str(patient_bundle(tmp_path / "net", [1.0], (-1.0, 0.5, -3.0), years=3)))
    chance, _ = judge_arrays(model, "new", arrays(4.0))
    hazards = [sigmoid(0.0), sigmoid(1.5), sigmoid(-2.0)]
    alive = [1 - hazards[0], (1 - hazards[0]) * (1 - hazards[1])]
    alive.append(alive[1] * (1 - hazards[2]))
    assert chance.years == pytest.approx([1 - one for one in alive], abs=1e-6)
    assert chance.value == chance.years[0]
    assert model.n_years == 3


def test_a_calibration_is_laid_on_what_it_was_fitted_for(tmp_path: Path) -> None:
    by_hand = Calibration(method="platt", parameters=(-0.5, 2.0), prevalence=0.2, n=50, n_positive=10)
    on_line = open_model(str(calibration_bundle(tmp_path / "on-line", by_hand)))
    chance, _ = judge_arrays(on_line, "a", arrays(4.0, (0.25, 0.125, 0.5)))
    logit = math.log(0.25 / 0.75)
    assert chance.value == pytest.approx(sigmoid(-0.5 + 2 * logit))
    assert chance.low == pytest.approx(sigmoid(-0.5 + 2 * math.log(0.125 / 0.875)))
    net = patient_bundle(tmp_path / "net", [1.0])
    on_net = open_model(str(calibration_bundle(tmp_path / "on-net", by_hand, net)))
    chance, _ = judge_arrays(on_net, "a", arrays(4.0))
    assert chance.value == pytest.approx(sigmoid(-0.5 + 2 * 1.0), abs=1e-6)
    assert (on_net.inputs, on_net.prevalence, on_net.recipe) == (("numbers",), 0.2, RECIPE)
    assert [one["name"] for one in on_net.provenance] == ["on-net", "net"]
    twice = open_model(str(calibration_bundle(tmp_path / "twice", by_hand, tmp_path / "on-net")))
    chance, _ = judge_arrays(twice, "a", arrays(4.0))
    assert chance.value == pytest.approx(sigmoid(-0.5 + 2 * (-0.5 + 2)), abs=1e-6)


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_the_likelihood_lies_in_its_interval_and_moves_with_the_prevalence(
    value: float, one: float, two: float
) -> None:
    low, high = sorted((one, two))
    calibration = Calibration(
        method="platt", parameters=(0.3, 1.2), covariance=((0.1, 0.0), (0.0, 0.1)), prevalence=0.3
    )
    model = open_model(None)
    model = type(model)(base=model, calibration=calibration)
    judged = [judge_arrays(model, "a", arrays(4.0, (value, low, high)), p)[0] for p in (0.1, None, 0.6)]
    assert all(chance.low <= chance.value <= chance.high for chance in judged)
    assert judged[0].value < judged[1].value < judged[2].value


def test_a_bundle_trained_anew_in_the_same_folder_is_not_mistaken_for_the_old_one(tmp_path: Path) -> None:
    for slope in (1.0, 2.0):
        model = open_model(str(patient_bundle(tmp_path / "net", [slope])))
        assert judge_arrays(model, "new", arrays(4.0))[0].value == pytest.approx(sigmoid(slope), abs=1e-6)


def test_what_a_prediction_rests_on_changes_with_the_calibration_too(tmp_path: Path) -> None:
    net = patient_bundle(tmp_path / "net", [1.0])
    softer = Calibration(method="platt", parameters=(0.0, 0.5), prevalence=0.3)
    other = patient_bundle(tmp_path / "softer", [1.0], calibration=softer.as_dict())
    assert open_bundle(net).sha256 == open_bundle(other).sha256
    assert len({open_model(str(place)).digests for place in (net, other)}) == 2
    on_each = [calibration_bundle(tmp_path / f"on-{place.name}", softer, place) for place in (net, other)]
    assert len({open_model(str(place)).digests for place in on_each}) == 2
    assert open_model(None).digests == ()


def test_a_network_that_gives_no_number_refuses_the_patient(tmp_path: Path) -> None:
    model = open_model(str(patient_bundle(tmp_path / "net", [1.0])))
    with pytest.raises(InputError, match=r"coh\.nan"):
        judge_arrays(model, "a", {"numbers": np.full((8, 10), np.nan, np.float32)})


@pytest.mark.parametrize("fault", ["inputs", "recipe", "calibration", "base"])
def test_a_bundle_that_contradicts_itself_is_named(fault: str, tmp_path: Path) -> None:
    net = patient_bundle(tmp_path / "net", [1.0])
    if fault == "base":
        net = calibration_bundle(tmp_path / "map", Calibration(method="prior", parameters=(0.0,), prevalence=0.3), net)
        other = patient_bundle(tmp_path / "other", [2.0])
        for name in ("bundle.json", "model.onnx", "CARD.md"):
            (net / "base" / name).write_bytes((other / name).read_bytes())
    else:
        about = json.loads((net / "bundle.json").read_text("utf-8"))
        del about[fault]
        (net / "bundle.json").write_text(json.dumps(about), "utf-8")
    with pytest.raises(EnvironmentFault, match=r"bun\.hash" if fault == "base" else r"bun\.kind"):
        open_model(str(net))
