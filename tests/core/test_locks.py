"""A lock keeps a second process out, and goes with the one that holds it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lungrisk.core.errors import EnvironmentFault
from lungrisk.core.locks import locked

HOLD = "import sys, time; from pathlib import Path; from lungrisk.core.locks import locked\n"
HOLD += "with locked(Path(sys.argv[1]), 'coh.locked'): print('held', flush=True); time.sleep(60)"


@pytest.mark.parametrize("code", ["coh.locked", "trn.locked"])
def test_a_second_holder_is_refused_by_the_name_of_the_caller(tmp_path: Path, code: str) -> None:
    with locked(tmp_path / "new" / ".lock", code), pytest.raises(EnvironmentFault) as caught:  # noqa: SIM117
        with locked(tmp_path / "new" / ".lock", code):
            pass
    assert [one.code for one in caught.value.findings] == [code]
    with locked(tmp_path / "new" / ".lock", code):
        pass


def test_a_lock_goes_with_a_process_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / ".lock"
    process = subprocess.Popen([sys.executable, "-c", HOLD, file], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(EnvironmentFault, match=r"coh\.locked"), locked(file, "coh.locked"):
            pass
        process.send_signal(signal.SIGKILL)
    with locked(file, "coh.locked"):
        pass


def test_what_is_in_the_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    file.write_text("kept\n", "utf-8")
    with locked(file, "coh.locked") as stream:
        stream.seek(0)
        assert stream.read() == "kept\n"


def test_a_folder_that_cannot_be_made_is_a_fault_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(EnvironmentFault, match=r"env\.disk"), locked(tmp_path / "file" / ".lock", "coh.locked"):
        pass
