"""The edges of the command line: streams that are closed, full or narrow, little memory, and characters that act."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lungrisk.cli.app import build
from lungrisk.cli.exits import run

LUNGRISK = f'"{sys.executable}" -c "from lungrisk.cli import main; main()"'


def shell(words: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash in which `lungrisk` is this one."""
    line = f'lungrisk() {{ {LUNGRISK} "$@"; }}; {words}'
    return subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        env={**os.environ, **env},
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


# a row an edge: the line, its exit code
EDGES = {
    "stdout is full": ("lungrisk info > /dev/full", 5),
    "both are full": ("lungrisk info > /dev/full 2> /dev/full", 5),
    "stdout is closed": ("lungrisk info >&-", 0),
    "all is closed": ("lungrisk info <&- >&- 2>&-", 0),
    "stderr is closed under an error": ("lungrisk check /nowhere 2>&-", 2),
    "stderr is full under an error": ("lungrisk check /nowhere 2> /dev/full", 2),
    "the reader has left": ("lungrisk info | true; exit ${PIPESTATUS[0]}", 0),
    "the reader of errors has left": (
        "{ lungrisk check /nowhere 2>&1 >&3 3>&- | true; exit ${PIPESTATUS[0]}; } 3>&1",
        2,
    ),
    "no home": ("env -u HOME true; unset HOME; lungrisk info", 0),
}


@pytest.mark.parametrize("row", EDGES)
def test_a_stream_that_takes_nothing_is_no_traceback(row: str) -> None:
    line, code = EDGES[row]
    done = shell(line)
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr + done.stdout
    assert b"Exception ignored" not in done.stderr


def test_a_narrow_terminal_gets_escapes(tmp_path: Path) -> None:
    done = shell(f"lungrisk check '{tmp_path}/é²'", PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert b"\\xe9\\xb2" in done.stderr


@pytest.mark.parametrize("kib", [40_000, 150_000, 400_000])
def test_little_memory_is_told_as_such(kib: int, tmp_path: Path) -> None:
    (tmp_path / "scan.nii").write_bytes(b"\x5c\x01\0\0" + bytes(348))
    done = shell(f"ulimit -v {kib}; lungrisk check '{tmp_path}/scan.nii'")
    assert b"Traceback" not in done.stderr, done.stderr
    assert done.returncode in {3, 5}
    assert done.returncode == 3 or b"env.memory" in done.stderr


def test_what_is_typed_forges_neither_line_nor_colour(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    forged = "x\x1b[2J\nrefused   int.defect: forged\u202e"
    for words in (["check", forged], ["assess", f"--{forged}"], ["info", forged], [forged]):
        assert run(build(), words) == 2
        err = capsys.readouterr().err
        assert "\x1b" not in err
        assert "\u202e" not in err
        assert not any(line.startswith("refused") for line in err.splitlines())


def test_the_card_of_a_bundle_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(build(), ["info", "malignancy"]) == 0
    out = capsys.readouterr().out
    assert "Intended use" in out
    assert out.startswith("name: malignancy\ntask: malignancy\n")
    assert max(map(len, out.split("\n# ")[0].splitlines())) < 500
    assert run(build(), ["info"]) == 0
    assert len(capsys.readouterr().out.splitlines()) <= 8
