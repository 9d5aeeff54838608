"""What follows the pixels of a native file: elements, padding, or the end of pixels that something has pushed on."""

from typing import Literal

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find
from lungrisk.formats.frames import BIG_ENDIAN, IMPLICIT, Storage
from lungrisk.formats.syntax import LONG_VRS, UNDEFINED, VRS

DELIMITER = {"little": b"\xfe\xff\xdd\xe0\0\0\0\0", "big": b"\xff\xfe\xe0\xdd\0\0\0\0"}


def zeros_behind(rest: bytes, storage: Storage) -> int:
    """How many zeros follow the last element, in the bytes after the pixel element of a native file.

    Raises InputError (`px.trailing`) where other bytes follow that form no element: bytes that were put into the pixels push as many out.
    """
    at = 0
    while rest[at:].strip(b"\0"):
        after = _next(rest, at, storage)
        if after is None or after > len(rest):
            found = f"{len(rest) - at} bytes"
            raise InputError(find("px.trailing", found=found, expected="the end of the file or a further element"))
        at = after
    return len(rest) - at


def _next(rest: bytes, at: int, storage: Storage) -> int | None:
    """Where the element that begins here ends; None where none begins: tags ascend from that of the pixels."""
    big = storage.syntax == BIG_ENDIAN
    order: Literal["little", "big"] = "big" if big else "little"
    head = rest[at : at + 12]
    if len(head) < 8:
        return None
    tag = int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:4], order)
    if tag <= storage.tag:
        return None
    size, wide = 8, slice(4, 8)
    if storage.syntax != IMPLICIT:
        if head[4:6] not in VRS:
            return None
        size, wide = (12, slice(8, 12)) if head[4:6] in LONG_VRS else (8, slice(6, 8))
    length = int.from_bytes(head[wide], order)
    if length != UNDEFINED:
        return at + size + length
    end = rest.rfind(DELIMITER[order], at + size)
    return None if end < 0 else end + len(DELIMITER[order])
