"""What was given (a folder, a zip, one file) as a list of named items that can be opened: nothing is unpacked to disk."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from lungrisk.core.errors import InputError, UsageFault
from lungrisk.core.findings import Finding, find
from lungrisk.formats.archive import open_archive

HEAD_BYTES = 4096  # enough for a packed NIfTI header to be seen through its packing


@dataclass(frozen=True, slots=True)
class Item:
    """One file. name: relative to what was given, with forward slashes. size: bytes, unpacked. open: gives a seekable stream.
    start: for a member of an archive, its first bytes without inflating the rest."""

    name: str
    size: int
    open: Callable[[], BinaryIO] = field(repr=False)
    start: Callable[[int], bytes] | None = field(default=None, repr=False)

    @property
    def packed(self) -> bool:
        """Opening it inflates all of it."""
        return self.start is not None

    def head(self, n_bytes: int = HEAD_BYTES) -> bytes:
        """The first bytes. Raises OSError."""
        if self.start is not None:
            return self.start(n_bytes)
        with self.open() as stream:
            return stream.read(n_bytes)


@dataclass(frozen=True, slots=True)
class Given:
    """Everything under the path that was given. folder: of the one file that was given, None for a folder or an archive."""

    items: tuple[Item, ...]
    folder: Path | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def single(self) -> bool:
        """One file was given, no folder and no archive."""
        return self.folder is not None

    def companion(self, item: Item, name: str) -> Item:
        """The file that the header in `item` names, in its own folder or below.

        Raises InputError: `sec.path` for a name that leads out of it, `file.unreadable` when it is not there.
        """
        parts = PurePosixPath(name.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in name or not parts.parts:
            raise InputError(find("sec.path", found=name[:64], expected="a file beside the header", files=[item.name]))
        wanted = (PurePosixPath(item.name).parent / parts).as_posix()
        found = next((other for other in self.items if other.name == wanted), None)
        if found is None and self.folder is not None:
            path = self.folder / parts
            if path.is_file() and path.resolve().is_relative_to(self.folder.resolve()):
                found = _file(path, wanted)
        if found is None:
            raise InputError(find("file.unreadable", found="no such file", expected=wanted, files=[item.name]))
        return found


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
    return Given((item,), folder=path.parent)


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
