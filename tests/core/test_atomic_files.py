"""A written file is whole or absent, whatever happens while it is written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lungrisk.core.errors import EnvironmentFault
from lungrisk.core.extras import need
from lungrisk.core.files import write_atomic


def test_text_is_written_as_utf_8_and_folders_are_made(tmp_path: Path) -> None:
    path = write_atomic(tmp_path / "a" / "b.txt", "µ")
    assert path.read_bytes() == b"\xc2\xb5"


def test_nothing_is_left_beside_the_file(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", b"1")
    write_atomic(tmp_path / "a", b"2")
    assert [one.name for one in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"2"


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_atomic(tmp_path / "a", b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentFault) as caught:
        write_atomic(tmp_path / "a", b"new")
    assert caught.value.findings[0].code == "env.disk"
    assert [one.name for one in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_killed_writer_leaves_whole_files(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from lungrisk.core.files import write_atomic\n"
        "print('up', flush=True); n = 0\n"
        "while True: n += 1; write_atomic(Path(sys.argv[1]), bytes([n % 256]) * 300_000)\n"
    )
    for wait in (0.01, 0.03, 0.06):
        with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "a")], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(wait)
            writer.send_signal(signal.SIGKILL)
        if (tmp_path / "a").exists():
            content = (tmp_path / "a").read_bytes()
            assert len(content) == 300_000
            assert len(set(content)) == 1


def test_a_missing_package_names_the_extra() -> None:
    with pytest.raises(EnvironmentFault) as caught:
        need("no_such_package_at_all", extra="train")
    assert caught.value.findings[0].code == "env.extra"
    assert caught.value.findings[0].expected == 'pip install "lungrisk[train]"'
