"""One process at a time: a lock that goes with the process that holds it, however that ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path

from lungrisk.core.errors import EnvironmentFault
from lungrisk.core.findings import find


@contextmanager
def locked(file: Path, code: str) -> Iterator[TextIOWrapper]:
    """The file, opened to read and append, while nobody else holds it; made with its folder where it is not there.

    code: of the finding when another process holds it. Raises EnvironmentFault (that code, `env.disk`).
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = file.open("a+", encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(find("env.disk", found=error.strerror, files=[file.name])) from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise EnvironmentFault(find(code, found=file.parent.name, files=[file.name])) from error
        yield stream


def lines_of(stream: TextIOWrapper, longest: int) -> Iterator[tuple[bytes, int]]:
    """The whole lines of a locked file as bytes, each with the place where it ends; none longer than `longest` bytes."""
    with open(stream.fileno(), "rb", closefd=False) as raw:
        raw.seek(0)
        begun = True  # what follows is the beginning of a line
        while line := raw.readline(longest):
            ended = line.endswith(b"\n")
            if begun and ended:
                yield line, raw.tell()
            begun = ended
    stream.seek(0, os.SEEK_END)
