"""The command line: exit codes, streams, and one paragraph an error. The rooms behind it are stand-ins here."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command

from lungrisk.cli.app import COMMANDS, build
from lungrisk.cli.exits import describe, run
from lungrisk.core.bundle import SHIPPED
from lungrisk.core.findings import Finding, find
from lungrisk.core.records import Assessment, Likelihood


def an_assessment(*findings: Finding) -> Assessment:
    worst = {finding.severity for finding in findings}
    status: Any = "refused" if "refused" in worst else "limited" if "limited" in worst else "assessed"
    chance = Likelihood(value=0.25, low=0.1, high=0.5, floor=0.05, prevalence=0.26, basis="A stand-in. Fitted on none.")
    return Assessment(
        status=status,
        scan=None,
        lungs=None,
        nodules=(),
        likelihood=None if status == "refused" else chance,
        findings=findings,
        provenance={},
    )


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A stand-in for the line: gives state["result"], or calls it, and remembers how it was called."""
    state: dict[str, Any] = {"result": an_assessment()}

    def assess(source: Path, **options: Any) -> Assessment:
        state.update(source=source, **options)
        options["progress"]("read")
        result = state["result"]
        return result() if callable(result) else result

    room = ModuleType("lungrisk.assessment")
    room.__dict__["assess"] = assess
    monkeypatch.setitem(sys.modules, "lungrisk.assessment", room)
    return state


def call(*words: str) -> int:
    return run(build(), list(words))


def test_an_assessment_goes_to_stdout_and_progress_to_stderr(
    line: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("assess", str(tmp_path)) == 0
    out, err = capsys.readouterr()
    assert "Likelihood of lung cancer: 25" in out
    assert "Research use only. Not a medical device." in out
    assert err == "assess: read\n"


def test_quiet_says_nothing_on_stderr(line: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("assess", str(tmp_path), "--quiet") == 0
    assert capsys.readouterr().err == ""


def test_json_on_stdout_is_all_that_is_there(
    line: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("assess", str(tmp_path), "--json", "-") == 0
    assert json.loads(capsys.readouterr().out)["likelihood"]["value"] == 0.25


def test_json_in_a_file_leaves_the_summary_on_stdout(
    line: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("assess", str(tmp_path), "--json", str(tmp_path / "a.json")) == 0
    assert json.loads((tmp_path / "a.json").read_text())["status"] == "assessed"
    assert "Likelihood" in capsys.readouterr().out


def test_a_refused_scan_leaves_with_3_its_findings_and_no_files(
    line: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line["result"] = an_assessment(find("geo.thick"), find("anat.no_lung"))
    assert call("assess", str(tmp_path), "-o", str(tmp_path / "out"), "--json", "-", "-q") == 3
    out, err = capsys.readouterr()
    assert json.loads(out)["status"] == "refused"
    assert json.loads(out)["likelihood"] is None
    assert err == "anat.no_lung: no lungs were found; give a chest CT\n"
    assert not (tmp_path / "out").exists()


def test_strict_makes_a_limited_result_a_refusal(
    line: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line["result"] = an_assessment(find("geo.thick"))
    assert call("assess", str(tmp_path), "-q") == 0
    assert call("assess", str(tmp_path), "-q", "--strict") == 3
    assert capsys.readouterr().err.startswith("geo.thick: ")


MINE = SHIPPED / "malignancy"  # a bundle by its folder


def test_options_reach_the_line(line: dict[str, Any], tmp_path: Path) -> None:
    assert call("assess", str(tmp_path), "--prevalence", "0.01", "--bundle", str(MINE), "--keep-ids", "-q") == 0
    assert (line["prevalence"], line["malignancy"], line["keep_ids"]) == (0.01, str(MINE), True)


@pytest.mark.parametrize(
    "words",
    [
        ["assess"],
        ["assess", "/nowhere/at/all"],
        ["assess", ".", "--no-such-option"],
        ["assess", ".", "--prevalence", "1.5"],
        ["assess", ".", "--prevalence", "some"],
        ["no-such-command"],
        ["check", "/nowhere/at/all"],
        ["view", "/nowhere/at/all"],
        ["info", "/nowhere/at/all"],
        ["train", ".", "--net", "nothing", "-o", "x"],
        ["simulate", "nothing", "-o", "x"],
        ["evaluate", "/nowhere/at/all"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_leaves_with_2_and_says_why(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err
    assert "Traceback" not in err


def test_a_missing_bundle_leaves_with_5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bundle.json").write_text("{}")
    assert call("info", str(tmp_path)) == 5
    assert capsys.readouterr().err.startswith("bun.kind: ")


def test_no_space_leaves_with_5(line: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    line["result"] = full
    assert call("assess", str(tmp_path), "-q") == 5
    assert capsys.readouterr().err.startswith("env.disk: ")


def test_no_memory_leaves_with_5(line: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def full() -> None:
        raise MemoryError

    line["result"] = full
    assert call("assess", str(tmp_path), "-q") == 5
    assert capsys.readouterr().err.startswith("env.memory: ")


def test_a_defect_leaves_with_70_and_a_report_without_the_message(
    line: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError(bytes.fromhex("444f455e4a414e45").decode())

    monkeypatch.chdir(tmp_path)
    line["result"] = broken
    assert call("assess", str(tmp_path), "-q") == 70
    (report,) = tmp_path.glob("lungrisk-defect-*.txt")
    assert "builtins.RuntimeError" in report.read_text()
    assert "DOE" not in report.read_text()
    error = capsys.readouterr().err
    assert error.startswith("int.defect: ")
    assert str(report) in error


def test_a_defects_report_names_files_of_the_package_and_no_other_path() -> None:
    try:
        build()(["info", "x"], standalone_mode=False)
    except Exception as error:
        text = describe(error)
    assert "cli/info.py:" in text
    assert str(Path.home()) not in text


def test_an_interrupt_leaves_with_130_and_says_so(
    line: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    line["result"] = interrupted
    assert call("assess", str(tmp_path), "-q") == 130
    assert capsys.readouterr().err == "interrupted; what was finished is kept\n"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_terminated_process_leaves_with_143() -> None:
    code = "import time, lungrisk.cli.exits as e; e.leave(lambda *a, **k: (print('up', flush=True), time.sleep(30)))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143


def test_a_reader_who_has_seen_enough_is_no_failure() -> None:
    code = "import lungrisk.cli.exits as e; e.leave(lambda *a, **k: [print('x' * 1000) for _ in range(1000)])"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.wait(20) == 0
        assert process.stderr.read() == b""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_leaves_with_0(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(command, "--help") == 0
    out = capsys.readouterr().out
    assert "Usage: lungrisk" in out
    assert "--quiet" in out


def test_an_option_means_the_same_in_every_command() -> None:
    meanings: dict[str, set[str]] = {}
    for name in COMMANDS:
        for one in get_command(build()).commands[name].params:  # type: ignore[attr-defined]
            if one.opts[0].startswith("-") and "--out" not in one.opts:  # what is written where is the command's own
                meanings.setdefault(max(one.opts, key=len), set()).add(str(one.help))
    assert {name: texts for name, texts in meanings.items() if len(texts) > 1} == {}
    assert {"--quiet", "--json", "--strict", "--seed", "--bundle"} <= set(meanings)


def test_info_lists_the_shipped_bundles(capsys: pytest.CaptureFixture[str]) -> None:
    from lungrisk.core.bundle import list_bundles

    assert call("info", "--json", "-") == 0
    assert sorted(json.loads(capsys.readouterr().out)["bundles"]) == list_bundles()


def test_info_reads_an_assessment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = {"status": "assessed", "likelihood": None, "nodules": [], "findings": [], "provenance": {}, "notice": "n"}
    (tmp_path / "assessment.json").write_text(json.dumps(record))
    assert call("info", str(tmp_path)) == 0
    assert "status: assessed" in capsys.readouterr().out
    (tmp_path / "assessment.json").write_text("[]")
    assert call("info", str(tmp_path)) == 3


def test_the_help_starts_within_three_times_bare_python_with_numpy() -> None:
    def seconds(*words: str) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([sys.executable, *words], capture_output=True, check=True)
            times.append(time.perf_counter() - start)
        return min(times)

    assert seconds("-c", "from lungrisk.cli import main; main()", "--help") < 3 * seconds("-c", "import numpy")


def test_a_finding_on_a_terminal_is_coloured_unless_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    from lungrisk.cli.terminal import tell_finding

    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert tell_finding(find("anat.no_lung")).startswith("\x1b[31m")
    monkeypatch.setenv("NO_COLOR", "1")
    assert tell_finding(replace(find("anat.no_lung"), severity="info")).startswith("info ")
