"""Every command that writes a folder leaves alone what another one made, renews its own, and replaces when it may."""

from pathlib import Path
from typing import Any

import pytest

from lungrisk.cli.app import build
from lungrisk.cli.exits import run
from lungrisk.core.outputs import read_stamp


def call(*words: str | Path) -> int:
    return run(build(), [str(word) for word in words])


@pytest.fixture
def commands(tmp_path: Path, chest: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str | Path]]:
    """The words of each command, what takes long replaced by a stand-in that writes the file by which its output is known."""
    import lungrisk.assessment
    import lungrisk.formats
    import lungrisk.lungs
    import lungrisk.report
    import lungrisk.simulation
    import lungrisk.simulation.demo_scan
    from lungrisk.core.records import Assessment

    def wrote(name: str) -> Any:
        def write(_: object, folder: Path, *__: object, **___: object) -> tuple[Path, ...]:
            Path(folder).mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).write_text("work")
            return (Path(folder) / name,)

        return write

    said = Assessment(
        status="assessed", scan=None, lungs=None, nodules=(), likelihood=None, findings=(), provenance={"bundles": []}
    )
    demo = lungrisk.simulation.demo_scan.DemoScan(folder=tmp_path, findings=(), citation="made")
    monkeypatch.setattr(lungrisk.assessment, "assess", lambda *_, **__: said)
    monkeypatch.setattr(lungrisk.simulation.demo_scan, "fetch_demo", lambda *_, **__: demo)
    monkeypatch.setattr(Assessment, "write", lambda self, folder: wrote("assessment.json")(self, folder))
    monkeypatch.setattr(lungrisk.formats, "read", lambda *_, **__: None)
    monkeypatch.setattr(lungrisk.lungs, "segment_lungs", lambda *_, **__: None)
    monkeypatch.setattr(lungrisk.report, "view", wrote("slices.png"))
    monkeypatch.setattr(lungrisk.report, "summarise", lambda record: "made")

    def simulate(_kind: str, folder: Path, *_: object, **__: object) -> Path:
        wrote("truth.json")(None, folder)
        wrote("nodules.csv")(None, folder)
        wrote("1.dcm")(None, folder / "scan")
        return folder

    monkeypatch.setattr(lungrisk.simulation, "simulate", simulate)
    rows = [(f"p{n:02d}", n / 60, int(n * 7 % 10 < n / 8)) for n in range(60)]
    for name, column in (("p.csv", 1), ("l.csv", 2)):
        (tmp_path / name).write_text("id,cancer\n" + "".join(f"{row[0]},{row[column]}\n" for row in rows), "utf-8")
    tables = [tmp_path / "p.csv", "--labels", tmp_path / "l.csv"]
    return {
        "assess": ["assess", chest / "scan"],
        "view": ["view", chest / "scan"],
        "demo": ["demo", "--offline"],
        "simulate": ["simulate", "scan"],
        "evaluate": ["evaluate", *tables],
        "calibrate": ["calibrate", *tables],
    }


OTHERWISE: dict[str, list[str]] = {
    "assess": ["--prevalence", "0.1"],
    "simulate": ["--seed", "7"],
    "evaluate": ["--threshold", "0.3"],
    "calibrate": ["--method", "beta"],
}


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["assess", "view", "demo", "simulate", "evaluate", "calibrate"])
def test_an_output_is_renewed_by_its_own_command_alone(
    commands: dict[str, list[str | Path]], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = [*commands[name], "-o", out, "--quiet"]
    assert call(*words) == 0
    stamp = read_stamp(out)
    assert stamp is not None
    assert (stamp[0], stamp[2]) == (name, True)
    before = files(out)
    assert call(*words) == 0
    assert set(files(out)) == set(before)
    others = [[*commands[other], "-o", out, "--quiet"] for other in commands if other != name]
    if name in OTHERWISE:
        others.append([*words, *OTHERWISE[name]])
    for other in others:
        capsys.readouterr()
        assert call(*other) == 2
        assert "use.output: the output is already there" in (err := capsys.readouterr().err)
        assert f"made by lungrisk {name}" in err
    assert set(files(out)) == set(before)
    assert read_stamp(out) == stamp
    assert call(*others[-1], "--overwrite") == 0


@pytest.mark.parametrize("name", ["evaluate", "calibrate"])
def test_other_predictions_of_the_same_name_are_other_inputs(
    commands: dict[str, list[str | Path]], name: str, tmp_path: Path
) -> None:
    words = [*commands[name], "-o", tmp_path / "out", "--quiet"]
    assert call(*words) == 0
    table = tmp_path / "p.csv"
    table.write_text(table.read_text("utf-8").replace("p07,0.11", "p07,0.22"), "utf-8")
    assert call(*words) == 2
    assert call(*words, "--overwrite") == 0


def test_a_refused_call_leaves_no_mark(commands: dict[str, list[str | Path]], tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("id,cancer\np01,maybe\n", "utf-8")
    assert call(*commands["calibrate"], "-o", tmp_path / "out") == 3
    assert not (tmp_path / "out").exists()


def test_a_report_whose_writing_was_killed_is_written_by_the_same_command_and_taken_by_no_other(
    commands: dict[str, list[str | Path]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from lungrisk.core.records import Assessment

    words = [*commands["assess"], "-o", tmp_path / "out", "--quiet"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Assessment, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert call(*words) == 130
    assert call(*words, "--prevalence", "0.1") == 2
    assert "begun by lungrisk assess" in capsys.readouterr().err
    assert call(*words) == 0
    stamp = read_stamp(tmp_path / "out")
    assert stamp is not None
    assert stamp[2]
