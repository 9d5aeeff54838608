"""The deflated transfer syntax, inflated within a bound."""

import io
import zlib
from typing import BinaryIO

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find

MOST_BYTES = 4 * 2**30
MOST_RATIO = 1000
EXPLICIT = b"1.2.840.10008.1.2.1\0"


def inflate(stream: BinaryIO, most: int = MOST_BYTES, *, whole: bool = True) -> io.BytesIO:
    """A deflated DICOM file as the same file in explicit little endian, from the stream's start.

    most: bytes of the dataset that are inflated; with `whole` a longer one is refused, without it what follows is left.
    Raises InputError (`file.corrupt`, `file.truncated`, `res.claim`).
    """
    stream.seek(140)  # value of (0002,0000), the length of the meta header, which begins every deflated file
    start = 144 + int.from_bytes(stream.read(4), "little")
    stream.seek(start)
    packed = stream.read()
    limit = min(most, MOST_RATIO * len(packed) + 2**20)
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        body = engine.decompress(packed, limit)
        past = whole and not engine.eof and bool(engine.decompress(engine.unconsumed_tail, 1))
    except zlib.error as error:
        raise InputError(find("file.corrupt", found=str(error))) from error
    if past:
        raise InputError(find("res.claim", found=f"more than {limit} bytes out of {len(packed)}"))
    if whole and not engine.eof:
        raise InputError(find("file.truncated", found=f"a deflated dataset that ends after {len(body)} bytes"))
    stream.seek(0)
    # the meta header keeps its length: the UID is shortened and padded within its own element
    head = stream.read(start).replace(b"1.2.840.10008.1.2.1.99", EXPLICIT + b"\0\0")
    result = io.BytesIO()
    result.write(head)
    result.write(body)
    result.seek(0)
    return result
