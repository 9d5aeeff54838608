"""The records of what was given: named files that can be opened, in a folder or inside an archive, and what was noticed on the way."""

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find
from lungrisk.core.vocabulary import veil

HEAD_BYTES = 4096  # enough for a packed NIfTI header to be seen through its packing


@dataclass(frozen=True, slots=True)
class Item:
    """One file. name: relative to what was given, with forward slashes. size: bytes, unpacked. open: gives a seekable stream.
    start: for a packed file, its first bytes without inflating the rest."""

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

        Raises InputError: `sec.path` for a name that leads out of it, `file.unreadable` when it is not there or no file.
        """
        parts = PurePosixPath(name.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in name or "\0" in name or not parts.parts:
            raise InputError(
                find("sec.path", found=veil(name[:64]), expected="a file beside the header", files=[item.name])
            )
        wanted = (PurePosixPath(item.name).parent / parts).as_posix()
        found = next((other for other in self.items if other.name == wanted), None)
        why = "no such file"
        if found is None and self.folder is not None:
            path = self.folder / parts
            try:
                if not path.resolve().is_relative_to(self.folder.resolve()):
                    raise InputError(find("sec.path", found="a link out of the folder", files=[item.name]))
                found = file_item(path, wanted)
            except OSError as error:
                why = error.strerror or why
            except RuntimeError:  # pathlib's word for links that lead in a circle
                why = "a link that leads in a circle"
        if found is None:
            raise InputError(
                find("file.unreadable", found=why, expected="the file that the header names", files=[item.name, wanted])
            )
        return found


def file_item(path: Path, name: str) -> Item:
    """A file on disk. Raises OSError, also for what is no regular file."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", name)
    return Item(name, status.st_size, opener(path))


def opener(path: str | os.PathLike[str]) -> Callable[[], BinaryIO]:
    """Opens a regular file; OSError for what has become something else, so that no pipe is waited for."""

    def calm(name: str, flags: int) -> int:
        handle = os.open(name, flags | getattr(os, "O_NONBLOCK", 0))
        if stat.S_ISREG(os.fstat(handle).st_mode):
            return handle
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", name)

    return lambda: open(path, "rb", opener=calm)
