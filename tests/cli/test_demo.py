"""The demo without a network, from nothing to the report: nothing in it is a stand-in."""

import json
from pathlib import Path

import pytest

from lungrisk.cli.app import build
from lungrisk.cli.exits import run


def test_the_demo_offline_gives_a_report_that_says_it_is_simulated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(build(), ["demo", "--offline", "-q", "-o", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert str(tmp_path / "report" / "report.html") in out
    assert "demo.simulated" in out
    record = json.loads((tmp_path / "report" / "assessment.json").read_text("utf-8"))
    assert record["status"] in {"assessed", "limited"}
    assert 0.0 < record["likelihood"]["low"] < record["likelihood"]["value"] < record["likelihood"]["high"] < 1.0
    assert "demo.simulated" in {finding["code"] for finding in record["findings"]}
    assert "simulated" in (tmp_path / "report" / "report.html").read_text("utf-8")


def test_an_assessment_on_the_command_line_is_that_of_python(chest: Path, tmp_path: Path) -> None:
    import lungrisk

    assert run(build(), ["assess", str(chest / "scan"), "-q", "--json", str(tmp_path / "a.json")]) == 0
    record = json.loads((tmp_path / "a.json").read_text("utf-8"))
    likelihood = lungrisk.assess(chest / "scan").likelihood
    assert likelihood is not None
    assert record["likelihood"]["value"] == pytest.approx(likelihood.value, abs=1e-8)
