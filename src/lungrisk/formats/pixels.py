"""Stored pixels to Hounsfield units: one frame at a time into its place in one int16 block, several frames side by side."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import generate_frames

from lungrisk.core.errors import InputError, LungriskError
from lungrisk.core.findings import Finding, find
from lungrisk.formats.codecs import DECODERS, decoder_for
from lungrisk.formats.deflate import inflate
from lungrisk.formats.elements import tag_name
from lungrisk.formats.headers import DEFLATED, IMPLICIT, NATIVE, PIXEL_TAGS, Frame, Storage

AIR = -1024
HIGHEST = 32767
MOST_SLOPE = 64.0
MOST_BYTES = 4 * 2**30
TISSUE_ABOVE = -900  # a padding value that stands for more than this may be tissue
WORKERS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Counts:
    """What was corrected in one frame, in pixels. tissue_padding: pixels equal to a padding value that tissue has too."""

    below: int = 0
    padded: int = 0
    wrapped: int = 0
    tissue_padding: int = 0
    nan: int = 0
    flat: bool = False


def claim(frames: Sequence[Frame]) -> None:
    """Refuse, before anything is decoded, what cannot be decoded or held: the header's claims against the files.

    Raises InputError: `res.claim`, `res.too_big`, `px.length`, `file.truncated`, `file.syntax`, `px.rgb`, `hdr.bits`, `px.no_rescale`,
    `px.slope_bad`, `px.lut`; EnvironmentFault `env.codec`.
    """
    for frame in frames:
        try:
            _claim(frame)
        except InputError as error:
            raise _named(error, frame) from error
    n_bytes = sum(2 * f.storage.rows * f.storage.columns for f in frames)
    if n_bytes > MOST_BYTES:
        raise InputError(
            find("res.too_big", found=f"{n_bytes / 2**30:.1f} GiB", expected=f"at most {MOST_BYTES / 2**30:.0f} GiB")
        )


def _claim(frame: Frame) -> None:
    storage = frame.storage
    if storage.tag not in PIXEL_TAGS:
        raise InputError(find("file.truncated", found="no pixel data", tag=tag_name(PIXEL_TAGS[0])))
    if storage.samples != 1 or storage.photometric not in ("MONOCHROME1", "MONOCHROME2", ""):
        found = f"{storage.photometric} with {storage.samples} samples"
        raise InputError(
            find("px.rgb", found=found, expected="MONOCHROME2", tag="(0028,0004) PhotometricInterpretation")
        )
    _claim_bits(storage)
    _claim_rescale(frame)
    if storage.syntax in NATIVE:
        _claim_native(frame)
    else:
        decoder_for(storage.syntax)
        if storage.rows * storage.columns > 2000 * frame.item.size:
            found = f"{storage.rows} x {storage.columns} pixels in {frame.item.size} bytes"
            raise InputError(find("res.claim", found=found, tag="(0028,0010) Rows"))


def _claim_bits(storage: Storage) -> None:
    allocated, stored, high = storage.bits_allocated, storage.bits_stored, storage.high_bit
    if storage.tag == PIXEL_TAGS[0] and (
        allocated not in (8, 16, 32) or not 1 <= stored <= allocated or high != stored - 1
    ):
        found = f"{allocated} allocated, {stored} stored, high bit {high}"
        raise InputError(find("hdr.bits", found=found, tag="(0028,0101) BitsStored"))


def _claim_rescale(frame: Frame) -> None:
    slope, intercept = frame.rescale
    if frame.faults:
        raise InputError(*frame.faults)
    if slope is None or intercept is None:
        if frame.lut:
            raise InputError(find("px.lut", tag=tag_name(0x00283000)))
        raise InputError(find("px.no_rescale", tag=tag_name(0x00281053 if slope is None else 0x00281052)))
    if not 0 < slope <= MOST_SLOPE:
        raise InputError(
            find("px.slope_bad", found=slope, expected=f"above 0, at most {MOST_SLOPE:g}", tag=tag_name(0x00281053))
        )
    if not abs(intercept) <= 1e5:
        raise InputError(
            find("px.slope_bad", found=intercept, expected="an intercept near -1024", tag=tag_name(0x00281052))
        )


def _claim_native(frame: Frame) -> None:
    storage = frame.storage
    need = storage.rows * storage.columns * storage.n_frames * storage.bits_allocated // 8
    if need > max(frame.item.size, storage.length or 0) * (1 if storage.syntax != DEFLATED else 1000):
        found = f"{need} bytes of pixels in a file of {frame.item.size}"
        code = "res.claim" if need > 4 * frame.item.size else "file.truncated"
        raise InputError(find(code, found=found, tag="(0028,0010) Rows"))
    if storage.length is None:
        raise InputError(find("file.corrupt", found="native pixels of undefined length", tag=tag_name(storage.tag)))
    if storage.length < need:
        raise InputError(
            find("file.truncated", found=f"{storage.length} bytes", expected=f"{need}", tag=tag_name(storage.tag))
        )
    if storage.length >= 1.5 * need and storage.length > need + 4096:
        raise InputError(
            find("px.length", found=f"{storage.length} bytes", expected=f"{need}", tag=tag_name(storage.tag))
        )
    rest = frame.item.size - storage.offset
    if storage.syntax != DEFLATED and rest < storage.length:
        raise InputError(
            find("file.truncated", found=f"{rest} bytes left", expected=f"{storage.length}", tag=tag_name(storage.tag))
        )


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
            raise _named(error, frame) from error
        except OSError as error:
            raise InputError(find("file.unreadable", found=error.strerror, files=[frame.key])) from error
        except Exception as error:  # a decoder under hostile bytes raises anything: it is the file's fault
            found = f"{type(error).__name__} in the decoder"
            raise InputError(
                find("file.corrupt", found=found, tag=tag_name(PIXEL_TAGS[0]), files=[frame.key])
            ) from error

    with ThreadPoolExecutor(WORKERS) as pool:
        counts = list(pool.map(one, range(len(frames))))
    return block, _noticed(counts, block.size)


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


def to_hu(stored: NDArray[Any], frame: Frame, out: NDArray[np.int16]) -> Counts:
    """Stored values (rows, columns) to HU in `out` (rows, columns) int16, by this frame's own bits, rescale and padding."""
    storage = frame.storage
    slope, intercept = frame.rescale
    if slope is None or intercept is None:
        raise InputError(find("px.no_rescale"))
    nan = 0
    if stored.dtype.kind == "f":
        bad = ~np.isfinite(stored)
        nan = int(np.count_nonzero(bad))
        values: NDArray[Any] = np.where(bad, (AIR - intercept) / slope, stored) if nan else stored
        wrapped = 0
    else:
        values, wrapped = _meant(stored, storage)
    padded, tissue = _padding(values, storage, slope, intercept)
    if slope == 1.0 and float(intercept).is_integer() and values.dtype.kind != "f":
        hu: NDArray[Any] = np.add(values, np.int32(intercept), dtype=np.int32)
    else:
        hu = np.rint(values * np.float64(slope) + intercept)
    n_padded = 0
    if padded is not None:
        n_padded = int(np.count_nonzero(padded & (hu != AIR)))
        hu[padded] = AIR
    below = int(np.count_nonzero(hu < AIR))
    np.clip(hu, AIR, HIGHEST, out=out, casting="unsafe")
    flat = bool((out == out[0, 0]).all()) if out[0, 0] == out[-1, -1] else False
    return Counts(below, n_padded, wrapped, tissue, nan, flat)


def _meant(stored: NDArray[Any], storage: Storage) -> tuple[NDArray[Any], int]:
    """Stored integers with the bits outside BitsStored removed and the sign as it must have been meant; how many wrapped."""
    bits, allocated = storage.bits_stored, 8 * stored.dtype.itemsize
    if bits < allocated:
        low = stored.astype(np.int64 if allocated > 16 else np.int32) & ((1 << bits) - 1)
        return (np.where(low >> (bits - 1) & 1, low - (1 << bits), low) if storage.signed else low), 0
    if storage.signed:
        return stored.view(stored.dtype.str.replace("u", "i")) if stored.dtype.kind == "u" else stored, 0
    if allocated == 16 and stored.max() > HIGHEST:  # no CT value is that high: negative values lost their sign
        signed = stored.astype(np.uint16).view(np.int16)
        return signed, int(np.count_nonzero(signed < 0))
    return stored, 0


def _padding(
    values: NDArray[Any], storage: Storage, slope: float, intercept: float
) -> tuple[NDArray[np.bool_] | None, int]:
    """Where the padding tag says that nothing was measured; and how many pixels would be lost to a tag that tissue has too."""
    if storage.padding is None:
        return None, 0
    first, last = storage.padding, storage.padding if storage.padding_limit is None else storage.padding_limit
    bits = 16  # the tag's VR is often the wrong one of US and SS: both readings are tried
    where: NDArray[np.bool_] | None = None
    tissue = 0
    for turn in (0, -(1 << bits)):
        low, high = sorted((first + turn, last + turn))
        found = (values >= low) & (values <= high)
        n = int(np.count_nonzero(found))
        if n and high * slope + intercept > TISSUE_ABOVE and low * slope + intercept < HIGHEST - 1024:
            tissue += n
        elif n:
            where = found if where is None else where | found
    return where, tissue


def _noticed(counts: Sequence[Counts], size: int) -> tuple[Finding, ...]:
    def slices(name: str) -> list[int]:
        return [k for k, count in enumerate(counts) if getattr(count, name)]

    def total(name: str) -> int:
        return sum(getattr(count, name) for count in counts)

    findings = []
    if total("below") or total("padded"):
        found = f"{total('below')} voxels below -1024 HU, {total('padded')} of the padding value, of {size}"
        findings.append(find("px.padding", found=found))
    if total("wrapped") > total("below") + total("padded"):
        findings.append(find("px.sign", found=f"{total('wrapped')} voxels", tag="(0028,0103) PixelRepresentation"))
    if total("tissue_padding"):
        found = f"{total('tissue_padding')} voxels"
        findings.append(find("px.padding_tag", found=found, tag="(0028,0120) PixelPaddingValue"))
    if total("nan"):
        severity = "refused" if total("nan") > 0.001 * size else None
        findings.append(find("px.nan", severity=severity, found=f"{total('nan')} voxels", slices=slices("nan")))
    if total("flat"):
        severity = "refused" if total("flat") > 2 else None
        findings.append(
            find("px.flat_slice", severity=severity, found=f"{total('flat')} slices", slices=slices("flat"))
        )
    return tuple(findings)


def compression(frames: Sequence[Frame]) -> tuple[Finding, ...]:
    """`px.lossy` where the header or the transfer syntax says so, `px.depth` for 8-bit values."""
    findings = []
    lossy = [f for f in frames if f.lossy or (f.storage.syntax in DECODERS and DECODERS[f.storage.syntax].lossy)]
    if lossy:
        name = (
            DECODERS[lossy[0].storage.syntax].name if lossy[0].storage.syntax in DECODERS else "an earlier compression"
        )
        found = f"{name}, {lossy[0].lossy or 'ratio not stated'}"
        findings.append(
            find("px.lossy", found=found, tag="(0028,2110) LossyImageCompression", files={f.item.name for f in lossy})
        )
    if any(f.storage.bits_stored <= 8 for f in frames):
        findings.append(find("px.depth", found="8 bits", tag="(0028,0101) BitsStored"))
    return tuple(findings)


def _named(error: LungriskError, frame: Frame) -> LungriskError:
    """The same error with the file's name in its findings."""
    return type(error)(*(replace(f, files=f.files or (frame.key,), n_files=f.n_files or 1) for f in error.findings))
