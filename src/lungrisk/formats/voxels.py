"""Voxels of a single-file volume, raw or packed, into one array of the size that the header claims and not a byte more."""

import gzip
import zlib
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find
from lungrisk.formats.items import Item

CHUNK = 2**20


def plain(item: Item, skip: int, shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Raw voxels (k, j, i) from byte `skip` on. Raises InputError (`file.truncated`, `file.unreadable`)."""
    with _opened(item) as stream:
        stream.seek(skip)
        return filled(stream, shape, dtype)


def gunzipped(item: Item, skip: int, shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Gzip voxels from byte `skip` on. Raises InputError (`file.truncated`, `file.corrupt`)."""
    with _opened(item) as stream:
        stream.seek(skip)
        try:
            return filled(gzip.GzipFile(fileobj=stream), shape, dtype)
        except (OSError, EOFError, zlib.error) as error:
            code = "file.truncated" if isinstance(error, EOFError) else "file.corrupt"
            raise InputError(find(code, found=str(error)[:80], files=[item.name])) from error


def inflated(item: Item, skip: int, shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Zlib voxels from byte `skip` on. Raises InputError (`file.truncated`, `file.corrupt`)."""
    with _opened(item) as stream:
        stream.seek(skip)
        try:
            return filled(_Inflater(stream), shape, dtype)
        except zlib.error as error:
            raise InputError(find("file.corrupt", found=str(error)[:80], files=[item.name])) from error


def filled(stream: Any, shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Exactly the voxels, into one array (k, j, i). stream: anything with `readinto`. Raises InputError (`file.truncated`)."""
    values = np.empty(tuple(shape), dtype)
    target = values.reshape(-1).view(np.uint8).data
    got = 0
    while got < values.nbytes:
        n = stream.readinto(target[got:])
        if not n:
            raise InputError(find("file.truncated", found=f"{got} bytes of voxels", expected=f"{values.nbytes}"))
        got += n
    return values


class _Inflater:
    """A zlib stream that fills buffers, a bounded piece at a time."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._engine = stream, zlib.decompressobj()

    def readinto(self, buffer: Any, /) -> int:
        content = b""
        while not content and not self._engine.eof:
            packed = self._engine.unconsumed_tail or self._stream.read(CHUNK)
            if not packed:
                break
            content = self._engine.decompress(packed, min(len(buffer), 16 * CHUNK))
        buffer[: len(content)] = content
        return len(content)


def _opened(item: Item) -> BinaryIO:
    try:
        return item.open()
    except OSError as error:
        raise InputError(find("file.unreadable", found=error.strerror, files=[item.name])) from error
