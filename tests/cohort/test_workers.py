"""One task a patient: whatever does the work, every item has its result, and a dead worker costs one."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lungrisk.cohort.workers import Workers, run_each
from lungrisk.core.errors import EnvironmentFault, InputError, InternalFault, LungriskError, UsageFault
from lungrisk.core.findings import find

TWO = Workers(kind="processes", n=2)


def square(item: int) -> int:
    return item * item


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A cheap task with an option of its own: what becomes of an item."""

    shift: int = 0

    def __call__(self, item: Any) -> Any:
        match item:
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "leave":
                os._exit(3)
            case "refuse":
                raise InputError(find("anat.no_lung", found="none"))
            case "odd":
                raise OddError("one", 2)
            case "unpicklable":
                return lambda: None
            case "environment":
                return os.environ.get("OMP_NUM_THREADS"), multiprocessing.get_start_method(), os.getpid()
            case "wait":
                time.sleep(60)
        return item + self.shift


class OddError(Exception):
    """Its arguments are not those of its constructor, so it cannot be unpickled."""

    def __init__(self, one: str, two: int) -> None:
        super().__init__(f"{one}{two}")


@pytest.mark.parametrize("workers", [Workers(), Workers(kind="processes", n=1), TWO], ids=str)
def test_every_item_has_its_own_result(workers: Workers) -> None:
    assert sorted(run_each(square, range(7), workers)) == [(place, place * place) for place in range(7)]


@settings(max_examples=20)
@given(st.lists(st.integers()))
def test_in_line_is_the_built_in_map(items: list[int]) -> None:
    assert list(run_each(square, items)) == list(enumerate(map(square, items)))


@pytest.mark.parametrize("workers", [Workers(), TWO], ids=str)
def test_an_exception_is_a_result_with_its_findings(workers: Workers) -> None:
    results = dict(run_each(Task(shift=1), [1, "refuse", 2], workers))
    assert (results[0], results[2]) == (2, 3)
    assert isinstance(results[1], InputError)
    assert results[1].findings == (find("anat.no_lung", found="none"),)


def test_a_dead_worker_costs_its_own_item_only() -> None:
    items = [1, "die", 2, "leave", 3, "die", 4]
    results = dict(run_each(Task(), items, TWO))
    assert sorted(results) == list(range(7))
    assert [results[place] for place in (0, 2, 4, 6)] == [1, 2, 3, 4]
    ends = [results[place].findings[0] for place in (1, 3, 5)]  # type: ignore[union-attr]
    assert {end.code for end in ends} == {"coh.worker"}
    assert [end.found for end in ends] == ["signal SIGKILL", "exit code 3", "signal SIGKILL"]


def die(folder: Path, phase: str, times: int) -> None:
    """Kill this process, the first `times` times that this phase is come to."""
    before = len(list(folder.glob(f"{phase}-*")))
    if before < times:
        (folder / f"{phase}-{before}-{os.getpid()}").touch()
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Fragile:
    """Squares; the process dies in one of the phases of its life: while it starts, at the item 2, packing its answer, after it."""

    folder: Path
    phase: str
    times: int

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrive, (os.getpid(), self.folder, self.phase, self.times)

    def __call__(self, item: int) -> Any:
        if item == 2 and self.phase == "item":
            die(self.folder, "item", self.times)
        if item == 2 and self.phase == "packing":
            return Packed(self.folder, self.times)
        if item == 2 and self.phase == "after":
            threading.Timer(0.05, die, (self.folder, "after", self.times)).start()
        if self.phase == "after":
            time.sleep(0.02 if item == 2 else 0.2)
        return item * item


def _arrive(sender: int, folder: Path, phase: str, times: int) -> Fragile:
    if os.getpid() != sender and phase == "starting":
        die(folder, "starting", times)
    return Fragile(folder, phase, times)


@dataclass
class Packed:
    folder: Path
    times: int

    def __reduce__(self) -> tuple[Any, ...]:
        if multiprocessing.parent_process() is not None:
            die(self.folder, "packing", self.times)
        return int, (4,)


@pytest.mark.parametrize("phase", ["starting", "item", "packing", "after"])
def test_a_process_killed_once_in_any_phase_costs_nothing(tmp_path: Path, phase: str) -> None:
    results = dict(run_each(Fragile(tmp_path, phase, 1), range(4), Workers(kind="processes", n=1)))
    assert results == {place: place * place for place in range(4)}
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("phase", ["item", "packing"])
def test_an_item_at_which_two_processes_died_is_lost_alone(tmp_path: Path, phase: str) -> None:
    results = dict(run_each(Fragile(tmp_path, phase, 99), range(4), TWO))
    assert isinstance(results[2], InputError)
    assert results[2].findings[0].code == "coh.worker"
    assert [results[place] for place in (0, 1, 3)] == [0, 1, 9]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(("n", "deaths", "goes_on"), [(1, 1, True), (2, 3, True), (1, 2, False), (2, 4, False)])
def test_processes_that_cannot_start_are_tried_again_once_and_stop_the_work_only_when_none_can(
    tmp_path: Path, n: int, deaths: int, goes_on: bool
) -> None:
    work = run_each(Fragile(tmp_path, "starting", deaths), range(3), Workers(kind="processes", n=n))
    if goes_on:
        assert dict(work) == {0: 0, 1: 1, 2: 4}
    else:
        with pytest.raises(EnvironmentFault, match=r"coh\.start.*SIGKILL"):
            list(work)


def test_what_cannot_travel_back_is_a_defect_by_name() -> None:
    results = dict(run_each(Task(), ["odd", "unpicklable", 5], TWO))
    assert results[2] == 5
    assert isinstance(results[0], InternalFault)
    assert results[0].findings[0].found == "OddError"
    assert isinstance(results[1], InternalFault)


def test_a_task_that_cannot_travel_is_told_before_any_work() -> None:
    for workers in (Workers(), TWO):
        with pytest.raises(TypeError, match="function of a module"):
            run_each(lambda item: item, [1], workers)


def test_processes_start_fresh_with_one_thread_each_and_the_parent_keeps_its_own() -> None:
    before = os.environ.get("OMP_NUM_THREADS")
    results = [result for _, result in run_each(Task(), ["environment"] * 4, TWO)]
    assert {threads for threads, _, _ in results} == {"1"}
    assert os.getpid() not in {pid for _, _, pid in results}
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_closing_the_iterator_ends_the_processes() -> None:
    results = run_each(Task(), [1, "wait", "wait"], TWO)
    assert next(results) == (0, 1)
    begun = time.monotonic()
    results.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()
    assert time.monotonic() - begun < 10


SCRIPT = """
import sys, os, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what a shell starts in the background
sys.path.insert(0, {tests!r})
from test_workers import Task
from lungrisk.cohort.workers import Workers, run_each
if __name__ == "__main__":
    from multiprocessing import active_children
    for place, result in run_each(Task(), [1, "wait", "wait"], Workers(kind="processes", n=2)):
        print(*[child.pid for child in active_children()], flush=True)
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL], ids=lambda one: one.name)
def test_no_process_outlives_a_parent_that_is_ended(ending: signal.Signals, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent)), "utf-8")
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(children) == 2
        parent.send_signal(ending)
        parent.wait(20)
    if ending is signal.SIGKILL:  # they finish the patient under way, then find that nobody listens
        for pid in children:
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)


UNGUARDED = SCRIPT.replace('if __name__ == "__main__":', "if True:")


def test_a_script_without_guard_is_told_what_it_lacks(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED.format(tests=str(Path(__file__).parent)), "utf-8")
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1
    assert "coh.start" in run.stderr
    assert "__main__" in run.stderr


@pytest.mark.parametrize(
    "error", [InputError, UsageFault, EnvironmentFault, InternalFault], ids=lambda one: one.__name__
)
def test_an_error_comes_out_of_a_pickle_with_its_findings(error: type[LungriskError]) -> None:
    first = error(find("geo.hole", found=3), find("anat.no_lung"))
    again = pickle.loads(pickle.dumps(first))
    assert (type(again), again.findings, str(again)) == (error, first.findings, str(first))


@pytest.mark.parametrize("options", [{"n": 0}, {"kind": "dask"}, {"kind": "slurm"}], ids=str)
def test_workers_that_cannot_be_are_a_usage_fault(options: dict[str, Any]) -> None:
    with pytest.raises(UsageFault, match=r"use\.option"):
        Workers(**options)
