"""Zip archives, read where they lie: members are inflated in memory, and a hostile archive is refused before that."""

import bz2
import copy
import io
import lzma
import re
import stat
import weakref
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find
from lungrisk.formats.guard import reading
from lungrisk.formats.items import Item
from lungrisk.formats.packing import MOST_RATIO, RATIO_FROM_BYTES

# limits of an archive; an ordinary CT series is below 3,000 files, 2 GB and a ratio of 10
MOST_ENTRIES = 100_000
ENTRY_BYTES = 300  # of the table of contents, with a long name
MOST_BYTES = 8 * 2**30
CHUNK = 2**16
BY_HAND = "unpack it by hand and look at it"
ENCRYPTED = 0x2041  # bits of an entry's flags: by password, strongly, its header masked
STORED, DEFLATE, BZIP2, LZMA = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA
OTHERS = {1: "shrink", 6: "implode", 9: "deflate64", 20: "zstandard", 93: "zstandard", 95: "xz", 98: "PPMd"}
END, END_BYTES, MOST_COMMENT = b"PK\5\6", 22, 0xFFFF
DRIVE = re.compile(r"[A-Za-z]:/")


def open_zip(item: Item, prefix: str = "") -> tuple[list[Item], dict[str, str]]:
    """The files of a zip, sorted by name, and the packing of those that cannot be unpacked here. prefix: set before each name.

    The archive stays open as long as one of its files lives.

    Raises InputError: `file.corrupt`, `file.encrypted`, `sec.path` (absolute, `..`, links, two entries of one name), `res.many`,
    `res.claim` (too large, packed too tightly, more packed bytes than the archive has).
    """
    with reading(item.name):
        stated, archive = _stated(item), _opened(item)
    if len(archive.infolist()) < stated:
        found = f"{len(archive.infolist())} entries in its table of contents"
        raise InputError(find("file.corrupt", found=found, expected=f"{stated} as stated", files=[item.name]))
    entries = {prefix + name: entry for name, entry in _named(archive.infolist(), item).items()}
    _refuse_hostile(entries, item)
    items, packed = [], {}
    for name, entry in sorted(entries.items()):
        if entry.compress_type in (STORED, DEFLATE, BZIP2, LZMA):
            start = partial(_start, archive, entry, name)
            items.append(Item(name, entry.file_size, _whole(start, entry.file_size), start))
        else:
            packed[name] = OTHERS.get(entry.compress_type, f"zip method {entry.compress_type}")
    return items, packed


def _stated(item: Item) -> int:
    """The number of entries that the archive's end states; 0 where it does not fit there. zipfile does not look at it.

    Raises InputError (`res.many`) for a table of contents that takes long to be parsed.
    """
    with item.open() as stream:
        stream.seek(max(0, item.size - END_BYTES - MOST_COMMENT))
        end = stream.read()
    at = end.rfind(END)
    size = int.from_bytes(end[at + 12 : at + 16], "little") if at >= 0 else 0
    if MOST_ENTRIES * ENTRY_BYTES < size < 0xFFFFFFFF:  # that stands for "more than fits here"
        found = f"a table of contents of {size} bytes"
        expected = f"at most {MOST_ENTRIES} entries"
        raise InputError(find("res.many", found=found, expected=expected, files=[item.name]))
    count = int.from_bytes(end[at + 10 : at + 12], "little") if at >= 0 else 0
    return 0 if count == 0xFFFF else count


def _opened(item: Item) -> zipfile.ZipFile:
    stream = item.open()
    try:
        archive = zipfile.ZipFile(stream)
        weakref.finalize(archive, stream.close)  # zipfile leaves open what it did not open itself
        return archive
    except BaseException as error:
        stream.close()
        if not isinstance(error, zipfile.BadZipFile):
            raise
        # these are the library's own sentences: they quote nothing of the file
        found = "no table of contents at its end, as in a copy cut short" if "not a zip" in str(error) else str(error)
        raise InputError(find("file.corrupt", found=found, expected="a zip archive", files=[item.name])) from error


def _named(entries: list[zipfile.ZipInfo], item: Item) -> dict[str, zipfile.ZipInfo]:
    """The files by their names in plain form: no `./`, no empty parts. Raises InputError (`sec.path`, `res.many`)."""
    if len(entries) > MOST_ENTRIES:
        found = f"{len(entries)} entries"
        raise InputError(find("res.many", found=found, expected=f"at most {MOST_ENTRIES}", files=[item.name]))
    named: dict[str, zipfile.ZipInfo] = {}
    known: set[str] = set()
    for n, entry in enumerate(entries):
        path = entry.filename.replace("\\", "/")
        if path.endswith("/") and not entry.file_size:
            continue
        parts = [part for part in path.split("/") if part not in ("", ".")]
        name = "/".join(parts) or f"entry {n + 1}"
        why = None
        if path.startswith("/") or ".." in parts or DRIVE.match(path):
            why = "a path out of the archive"
        elif stat.S_ISLNK(entry.external_attr >> 16):
            why = "a link"
        elif name.casefold() in known:
            why = "a name given twice"
        if why is not None:
            raise InputError(find("sec.path", found=why, files=[name]))
        known.add(name.casefold())
        named[name] = entry
    return named


def _refuse_hostile(entries: dict[str, zipfile.ZipInfo], item: Item) -> None:
    for name, entry in entries.items():
        if entry.flag_bits & ENCRYPTED:
            raise InputError(find("file.encrypted", files=[name]))
        if entry.file_size > max(RATIO_FROM_BYTES, MOST_RATIO * entry.compress_size):
            found = f"{entry.file_size} bytes out of {entry.compress_size}"
            expected = f"a ratio of at most {MOST_RATIO}"
            raise InputError(find("res.claim", found=found, expected=expected, files=[name], remedy=BY_HAND))
    packed = sum(entry.compress_size for entry in entries.values())
    if packed > item.size:
        found = f"entries of {packed} packed bytes in {item.size}"
        raise InputError(find("res.claim", found=found, files=[item.name], remedy=BY_HAND))
    total = sum(entry.file_size for entry in entries.values())
    if total > MOST_BYTES:
        found, expected = f"{total} bytes", f"at most {MOST_BYTES}"
        raise InputError(find("res.claim", found=found, expected=expected, files=[item.name], remedy=BY_HAND))


def _whole(start: Callable[[int], bytes], size: int) -> Callable[[], BinaryIO]:
    return lambda: io.BytesIO(start(size))


def _start(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, n_bytes: int) -> bytes:
    """The first bytes of a member; all of them are held against its checksum."""
    with reading(name):
        as_packed = copy.copy(entry)  # zipfile's own unpacking has no bound for bzip2 and LZMA
        as_packed.compress_type, as_packed.file_size, as_packed.CRC = STORED, entry.compress_size, None  # type: ignore[assignment]
        with archive.open(as_packed) as stream:
            content = _unpacked(stream, entry, min(n_bytes, entry.file_size))
        if n_bytes >= entry.file_size and zlib.crc32(content) != entry.CRC:
            raise InputError(find("file.corrupt", found="another checksum than the archive states", files=[name]))
        return content


def _unpacked(stream: Any, entry: zipfile.ZipInfo, n_bytes: int) -> bytes:
    if entry.compress_type == STORED:
        content: bytes = stream.read(n_bytes)
        return content
    engine, begun = _engine(stream, entry)
    pieces, missing = [], n_bytes
    while missing > 0 and not engine.eof:
        packed, begun = begun or getattr(engine, "unconsumed_tail", b""), b""
        if not packed and getattr(engine, "needs_input", True):
            packed = stream.read(CHUNK)
        piece = engine.decompress(packed, missing)
        if not piece and not packed:
            raise EOFError
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def _engine(stream: Any, entry: zipfile.ZipInfo) -> tuple[Any, bytes]:
    """What unpacks, never more than it is asked for, and what it is given first."""
    if entry.compress_type == DEFLATE:
        return zlib.decompressobj(-zlib.MAX_WBITS), b""
    if entry.compress_type == BZIP2:
        return bz2.BZ2Decompressor(), b""
    # an LZMA member begins with version and length of its five bytes of properties; the file form of LZMA with those and the size
    head = stream.read(9)
    ends_itself = bool(entry.flag_bits & 0x02)
    size = b"\xff" * 8 if ends_itself else entry.file_size.to_bytes(8, "little")
    return lzma.LZMADecompressor(lzma.FORMAT_ALONE), head[4:] + size
