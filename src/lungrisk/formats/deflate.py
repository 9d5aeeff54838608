"""The deflated transfer syntax, inflated within a bound."""

import io
import zlib
from typing import BinaryIO

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find

MOST_BYTES = 4 * 2**30
MOST_RATIO = 1000
EXPLICIT = b"1.2.840.10008.1.2.1\0"


def inflate(stream: BinaryIO) -> io.BytesIO:
    """A deflated DICOM file as the same file in explicit little endian, from the stream's start.

    Raises InputError (`file.corrupt`, `res.claim`).
    """
    stream.seek(140)  # value of (0002,0000), the length of the meta header, which begins every deflated file
    start = 144 + int.from_bytes(stream.read(4), "little")
    stream.seek(start)
    packed = stream.read()
    limit = min(MOST_BYTES, MOST_RATIO * len(packed) + 2**20)
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        body = engine.decompress(packed, limit)
    except zlib.error as error:
        raise InputError(find("file.corrupt", found=str(error))) from error
    if engine.unconsumed_tail:
        raise InputError(find("res.claim", found=f"more than {limit} bytes out of {len(packed)}"))
    stream.seek(0)
    # the meta header keeps its length: the UID is shortened and padded within its own element
    head = stream.read(start).replace(b"1.2.840.10008.1.2.1.99", EXPLICIT + b"\0\0")
    return io.BytesIO(head + body)
