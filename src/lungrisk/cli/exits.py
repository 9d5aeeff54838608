"""How a command ends: exit codes, one paragraph an error on stderr, signals, and the report of a defect."""

import errno
import os
import platform
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import typer

from lungrisk import __version__
from lungrisk.core.errors import EnvironmentFault, LungriskError
from lungrisk.core.findings import find

PARTLY, DEFECT, INTERRUPTED, BROKEN_PIPE, TERMINATED = 4, 70, 130, 141, 143


class _Terminated(BaseException):
    """SIGTERM, as an exception: whatever is being written is cleaned up on the way out."""


def _on_sigterm(_number: int, _frame: FrameType | None) -> None:
    raise _Terminated


def leave(app: Callable[..., Any]) -> NoReturn:
    """Run the application and leave the process with the exit code of the contract."""
    signal.signal(signal.SIGTERM, _on_sigterm)
    sys.exit(run(app))


def run(app: Callable[..., Any], words: list[str] | None = None) -> int:
    """Run the application on the words of the command line (None: those of the process). Gives the exit code."""
    try:
        code = app(words, standalone_mode=False, prog_name="lungrisk")
        sys.stdout.flush()
        if code == INTERRUPTED:  # what typer makes of Ctrl-C
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except LungriskError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except typer.TyperException as error:
        return _misuse(error)
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted; what was finished is kept", file=sys.stderr)
        return INTERRUPTED
    except _Terminated:
        return TERMINATED
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except MemoryError:
        return _environment("env.memory", None)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}:
            return _environment("env.disk", error.strerror)
        return _defect(error)
    except Exception as error:  # whatever is left is a mistake of ours, and says so
        return _defect(error)


def _environment(code: str, found: str | None) -> int:
    error = EnvironmentFault(find(code, found=found))
    print(error, file=sys.stderr)
    return error.exit_code


def _misuse(error: typer.TyperException) -> int:
    show = getattr(error, "show", None)
    if show is None:
        print(error.format_message(), file=sys.stderr)
    else:
        show()
    return error.exit_code


def _defect(error: BaseException) -> int:
    place = _write_report(describe(error))
    sentence = find("int.defect", found=type(error).__name__, files=[str(place)] if place else []).sentence()
    print(f"{sentence}\n{error}", file=sys.stderr)
    return DEFECT


def describe(error: BaseException) -> str:
    """What a defect's report holds: where it happened and with which versions; no message, no values, no user's paths.

    Messages are left out because they can quote a header, and with it the patient.
    """
    house = Path(__file__).parents[1]
    lines = [
        f"lungrisk {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        f"{type(error).__module__}.{type(error).__qualname__} (its message is left out: it can quote a header)",
    ]
    for frame in traceback.extract_tb(error.__traceback__):
        file = Path(frame.filename)
        where = file.relative_to(house) if file.is_relative_to(house) else Path(*file.parts[-2:])
        lines.append(f"  {where}:{frame.lineno} in {frame.name}: {frame.line}")
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
