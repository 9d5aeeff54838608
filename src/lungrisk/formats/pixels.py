"""Stored pixels to Hounsfield units: one frame at a time into its place in one int16 block, several frames side by side."""

import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import generate_frames

from lungrisk.core.errors import InputError, LungriskError
from lungrisk.core.findings import Finding, find
from lungrisk.formats.claims import named
from lungrisk.formats.codecs import decoder_for
from lungrisk.formats.deflate import inflate
from lungrisk.formats.elements import tag_name
from lungrisk.formats.frames import DEFLATED, IMPLICIT, NATIVE, PIXEL_TAGS, Frame
from lungrisk.formats.rescale import Counts, jumps, noticed, to_hu

WORKERS = min(4, os.cpu_count() or 1)


def load_block(frames: Sequence[Frame]) -> tuple[NDArray[np.int16], tuple[Finding, ...]]:
    """Decode frames, in this order, to a (k, j, i) int16 block of HU, with padding and all below -1024 set to -1024.

    Findings: `px.padding`, `px.sign`, `px.padding_tag`, `px.flat_slice`, `px.nan`. Raises InputError: `file.truncated`,
    `file.corrupt`, `px.length`.
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
    return block, (*noticed(counts, block.size), *jumps(block))


class _Contents:
    """Opened files. What many frames share and is dear to open, is opened once and kept."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._files: dict[str, bytes] = {}
        self._streams: dict[str, list[bytes]] = {}

    def stored(self, frame: Frame) -> NDArray[Any]:
        """Stored values (rows, columns) of a frame, before any masking."""
        storage = frame.storage
        if storage.syntax in NATIVE:
            return _native(frame, self._opened(frame))
        streams = self._code_streams(frame)
        if len(streams) != storage.n_frames:
            raise InputError(find("px.length", found=f"{len(streams)} frames", expected=f"{storage.n_frames}"))
        decode = decoder_for(storage.syntax)
        return decode(streams[frame.index], (storage.rows, storage.columns), storage.bits_allocated // 8)

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
    with frame.item.open() as stream:
        return inflate(stream)


def _native(frame: Frame, stream: BinaryIO) -> NDArray[Any]:
    storage = frame.storage
    kind = "f" if storage.tag in PIXEL_TAGS[1:] else "i" if storage.signed else "u"
    dtype = np.dtype(f"{'<' if storage.little_endian else '>'}{kind}{storage.bits_allocated // 8}")
    n_bytes = storage.rows * storage.columns * dtype.itemsize
    with stream:
        stream.seek(storage.offset + (8 if storage.syntax == IMPLICIT else 12) + frame.index * n_bytes)
        content = stream.read(n_bytes)
    if len(content) < n_bytes:
        found = f"{len(content)} bytes"
        raise InputError(find("file.truncated", found=found, expected=n_bytes, tag=tag_name(storage.tag)))
    return np.frombuffer(content, dtype).reshape(storage.rows, storage.columns)


def _fragments(frame: Frame) -> list[bytes]:
    """The code stream of each frame of an encapsulated pixel element."""
    with frame.item.open() as stream:
        stream.seek(frame.storage.offset + 12)
        return list(generate_frames(stream.read(), number_of_frames=frame.storage.n_frames))
