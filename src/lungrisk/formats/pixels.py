"""Stored pixels to Hounsfield units: one frame at a time into its place in one int16 block, several frames side by side."""

import io
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Lock
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import generate_frames

from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find
from lungrisk.formats.codecs import as_coded, decoder_for
from lungrisk.formats.deflate import inflate
from lungrisk.formats.elements import tag_name
from lungrisk.formats.frames import NATIVE, PIXEL_TAGS, Frame, Storage
from lungrisk.formats.guard import reading
from lungrisk.formats.neighbours import jumps, shifts
from lungrisk.formats.rescale import Counts, alone, noticed, stated_unit, to_hu
from lungrisk.formats.tail import zeros_behind

WORKERS = min(4, os.cpu_count() or 1)
MOST_TAIL_BYTES = 2**20  # that are looked at after the pixels


def load_block(frames: Sequence[Frame]) -> tuple[NDArray[np.int16], tuple[Finding, ...]]:
    """Decode frames, in this order, to a (k, j, i) int16 block of HU, with padding and all below -1024 set to -1024.

    Findings: `px.padding`, `px.sign`, `px.padding_tag`, `px.flat_slice`, `px.nan`. Raises InputError: `file.truncated`,
    `file.corrupt`, `px.length`, `px.trailing`.
    """
    storage = frames[0].storage
    block = np.empty((len(frames), storage.rows, storage.columns), np.int16)
    contents = _Contents()

    def one(k: int) -> Counts:
        frame = frames[k]
        with reading(frame.key):
            values, storage = contents.stored(frame)
        return to_hu(values, replace(frame, storage=storage), block[k])

    with ThreadPoolExecutor(WORKERS) as pool:
        counts = list(pool.map(one, range(len(frames))))
    _alike_to_the_end(contents.behind)
    return block, (
        *noticed(counts, block.size),
        *jumps(block),
        *shifts(block),
        *stated_unit(frames, block),
        *alone(frames),
    )


class _Contents:
    """Opened files. What many frames share and is dear to open, is opened once and kept.

    behind: zeros that follow the last element of a file of native pixels, by file.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._files: dict[str, bytes] = {}
        self._streams: dict[str, list[bytes]] = {}
        self.behind: dict[str, int] = {}

    def stored(self, frame: Frame) -> tuple[NDArray[Any], Storage]:
        """Stored values (rows, columns) of a frame, before any masking, and how they are to be read: a code stream knows its own sign."""
        storage = frame.storage
        if storage.syntax in NATIVE:
            values, behind = _native(frame, self._opened(frame))
            if behind is not None:
                self.behind[frame.item.name] = behind
            return values, storage
        streams = self._code_streams(frame)
        if len(streams) != storage.n_frames:
            raise InputError(find("px.length", found=f"{len(streams)} frames", expected=f"{storage.n_frames}"))
        stream = streams[frame.index]
        decode = decoder_for(storage.syntax)
        values = decode(stream, (storage.rows, storage.columns), storage.bits_allocated // 8)
        return values, as_coded(stream, storage)

    def _opened(self, frame: Frame) -> BinaryIO:
        dear = frame.item.packed or frame.storage.inflate_from is not None
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
    """The file, or what its deflated dataset inflates to: at most what the header says of the pixels, and some more."""
    storage = frame.storage
    if storage.inflate_from is None:
        return frame.item.open()
    with frame.item.open() as stream:
        stream.seek(storage.inflate_from)
        packed = stream.read()
    most = storage.offset + (storage.length or 0) + MOST_TAIL_BYTES
    body, whole = inflate(packed, most)
    if not whole:
        code = "res.claim" if len(body) == most else "file.truncated"
        raise InputError(find(code, found=f"a deflated dataset of {len(body)} bytes and no end", expected="its end"))
    return io.BytesIO(body)


def _native(frame: Frame, stream: BinaryIO) -> tuple[NDArray[Any], int | None]:
    """Stored values (rows, columns) of a frame; with the last one how many zeros end the file."""
    storage = frame.storage
    kind = "f" if storage.tag in PIXEL_TAGS[1:] else "i" if storage.signed else "u"
    dtype = np.dtype(f"{'<' if storage.little_endian else '>'}{kind}{storage.bits_allocated // 8}")
    n_bytes = storage.rows * storage.columns * dtype.itemsize
    with stream:
        stream.seek(storage.offset + frame.index * n_bytes)
        content = stream.read(n_bytes)
        last = frame.index == storage.n_frames - 1
        behind = _behind(stream, storage, n_bytes) if last and len(content) == n_bytes else None
    if len(content) < n_bytes:
        found = f"{len(content)} bytes"
        raise InputError(find("file.truncated", found=found, expected=n_bytes, tag=tag_name(storage.tag)))
    return np.frombuffer(content, dtype).reshape(storage.rows, storage.columns), behind


def _behind(stream: BinaryIO, storage: Storage, n_bytes: int) -> int:
    """Read on after the last frame: zeros at the end of the file. Raises InputError (`px.length`, `px.trailing`)."""
    surplus = stream.read(storage.offset + (storage.length or 0) - stream.tell())
    if surplus.strip(surplus[:1] + b"\0"):
        found = f"{len(surplus)} bytes more, not of padding"
        expected = f"{storage.n_frames * n_bytes} bytes"
        raise InputError(find("px.length", found=found, expected=expected, tag=tag_name(storage.tag)))
    return zeros_behind(stream.read(MOST_TAIL_BYTES), storage)


def _alike_to_the_end(behind: dict[str, int]) -> None:
    """Refuse files that alone of their series end in zeros: a writer that pads does it in all."""
    if len(set(behind.values())) > 1:
        usual = Counter(behind.values()).most_common(1)[0][0]
        odd = [name for name, n in behind.items() if n != usual]
        found = f"{max(behind[name] for name in odd)} bytes"
        raise InputError(find("px.trailing", found=found, expected=f"{usual}, as in the other slices", files=odd))


def _fragments(frame: Frame) -> list[bytes]:
    """The code stream of each frame of an encapsulated pixel element."""
    with _plain(frame) as stream:
        stream.seek(frame.storage.offset)
        return list(generate_frames(stream.read(), number_of_frames=frame.storage.n_frames))
