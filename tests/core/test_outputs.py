"""Whose an output is: the stamp of a folder, and what is known of one without."""

from pathlib import Path

import pytest

from lungrisk.core.errors import UsageFault
from lungrisk.core.outputs import MARKS, STAMP, key_of, read_stamp, state_of, written

KEY = key_of(scan="a")


def test_a_folder_is_new_then_unfinished_then_done(tmp_path: Path) -> None:
    assert state_of(tmp_path / "out", "assess", KEY) == "new"
    assert not (tmp_path / "out").exists()
    with written(tmp_path / "out", "assess", KEY):
        assert state_of(tmp_path / "out", "assess", KEY) == "unfinished"
    assert state_of(tmp_path / "out", "assess", KEY) == "done"
    assert state_of(tmp_path / "out", "assess", KEY, overwrite=True) == "new"


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(("command", "key"), [("view", KEY), ("assess", key_of(scan="b"))])
def test_what_is_of_another_command_or_key_is_refused_by_name(
    tmp_path: Path, finished: bool, command: str, key: str
) -> None:
    with pytest.raises(KeyboardInterrupt), written(tmp_path, "assess", KEY):
        raise KeyboardInterrupt
    if finished:
        with written(tmp_path, "assess", KEY):
            pass
    with pytest.raises(UsageFault, match=r"use\.output.*(made|begun) by lungrisk assess.*--overwrite") as error:
        state_of(tmp_path, command, key)
    assert error.value.exit_code == 2
    assert state_of(tmp_path, command, key, overwrite=True) == "new"


@pytest.mark.parametrize("name", sorted(MARKS))
def test_an_output_without_a_stamp_is_known_by_its_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("work")
    with pytest.raises(UsageFault, match=r"use\.output"):
        state_of(tmp_path, "train", KEY)


def test_other_files_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert state_of(tmp_path, "train", KEY) == "new"


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"3", b"\xff\xfe", b"[" * 9000, b'{"command": 3, "key": "a", "finished": true}',
     b'{"command": "a\\nforged", "key": "a", "finished": true}', b'{"command": "train", "key": "a"}'],
    ids=range(9),
)  # fmt: skip
def test_a_stamp_that_cannot_be_read_is_none(tmp_path: Path, text: bytes) -> None:
    (tmp_path / STAMP).write_bytes(text)
    assert read_stamp(tmp_path) is None
    assert state_of(tmp_path, "train", KEY) == "new"
