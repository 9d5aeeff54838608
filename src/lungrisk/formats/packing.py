"""What a file is packed as, told by its first bytes and not by its name; gzip, inflated within a bound."""

import gzip
import io
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find
from lungrisk.formats.guard import reading
from lungrisk.formats.items import Item

CHUNK = 2**20
MOST_RATIO = 200  # an ordinary CT is packed to a half or a third
RATIO_FROM_BYTES = 2**20  # small files of zeros may be packed as tightly as they like
MOST_BYTES = 4 * 2**30  # of one file

GZIP, ZIP, TAR = "gzip", "zip", "tar"
MAGICS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x1f\x8b\x08", GZIP),
    (0, b"PK\x03\x04", ZIP),
    (0, b"PK\x05\x06", ZIP),
    (0, b"PK\x07\x08", "the first part of a split zip"),
    (257, b"ustar", TAR),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"Rar!\x1a\x07", "rar"),
    (0, b"\xfd7zXZ\x00", "xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstandard"),
    (0, b"\x04\x22\x4d\x18", "lz4"),
    (0, b"LZIP", "lzip"),
    (0, b"\x1f\x9d", "compress (.Z)"),
    (0, b"-lh", "lzh"),
    (2, b"-lh", "lzh"),
    (0, b"xar!", "xar"),
    (0, b"!<arch>\n", "ar"),
)
BZIP2, BZIP2_BLOCK = b"BZh", b"1AY&SY"
BY_NAME = {".iso": "a disc image", ".nrg": "a disc image", ".dmg": "a disc image", ".udf": "a disc image"}


def packing_of(head: bytes, name: str) -> str | None:
    """How a file is packed, in words; None where it is not."""
    for start, magic, kind in MAGICS:
        if head[start : start + len(magic)] == magic:
            return kind
    if head[:3] == BZIP2 and head[4:10] == BZIP2_BLOCK:
        return "bzip2"
    return next((kind for ending, kind in BY_NAME.items() if name.lower().endswith(ending)), None)


def gunzipped_head(item: Item, n_bytes: int) -> bytes:
    """The first bytes of what a gzip file holds. Raises what the decoder raises."""
    with item.open() as packed, gzip.GzipFile(fileobj=packed) as stream:
        return stream.read(n_bytes)


def gunzipped(item: Item) -> Item:
    """The file inside a gzip file, its checksum checked. Raises InputError: `res.claim`, `file.truncated`, `file.corrupt`."""
    most = min(MOST_BYTES, max(RATIO_FROM_BYTES, MOST_RATIO * item.size))
    with reading(item.name):
        size = 0
        with item.open() as packed, gzip.GzipFile(fileobj=packed) as stream:
            while piece := stream.read1(CHUNK):
                size += len(piece)
                if size > most:
                    found = f"more than {most} bytes out of {item.size}"
                    expected = f"at most {MOST_RATIO} times as many"
                    raise InputError(find("res.claim", found=found, expected=expected, remedy="give it unpacked"))

    def start(n_bytes: int) -> bytes:
        with reading(item.name):
            return gunzipped_head(item, min(n_bytes, size))

    return replace(item, size=size, open=_whole(start, size), start=start)


def _whole(start: Callable[[int], bytes], size: int) -> Callable[[], BinaryIO]:
    return lambda: io.BytesIO(start(size))
