"""Checkpoints: whole or not there, and the one before when the newest is broken."""

import zlib
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from lungrisk.core.errors import EnvironmentFault, UsageFault  # noqa: E402
from lungrisk.core.locks import locked  # noqa: E402
from lungrisk.training.checkpoints import KEPT, Keeper  # noqa: E402
from lungrisk.training.claims import MARK, begin  # noqa: E402


def keeper(folder: Path) -> Keeper:
    return Keeper(folder=folder, name="fold-0")


def test_the_newest_is_read_and_the_last_two_are_kept(tmp_path: Path) -> None:
    kept = keeper(tmp_path)
    assert kept.load() is None
    for step in (1, 2, 30):
        kept.save({"step": step, "weights": torch.full((3,), float(step))}, step)
    assert len(kept.all()) == KEPT
    state = kept.load()
    assert state is not None
    assert state["step"] == 30
    assert state["weights"].tolist() == [30.0] * 3


@pytest.mark.parametrize("harm", ["cut", "bit", "empty"])
def test_a_broken_newest_gives_the_one_before(tmp_path: Path, harm: str) -> None:
    kept = keeper(tmp_path)
    for step in (1, 2):
        kept.save({"step": step}, step)
    newest = kept.all()[-1]
    content = bytearray(newest.read_bytes())
    if harm == "bit":
        content[len(content) // 2] ^= 1
    newest.write_bytes({"cut": content[: len(content) // 2], "bit": content, "empty": b""}[harm])
    state = kept.load()
    assert state is not None
    assert state["step"] == 1


def test_what_was_being_written_is_not_taken_for_a_checkpoint(tmp_path: Path) -> None:
    kept = keeper(tmp_path)
    kept.save({"step": 1}, 1)
    (tmp_path / ".fold-0.part").write_bytes(b"half a checkpoint")
    state = kept.load()
    assert state is not None
    assert state["step"] == 1


def test_a_full_disk_is_named_and_the_last_checkpoint_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = keeper(tmp_path)
    kept.save({"step": 1}, 1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(EnvironmentFault, match=r"env\.disk"):
        kept.save({"step": 2}, 2)
    state = kept.load()
    assert state is not None
    assert state["step"] == 1


def test_a_second_training_in_a_folder_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    def held() -> AbstractContextManager[object]:
        return locked(tmp_path / ".lock", "trn.locked")

    with held(), pytest.raises(EnvironmentFault, match=r"trn\.locked"), held():
        pass
    with held():
        pass


def test_checkpoints_of_another_training_are_neither_gone_on_with_nor_lost(tmp_path: Path) -> None:
    begin(tmp_path, {"net": "one", "data": "d"})
    keeper(tmp_path).save({"step": 1}, 1)
    begin(tmp_path, {"net": "one", "data": "d"})
    assert keeper(tmp_path).load() is not None
    with pytest.raises(UsageFault, match=r"trn\.other.*another data, net"):
        begin(tmp_path, {"net": "other", "data": "e"})
    assert keeper(tmp_path).load() is not None
    begin(tmp_path, {"net": "other", "data": "e"}, overwrite=True)
    assert keeper(tmp_path).load() is None


@pytest.mark.parametrize("mark", [None, b"{", b"[]", b"\xff", b"[" * 90_000], ids=str)
def test_checkpoints_of_nobody_knows_what_are_not_lost(tmp_path: Path, mark: bytes | None) -> None:
    keeper(tmp_path).save({"step": 1}, 1)
    if mark is not None:
        (tmp_path / MARK).write_bytes(mark)
    with pytest.raises(UsageFault, match=r"trn\.other"):
        begin(tmp_path, {"net": "one"})
    assert keeper(tmp_path).load() is not None


@pytest.mark.parametrize("content", [b"just text\n", b"", b"\x80\x04.", b"PK\x03\x04"], ids=str)
def test_a_whole_file_that_is_no_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    """Its checksum is right: nothing tore it, somebody else wrote it."""
    (tmp_path / f"fold-0-0000001-{zlib.crc32(content):08x}.pt").write_bytes(content)
    with pytest.raises(EnvironmentFault, match=r"trn\.checkpoint"):
        keeper(tmp_path).load()


def test_a_checkpoint_that_holds_no_table_is_named(tmp_path: Path) -> None:
    keeper(tmp_path).save([1, 2], 1)  # type: ignore[arg-type]
    with pytest.raises(EnvironmentFault, match=r"trn\.checkpoint.*list"):
        keeper(tmp_path).load()


def test_a_training_whose_checkpoints_are_all_torn_says_that_it_begins_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keeper(tmp_path).save({"step": 1}, 1)
    [only] = keeper(tmp_path).all()
    only.write_bytes(only.read_bytes()[:-1])
    assert keeper(tmp_path).load() is None
    assert "no checkpoint is whole" in caplog.text
