"""A training's output: done stays done, begun goes on, what others made is not lost. The training itself is a stand-in here."""

import logging
from pathlib import Path

import pytest

from lungrisk.core.errors import UsageFault
from lungrisk.core.outputs import written
from lungrisk.training.claims import NEEDS, claimed
from lungrisk.training.options import Options

PARTS = {"net": "seed", "data": "d", "options": {"epochs": 2}}


def trained(out: Path, *, overwrite: bool = False, parts: dict[str, object] = PARTS, killed: str = "") -> bool:
    """Whether anything was trained. killed: before a checkpoint, after it, or while the bundle is written."""
    options = Options(output=out, overwrite=overwrite)
    with claimed(options, parts) as key:
        if key is None:
            return False
        if killed == "before":
            raise KeyboardInterrupt
        (options.folder / "fold-0.pt").write_text("half way")
        if killed == "after":
            raise KeyboardInterrupt
        with written(out, "train", key):
            for name in NEEDS:
                (out / name).write_text(str(parts["net"]))
            if killed == "writing":
                raise KeyboardInterrupt
    return True


def test_a_finished_bundle_is_told_to_be_done_and_made_anew_only_when_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    out = tmp_path / "b"
    assert trained(out)
    assert not list((tmp_path / "b.training").glob("*.pt"))
    assert not trained(out)
    assert "b is done already" in caplog.text
    assert trained(out, overwrite=True)


@pytest.mark.parametrize("killed", ["before", "after", "writing"])
def test_a_killed_training_goes_on_by_the_same_command_and_says_so(
    tmp_path: Path, killed: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "b", killed=killed)
    kept = list((tmp_path / "b.training").glob("*.pt"))
    assert bool(kept) == (killed != "before")
    assert trained(tmp_path / "b")
    assert ("goes on from the beginning" if killed == "before" else "goes on from fold-0.pt") in caplog.text


@pytest.mark.parametrize("killed", ["after", "writing"])
def test_a_killed_training_is_not_lost_to_another_one(tmp_path: Path, killed: str) -> None:
    other = {**PARTS, "net": "other"}
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "b", killed=killed)
    with pytest.raises(UsageFault, match=r"trn\.other.*another net|use\.output.*begun by lungrisk train"):
        trained(tmp_path / "b", parts=other)
    assert (tmp_path / "b.training" / "fold-0.pt").is_file()
    assert trained(tmp_path / "b", parts=other, overwrite=True)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("train", "made by lungrisk train, with other inputs or options"),
        ("assess", "made by lungrisk assess"),
        ("", "bundle.json, as lungrisk train or calibrate writes it"),
    ],
)
def test_what_others_made_stays_unless_it_may_be_replaced(tmp_path: Path, made: str, said: str) -> None:
    out = tmp_path / "b"
    out.mkdir()
    (out / "bundle.json").write_text("160 s of work")
    if made:
        with written(out, made, "another"):
            pass
    with pytest.raises(UsageFault, match=said):
        trained(out)
    with pytest.raises(UsageFault, match=r"use\.output"):
        trained(out, killed="after")
    assert (out / "bundle.json").read_text() == "160 s of work"
    with pytest.raises(KeyboardInterrupt):
        trained(out, overwrite=True, killed="after")
    assert (out / "bundle.json").read_text() == "160 s of work"  # until there is something better
    assert trained(out, overwrite=True)
    assert (out / "bundle.json").read_text() == "seed"


def test_another_version_of_the_libraries_does_not_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "b", killed="after")
    monkeypatch.setattr("lungrisk.training.claims.version", lambda package: "1.0")
    with pytest.raises(UsageFault, match=r"trn\.other.*another torch"):
        trained(tmp_path / "b")
