"""Stored pixels to Hounsfield units: one frame at a time into its place in one int16 block, several frames side by side."""

import io
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import generate_frames

from lungrisk.core.errors import InputError, LungriskError
from lungrisk.core.findings import Finding, find
from lungrisk.formats.claims import named
from lungrisk.formats.codecs import decoder_for, precision
from lungrisk.formats.deflate import inflate
from lungrisk.formats.elements import tag_name
from lungrisk.formats.frames import BIG_ENDIAN, DEFLATED, IMPLICIT, NATIVE, PIXEL_TAGS, Frame
from lungrisk.formats.rescale import Counts, jumps, noticed, to_hu

MOST_AFTER = 2**20  # bytes after the pixel element that are looked at
# value representations whose length has four bytes (PS3.5 7.1.2)
LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
WORKERS = min(4, os.cpu_count() or 1)


def load_block(frames: Sequence[Frame]) -> tuple[NDArray[np.int16], tuple[Finding, ...]]:
    """Decode frames, in this order, to a (k, j, i) int16 block of HU, with padding and all below -1024 set to -1024.

    Findings: `px.padding`, `px.sign`, `px.padding_tag`, `px.flat_slice`, `px.nan`. Raises InputError: `file.truncated`,
    `file.corrupt`, `px.length`, `px.bits`, `px.trailing`.
    """
    storage = frames[0].storage
    block = np.empty((len(frames), storage.rows, storage.columns), np.int16)
    contents = _Contents()

    def one(k: int) -> Counts:
        frame = frames[k]
        try:
            return to_hu(contents.stored(frame), frame, block[k])
        except LungriskError as error:
            raise named(error, frame) from error
        except OSError as error:
            raise InputError(find("file.unreadable", found=error.strerror, files=[frame.key])) from error
        except Exception as error:  # a decoder under hostile bytes raises anything: it is the file's fault
            found = f"{type(error).__name__} in the decoder"
            raise InputError(
                find("file.corrupt", found=found, tag=tag_name(PIXEL_TAGS[0]), files=[frame.key])
            ) from error

    with ThreadPoolExecutor(WORKERS) as pool:
        counts = list(pool.map(one, range(len(frames))))
    _alike_to_the_end(frames, contents.beyond)
    return block, (*noticed(counts, block.size), *jumps(block))


class _Contents:
    """Opened files. What many frames share and is dear to open, is opened once and kept.

    beyond: bytes that follow the last element of a file of native pixels, by file.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._files: dict[str, bytes] = {}
        self._streams: dict[str, list[bytes]] = {}
        self.beyond: dict[str, int] = {}

    def stored(self, frame: Frame) -> NDArray[Any]:
        """Stored values (rows, columns) of a frame, before any masking."""
        storage = frame.storage
        if storage.syntax in NATIVE:
            values, after = _native(frame, self._opened(frame))
            if frame.index == storage.n_frames - 1:
                self.beyond[frame.item.name] = beyond_elements(after, storage.syntax)
            return values
        streams = self._code_streams(frame)
        if len(streams) != storage.n_frames:
            raise InputError(find("px.length", found=f"{len(streams)} frames", expected=f"{storage.n_frames}"))
        decode, stream = decoder_for(storage.syntax), streams[frame.index]
        values = decode(stream, (storage.rows, storage.columns), storage.bits_allocated // 8)
        bits = precision(stream) if storage.signed and values.dtype.kind == "u" else None
        if (
            bits is not None and bits < storage.bits_stored
        ):  # the sign is where the stream ends, not where the header says
            shift = 8 * values.dtype.itemsize - bits
            return (values << shift).view(values.dtype.str.replace("u", "i")) >> shift
        return values

    def _opened(self, frame: Frame) -> BinaryIO:
        dear = frame.item.packed or frame.storage.syntax == DEFLATED
        if frame.storage.n_frames == 1 or not dear:
            return _plain(frame)
        with self._lock:
            if frame.item.name not in self._files:
                with _plain(frame) as stream:
                    self._files[frame.item.name] = stream.read()
        return io.BytesIO(self._files[frame.item.name])

    def _code_streams(self, frame: Frame) -> list[bytes]:
        if frame.storage.n_frames == 1:
            return _fragments(frame)
        with self._lock:
            if frame.item.name not in self._streams:
                self._streams[frame.item.name] = _fragments(frame)
        return self._streams[frame.item.name]


def _plain(frame: Frame) -> BinaryIO:
    """The file, its dataset inflated where it was deflated."""
    if frame.storage.syntax != DEFLATED:
        return frame.item.open()
    storage = frame.storage
    need = storage.rows * storage.columns * storage.n_frames * storage.bits_allocated // 8
    with frame.item.open() as stream:
        return inflate(stream, storage.offset + need + MOST_AFTER)


def _native(frame: Frame, stream: BinaryIO) -> tuple[NDArray[Any], bytes]:
    """Stored values (rows, columns) of a frame, and, with the last frame, what follows the pixel element in the file."""
    storage = frame.storage
    kind = "f" if storage.tag in PIXEL_TAGS[1:] else "i" if storage.signed else "u"
    dtype = np.dtype(f"{'<' if storage.little_endian else '>'}{kind}{storage.bits_allocated // 8}")
    n_bytes = storage.rows * storage.columns * dtype.itemsize
    start = storage.offset + (8 if storage.syntax == IMPLICIT else 12)
    with stream:
        stream.seek(start + frame.index * n_bytes)
        content = stream.read(n_bytes)
        stream.seek(start + (storage.length or 0))
        after = stream.read(MOST_AFTER) if frame.index == storage.n_frames - 1 else b""
    if len(content) < n_bytes:
        found = f"{len(content)} bytes"
        raise InputError(find("file.truncated", found=found, expected=n_bytes, tag=tag_name(storage.tag)))
    return np.frombuffer(content, dtype).reshape(storage.rows, storage.columns), after


def beyond_elements(after: bytes, syntax: str) -> int:
    """How many zeros follow the last element of a file, from the bytes after its pixel element.

    Raises InputError (`px.trailing`) where other bytes follow that form no element: something was put in before them, and pushed them out.
    """
    order: Literal["big", "little"] = "big" if syntax == BIG_ENDIAN else "little"
    at, last = 0, PIXEL_TAGS[0]
    while at + 8 <= len(after) and any(after[at:]):
        tag = int.from_bytes(after[at : at + 2], order) << 16 | int.from_bytes(after[at + 2 : at + 4], order)
        long = syntax != IMPLICIT and after[at + 4 : at + 6] in LONG
        size_at, size_of = (at + 8, 4) if long else (at + 4, 4) if syntax == IMPLICIT else (at + 6, 2)
        size = int.from_bytes(after[size_at : size_at + size_of], order)
        if tag <= last or (len(after) < MOST_AFTER and size_at + size_of + size > len(after)):
            break
        at, last = size_at + size_of + size, tag
    if any(after[at:]):
        found = f"{len(after) - at} bytes"
        raise InputError(find("px.trailing", found=found, expected="the end of the file or a further element"))
    return max(0, len(after) - at)


def _alike_to_the_end(frames: Sequence[Frame], beyond: dict[str, int]) -> None:
    """Refuse files that alone of their series have zeros behind their last element: a writer that pads does it in all."""
    if len(set(beyond.values())) > 1:
        usual = Counter(beyond.values()).most_common(1)[0][0]
        odd = [name for name, n in beyond.items() if n != usual]
        found = f"{max(beyond[name] for name in odd)} bytes"
        raise InputError(find("px.trailing", found=found, expected=f"{usual}, as in the other slices", files=odd))


def _fragments(frame: Frame) -> list[bytes]:
    """The code stream of each frame of an encapsulated pixel element."""
    with frame.item.open() as stream:
        stream.seek(frame.storage.offset + 12)
        return list(generate_frames(stream.read(), number_of_frames=frame.storage.n_frames))
