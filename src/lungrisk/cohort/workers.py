"""One task a patient, done in line, on processes, on a Dask cluster or on SLURM: the same results, in any order.

Processes are our own, one pipe each, because a pool of the standard library loses every patient when one process is killed,
and leaves its processes behind when the parent is (docs/decisions/0011). Each starts fresh ("spawn") with one thread.
"""

import os
import pickle
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal, TypeVar

from threadpoolctl import threadpool_limits

from lungrisk.core.errors import EnvironmentFault, InputError, InternalFault, UsageFault
from lungrisk.core.extras import need
from lungrisk.core.findings import find

Item = TypeVar("Item")
Result = TypeVar("Result")
Task = Callable[[Any], Any]
Outcome = tuple[int, Any]

READY = "ready"
STARTS = 2  # that a process may take to become ready
PATIENCE_S = 10.0  # that a process gets to clean up when all is to stop
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # engine.py reads the first


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """Where the work is done.

    kind: "inline" (this process), "processes" (n of this machine), "dask" (a running scheduler at `address`, e.g.
    tcp://host:8786) or "slurm" (jobs described by `file`, TOML or JSON: queue, cores, memory, walltime, jobs, ...).
    Raises UsageFault (`use.option`) when what the kind needs is missing.

    >>> Workers(kind="processes", n=2).n
    2
    """

    kind: Literal["inline", "processes", "dask", "slurm"] = "inline"
    n: int = 1
    address: str | None = None
    file: Path | None = None

    def __post_init__(self) -> None:
        if self.n < 1:
            raise UsageFault(find("use.option", found=f"{self.n} workers", expected="1 or more"))
        if self.kind == "dask" and not self.address:
            raise UsageFault(find("use.option", found="no address", expected="the address of a Dask scheduler"))
        if self.kind == "slurm" and self.file is None:
            raise UsageFault(find("use.option", found="no file", expected="a TOML or JSON file for SLURM"))


def run_each(
    task: Callable[[Item], Result], items: Sequence[Item], workers: Workers | None = None
) -> Iterator[tuple[int, Result | Exception]]:
    """Yield (place of the item, what the task gave or the exception that it raised), as they finish.

    task: a function of a module, or an instance of a module's class: it and the items travel as pickles. An item at which a
    worker died is tried once more and then costs an InputError (`coh.worker`); the others go on, with other workers. Closing the iterator, Ctrl-C and SIGTERM stop all workers.
    Raises EnvironmentFault (`coh.start`, `env.extra`) when workers cannot be had, TypeError when the task cannot travel.

    >>> sorted(run_each(abs, [-1, -2]))
    [(0, 1), (1, 2)]
    """
    workers = workers or Workers()
    try:
        pickle.dumps(task)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(f"a task is a function of a module, not {task!r}") from error
    if workers.kind == "inline":
        return _inline(task, items)
    if workers.kind == "processes":
        return _on_processes(task, items, min(workers.n, max(len(items), 1)))
    need("distributed", extra="dask")
    from lungrisk.cohort.clusters import on_cluster

    return on_cluster(task, items, workers)


def _inline(task: Task, items: Sequence[Any]) -> Iterator[Outcome]:
    for place, item in enumerate(items):
        yield place, _attempt(task, item)


def _attempt(task: Task, item: Any) -> Any:
    """What the task gives, or the exception that it raised."""
    try:
        return task(item)
    except Exception as error:
        return error


class _Process:
    """One process with its pipe. When the parent is killed, the pipe ends and so does the process."""

    def __init__(self, task: Task, tries: int = 1) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, task), daemon=True)
        self.place: int | None = None
        self.started = False
        self.tries = tries  # how often in a row it was tried to start one in this place
        with one_thread():
            self.process.start()
        theirs.close()

    def give(self, place: int, item: Any) -> None:
        """Send the next item. A process that has died since is noticed when it is read from."""
        self.place = place
        try:
            self.pipe.send(item)
        except (BrokenPipeError, ConnectionResetError):
            return

    def stop(self) -> None:
        """End the process, gently first."""
        self.pipe.close()
        self.process.terminate()

    def bury(self) -> None:
        """Wait for a process that was stopped; kill it if it does not heed."""
        self.process.join(PATIENCE_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _on_processes(task: Task, items: Sequence[Any], n: int) -> Generator[Outcome, None, None]:
    """An item at which a process died is tried once more, by another process; so is a process that died before it was ready."""
    todo = deque(enumerate(items))
    tried: set[int] = set()
    crew: list[_Process] = []
    try:
        crew += [_Process(task) for _ in range(n)]
        while crew:
            by_pipe = {member.pipe: member for member in crew}
            for pipe in wait(list(by_pipe)):
                member = by_pipe[pipe]  # type: ignore[index]
                place, answer = member.place, _answer(member)
                if answer is not None:
                    _next(member, todo, crew)
                    if place is not None:
                        yield place, answer[1]
                    continue
                crew.remove(member)
                if place is not None and place not in tried:
                    tried.add(place)
                    todo.append((place, items[place]))
                elif place is not None:
                    yield place, InputError(find("coh.worker", found=_ending(member)))
                if member.started or member.tries < STARTS:
                    crew.append(_Process(task, tries=1 if member.started else member.tries + 1))
                elif not crew and todo:  # none of them can start: it would be no better the next time
                    raise EnvironmentFault(find("coh.start", found=_ending(member)))
    finally:
        for member in crew:
            member.stop()
        for member in crew:
            member.bury()


def _next(member: _Process, todo: deque[tuple[int, Any]], crew: list[_Process]) -> None:
    """Give a process that waits its next item, or let it go."""
    if todo:
        member.give(*todo.popleft())
    else:
        crew.remove(member)
        member.stop()
        member.bury()


def _answer(member: _Process) -> tuple[str, Any] | None:
    """What a process says; None: it has died."""
    try:
        answer: tuple[str, Any] = member.pipe.recv()
    except (EOFError, OSError, pickle.UnpicklingError):
        member.bury()
        return None
    member.started = True
    return answer


def _ending(member: _Process) -> str:
    code = member.process.exitcode
    return f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"


@contextmanager
def one_thread() -> Iterator[None]:
    """Networks and matrices run on one thread meanwhile, here and in processes started: sums then have one order, results one form."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        with threadpool_limits(1):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(pipe: Connection, task: Task) -> None:
    """The life of a process: items in, results out, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))  # so that files under way are removed
    try:
        pipe.send((READY, None))
        while True:
            pipe.send_bytes(_packed(_attempt(task, pipe.recv())))
    except (EOFError, OSError):
        return  # the parent has gone


def _packed(result: Any) -> bytes:
    """A result as bytes; where it cannot travel, an exception that says so. An exception brings its traceback as a note."""
    if isinstance(result, Exception) and result.__traceback__ is not None:
        result.add_note("".join(traceback.format_tb(result.__traceback__)))
    try:
        packed = pickle.dumps((READY, result))
        pickle.loads(packed)  # an exception with arguments of its own may not come back
        return packed
    except Exception as error:
        kept = result if isinstance(result, Exception) else error
        return pickle.dumps((READY, InternalFault(find("int.defect", found=type(kept).__name__))))
