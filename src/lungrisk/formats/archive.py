"""Zip archives, read where they lie: members are inflated in memory, and a hostile archive is refused before that."""

import io
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find

# limits of an archive; an ordinary CT series is below 3,000 files, 2 GB and a ratio of 10
MOST_ENTRIES = 100_000
MOST_BYTES = 8 * 2**30
MOST_RATIO = 200
RATIO_FROM_BYTES = 2**20  # small files of zeros may be packed as tightly as they like

Member = tuple[str, int, Callable[[], BinaryIO], Callable[[int], bytes]]


def open_archive(path: Path) -> list[Member]:
    """The files of a zip as (name, unpacked size, opener, reader of the first bytes), sorted by name.

    The archive stays open as long as an opener lives.

    Raises InputError: `file.corrupt`, `file.encrypted`, `sec.path` (absolute, `..`, links, two entries of one name),
    `res.claim` (too many, too large, packed too tightly).
    """
    try:
        archive = zipfile.ZipFile(path)  # NotImplementedError: a compression that zipfile does not know
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(find("file.corrupt", found=str(error), expected="a zip archive", files=[path.name])) from error
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    _refuse_hostile(entries, path)
    entries.sort(key=lambda entry: entry.filename)
    return [(entry.filename, entry.file_size, *_readers(archive, entry)) for entry in entries]


def _refuse_hostile(entries: list[zipfile.ZipInfo], path: Path) -> None:
    if len(entries) > MOST_ENTRIES:
        raise InputError(
            find("res.claim", found=f"{len(entries)} entries", expected=f"at most {MOST_ENTRIES}", files=[path.name])
        )
    names: set[str] = set()
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/"))
        linked = stat.S_ISLNK(entry.external_attr >> 16)
        twice = entry.filename.casefold() in names
        if parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[0] or linked or twice:
            why = "a link" if linked else "a name given twice" if twice else "a path out of the archive"
            raise InputError(find("sec.path", found=why, files=[entry.filename]))
        names.add(entry.filename.casefold())
        if entry.flag_bits & 1:
            raise InputError(find("file.encrypted", files=[entry.filename]))
        ratio = entry.file_size / max(entry.compress_size, 1)
        if ratio > MOST_RATIO and entry.file_size > RATIO_FROM_BYTES:
            found = f"{entry.file_size} bytes out of {entry.compress_size}"
            raise InputError(
                find("res.claim", found=found, expected=f"a ratio of at most {MOST_RATIO}", files=[entry.filename])
            )
    total = sum(entry.file_size for entry in entries)
    if total > MOST_BYTES:
        raise InputError(find("res.claim", found=f"{total} bytes", expected=f"at most {MOST_BYTES}", files=[path.name]))


def _readers(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[Callable[[], BinaryIO], Callable[[int], bytes]]:
    def start(n_bytes: int) -> bytes:
        try:
            with archive.open(entry) as stream:
                return stream.read(min(n_bytes, entry.file_size))
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
            raise InputError(find("file.corrupt", found=str(error), files=[entry.filename])) from error

    return lambda: io.BytesIO(start(entry.file_size)), start
