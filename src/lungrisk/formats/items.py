"""What was given (a folder, a zip, one file) as a list of named items that can be opened: nothing is unpacked to disk."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from lungrisk.core.errors import InputError, UsageFault
from lungrisk.core.findings import Finding, find
from lungrisk.formats.archive import open_archive

HEAD_BYTES = 512


@dataclass(frozen=True, slots=True)
class Item:
    """One file. name: relative to what was given, with forward slashes. size: bytes, unpacked. open: gives a seekable stream."""

    name: str
    size: int
    open: Callable[[], BinaryIO] = field(repr=False)

    def head(self) -> bytes:
        """The first bytes. Raises OSError."""
        with self.open() as stream:
            return stream.read(HEAD_BYTES)

    def content(self) -> bytes:
        """All bytes. Raises OSError."""
        with self.open() as stream:
            return stream.read()


@dataclass(frozen=True, slots=True)
class Given:
    """Everything under the path that was given. single: it was one file, no folder and no archive."""

    items: tuple[Item, ...]
    single: bool = False
    findings: tuple[Finding, ...] = ()

    def item(self, name: str) -> Item | None:
        """The item of that name."""
        return next((item for item in self.items if item.name == name), None)


def gather(path: Path) -> Given:
    """List what lies at `path`: a folder at any depth, a zip, or one file.

    Raises UsageFault (`use.missing`), InputError (`sec.path`, `file.encrypted`, `file.corrupt`, `res.claim`).
    """
    if path.is_dir():
        return _walk(path)
    if not path.exists():
        raise UsageFault(find("use.missing", found=path))
    if not path.is_file():
        raise InputError(find("file.unreadable", found="not a regular file", files=[path.name]))
    item = _file(path, path.name)
    try:
        head = item.head()
    except OSError as error:
        raise InputError(find("file.unreadable", found=error.strerror, files=[path.name])) from error
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return Given(tuple(Item(*member) for member in open_archive(path)))
    return Given((item,), single=True)


def _walk(root: Path) -> Given:
    items, unreadable = [], []
    seen: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(root):  # links to folders are not followed: no loops, no way out
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            relative = path.relative_to(root).as_posix()
            try:
                status = path.stat()
            except OSError:
                unreadable.append(relative)
                continue
            if not stat.S_ISREG(status.st_mode) or (status.st_dev, status.st_ino) in seen:
                continue  # a pipe would hang; a second link to the same file is the same file
            seen.add((status.st_dev, status.st_ino))
            items.append(Item(relative, status.st_size, _opener(path)))
    findings = [find("file.unreadable", severity="limited", files=unreadable)] if unreadable else []
    return Given(tuple(items), findings=tuple(findings))


def _file(path: Path, name: str) -> Item:
    return Item(name, path.stat().st_size, _opener(path))


def _opener(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb")
