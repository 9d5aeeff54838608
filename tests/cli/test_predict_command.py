"""`lungrisk predict`, `info` of its table, and `assess --bundle`: words, streams, exit codes."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from lungrisk.cli.app import build
from lungrisk.cli.exits import run
from lungrisk.core.calibration import Calibration
from lungrisk.core.findings import find
from lungrisk.core.records import Assessment, Likelihood


def says(value: float | None) -> Assessment:
    chance = None
    if value is not None:
        chance = Likelihood(
            value=value, low=value / 2, high=(1 + value) / 2, floor=0.05, prevalence=0.263, basis="Made."
        )
    return Assessment(
        status="refused" if value is None else "assessed",
        scan=None,
        lungs=None,
        nodules=(),
        likelihood=chance,
        findings=(find("anat.no_lung"),) if value is None else (),
        provenance={"bundles": []},
    )


@pytest.fixture
def cohort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three patients; the line is a stand-in that reads the likelihood in the patient's file, or refuses."""

    def assess(path: Path, **_options: object) -> Assessment:
        text = (path / "says.txt").read_text("utf-8")
        return says(float(text) if text else None)

    monkeypatch.setattr("lungrisk.prediction.looking.assess", assess)
    room = ModuleType("lungrisk.assessment")
    room.__dict__["assess"] = assess
    monkeypatch.setitem(sys.modules, "lungrisk.assessment", room)
    for name, text in {"b": "0.25", "a": "0.5", "c": ""}.items():
        (tmp_path / "cohort" / name).mkdir(parents=True)
        (tmp_path / "cohort" / name / "says.txt").write_text(text, "utf-8")
    return tmp_path / "cohort"


def call(*words: str | Path) -> int:
    return run(build(), [str(word) for word in words])


def test_the_table_is_written_the_refused_are_listed_and_the_exit_code_is_4(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("predict", cohort, "-o", tmp_path / "p.csv") == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert (tmp_path / "p.csv").read_text("utf-8") == "id,cancer\na,0.500000\nb,0.250000\nc,0.262696\n"
    assert "predict: patient 3 of 3: c, refused" in err
    assert "c  refused   anat.no_lung: no lungs were found" in err
    assert err.splitlines()[-1] == "3 patients: 0 limited, 1 refused, given the base rate 0.263"


def test_without_an_output_the_table_is_all_of_stdout(cohort: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (cohort / "c" / "says.txt").write_text("0.125", "utf-8")
    assert call("predict", cohort, "--details", "--quiet") == 0
    assert capsys.readouterr() == (
        "id,cancer,low,high,status\na,0.500000,0.250000,0.750000,assessed\n"
        "b,0.250000,0.125000,0.625000,assessed\nc,0.125000,0.062500,0.562500,assessed\n",
        "",
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--workers", "2", "--dask", "tcp://127.0.0.1:9"), 2, "use.option"),
        (("--bundle", "nowhere"), 5, "env.bundle"),
        (("--bundle", "malignancy"), 5, "bun.kind"),
        (("--slurm", "nowhere.toml"), 2, "use.missing"),
    ],
)
def test_what_cannot_be_done_is_one_paragraph(
    words: tuple[str, ...], code: int, said: str, cohort: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("predict", cohort, *words) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_info_of_a_table_counts_its_patients_and_leaves_the_refused_out_of_the_mean(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call("predict", cohort, "-o", tmp_path / "p.csv", "--details", "--quiet")
    capsys.readouterr()
    assert call("info", tmp_path / "p.csv", "--json", "-", "--quiet") == 0
    about = json.loads(capsys.readouterr().out)
    assert (about["patients"], about["status"]) == (3, {"assessed": 2, "refused": 1})
    assert about["likelihood"]["mean"] == 0.375
    assert about["most likely"] == {"a": 0.5, "b": 0.25}


def test_predict_calibrate_predict_and_assess_go_round(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(60):
        (cohort / f"p{number:02d}").mkdir()
        (cohort / f"p{number:02d}" / "says.txt").write_text(f"{0.1 + 0.01 * number:.2f}", "utf-8")
    labels = tmp_path / "labels.csv"
    labels.write_text("id,cancer\n" + "".join(f"p{n:02d},{int(n * 7 % 10 < n / 8)}\n" for n in range(60)), "utf-8")
    assert call("predict", cohort, "-o", tmp_path / "line.csv", "--quiet") == 4
    assert call("calibrate", tmp_path / "line.csv", "--labels", labels, "-o", tmp_path / "map", "--quiet") == 0
    assert call("predict", cohort, "--bundle", tmp_path / "map", "-o", tmp_path / "own.csv", "--quiet") == 4
    capsys.readouterr()
    assert call("assess", cohort / "a", "--bundle", tmp_path / "map", "--json", "-", "--quiet") == 0
    record = json.loads(capsys.readouterr().out)
    row = (tmp_path / "own.csv").read_text("utf-8").splitlines()[1]
    assert row == f"a,{record['likelihood']['value']:.6f}"
    fitted = Calibration.from_dict(json.loads((tmp_path / "map" / "bundle.json").read_text("utf-8"))["calibration"])
    assert f"c,{fitted.prevalence:.6f}" in (tmp_path / "own.csv").read_text("utf-8")
