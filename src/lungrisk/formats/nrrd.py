"""NRRD: .nrrd, or .nhdr with its data file beside it. The space field is obeyed; without one nothing is known of the body's axes."""

import io
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find
from lungrisk.core.geometry import Affine
from lungrisk.core.records import Scan
from lungrisk.formats.items import Given, Item
from lungrisk.formats.series import Series
from lungrisk.formats.single import checked_affine, claimed, row_of, to_scan
from lungrisk.formats.voxels import gunzipped, plain

MOST_HEADER_BYTES = 256 * 1024
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
    "f4": ("float",),
    "f8": ("double",),
}


class Volume(NamedTuple):
    """Header facts, (k, j, i) and LPS. data_file: None where the voxels follow the header, at byte `start`."""

    shape: tuple[int, ...]
    affine: Affine
    dtype: np.dtype[Any]
    encoding: str
    data_file: str | None
    start: int


def sniff(head: bytes, name: str) -> bool:
    """The magic."""
    return head[:4] == b"NRRD"


def load(items: Sequence[Item], given: Given, *, keep_ids: bool = False) -> Scan:
    """The volume of one file. Raises InputError: `nrrd.no_space`, `nii.4d`, `file.*`, `sec.path`, `res.claim`, `geo.*`."""
    item = items[0]
    volume = _header(item)
    source = given.companion(item, volume.data_file) if volume.data_file else item
    start = 0 if volume.data_file else volume.start
    packed = volume.encoding in ("gzip", "gz")
    claimed(volume.shape, volume.dtype.itemsize, None if packed else source.size - start)
    values = (gunzipped if packed else plain)(source, start, volume.shape, volume.dtype)
    names = (item.name, source.name) if volume.data_file else (item.name,)
    return to_scan("nrrd", names, values, volume.affine, ())


def survey(items: Sequence[Item]) -> tuple[Series, ...]:
    """One row for each header."""
    rows = []
    for item in items:
        volume = _header(item)
        rows.append(row_of("nrrd", item, volume.shape, volume.affine))
    return tuple(rows)


def _header(item: Item) -> Volume:
    import nrrd  # with its own imports 0.1 s: only when an NRRD file is read

    with item.open() as stream:
        head = stream.read(MOST_HEADER_BYTES)
    end = re.search(rb"\r?\n\r?\n", head)
    text = head[: end.end()] if end else head if item.size < MOST_HEADER_BYTES else b""
    try:
        fields = nrrd.read_header(io.BytesIO(text))
    except Exception as error:  # pynrrd raises anything on hostile lines: it is the file's fault
        raise InputError(
            find("file.corrupt", found=str(error)[:80], expected="an NRRD header", files=[item.name])
        ) from error
    sizes = [int(n) for n in fields.get("sizes", ())]
    if not sizes:
        raise InputError(find("file.corrupt", found="no sizes", expected="an NRRD header", files=[item.name]))
    if len(sizes) != 3:
        raise InputError(find("nii.4d", found=f"{len(sizes)} dimensions", expected="3 dimensions"))
    encoding = str(fields.get("encoding", "")).lower()
    if encoding not in ("raw", "gzip", "gz") or int(fields.get("line skip", 0)) or int(fields.get("byte skip", 0)):
        raise InputError(find("file.syntax", found=encoding or "no encoding", expected="raw or gzip", tag="encoding"))
    data_file = fields.get("data file", fields.get("datafile"))
    if data_file is not None and (isinstance(data_file, list) or re.match(r"LIST|.*%", str(data_file))):
        raise InputError(find("file.syntax", found="a list of files", expected="one data file", tag="data file"))
    return Volume(
        tuple(sizes[::-1]), _affine(fields), _dtype(fields), encoding, data_file and str(data_file), len(text)
    )


def _affine(fields: dict[str, Any]) -> Affine:
    """(k, j, i) to LPS mm. Raises InputError (`nrrd.no_space`)."""
    space = str(fields.get("space", "")).lower()
    if space not in TO_LPS:
        raise InputError(find("nrrd.no_space", found=space or "nothing", expected="LPS, RAS or LAS", tag="space"))
    if any(str(unit).strip('"') not in ("mm", "") for unit in fields.get("space units", ())):
        raise InputError(find("nii.units", found=fields["space units"], expected="mm", tag="space units"))
    directions, origin = fields.get("space directions"), fields.get("space origin")
    if directions is None or origin is None or np.shape(directions) != (3, 3) or np.shape(origin) != (3,):
        raise InputError(find("nrrd.no_space", found="no space directions and origin", tag="space directions"))
    signs = np.array(TO_LPS[space])
    affine = np.eye(4)
    affine[:3, :3] = (np.asarray(directions, np.float64) * signs).T[:, ::-1]  # each row is one axis' step
    affine[:3, 3] = np.asarray(origin, np.float64) * signs
    return checked_affine(affine, "nrrd.no_space")


def _dtype(fields: dict[str, Any]) -> np.dtype[Any]:
    stated = str(fields.get("type", "")).lower()
    kind = next((kind for kind, names in TYPES.items() if stated in names), None)
    if kind is None:
        raise InputError(find("file.syntax", found=stated[:32] or "nothing", tag="type"))
    return np.dtype((">" if str(fields.get("endian", "little")).lower() == "big" else "<") + kind)
