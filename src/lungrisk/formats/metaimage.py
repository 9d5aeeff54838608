"""MetaImage: .mha, or .mhd with .raw or .zraw beside it. The world is LPS, as ITK writes it. Nothing is assumed: what is not stated refuses."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find
from lungrisk.core.geometry import Affine
from lungrisk.core.records import Scan
from lungrisk.formats.items import Given, Item
from lungrisk.formats.metaimage_header import MetaHeader, looks_so, read_header
from lungrisk.formats.numerals import shown
from lungrisk.formats.parts import LIST, companions, numbered_names
from lungrisk.formats.series import Series
from lungrisk.formats.single import checked_affine, row_of, to_scan
from lungrisk.formats.stacking import UNIT_MENDED, UNIT_WITHIN
from lungrisk.formats.terms import terms_of
from lungrisk.formats.voxels import Stored, claimed

TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
NAMES = (".mha", ".mhd")


class Volume(NamedTuple):
    """Header facts, (k, j, i) and LPS."""

    header: MetaHeader
    shape: tuple[int, ...]
    affine: Affine
    dtype: np.dtype[Any]
    findings: tuple[Finding, ...]


def sniff(head: bytes, name: str) -> bool:
    """A name of the format, or what its headers begin with; keys may come in any order."""
    return looks_so(head) or (name.lower().endswith(NAMES) and b"=" in head[:256] and b"\0" not in head[:16])


def load(items: Sequence[Item], given: Given, *, keep_ids: bool = False) -> Scan:
    """The volume of one header and its data. Raises InputError: `file.*`, `hdr.*`, `sec.path`, `res.claim`, `geo.*`, `nii.4d`, `nii.units`,
    `px.channels`.
    """
    item = items[0]
    with terms_of("metaimage", item):
        volume = _volume(item)
        sources = _sources(volume.header, item, given)
        stored = _stored(volume, sources, item)
        names = tuple(dict.fromkeys((item.name, *(source.name for source in sources))))
        return to_scan("metaimage", names, stored, volume.affine, volume.findings)


def survey(items: Sequence[Item]) -> tuple[Series, ...]:
    """One row for each header."""
    rows = []
    for item in items:
        with terms_of("metaimage", item):
            volume = _volume(item)
            rows.append(row_of("metaimage", item, volume.shape, volume.affine))
    return tuple(rows)


def _volume(item: Item) -> Volume:
    try:
        header = read_header(item)
    except OSError as error:
        raise InputError(find("file.unreadable", found=error.strerror, files=[item.name])) from error
    dtype, n = _dtype(header), header.wholes(1, "NDims")[0]
    if not 1 <= n <= 10:
        raise InputError(find("hdr.value", found=n, expected="3", tag="NDims"))
    sizes = header.wholes(n, "DimSize")
    if min(sizes) < 1:
        raise InputError(find("hdr.value", found=shown(sizes), expected="sizes of at least 1", tag="DimSize"))
    if n < 3:
        raise InputError(find("geo.too_few", found="one slice", expected="a volume", tag="NDims"))
    if max(sizes[3:], default=1) > 1:
        raise InputError(find("nii.4d", found=" x ".join(map(str, sizes)), expected="three dimensions", tag="DimSize"))
    claimed(sizes, dtype.itemsize)
    affine, notes = _affine(header, n)
    return Volume(header, sizes[2::-1], affine, dtype, notes)


def _affine(header: MetaHeader, n: int) -> tuple[Affine, tuple[Finding, ...]]:
    """(k, j, i) to LPS mm, out of the first three of n dimensions. Raises InputError: `geo.*`, `nii.units`, `hdr.number`."""
    spacing = header.decimals(n, "ElementSpacing")
    if spacing is None:
        raise InputError(find("geo.no_spacing", found="nothing", tag="ElementSpacing"))
    if min(spacing[:3]) <= 0:
        found = ", ".join(f"{value:g}" for value in spacing)
        raise InputError(find("geo.spacing_bad", found=found, expected="above 0", tag="ElementSpacing"))
    unit = (header.text("DistanceUnits") or "").lower()
    if unit not in ("", "?", "mm", "millimeter", "millimeters"):
        raise InputError(find("nii.units", found=shown(unit), expected="mm", tag="DistanceUnits"))
    matrix = header.decimals(n * n, "TransformMatrix", "Rotation", "Orientation")
    if matrix is None:
        raise InputError(find("geo.no_orientation", found="nothing", tag="TransformMatrix"))
    origin = header.decimals(n, "Offset", "Position", "Origin")
    if origin is None:
        raise InputError(find("geo.no_position", found="nothing", tag="Offset"))
    directions = np.reshape(matrix, (n, n))  # each row is one axis' direction
    if directions[:3, 3:].any() or directions[3:, :3].any():
        raise InputError(find("hdr.value", found="a turn into a fourth dimension", expected="0", tag="TransformMatrix"))
    unit_directions, notes = _of_unit_length(directions[:3, :3])
    notes += _against_letters(header, unit_directions)
    affine = np.eye(4)
    affine[:3, :3] = (unit_directions * np.array(spacing[:3])[:, None]).T[:, ::-1]
    affine[:3, 3] = origin[:3]
    return checked_affine(affine, "geo.no_orientation"), notes


def _of_unit_length(directions: Any) -> tuple[Any, tuple[Finding, ...]]:
    """Rows of length 1. Raises InputError: `geo.no_orientation`, `geo.iop_skew` where they are far from it: sizes belong in ElementSpacing."""
    lengths = np.linalg.norm(directions, axis=1)
    if not lengths.all():
        raise InputError(find("geo.no_orientation", found="a direction of no length", tag="TransformMatrix"))
    off = float(np.abs(lengths - 1).max())
    if off <= UNIT_WITHIN:
        return directions, ()
    found = f"lengths {', '.join(f'{length:.4g}' for length in lengths)}"
    if off > UNIT_MENDED:
        raise InputError(find("geo.iop_skew", found=found, expected="1", tag="TransformMatrix"))
    return directions / lengths[:, None], (find("geo.iop_norm", found=found, expected="1", tag="TransformMatrix"),)


def _against_letters(header: MetaHeader, directions: Any) -> tuple[Finding, ...]:
    """AnatomicalOrientation says from where each axis runs; readers follow the matrix, writers do not always keep the letters true."""
    stated = (header.text("AnatomicalOrientation") or "").upper()
    if not re.fullmatch("[RLAPIS]{3}", stated):
        return ()
    along = np.argmax(np.abs(directions), axis=1)
    letters = "".join("RLAPIS"[2 * axis + int(row[axis] < 0)] for axis, row in zip(along, directions, strict=True))
    if stated == letters:
        return ()
    remedy = "check left and right on the pictures"
    expected = f"{letters} as TransformMatrix says"
    return (
        find(
            "hdr.conflict",
            severity="corrected",
            found=stated,
            expected=expected,
            tag="AnatomicalOrientation",
            remedy=remedy,
        ),
    )


def _dtype(header: MetaHeader) -> np.dtype[Any]:
    """Raises InputError: `sel.modality`, `hdr.value`, `hdr.number`, `px.channels`."""
    if (header.text("ObjectType") or "Image").lower() != "image":
        raise InputError(find("hdr.value", found=shown(header.text("ObjectType")), expected="Image", tag="ObjectType"))
    modality = (header.text("Modality") or "").upper()
    if modality in ("MET_MOD_MR", "MET_MOD_NM", "MET_MOD_US"):
        raise InputError(find("sel.modality", found=shown(modality), expected="MET_MOD_CT", tag="Modality"))
    channels = header.wholes(1, "ElementNumberOfChannels")[0] if header.text("ElementNumberOfChannels") else 1
    if channels != 1:
        raise InputError(find("px.channels", found=channels, expected="1", tag="ElementNumberOfChannels"))
    stated = header.text("ElementType") or "nothing"
    if stated not in TYPES:
        raise InputError(find("hdr.value", found=shown(stated), expected="a type of numbers", tag="ElementType"))
    for name, neutral in (("ElementToIntensityFunctionSlope", 1.0), ("ElementToIntensityFunctionOffset", 0.0)):
        value = header.decimals(1, name)
        if value is not None and value[0] != neutral:  # ITK leaves them out, others follow them
            found, expected = f"{name} {value[0]:g}, which readers do not agree on", "values in HU as they are"
            raise InputError(find("hdr.value", found=found, expected=expected, tag=name))
    msb = header.flag("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
    return np.dtype((">" if msb else "<") + TYPES[stated])


def _sources(header: MetaHeader, item: Item, given: Given) -> tuple[Item, ...]:
    """The files that hold the voxels. Raises InputError: `sec.path`, `file.unreadable`, `hdr.value`, `hdr.conflict`."""
    stated = header.fields["elementdatafile"]
    if not stated:
        raise InputError(find("hdr.value", found="nothing", expected="LOCAL or a file", tag="ElementDataFile"))
    if stated.upper() == "LOCAL":
        return (item,)
    if LIST.fullmatch(stated):
        return companions(given, item, header.rest)
    if header.rest:
        found = f"{shown(header.rest[0])} after ElementDataFile"
        raise InputError(find("hdr.conflict", found=found, expected="ElementDataFile last", tag="ElementDataFile"))
    return companions(given, item, numbered_names(stated) or [stated])


def _stored(volume: Volume, sources: tuple[Item, ...], item: Item) -> Stored:
    """Raises InputError: `hdr.value`, `hdr.conflict`."""
    header = volume.header
    start = header.size if sources == (item,) else 0
    packed, text = header.flag("CompressedData"), header.flag("BinaryData") is False
    skip = header.wholes(1, "HeaderSize")[0] if header.text("HeaderSize") else 0
    if skip < -1 or (skip and (packed or text)):
        found = f"HeaderSize {skip}{' of packed data' if packed else ' of text' if text else ''}"
        raise InputError(find("hdr.value", found=found, expected="0 or more, or -1 for raw data", tag="HeaderSize"))
    if packed and text:
        raise InputError(find("hdr.conflict", found="packed text", expected="packed or text", tag="BinaryData"))
    share = claimed(volume.shape, volume.dtype.itemsize) // len(sources)
    parts = []
    for source in sources:
        begin = source.size - share if skip == -1 else skip or start
        if begin < start or (start and begin != start):
            found = f"HeaderSize {skip}, voxels from byte {begin}"
            raise InputError(find("hdr.conflict", found=found, expected=f"voxels from byte {start}", tag="HeaderSize"))
        parts.append((source, begin))
    encoding = "raw"
    if packed:
        _check_packed_size(header, sources, start)
        with sources[0].open() as stream:
            stream.seek(start)
            encoding = "gzip" if stream.read(2) == b"\x1f\x8b" else "zlib"
    return Stored(volume.shape, volume.dtype, tuple(parts), "text" if text else encoding)


def _check_packed_size(header: MetaHeader, sources: tuple[Item, ...], start: int) -> None:
    """Raises InputError (`hdr.conflict`) where CompressedDataSize is stated and another than what there is."""
    stated = header.wholes(1, "CompressedDataSize")[0] if header.text("CompressedDataSize") else 0
    there = sum(source.size - start for source in sources)
    if stated and stated != there:
        raise InputError(
            find("hdr.conflict", found=f"{there} bytes", expected=f"{stated} as stated", tag="CompressedDataSize")
        )
