"""Stored pixels to Hounsfield units: one frame at a time into its place in one int16 block, several frames side by side."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

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
from lungrisk.formats.rescale import Counts, noticed, to_hu

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
    return block, noticed(counts, block.size)


class _Contents:
    """Bytes of the pixel element, kept for the file at hand only where several frames share it."""

    def __init__(self) -> None:
        self._kept: dict[str, list[bytes]] = {}

    def stored(self, frame: Frame) -> NDArray[Any]:
        """Stored values (rows, columns) of a frame, before any masking."""
        storage = frame.storage
        if storage.syntax in NATIVE:
            return _native(frame)
        streams = self._kept.get(frame.item.name)
        if streams is None:
            streams = _fragments(frame)
            if storage.n_frames > 1:
                self._kept[frame.item.name] = streams
        if len(streams) != storage.n_frames:
            raise InputError(find("px.length", found=f"{len(streams)} frames", expected=f"{storage.n_frames}"))
        decode = decoder_for(storage.syntax)
        return decode(streams[frame.index], (storage.rows, storage.columns), storage.bits_allocated // 8)


def _native(frame: Frame) -> NDArray[Any]:
    storage = frame.storage
    kind = "f" if storage.tag in PIXEL_TAGS[1:] else "i" if storage.signed else "u"
    dtype = np.dtype(f"{'<' if storage.little_endian else '>'}{kind}{storage.bits_allocated // 8}")
    size = storage.rows * storage.columns
    head = 8 if storage.syntax == IMPLICIT else 12
    with frame.item.open() as stream:
        source = inflate(stream) if storage.syntax == DEFLATED else stream
        source.seek(storage.offset + head + frame.index * size * dtype.itemsize)
        content = source.read(size * dtype.itemsize)
    if len(content) < size * dtype.itemsize:
        found = f"{len(content)} bytes"
        raise InputError(
            find("file.truncated", found=found, expected=f"{size * dtype.itemsize}", tag=tag_name(storage.tag))
        )
    return np.frombuffer(content, dtype).reshape(storage.rows, storage.columns)


def _fragments(frame: Frame) -> list[bytes]:
    """The code stream of each frame of an encapsulated pixel element."""
    with frame.item.open() as stream:
        stream.seek(frame.storage.offset + 12)
        content = stream.read()
    return list(generate_frames(content, number_of_frames=frame.storage.n_frames))
