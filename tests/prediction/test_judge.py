"""One assessment judged by a bundle: another likelihood, the same scan and nodules."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_bundles import calibration_bundle, patient_bundle

from lungrisk.core.calibration import Calibration
from lungrisk.core.findings import find
from lungrisk.core.records import Assessment
from lungrisk.prediction import judge
from lungrisk.report import to_json

MAP = Calibration(method="platt", parameters=(-0.4, 1.3), prevalence=0.1, n=200, n_positive=20)


def test_a_calibration_scales_the_nodules_with_the_likelihood(assessed: Assessment, tmp_path: Path) -> None:
    before = assessed.likelihood
    judged = judge(assessed, calibration_bundle(tmp_path / "map", MAP))
    after = judged.likelihood
    assert before is not None
    assert after is not None
    logit = np.log(before.value / (1 - before.value))
    assert after.value == pytest.approx(1 / (1 + np.exp(0.4 - 1.3 * logit)), abs=1e-6)
    assert sum(nodule.contribution for nodule in judged.nodules) + after.floor == pytest.approx(after.value)
    assert (after.prevalence, "200 patients of whom 20 had cancer" in after.basis) == (0.1, True)
    assert [one["name"] for one in judged.provenance["bundles"]][-1] == "map"
    assert judged.scan is assessed.scan
    elsewhere = judge(assessed, calibration_bundle(tmp_path / "map", MAP), prevalence=0.02).likelihood
    assert elsewhere is not None
    assert (elsewhere.value < after.value, elsewhere.prevalence) == (True, 0.02)


def test_a_network_looks_at_the_arrays_of_the_scan_and_gives_nodules_no_share(
    assessed: Assessment, tmp_path: Path
) -> None:
    judged = judge(assessed, patient_bundle(tmp_path / "net", [1.0, 2.0]))
    highest = max((nodule.malignancy.mean for nodule in assessed.nodules), default=0.0)
    assert judged.likelihood is not None
    assert judged.likelihood.value == pytest.approx(1 / (1 + np.exp(-1.5 * (highest - 3))), abs=1e-6)
    assert judged.likelihood.floor == judged.likelihood.value
    assert {nodule.contribution for nodule in judged.nodules} <= {0.0}
    assert "2 networks" in judged.likelihood.basis


def test_the_line_itself_and_a_refused_scan_stay_as_they_are(assessed: Assessment, tmp_path: Path) -> None:
    assert judge(assessed, "line") is assessed
    refused = replace(assessed, status="refused", likelihood=None, findings=(find("cov.short"),))
    assert judge(refused, calibration_bundle(tmp_path / "map", MAP)) is refused


def test_what_a_network_cannot_judge_becomes_refused_with_the_reason(assessed: Assessment, tmp_path: Path) -> None:
    judged = judge(assessed, patient_bundle(tmp_path / "net", [float("nan")]))
    assert (judged.status, judged.likelihood) == ("refused", None)
    assert judged.findings[-1].code == "coh.nan"


def test_what_was_judged_fits_the_schema(assessed: Assessment, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    import json

    from lungrisk.report.record import SCHEMA

    for bundle in (patient_bundle(tmp_path / "net", [1.0]), calibration_bundle(tmp_path / "map", MAP)):
        jsonschema.validate(to_json(judge(assessed, bundle)), json.loads(SCHEMA.read_text("utf-8")))
