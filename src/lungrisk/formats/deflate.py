"""The deflated transfer syntax, inflated within a bound."""

import zlib

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find


def inflate(packed: bytes, most: int) -> tuple[bytes, bool]:
    """At most so many bytes of a raw deflate stream, and whether they are all. Raises InputError (`file.corrupt`).

    >>> inflate(zlib.compress(b"abc" * 9, wbits=-15), 4)
    (b'abca', False)
    """
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        body = engine.decompress(packed, most)
    except zlib.error as error:
        raise InputError(find("file.corrupt", found=str(error))) from error
    return body, engine.eof
