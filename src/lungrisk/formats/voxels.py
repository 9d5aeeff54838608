"""Voxels of a single-file volume, however they were written, as HU: a piece at a time, so that no array but the result is held.

Before anything is allocated the header's claim is bounded by the bytes at hand; afterwards nothing may be left over.
"""

import bz2
import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.errors import InputError
from lungrisk.core.finding_rows import Severity
from lungrisk.core.findings import Finding, find
from lungrisk.formats.items import Item
from lungrisk.formats.numerals import shown
from lungrisk.formats.textual import hex_bytes, written_numbers

CHUNK = 2**20
AIR, HIGHEST = -1024, 32767
MOST_BYTES = 4 * 2**30
MOST_NAN = 0.001
MOST_RATIO = 200  # as of archives: a CT is packed to a half or a third, a masked one to a tenth
RATIO_FROM_BYTES = 256 * 2**20  # up to here a sparse volume, a mask say, may be packed as tightly as it likes
MOST_PADDING = 4096  # zero bytes after the voxels that a writer may have filled a block with
PACKED = ("gzip", "zlib", "bzip2")


@dataclass(frozen=True, slots=True)
class Stored:
    """Where and how voxels lie.

    shape: (k, j, i). parts: the files in order, each with an equal share of the voxels and the byte where that begins.
    encoding: "raw", "hex", "text" or one of PACKED. skip: bytes before the voxels once unpacked. slope: None where values are as stored.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    parts: tuple[tuple[Item, int], ...]
    encoding: str = "raw"
    skip: int = 0
    slope: float | None = None
    inter: float = 0.0


@dataclass(slots=True)
class Tally:
    """What was met on the way."""

    below: int = 0
    no_number: int = 0
    padding: int = 0


def claimed(shape: Sequence[int], itemsize: int) -> int:
    """Bytes that an array of this shape takes. Raises InputError (`hdr.value`) for a size below 1, (`res.claim`) for more than can be held."""
    sizes = " x ".join(map(str, shape))
    if min(shape) < 1:
        raise InputError(find("hdr.value", found=f"{shown(sizes)} voxels", expected="sizes of at least 1"))
    n_voxels = 1
    for n in shape:
        n_voxels *= int(n)
    if n_voxels * max(itemsize, 2) > MOST_BYTES:
        raise InputError(find("res.claim", found=f"{shown(sizes)} voxels", expected="at most 4 GiB"))
    return n_voxels * itemsize


def check_claim(stored: Stored) -> None:
    """Raises InputError for a claim that the bytes at hand cannot fill or do not explain: `res.claim`, `file.truncated`,
    `file.surplus`, `hdr.conflict`, `hdr.value`.
    """
    need, n_parts = claimed(stored.shape, stored.dtype.itemsize), len(stored.parts)
    share = need // n_parts
    if share * n_parts != need or share % stored.dtype.itemsize:
        raise InputError(find("hdr.conflict", found=f"{n_parts} files", expected=f"equal shares of {need} bytes"))
    for item, start in stored.parts:
        available = item.size - start
        if stored.encoding in PACKED:
            least = (share + stored.skip) // MOST_RATIO if share + stored.skip > RATIO_FROM_BYTES else 0
        elif stored.encoding == "raw":
            least = share + stored.skip
        else:  # a digit and a space for each number, two digits for each byte
            least = 2 * share - 1 if stored.encoding == "hex" else 2 * share // stored.dtype.itemsize - 1
        if available < least or available < 0:
            code = "res.claim" if least > 100 * available > 0 or stored.encoding in PACKED else "file.truncated"
            behind = f" behind {stored.skip} others" if stored.skip else ""
            found = f"{max(available, 0)} {stored.encoding} bytes for {share} of voxels{behind}"
            expected = f"a ratio of at most {MOST_RATIO}" if stored.encoding in PACKED else f"at least {least}"
            raise InputError(find(code, found=found, expected=expected, files=[item.name]))
        if stored.encoding == "raw" and available > least + MOST_PADDING:
            raise _surplus(available - least, item)


def hu_of(stored: Stored) -> tuple[NDArray[np.int16], tuple[Finding, ...]]:
    """The voxels (k, j, i) as HU, int16, nothing below -1024. Findings: `px.padding`, `px.nan`, `file.surplus`.

    Raises InputError as `check_claim`, `file.unreadable`, `file.corrupt`.
    """
    check_claim(stored)
    block = np.empty(stored.shape, np.int16)
    target, tally = block.reshape(-1), Tally()
    share = target.size // len(stored.parts)
    for n, (item, start) in enumerate(stored.parts):
        _fill(target[n * share : (n + 1) * share], stored, (item, start), tally)
    return block, _noted(tally, block.size)


def _fill(target: NDArray[np.int16], stored: Stored, part: tuple[Item, int], tally: Tally) -> None:
    item, start = part
    got = 0
    try:
        with item.open() as stream:
            stream.seek(start)
            for values in _values(stream, stored, target.size, tally):
                _to_hu(values, stored, target[got : got + values.size], tally)
                got += values.size
    except InputError:
        raise
    except (OSError, EOFError, zlib.error, ValueError) as error:
        full = got == target.size
        if full and str(error).startswith("Not a gzipped"):
            raise _surplus(None, item) from error
        code = "file.truncated" if isinstance(error, EOFError) else "file.corrupt"
        raise InputError(find(code, found=_fault(error, stored.encoding), files=[item.name])) from error
    if got < target.size:
        found, expected = f"{got} voxels", f"{target.size}"
        raise InputError(find("file.truncated", found=found, expected=expected, files=[item.name]))
    if tally.padding < 0:
        raise _surplus(-tally.padding, item)


def _fault(error: Exception, encoding: str) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, EOFError):
        return f"{encoding} voxels without their end"
    return f"{encoding} voxels with a fault in them"


def _values(stream: BinaryIO, stored: Stored, count: int, tally: Tally) -> Iterator[NDArray[Any]]:
    """At most `count` values, in pieces; what follows them is counted as padding, negative where it is more than that."""
    if stored.encoding == "text":
        yield from written_numbers(iter(partial(stream.read, CHUNK), b""), stored.dtype, count)
        return
    pieces = _pieces(stream, stored.encoding)
    itemsize = stored.dtype.itemsize
    skip, need, rest = stored.skip, count * itemsize, b""
    for piece in pieces:
        left_out = min(skip, len(piece))
        skip -= left_out
        content = rest + piece[left_out:]
        use = min(need, len(content) // itemsize * itemsize)
        if use:
            yield np.frombuffer(content, stored.dtype, use // itemsize)
        need, rest = need - use, content[use:]
        if not need:
            break
    after, zeros = len(rest), not any(rest)
    for piece in pieces:  # to the end, where the packed form has its checksum
        after, zeros = after + len(piece), zeros and not any(piece)
        if after > MOST_PADDING:
            break
    if not need:
        tally.padding = tally.padding + after if zeros and after <= MOST_PADDING else -after


def _pieces(stream: BinaryIO, encoding: str) -> Iterator[bytes]:
    """The stream's bytes, unpacked, about a MiB at a time. Raises what the decoder raises."""
    if encoding == "hex":
        return hex_bytes(iter(partial(stream.read, CHUNK), b""))
    if encoding == "zlib":
        return _inflated(stream)
    if encoding == "bzip2":
        return _bunzipped(stream)
    # read1 gives what precedes a fault before it raises
    read = gzip.GzipFile(fileobj=stream).read1 if encoding == "gzip" else stream.read
    return iter(partial(read, CHUNK), b"")


def _inflated(stream: BinaryIO) -> Iterator[bytes]:
    engine = zlib.decompressobj()
    while not engine.eof:
        packed = engine.unconsumed_tail or stream.read(CHUNK)
        yield engine.decompress(packed, CHUNK) if packed else engine.flush()
        if not packed and not engine.eof:
            raise EOFError("the packed voxels end before their end mark")
    yield from (engine.unused_data, *iter(partial(stream.read, CHUNK), b""))


def _bunzipped(stream: BinaryIO) -> Iterator[bytes]:
    engine = bz2.BZ2Decompressor()
    while not engine.eof:
        packed = stream.read(CHUNK) if engine.needs_input else b""
        if engine.needs_input and not packed:
            raise EOFError("the packed voxels end before their end mark")
        yield engine.decompress(packed, CHUNK)
    yield from (engine.unused_data, *iter(partial(stream.read, CHUNK), b""))


def _to_hu(values: NDArray[Any], stored: Stored, out: NDArray[np.int16], tally: Tally) -> None:
    with np.errstate(all="ignore"):  # a header's slope may take any value out of range
        if stored.slope is not None:
            values = values.astype(np.float64) * stored.slope + stored.inter
        if values.dtype.kind == "f":
            bad = ~np.isfinite(values)
            tally.no_number += int(np.count_nonzero(bad))
            values = np.rint(np.where(bad, AIR, values))
        elif values.dtype.kind == "u" or values.dtype.itemsize < 2:
            values = values.astype(np.float64 if values.dtype.itemsize > 4 else np.int64)
        tally.below += int(np.count_nonzero(values < AIR))
        np.clip(values, AIR, HIGHEST, out=out, casting="unsafe")


def _noted(tally: Tally, n_voxels: int) -> tuple[Finding, ...]:
    notes = []
    if tally.below:
        notes.append(
            find("px.padding", found=f"{tally.below} voxels below -1024 HU, 0 of the padding value, of {n_voxels}")
        )
    if tally.no_number:
        severity: Severity | None = "refused" if tally.no_number > MOST_NAN * n_voxels else None
        notes.append(find("px.nan", severity=severity, found=f"{tally.no_number} voxels"))
    if tally.padding:
        notes.append(find("file.surplus", severity="limited", found=f"{tally.padding} zero bytes after the voxels"))
    return tuple(notes)


def _surplus(n_bytes: int | None, item: Item) -> InputError:
    found = f"{'' if n_bytes is None else f'at least {n_bytes} '}bytes after the voxels"
    return InputError(find("file.surplus", found=found, expected="none", files=[item.name]))
