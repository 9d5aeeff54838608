"""`lungrisk simulate cohort`: the folder on stdout, the best log loss beside it, wrong numbers as exit code 2."""

from pathlib import Path

import pytest

from lungrisk.cli import main


def test_a_cohort_of_one_is_written_and_its_folder_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "cohort"
    monkeypatch.setattr(
        "sys.argv", ["lungrisk", "simulate", "cohort", "-o", str(out), "--patients", "1", "--seed", "9"]
    )
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr()
    assert end.value.code == 0
    assert said.out.split() == [str(out)]
    assert "best log loss" in said.err
    assert len(list((out / "stage1").iterdir())) == 1


def test_more_without_a_label_than_there_are_is_a_usage_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["simulate", "cohort", "-o", str(tmp_path), "--patients", "1", "--unlabelled", "2"]
    monkeypatch.setattr("sys.argv", ["lungrisk", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "use.option" in capsys.readouterr().err
