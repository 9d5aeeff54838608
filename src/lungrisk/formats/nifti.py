"""NIfTI-1 and NIfTI-2, one file or a pair, plain or gzip whatever the name says. nibabel knows the header's fields; RAS becomes LPS here."""

import gzip
import zlib
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find
from lungrisk.core.geometry import Affine
from lungrisk.core.parsing import reason
from lungrisk.core.records import Scan
from lungrisk.formats.items import Given, Item
from lungrisk.formats.nifti_place import place_of
from lungrisk.formats.parts import companion
from lungrisk.formats.series import Series
from lungrisk.formats.single import row_of, to_scan
from lungrisk.formats.terms import terms_of
from lungrisk.formats.voxels import Stored, claimed

GZIP = b"\x1f\x8b"
HEADER_BYTES = 540  # of NIfTI-2; NIfTI-1 has 348
EXTENSION_FLAG = 4  # bytes after the header of a single file, before extensions and voxels
ONE_FILE, A_PAIR = (b"n+1\0", b"n+2\0"), (b"ni1\0", b"ni2\0")
ONE_FILE_NAMES = (".nii", ".nii.gz")
NAMES = (*ONE_FILE_NAMES, ".hdr")
NOT_IMAGES = {*range(2, 25), *range(1001, 1012), *range(2001, 2006)}  # intent codes of nifti1.h
COLOUR = {128: "RGB", 2304: "RGBA"}  # datatypes


class Volume(NamedTuple):
    """Header facts. shape, affine: in (k, j, i) and LPS. offset: of the voxels, where their file is `pair` another."""

    shape: tuple[int, ...]
    affine: Affine
    dtype: np.dtype[Any]
    offset: int
    pair: bool
    slope: float | None
    inter: float
    findings: tuple[Finding, ...]


def sniff(head: bytes, name: str) -> bool:
    """The header's magic, gzip with a name that says NIfTI, or such a name and the header's own size (Analyze, or a damaged magic)."""
    named = name.lower().endswith(NAMES)
    if head[:2] == GZIP:
        return (named and name.lower().endswith(".gz")) or _magic(_unzipped(head)) is not None
    return _magic(head) is not None or (named and _order(head) is not None)


def load(items: Sequence[Item], given: Given, *, keep_ids: bool = False) -> Scan:
    """The volume of one file or pair. Raises InputError: `nii.*`, `hdr.*`, `file.*`, `px.rgb`, `px.channels`, `res.claim`, `geo.*`."""
    item = items[0]
    with terms_of("nifti", item):
        volume = _header(item)
        source = _image(item, given) if volume.pair else item
        packed = source.head(2) == GZIP
        stored = Stored(
            volume.shape,
            volume.dtype,
            ((source, 0 if packed else volume.offset),),
            "gzip" if packed else "raw",
            volume.offset if packed else 0,
            volume.slope,
            volume.inter,
        )
        names = (item.name, source.name) if volume.pair else (item.name,)
        return to_scan("nifti", names, stored, volume.affine, volume.findings)


def survey(items: Sequence[Item]) -> tuple[Series, ...]:
    """One row for each file."""
    rows = []
    for item in items:
        with terms_of("nifti", item):
            volume = _header(item)
            rows.append(row_of("nifti", item, volume.shape, volume.affine))
    return tuple(rows)


def _header(item: Item) -> Volume:
    import nibabel  # 0.3 s: only when a NIfTI file is read

    head = _start(item)
    order, magic = _order(head), _magic(head)
    if order is None or (magic is None and not item.name.lower().endswith(".hdr")):
        size = f"sizeof_hdr {int.from_bytes(head[:4], 'little')}" if order is None else "no magic"
        found = size if len(head) >= 348 else f"{len(head)} bytes"
        raise InputError(find("file.corrupt", found=found, expected="a NIfTI header", files=[item.name]))
    if magic is None:
        raise InputError(find("nii.no_affine", found="an Analyze header, which does not tell left from right"))
    version: Any = nibabel.Nifti2Header if magic[2:3] == b"2" else nibabel.Nifti1Header
    if len(head) < version.template_dtype.itemsize:
        raise InputError(find("file.truncated", found=f"{len(head)} bytes", expected="a NIfTI header"))
    header = version(head[: version.template_dtype.itemsize], endianness=order, check=False)
    dtype, notes = _dtype(header)
    slope, inter = _scaling(header)
    shape = _shape(header)
    claimed(shape, dtype.itemsize)
    affine, placed = place_of(header)
    pair = magic in A_PAIR and not item.name.lower().endswith(ONE_FILE_NAMES)
    if magic in A_PAIR and not pair:  # nibabel and ITK go by the name too
        remedy = "none needed: the size of the file says that the voxels are in it"
        found = "the magic of a pair in a file of its own"
        notes = (*notes, find("hdr.conflict", severity="corrected", found=found, tag="magic", remedy=remedy))
    least = 0 if pair else version.template_dtype.itemsize + EXTENSION_FLAG
    offset = _offset(float(header["vox_offset"]), least, item)
    return Volume(shape[::-1], affine, dtype, offset, pair, slope, inter, (*notes, *placed))


def _shape(header: Any) -> tuple[int, int, int]:
    """Voxels (i, j, k). Raises InputError: `hdr.value`, `nii.4d`."""
    n, *sizes = (int(value) for value in header["dim"])
    sizes = sizes[:n] if 1 <= n <= 7 else []
    if not sizes or min(sizes) < 1:
        raise InputError(find("hdr.value", found=[n, *sizes], expected="1 to 7 sizes of at least 1", tag="dim"))
    while len(sizes) > 3 and sizes[-1] == 1:
        sizes.pop()
    if len(sizes) < 3:
        raise InputError(find("geo.too_few", found="one slice", expected="a volume", tag="dim"))
    if len(sizes) > 3:
        raise InputError(find("nii.4d", found=" x ".join(map(str, sizes)), expected="three dimensions", tag="dim"))
    return sizes[0], sizes[1], sizes[2]


def _dtype(header: Any) -> tuple[np.dtype[Any], tuple[Finding, ...]]:
    """Raises InputError: `px.rgb`, `px.channels`, `hdr.value`, `nii.intent`; may note `hdr.conflict`, `nii.intent`."""
    code, intent, notes = int(header["datatype"]), int(header["intent_code"]), []
    if code in COLOUR:
        raise InputError(find("px.rgb", found=COLOUR[code], tag="datatype"))
    try:
        dtype = np.dtype(header.get_data_dtype())
    except Exception as error:  # nibabel raises its own kinds for a code that is none
        raise InputError(find("hdr.value", found=code, expected="a NIfTI datatype", tag="datatype")) from error
    if dtype.kind == "c":
        raise InputError(find("px.channels", found=str(dtype), tag="datatype"))
    if dtype.kind not in "iuf" or not 1 <= dtype.itemsize <= 8:
        raise InputError(
            find("hdr.value", found=code, expected="whole or real numbers of 8 to 64 bits", tag="datatype")
        )
    if intent:
        severity: Literal["refused", "limited"] = "refused" if intent in NOT_IMAGES else "limited"
        note = find("nii.intent", severity=severity, found=f"intent_code {intent}", expected="0", tag="intent_code")
        if severity == "refused":
            raise InputError(note)
        notes.append(note)
    bits = int(header["bitpix"])
    if bits != 8 * dtype.itemsize:
        found, expected = f"{bits} bits for a voxel", f"{8 * dtype.itemsize} as the datatype says"
        remedy = "none needed: the size of the file agrees with the datatype"
        notes.append(find("hdr.conflict", severity="corrected", found=found, expected=expected, remedy=remedy))
    return dtype, tuple(notes)


def _scaling(header: Any) -> tuple[float | None, float]:
    """Slope (None: as stored) and intercept. Raises InputError (`hdr.value`)."""
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if not slope or not np.isfinite(slope):
        return None, 0.0  # the standard: 0 is no scaling; nibabel and ITK read so what is no number too
    if not np.isfinite(inter):
        raise InputError(find("hdr.value", found=inter, expected="a number", tag="scl_inter"))
    return (None, 0.0) if slope == 1 and not inter else (slope, inter)


def _offset(stated: float, least: int, item: Item) -> int:
    """Where the voxels begin; 0 means directly after the header. Raises InputError (`hdr.value`)."""
    if stated == 0:
        return least
    if not np.isfinite(stated) or stated != int(stated) or not least <= stated <= 2**40:
        expected = f"a whole number of at least {least}"
        raise InputError(find("hdr.value", found=f"{stated:g}", expected=expected, tag="vox_offset", files=[item.name]))
    return int(stated)


def _image(item: Item, given: Given) -> Item:
    """The .img beside a .hdr, packed or not."""
    stem = item.name.rpartition("/")[2]
    stem = stem[: -len(".hdr.gz")] if stem.lower().endswith(".hdr.gz") else stem.rpartition(".")[0] or stem
    faults = []
    for ending in (".img", ".img.gz", ".IMG"):
        try:
            return companion(given, item, stem + ending)
        except InputError as error:
            faults.append(error)
    raise faults[0]


def _magic(head: bytes) -> bytes | None:
    found = head[344:348] if head[344:348] in (ONE_FILE[0], A_PAIR[0]) else head[4:8]
    return found if found in (*ONE_FILE, *A_PAIR) else None


def _order(head: bytes) -> Literal["<", ">"] | None:
    """The byte order in which the header's own size is right."""
    orders: tuple[tuple[Literal["<", ">"], Literal["little", "big"]], ...] = (("<", "little"), (">", "big"))
    size = 540 if head[4:8] in (ONE_FILE[1], A_PAIR[1]) else 348
    return next((sign for sign, order in orders if int.from_bytes(head[:4], order) == size), None)


def _unzipped(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, HEADER_BYTES)
    except zlib.error:
        return b""


def _start(item: Item) -> bytes:
    """The header's bytes, unpacked. Raises InputError (`file.corrupt`, `file.unreadable`)."""
    try:
        with item.open() as raw:
            packed = raw.read(2) == GZIP
            raw.seek(0)
            return gzip.GzipFile(fileobj=raw).read(HEADER_BYTES) if packed else raw.read(HEADER_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(find("file.corrupt", found=reason(error), files=[item.name])) from error
