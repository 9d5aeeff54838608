"""What lies at a path, so that a scan that was replaced is seen: quickly by names, sizes and times, surely by its bytes."""

import os
import re
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find

PIECE = 1 << 20
SETTLED_S = 2.0  # a file changed later than that before it was looked at may change again without another time
HEAD = 1 << 16  # of a header that names the file of its voxels
NAMES_DATA = re.compile(rb"(?im)^\s*(?:ElementDataFile\s*=|data ?file\s*:)\s*([^\r\n]+?)\s*$")
PAIRS = {".hdr": (".img", ".img.gz"), ".img": (".hdr",)}

Result = TypeVar("Result")
Entry = tuple[
    str, int, int, int, int
]  # name, bytes, times of content and of the file's record, inode; -1: cannot be looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """files, bytes: how many. stat: of names, sizes, times, inodes; empty where these tell too little. content: SHA-256 of names and bytes."""

    files: int
    bytes: int
    stat: str
    content: str


def extent_of(path: Path) -> Extent:
    """The extent of a file (with the data file that its header names) or a folder at any depth; of nothing where nothing is there."""
    return _extent(path, _entries(path))


def is_same(path: Path, stat: str, content: str) -> bool:
    """Whether what lies at the path now is what had this stat and this content. Read only where the stat tells nothing."""
    entries = _entries(path)
    return bool(stat and stat == _stat(entries)) or content == _content(path, entries)


def watch(path: Path, work: Callable[[], Result]) -> tuple[Extent, Result]:
    """Do the work on what lies at the path; gives its extent too. Raises InputError (`coh.changed`) when that changed meanwhile."""
    entries = _entries(path)
    extent = _extent(path, entries)
    result = work()
    if _entries(path) != entries:
        raise InputError(find("coh.changed"))
    return extent, result


def _extent(path: Path, entries: list[Entry]) -> Extent:
    newest = max((max(entry[2], entry[3]) for entry in entries), default=0)
    settled = time.time_ns() - newest > SETTLED_S * 1e9
    return Extent(
        files=len(entries),
        bytes=sum(max(entry[1], 0) for entry in entries),
        stat=_stat(entries) if settled else "",
        content=_content(path, entries),
    )


def _stat(entries: list[Entry]) -> str:
    return sha256(repr(entries).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _content(path: Path, entries: list[Entry]) -> str:
    root = path if path.is_dir() else path.parent
    whole = sha256()
    for name, size, *_ in entries:
        told = (
            name if path.is_dir() else f"{int(name != path.name)}{''.join(Path(name).suffixes)}"
        )  # a file may be renamed
        whole.update(f"{len(told)} {told} {size} ".encode("utf-8", "surrogateescape"))
        whole.update(_digest(root / name))
    return whole.hexdigest()


def _digest(file: Path) -> bytes:
    one = sha256()
    try:
        with file.open("rb") as stream:
            while piece := stream.read(PIECE):
                one.update(piece)
    except OSError:
        return b"unreadable"
    return one.digest()


def _entries(path: Path) -> list[Entry]:
    """The regular files at a path, sorted by name, as reading finds them: links to folders are not followed."""
    if path.is_file():
        return [entry for file in (path, *_data_of(path)) if (entry := _entry(file, file.name))]
    found = []
    for folder, _, names in os.walk(path):
        for name in names:
            file = Path(folder, name)
            entry = _entry(file, file.relative_to(path).as_posix())
            if entry:
                found.append(entry)
    return sorted(found)


def _entry(file: Path, name: str) -> Entry | None:
    try:
        about = file.stat()
    except OSError:
        return name, -1, 0, 0, 0
    if not stat.S_ISREG(about.st_mode):
        return None
    return name, about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino


def _data_of(file: Path) -> list[Path]:
    """The files beside a header that hold its voxels."""
    suffix = file.suffix.lower()
    found = [file.with_suffix(other) for other in PAIRS.get(suffix, ())]
    if suffix in {".mhd", ".mha", ".nhdr", ".nrrd"}:
        try:
            with file.open("rb") as stream:
                named = NAMES_DATA.findall(stream.read(HEAD))
        except OSError:
            named = []
        found += [file.parent / os.fsdecode(name) for name in named[:1] if b"\0" not in name]
    return [one for one in found if one != file and _is_file(one)]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long
        return False
