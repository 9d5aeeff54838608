"""Compressed frames to arrays. All decoders but RLE's assembly are imagecodecs', which lets threads run side by side.

Adding a transfer syntax is one row of DECODERS (docs/decisions/0005-codecs.md).
"""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.errors import EnvironmentFault, InputError
from lungrisk.core.findings import find
from lungrisk.formats.frames import Storage


class Decoder(NamedTuple):
    """How one transfer syntax is decoded. lossy: it may lose (JPEG-LS near-lossless and JPEG 2000 say so themselves)."""

    name: str
    codec: str
    lossy: bool = False


MOST_RLE_PAD = 2  # bytes: what a pad to an even length can unpack to

# JPEG lossless by jpegsof3, the slower of three: of the others neither notices a stream that ends early
DECODERS = {
    "1.2.840.10008.1.2.5": Decoder("RLE", "packbits"),
    "1.2.840.10008.1.2.4.50": Decoder("JPEG baseline", "jpeg8", lossy=True),
    "1.2.840.10008.1.2.4.51": Decoder("JPEG extended", "jpeg8", lossy=True),
    "1.2.840.10008.1.2.4.57": Decoder("JPEG lossless", "jpegsof3"),
    "1.2.840.10008.1.2.4.70": Decoder("JPEG lossless, first order", "jpegsof3"),
    "1.2.840.10008.1.2.4.80": Decoder("JPEG-LS lossless", "jpegls"),
    "1.2.840.10008.1.2.4.81": Decoder("JPEG-LS near-lossless", "jpegls", lossy=True),
    "1.2.840.10008.1.2.4.90": Decoder("JPEG 2000 lossless", "jpeg2k"),
    "1.2.840.10008.1.2.4.91": Decoder("JPEG 2000", "jpeg2k", lossy=True),
    "1.2.840.10008.1.2.4.201": Decoder("HTJ2K lossless", "jpeg2k"),
    "1.2.840.10008.1.2.4.202": Decoder("HTJ2K lossless, RPCL", "jpeg2k"),
    "1.2.840.10008.1.2.4.203": Decoder("HTJ2K", "jpeg2k", lossy=True),
}


END_OF_IMAGE = b"\xff\xd9"  # of every JPEG family code stream
SIZE_OF_J2K, DEPTH_OF_J2K = (
    b"\xff\x4f\xff\x51",
    42,
)  # the first two markers; where the depth of the first component stands
MOST_TILES = 4096  # of a JPEG 2000 frame; scanners and archives write one, or tiles of 256 or more
MOST_BEFORE_J2K = 1024  # bytes: the boxes of a JP2 file, which is not allowed and occurs
START_OF_IMAGE = b"\xff\xd8"
START_OF_FRAME = (0xC0, 0xC1, 0xC2, 0xC3, 0xF7)  # of the JPEG family: length, precision


def decoder_for(syntax: str) -> Callable[[bytes, tuple[int, int], int], NDArray[Any]]:
    """A function (code stream, (rows, columns), bytes a sample) -> (rows, columns) array of stored values.

    It raises whatever the decoder raises: the caller knows the file. Raises InputError (`file.syntax`) for a syntax that is
    not in the table, EnvironmentFault (`env.codec`) when imagecodecs or this decoder of it is missing.
    """
    decoder = DECODERS.get(syntax)
    if decoder is None:
        raise InputError(find("file.syntax", found=syntax, tag="(0002,0010) TransferSyntaxUID"))
    package = _package(decoder)
    if decoder.codec == "packbits":
        return lambda stream, shape, width: _rle(package, stream, shape, width)
    decode = getattr(package, f"{decoder.codec}_decode")
    return lambda stream, shape, width: _checked(decode, stream, shape)


def _package(decoder: Decoder) -> ModuleType:
    try:
        package = import_module("imagecodecs")
    except ImportError as error:
        raise EnvironmentFault(find("env.codec", found=decoder.name, expected="pip install imagecodecs")) from error
    if not getattr(package, decoder.codec.upper()).available:
        raise EnvironmentFault(
            find("env.codec", found=decoder.name, expected=f"imagecodecs built with {decoder.codec}")
        )
    return package


def as_coded(stream: bytes, storage: Storage) -> Storage:
    """How the values of a code stream are to be read: by its own precision and sign, where they differ from the header's.

    JPEG 2000 says both; the JPEG family knows no sign: a signed value is one of the stream's precision in two's complement.
    """
    depth = _j2k_depth(stream)
    if depth is not None and depth & 0x80:
        return replace(storage, signed=True, bits_stored=(depth & 0x7F) + 1)
    return replace(storage, bits_stored=min(precision(stream) or storage.bits_stored, storage.bits_stored))


def precision(stream: bytes) -> int | None:
    """Bits of a sample as the code stream itself states them; None where it is none of JPEG, JPEG-LS and JPEG 2000."""
    depth = _j2k_depth(stream)
    if depth is not None:
        return (depth & 0x7F) + 1
    at = _frame_header(stream)
    return None if at is None else stream[at + 4]


def stated_shape(stream: bytes) -> tuple[int, int] | None:
    """(rows, columns) as the code stream itself states them, before a decoder believes it; None where it states none.

    Raises InputError (`res.claim`) for a JPEG 2000 stream of very many tiles: each costs memory, however small.
    """
    at = _j2k_size(stream)
    if at is not None:
        places = range(at + 8, at + 40, 4)
        right, bottom, left, top, tile_width, tile_height, *_ = (
            int.from_bytes(stream[n : n + 4], "big") for n in places
        )
        columns, rows = right - left, bottom - top
        if columns * rows > MOST_TILES * tile_width * tile_height:
            raise InputError(find("res.claim", found=f"tiles of {tile_height} x {tile_width} in {rows} x {columns}"))
        return rows, columns
    at = _frame_header(stream)
    if at is None or len(stream) < at + 9:
        return None
    return int.from_bytes(stream[at + 5 : at + 7], "big"), int.from_bytes(stream[at + 7 : at + 9], "big")


def _frame_header(stream: bytes) -> int | None:
    """Where the frame header of a stream of the JPEG family stands."""
    at = 2
    while stream[:2] == START_OF_IMAGE and at + 4 < len(stream) and stream[at] == 0xFF:
        if stream[at + 1] in START_OF_FRAME:
            return at
        at += 1 if stream[at + 1] == 0xFF else 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return None


def _j2k_size(stream: bytes) -> int | None:
    """Where a JPEG 2000 stream with a whole size segment begins."""
    at = stream.find(SIZE_OF_J2K, 0, MOST_BEFORE_J2K)
    return at if 0 <= at < len(stream) - DEPTH_OF_J2K else None


def _j2k_depth(stream: bytes) -> int | None:
    """The byte that holds sign and depth of the first component of a JPEG 2000 stream."""
    at = _j2k_size(stream)
    return None if at is None else stream[at + DEPTH_OF_J2K]


def _checked(decode: Callable[[bytes], NDArray[Any]], stream: bytes, shape: tuple[int, int]) -> NDArray[Any]:
    stream = stream.rstrip(b"\0\xff")  # fragments are padded to an even length, by some with a byte of ones
    if not stream.endswith(END_OF_IMAGE):  # CharLS can take seconds to notice
        raise InputError(find("file.truncated", found="a code stream without its end"))
    stated = stated_shape(stream)
    frame = decode(stream) if stated in (None, shape) else None
    if frame is None or frame.shape != shape:
        found = f"a code stream of {stated if frame is None else frame.shape}"
        raise InputError(find("px.length", found=found, expected=f"{shape}"))
    return frame


def _rle(package: ModuleType, stream: bytes, shape: tuple[int, int], width: int) -> NDArray[Any]:
    """DICOM RLE: byte planes, most significant first, each packed as PackBits (DICOM PS3.5 annex G)."""
    n, *offsets = np.frombuffer(stream[:64], "<u4").tolist()
    if n != width:
        raise InputError(find("px.length", found=f"{n} byte planes", expected=f"{width}"))
    ends = [*offsets[1:n], len(stream)]
    size = shape[0] * shape[1]
    values = np.empty((size, width), np.uint8)
    for plane, (start, end) in enumerate(zip(offsets[:n], ends, strict=True)):
        unpacked = np.frombuffer(package.packbits_decode(stream[start:end]), np.uint8)
        if not size <= len(unpacked) <= size + MOST_RLE_PAD:
            raise InputError(find("px.length", found=f"{len(unpacked)} bytes in a plane", expected=f"{size}"))
        values[:, width - 1 - plane] = unpacked[:size]
    return values.view(f"<u{width}").reshape(shape)
