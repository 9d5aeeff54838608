"""NRRD: .nrrd, or .nhdr with its data files beside it. The space field is obeyed; without one nothing is known of the body's axes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find
from lungrisk.core.geometry import Affine
from lungrisk.core.records import Scan
from lungrisk.formats.items import Given, Item
from lungrisk.formats.nrrd_header import NrrdHeader, read_header
from lungrisk.formats.numerals import shown
from lungrisk.formats.parts import LIST, companions, numbered_names
from lungrisk.formats.series import Series
from lungrisk.formats.single import checked_affine, row_of, to_scan
from lungrisk.formats.terms import terms_of
from lungrisk.formats.voxels import Stored, claimed

TO_LPS = {  # the space's axes, by its two names -> what its x, y, z must be multiplied by
    "left-posterior-superior": (1.0, 1.0, 1.0),
    "lps": (1.0, 1.0, 1.0),
    "right-anterior-superior": (-1.0, -1.0, 1.0),
    "ras": (-1.0, -1.0, 1.0),
    "left-anterior-superior": (1.0, -1.0, 1.0),
    "las": (1.0, -1.0, 1.0),
}
TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
ENCODINGS = {
    "raw": "raw",
    "gzip": "gzip",
    "gz": "gzip",
    "bzip2": "bzip2",
    "bz2": "bzip2",
    "hex": "hex",
    "ascii": "text",
    "text": "text",
    "txt": "text",
}
SPATIAL = ("domain", "space", "???", "none")  # kinds of an axis that voxels lie along
OF_SEVERAL = ("list", "time")  # kinds of an axis along which volumes follow each other
PER_AXIS = ("spacings", "axis mins", "axis maxs")  # the standard allows none of them beside space directions
MOST_LINES = 10_000


class Volume(NamedTuple):
    """Header facts, (k, j, i) and LPS."""

    header: NrrdHeader
    shape: tuple[int, ...]
    affine: Affine
    dtype: np.dtype[Any]
    encoding: str


def sniff(head: bytes, name: str) -> bool:
    """The magic."""
    return head[:4] == b"NRRD"


def load(items: Sequence[Item], given: Given, *, keep_ids: bool = False) -> Scan:
    """The volume of one header and its data. Raises InputError: `nrrd.no_space`, `nii.4d`, `nii.units`, `px.channels`, `hdr.*`, `file.*`,
    `sec.path`, `res.claim`, `geo.*`.
    """
    item = items[0]
    with terms_of("nrrd", item):
        volume = _volume(item)
        sources = _sources(volume.header, item, given)
        stored = _stored(volume, sources, volume.header.size if sources == (item,) else 0)
        names = tuple(dict.fromkeys((item.name, *(source.name for source in sources))))
        return to_scan("nrrd", names, stored, volume.affine, ())


def survey(items: Sequence[Item]) -> tuple[Series, ...]:
    """One row for each header."""
    rows = []
    for item in items:
        with terms_of("nrrd", item):
            volume = _volume(item)
            rows.append(row_of("nrrd", item, volume.shape, volume.affine))
    return tuple(rows)


def _volume(item: Item) -> Volume:
    try:
        header = read_header(item)
    except OSError as error:
        raise InputError(find("file.unreadable", found=error.strerror, files=[item.name])) from error
    encoding = ENCODINGS.get(header.text("encoding"))
    if encoding is None:
        found = shown(header.text("encoding")) or "nothing"
        raise InputError(find("hdr.value", found=found, expected=", ".join(ENCODINGS), tag="encoding"))
    dtype = _dtype(header, encoding)
    axes = _axes(header)
    shape = tuple(header.wholes("sizes", header.whole("dimension"))[axis] for axis in axes)[::-1]
    claimed(shape, dtype.itemsize)
    return Volume(header, shape, _affine(header, axes), dtype, encoding)


def _axes(header: NrrdHeader) -> tuple[int, int, int]:
    """The three axes that voxels lie along. Raises InputError: `nii.4d`, `px.channels`, `hdr.*`, `nrrd.no_space`."""
    n = header.whole("dimension")
    if not 1 <= n <= 16:
        raise InputError(find("hdr.value", found=n, expected="3 axes", tag="dimension"))
    sizes = header.wholes("sizes", n)
    if min(sizes) < 1:
        raise InputError(find("hdr.value", found=shown(sizes), expected="sizes of at least 1", tag="sizes"))
    if header.text("space") not in TO_LPS:
        found = shown(header.text("space")) or "nothing"
        raise InputError(find("nrrd.no_space", found=found, expected="LPS, RAS or LAS", tag="space"))
    kinds = header.text("kinds").split() or ["???"] * n
    if len(kinds) != n:
        raise InputError(
            find("hdr.conflict", found=f"{len(kinds)} kinds", expected=f"{n} as dimension says", tag="kinds")
        )
    if "spacedirections" not in header.fields:
        raise InputError(find("nrrd.no_space", found="no space directions", tag="space directions"))
    directions = header.vectors("space directions", n)
    axes = tuple(axis for axis in range(n) if directions[axis] is not None)
    for axis in range(n):
        spatial = axis in axes and kinds[axis] in SPATIAL
        if spatial or sizes[axis] == 1:
            continue
        found = f"{sizes[axis]} along an axis of kind {shown(kinds[axis])}"
        code = "nii.4d" if kinds[axis] in OF_SEVERAL else "px.channels"
        raise InputError(find(code, found=found, expected="three axes of space", tag="kinds"))
    if len(axes) != 3:
        found = f"{len(axes)} axes of space"
        raise InputError(
            find("nii.4d" if len(axes) > 3 else "geo.too_few", found=found, expected="3", tag="space directions")
        )
    return axes[0], axes[1], axes[2]


def _affine(header: NrrdHeader, axes: tuple[int, int, int]) -> Affine:
    """(k, j, i) to LPS mm. Raises InputError: `nrrd.no_space`, `nii.units`, `hdr.conflict`."""
    for field in ("space units", "units"):
        units = header.text(field).replace('"', " ").split()
        if any(unit not in ("mm", "millimeter", "millimeters", "???", "none") for unit in units):
            raise InputError(find("nii.units", found=shown(header.text(field)), expected="mm", tag=field))
    for field in PER_AXIS:
        if any(value not in ("nan", "none") for value in header.text(field).split()):
            found = f"{field} {shown(header.text(field))}"
            raise InputError(find("hdr.conflict", found=found, expected="space directions alone", tag=field))
    if "spaceorigin" not in header.fields:
        raise InputError(find("nrrd.no_space", found="no space origin", tag="space origin"))
    directions = header.vectors("space directions", header.whole("dimension"))
    signs = np.array(TO_LPS[header.text("space")])
    affine = np.eye(4)
    for column, axis in zip((2, 1, 0), axes, strict=True):
        affine[:3, column] = np.array(directions[axis], np.float64) * signs
    origin = header.vectors("space origin", 1)[0]
    if origin is None:
        raise InputError(find("nrrd.no_space", found="no space origin", tag="space origin"))
    affine[:3, 3] = np.array(origin) * signs
    return checked_affine(affine, "nrrd.no_space")


def _dtype(header: NrrdHeader, encoding: str) -> np.dtype[Any]:
    stated = header.text("type")
    kind = next((kind for kind, names in TYPES.items() if stated in names), None)
    if kind is None:
        raise InputError(find("hdr.value", found=shown(stated) or "nothing", expected="a type of numbers", tag="type"))
    for field in ("old min", "old max"):
        if header.text(field) not in ("", "nan"):
            found = f"{field} {shown(header.text(field))}: the values were quantised"
            raise InputError(find("hdr.value", found=found, expected="HU", tag=field))
    endian = header.text("endian")
    if endian not in ("little", "big") and (endian or (np.dtype(kind).itemsize > 1 and encoding != "text")):
        raise InputError(find("hdr.value", found=shown(endian) or "nothing", expected="little or big", tag="endian"))
    return np.dtype((">" if endian == "big" else "<") + kind)


def _sources(header: NrrdHeader, item: Item, given: Given) -> tuple[Item, ...]:
    """The files that hold the voxels. Raises InputError: `sec.path`, `file.unreadable`, `file.surplus`, `hdr.value`."""
    stated = header.fields.get("datafile")
    if stated is None:
        return (item,)
    if header.attached:
        found = f"{header.attached} bytes after a header that names a data file"
        raise InputError(find("file.surplus", found=found, expected="none", files=[item.name]))
    if LIST.fullmatch(stated):
        return companions(given, item, header.listed)
    return companions(given, item, numbered_names(stated) or [stated])


def _stored(volume: Volume, sources: tuple[Item, ...], start: int) -> Stored:
    """start: byte where the data begin in each of the sources. Raises InputError: `hdr.value`."""
    lines, skip = volume.header.whole("line skip", 0), volume.header.whole("byte skip", 0)
    if not 0 <= lines <= MOST_LINES or skip < -1:
        found, expected = f"line skip {lines}, byte skip {skip}", "0 or more, or a byte skip of -1"
        raise InputError(find("hdr.value", found=found, expected=expected, tag="byte skip"))
    share = claimed(volume.shape, volume.dtype.itemsize) // len(sources)
    starts = []
    for source in sources:
        begin = start
        if (
            skip == -1 and volume.encoding == "raw"
        ):  # the voxels are the end of the file; of packed data they must be all
            begin = max(source.size - share, start)
        elif lines:
            begin = _after_lines(source, start, lines)
        starts.append((source, begin))
    return Stored(volume.shape, volume.dtype, tuple(starts), volume.encoding, max(skip, 0))


def _after_lines(source: Item, start: int, lines: int) -> int:
    with source.open() as stream:
        stream.seek(start)
        for _ in range(lines):
            if not stream.readline(2**20):
                break
        return stream.tell()
