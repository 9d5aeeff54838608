"""What can name a patient, in tags, names and comments, reaches no output; names that are typed or asked for are shown escaped."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lungrisk.cli.app import build
from lungrisk.cli.exits import run
from lungrisk.core.records import NOTICE, Assessment, Likelihood
from lungrisk.formats import read

sys.path.insert(0, str(Path(__file__).parents[1] / "formats"))
sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import canaries
import gradient_phantom as phantom


def call(capfd: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, bytes]:
    capfd.readouterr()
    code = run(build(), [str(word) for word in words])
    out, err = capfd.readouterr()
    return code, (out + err).encode()


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("inputs")
    slices = phantom.phantom()
    hu = np.stack([np.rint(phantom.truth(phantom.slice_points(s.ImagePositionPatient, phantom.AXIAL))) for s in slices])
    return list(canaries.made(folder, slices[:12], hu.astype(np.int16)))


def test_no_canary_of_any_input_is_in_what_check_and_info_say(
    inputs: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    assert len(inputs) > 60
    told = {}
    for scan in inputs:
        for words in (("check", "-q"), ("check", "-q", "--json", "-"), ("info", "-q"), ("info", "-q", "--json", "-")):
            code, said = call(capfd, *words, scan)
            told[scan.name, words] = (code, canaries.hits(said))
    assert {code for code, _ in told.values()} <= {0, 3, 5}
    assert {where: found for where, (_, found) in told.items() if found} == {}


def test_no_canary_is_in_an_assessment_its_page_or_its_pictures(inputs: list[Path], tmp_path: Path) -> None:
    scan = read(inputs[0])
    assert scan.header.kernel is not None
    chance = Likelihood(value=0.1, low=0.05, high=0.2, floor=0.05, prevalence=0.26, basis="Made. By hand.")
    made = Assessment(
        status="limited",
        scan=scan,
        lungs=None,
        nodules=(),
        likelihood=chance,
        findings=scan.findings,
        provenance={},
        notice=NOTICE,
    )
    made.write(tmp_path)
    files = list(tmp_path.iterdir())
    assert {"assessment.json", "report.html"} <= {file.name for file in files}
    assert [file.name for file in files if canaries.hits(file.read_bytes())] == []


def test_no_canary_is_in_a_store_in_predictions_or_in_what_is_said_of_them(
    inputs: list[Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "cohort.csv"
    table.write_text(
        "id,path\n" + "".join(f"p{n},{scan}\n" for n, scan in enumerate((inputs[0], inputs[3], inputs[-1])))
    )
    said = b"".join(
        call(capfd, *words)[1]
        for words in (
            ("prepare", table, "-o", tmp_path / "out" / "store"),
            ("predict", table, "-o", tmp_path / "out" / "p.csv"),
            ("info", tmp_path / "out" / "store"),
        )
    )
    assert canaries.hits(said) == []
    files = [file for file in (tmp_path / "out").rglob("*") if file.is_file()]
    assert len(files) >= 5
    assert [file.name for file in files if canaries.hits(file.read_bytes())] == []


def test_a_defect_quotes_nothing(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def fail(*_words: Any, **_options: Any) -> None:
        raise ValueError(f"could not convert {canaries.canary(1)}")

    assert run(fail, []) == 70
    out, err = capfd.readouterr()
    assert "int.defect" in err
    assert "ValueError at" in err
    (report,) = tmp_path.iterdir()
    assert canaries.hits((out + err).encode() + report.read_bytes()) == []


def test_names_that_are_asked_for_are_shown_escaped(inputs: list[Path], capfd: pytest.CaptureFixture[str]) -> None:
    _, said = call(capfd, "check", "-q", "--keep-names", inputs[0])
    assert canaries.canary(8007).encode() + b"\\x1b[31m\\n.log" in said
    assert b"\x1b" not in said
    _, said = call(capfd, "check", "-q", "--keep-names", "--json", "-", inputs[0])
    assert any("QZJKW8007" in file for finding in json.loads(said)[0]["findings"] for file in finding["files"])
    _, said = call(capfd, "check", "-q", inputs[0])
    assert canaries.hits(said) == []
