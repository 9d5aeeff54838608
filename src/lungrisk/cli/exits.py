"""How a command ends: exit codes, one paragraph an error on stderr, signals, and the report of a defect."""

import errno
import os
import platform
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from io import StringIO, TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TextIO

import typer

try:
    import resource
except ImportError:  # not everywhere
    resource = None  # type: ignore[assignment]

from lungrisk import __version__
from lungrisk.core.errors import EnvironmentFault, LungriskError
from lungrisk.core.findings import find
from lungrisk.core.vocabulary import showing, visible

PARTLY, DEFECT, INTERRUPTED, TERMINATED = 4, 70, 130, 143
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
NO_MEMORY = ("map segment", "allocate", "bad alloc", "start new thread")  # how libraries say it


class _Terminated(BaseException):
    """SIGTERM, as an exception: whatever is being written is cleaned up on the way out."""


def _on_sigterm(_number: int, _frame: FrameType | None) -> None:
    raise _Terminated


def leave(app: Callable[..., Any]) -> NoReturn:
    """Run the application and leave the process with the exit code of the contract."""
    signal.signal(signal.SIGTERM, _on_sigterm)
    _open_streams()
    _spare_address_space()
    code = run(app)
    for stream in (sys.stdout, sys.stderr):
        _let_go(stream)
    sys.exit(code)


def _spare_address_space() -> None:
    """Where address space is bounded, OpenBLAS starts no threads: without room for one it ends the process as Ctrl-C does."""
    if resource is not None and resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def run(app: Callable[..., Any], words: list[str] | None = None) -> int:
    """Run the application on the words of the command line (None: those of the process). Gives the exit code."""
    seen = sys.stdout.isatty() and sys.stderr.isatty()
    with showing("terminal" if seen else "nowhere"):
        try:
            return _run(app, words)
        except BrokenPipeError:  # the reader of a pipe has seen enough
            return 0
        except OSError as error:  # stdout cannot take what was said
            return _environment("env.disk", error.strerror)


def _run(app: Callable[..., Any], words: list[str] | None) -> int:
    try:
        code = app(words, standalone_mode=False, prog_name="lungrisk")
        sys.stdout.flush()
        if code == INTERRUPTED:  # what typer makes of Ctrl-C
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except LungriskError as error:
        return _told(error)
    except typer.TyperException as error:
        return _misuse(error)
    except (KeyboardInterrupt, typer.Abort):
        _tell("interrupted; what was finished is kept")
        return INTERRUPTED
    except _Terminated:
        return TERMINATED
    except SystemExit as error:  # typer's own end of a broken pipe
        return 0 if isinstance(error.__context__, BrokenPipeError) else _code_of(error)
    except BrokenPipeError:
        return 0
    except Exception as error:  # whatever is left is the machine's fault, or a mistake of ours, and says so
        return _environment("env.memory", None) if _lacks_memory(error) else _failed(error)


def _failed(error: Exception) -> int:
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return _environment("env.disk", error.strerror)
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("lungrisk"):
        return _environment("env.extra", f"no {error.name}")
    return _defect(error)


def _lacks_memory(error: BaseException | None) -> bool:
    """Whether this, or what it came from, is want of memory: Python's own error, a library that could not be mapped, a thread."""
    while error is not None:
        words = str(error).casefold() if isinstance(error, (ImportError, OSError, RuntimeError)) else ""
        if isinstance(error, MemoryError) or any(sign in words for sign in NO_MEMORY):
            return True
        error = error.__cause__
    return False


def _code_of(error: SystemExit) -> int:
    return error.code if isinstance(error.code, int) else DEFECT


def _told(error: LungriskError) -> int:
    if _lacks_memory(error.__cause__):
        return _environment("env.memory", None)
    _tell(str(error))
    return error.exit_code


def _environment(code: str, found: str | None) -> int:
    error = EnvironmentFault(find(code, found=found))
    _tell(str(error))
    return error.exit_code


def _misuse(error: typer.TyperException) -> int:
    words = StringIO()
    getattr(error, "show", lambda file: file.write(error.format_message()))(file=words)
    _tell(*(visible(line, None) for line in words.getvalue().rstrip("\n").split("\n")))
    return error.exit_code


def _tell(*lines: str) -> None:
    """Lines on stderr; that nobody listens there changes nothing."""
    with suppress(OSError, ValueError):
        for line in lines:
            print(line, file=sys.stderr)
        sys.stderr.flush()


def _open_streams() -> None:
    """Every stream takes any character, and one that was closed leads nowhere: no file that is opened later takes its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
    sys.stdin, sys.stdout, sys.stderr = (
        stream if stream is not None else os.fdopen(number, "r" if number == 0 else "w", closefd=False)
        for number, stream in enumerate((sys.stdin, sys.stdout, sys.stderr))
    )
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _let_go(stream: TextIO) -> None:
    """Flush; a stream that cannot take the rest leads nowhere, or Python would complain of it on the way out."""
    try:
        stream.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _defect(error: BaseException) -> int:
    """The kind and the place of a defect; not its message, which can quote a header, and with it the patient."""
    place = _write_report(describe(error))
    frames = traceback.extract_tb(error.__traceback__)
    at = f" at {_place(frames[-1])}" if frames else ""
    _tell(find("int.defect", found=f"{type(error).__name__}{at}").sentence())
    if place is not None:
        _tell(f"report: {visible(str(place))}")
    return DEFECT


def _place(frame: traceback.FrameSummary) -> str:
    """File and line, inside the package or with the folder that it lies in: no user's paths."""
    house, file = Path(__file__).parents[1], Path(frame.filename)
    where = file.relative_to(house) if file.is_relative_to(house) else Path(*file.parts[-2:])
    return f"{where}:{frame.lineno}"


def describe(error: BaseException) -> str:
    """What a defect's report holds: where it happened and with which versions; no message, no values, no user's paths.

    Messages are left out because they can quote a header, and with it the patient.
    """
    lines = [
        f"lungrisk {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        f"{type(error).__module__}.{type(error).__qualname__} (its message is left out: it can quote a header)",
    ]
    frames = traceback.extract_tb(error.__traceback__)
    lines += [f"  {_place(frame)} in {frame.name}: {frame.line}" for frame in frames]
    return "\n".join(lines) + "\n"


def _write_report(text: str) -> Path | None:
    name = f"lungrisk-defect-{sha256(text.encode()).hexdigest()[:8]}.txt"
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        try:
            (folder / name).write_text(text, "utf-8")
        except OSError:
            continue
        return folder / name
    return None
