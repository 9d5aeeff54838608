"""The one place that turns what a parser, a decoder or a disk can raise into a finding.

`reading` goes round the calls that touch the bytes of one file: whatever they raise is that file's fault, and it is named. `door` goes round
the whole room: what is left is something that was not foreseen, and it stays visible as such, with its type and its place.
"""

import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lungrisk.core.errors import EnvironmentFault, InputError, LungriskError
from lungrisk.core.findings import find

HOUSE = Path(__file__).parents[1]


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Round the parsing and decoding of one file. name: the file's, as findings give it.

    Raises InputError: `file.unreadable` (the disk), `file.truncated` (it ends early), `file.corrupt` (all else), EnvironmentFault
    `env.memory`; a LungriskError as it is, with the name where it has none.

    >>> with reading("0001.dcm"):
    ...     b"a".decode("no such alphabet")
    Traceback (most recent call last):
    lungrisk.core.errors.InputError: file.corrupt: a file cannot be parsed; found LookupError; in 0001.dcm; copy or export the scan again
    """
    try:
        yield
    except LungriskError as error:
        raise with_name(error, name) from error
    except MemoryError as error:
        raise EnvironmentFault(find("env.memory", files=[name])) from error
    except EOFError as error:
        raise InputError(find("file.truncated", found="the end of the packed bytes", files=[name])) from error
    except OSError as error:
        code = "file.corrupt" if error.errno is None else "file.unreadable"  # a decoder's OSError has no number
        raise InputError(find(code, found=error.strerror or kind_of(error), files=[name])) from error
    except Exception as error:  # a parser under hostile bytes raises anything: it is the file's fault
        raise InputError(find("file.corrupt", found=kind_of(error), files=[name])) from error


@contextmanager
def door(names: Iterable[str] = ()) -> Iterator[None]:
    """Round all that reads a scan: nothing untyped leaves. names: the files, where they are few.

    Raises InputError (`file.unforeseen`: the type and the place in lungrisk, never the message, which can quote a header),
    EnvironmentFault (`env.memory`); a LungriskError as it is. KeyboardInterrupt, SystemExit and the like pass.

    >>> with door():
    ...     {}["x"]
    Traceback (most recent call last):
    lungrisk.core.errors.InputError: file.unforeseen: ...
    """
    try:
        yield
    except LungriskError:
        raise
    except MemoryError as error:
        raise EnvironmentFault(find("env.memory", files=names)) from error
    except Exception as error:  # by construction: whatever it is, it is named
        found = f"{kind_of(error)}{_place(error)}"
        raise InputError(find("file.unforeseen", found=found, files=names)) from error


def with_name(error: LungriskError, name: str) -> LungriskError:
    """The same error with the file's name in those of its findings that have none."""
    return type(error)(*(f if f.files else replace(f, files=(name,), n_files=1) for f in error.findings))


def kind_of(error: BaseException) -> str:
    """The type by the name under which its library knows it: "struct.error", "ValueError"."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _place(error: BaseException) -> str:
    """Where in lungrisk it happened."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_relative_to(HOUSE) and file != Path(__file__):
            return f" at {file.relative_to(HOUSE).as_posix()}:{frame.lineno}"
    return ""
