import json
from dataclasses import replace

import jsonschema
import pytest

from lungrisk.core.findings import FINDINGS, find
from lungrisk.core.records import NOTICE, Assessment, Header
from lungrisk.report import to_json
from lungrisk.report.record import SCHEMA, dump

JUDGE = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
# contract.md, section assessment.json
KEYS = {
    "": "schema status likelihood nodules lungs findings scan provenance notice",
    "likelihood": "value low high level horizon prevalence basis",
    "lungs": "left_ml right_ml coverage",
    "scan": "series_hash format slices matrix spacing_mm vendor kernel kvp thickness_mm orientation",
    "provenance": "lungrisk bundles recipe_hash platform seconds date",
    "nodules": "id centre_mm lobe_or_third side diameter_mm max_3d_diameter_mm volume_mm3 mean_hu type malignancy "
    "nodule_probability contribution accepted slice",
    "findings": "code severity message found expected remedy files tag slices effect",
}


def test_the_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(JUDGE.schema)


def test_the_keys_are_those_of_the_contract(assessment: Assessment) -> None:
    data = to_json(assessment)
    for name, keys in KEYS.items():
        part = data[name] if name else data
        part = part[0] if isinstance(part, list) else part
        assert " ".join(part) == keys
    assert set(data["nodules"][0]["slice"]) == {"index", "instance_uid"}
    assert set(data["nodules"][0]["malignancy"]) == {"mean", "low", "high", "scale"}


@pytest.mark.parametrize("name", ["assessment", "refused"])
def test_an_output_keeps_to_the_schema(name: str, request: pytest.FixtureRequest) -> None:
    JUDGE.validate(json.loads(dump(to_json(request.getfixturevalue(name)))))


def test_every_code_of_the_table_keeps_to_the_schema(refused: Assessment) -> None:
    JUDGE.validate(to_json(replace(refused, findings=tuple(find(code) for code in FINDINGS))))


def test_the_schema_refuses_what_the_contract_does_not_name(assessment: Assessment) -> None:
    data = to_json(assessment)
    assert not JUDGE.is_valid({**data, "more": 1})
    assert not JUDGE.is_valid({**data, "likelihood": None}), "assessed or limited without a likelihood"
    assert not JUDGE.is_valid({**data, "status": "refused"}), "refused with a likelihood"
    for key in data:
        assert not JUDGE.is_valid({name: value for name, value in data.items() if name != key})


def test_what_was_refused_has_no_likelihood_and_no_lungs(refused: Assessment) -> None:
    data = to_json(refused)
    assert (data["status"], data["likelihood"], data["lungs"], data["scan"]) == ("refused", None, None, None)
    assert data["findings"][0]["files"] == ["*/1.dcm"]


def test_figures_are_those_of_the_record(assessment: Assessment) -> None:
    data = json.loads(dump(to_json(assessment)))
    assert data["likelihood"]["value"] == pytest.approx(0.4212345678, abs=1e-8)
    first = data["nodules"][0]
    assert first["centre_mm"] == [72.0, 10.0, 20.0]
    assert first["lobe_or_third"] == "middle third"
    assert first["slice"] == {"index": 32, "instance_uid": "uid-32"}
    assert data["scan"]["matrix"] == [88, 100]
    assert data["scan"]["spacing_mm"] == [5.0, 3.5, 3.5]
    assert data["notice"] == NOTICE


def test_findings_of_every_record_come_once_and_worst_first(assessment: Assessment) -> None:
    small = find("nod.outline")
    nodule = replace(assessment.nodules[0], findings=(small,))
    whole = replace(assessment, nodules=(nodule,), findings=(*assessment.findings, small))
    assert [finding["code"] for finding in to_json(whole)["findings"]] == [
        "geo.thick",
        "nod.outline",
        "px.padding",
        "acq.contrast",
    ]


def test_the_same_assessment_gives_the_same_bytes(assessment: Assessment) -> None:
    turned = dict(reversed(assessment.provenance.items()))
    assert dump(to_json(replace(assessment, provenance=turned))) == dump(to_json(assessment))


def test_a_hostile_header_cannot_act_in_the_json(assessment: Assessment) -> None:
    assert assessment.scan is not None
    header = Header(vendor="A\x1b[2J\x00\u202eB\n", kernel="k" * 1_000_000)
    text = dump(to_json(replace(assessment, scan=replace(assessment.scan, header=header))))
    data = json.loads(text)
    assert text.isascii()
    assert data["scan"]["vendor"] == "A\\x1b[2J\\x00\\u202eB\\n"
    assert len(data["scan"]["kernel"]) < 500
    JUDGE.validate(data)


def test_a_number_that_is_none_is_never_written(assessment: Assessment) -> None:
    broken = replace(assessment, nodules=(replace(assessment.nodules[0], mean_hu=float("nan")),))
    with pytest.raises(ValueError, match="JSON"):
        dump(to_json(broken))
