"""MetaImage: .mha, or .mhd with .raw or .zraw beside it. The header is `Key = value` lines; the world is LPS, as ITK writes it.

Source: the MetaIO documentation; SimpleITK is the oracle where it is installed.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find
from lungrisk.core.geometry import Affine
from lungrisk.core.records import Scan
from lungrisk.formats.items import Given, Item
from lungrisk.formats.series import Series
from lungrisk.formats.single import checked_affine, claimed, row_of, to_scan
from lungrisk.formats.voxels import inflated, plain

MOST_HEADER_BYTES = 64 * 1024
TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
Fields = dict[str, str]


def sniff(head: bytes, name: str) -> bool:
    """The name and the first key."""
    return name.lower().endswith((".mha", ".mhd")) and head.lstrip()[:10] in (
        b"ObjectType",
        b"NDims = 3",
        b"NDims = 3\n",
    )


def load(items: Sequence[Item], given: Given, *, keep_ids: bool = False) -> Scan:
    """The volume of one file. Raises InputError: `file.*`, `sec.path`, `res.claim`, `geo.*`, `hdr.number`."""
    item = items[0]
    fields, start = _header(item)
    shape, affine, dtype = _shape(fields), _affine(fields), _dtype(fields)
    local = fields["ElementDataFile"].upper() in ("LOCAL", "LOCAL_")
    source = item if local else given.companion(item, fields["ElementDataFile"])
    packed = fields.get("CompressedData", "False").lower() == "true"
    need = claimed(shape, dtype.itemsize, None if packed else source.size - (start if local else 0))
    skip = start if local else _skip(fields, source.size - need)
    values = (inflated if packed else plain)(source, skip, shape, dtype)
    names = (item.name,) if local else (item.name, source.name)
    return to_scan("metaimage", names, values, affine, ())


def survey(items: Sequence[Item]) -> tuple[Series, ...]:
    """One row for each header."""
    rows = []
    for item in items:
        fields, _ = _header(item)
        rows.append(row_of("metaimage", item, _shape(fields), _affine(fields)))
    return tuple(rows)


def _header(item: Item) -> tuple[Fields, int]:
    """The fields, and where the voxels begin in a file that holds them itself."""
    with item.open() as stream:
        head = stream.read(MOST_HEADER_BYTES)
    fields: Fields = {}
    start = 0
    for line in head.splitlines(keepends=True):
        start += len(line)
        key, equals, value = line.decode("latin-1").partition("=")
        if not equals or len(fields) > 100:
            break
        fields[key.strip()] = value.strip()
        if key.strip() == "ElementDataFile":
            break
    if not fields.get("ElementDataFile"):
        raise InputError(
            find("file.corrupt", found="no ElementDataFile", expected="a MetaImage header", files=[item.name])
        )
    if fields["ElementDataFile"].upper().startswith("LIST") or "%" in fields["ElementDataFile"]:
        raise InputError(find("file.syntax", found="a list of files", expected="one data file", files=[item.name]))
    return fields, start


def _numbers(fields: Fields, n: int, *keys: str) -> list[float] | None:
    """The first of the keys that is there, as n finite numbers. Raises InputError (`hdr.number`)."""
    key = next((key for key in keys if key in fields), None)
    if key is None:
        return None
    try:
        values = [float(value) for value in fields[key].split()]
    except ValueError:
        values = []
    if len(values) != n or not np.isfinite(values).all():
        raise InputError(find("hdr.number", found=fields[key][:64], expected=f"{n} numbers", tag=key))
    return values


def _shape(fields: Fields) -> tuple[int, ...]:
    """Voxels (k, j, i)."""
    if fields.get("NDims") != "3" or fields.get("ElementNumberOfChannels", "1") != "1":
        found = f"{fields.get('NDims')} dimensions, {fields.get('ElementNumberOfChannels', '1')} channels"
        raise InputError(find("nii.4d", found=found, expected="3 dimensions, 1 channel"))
    size = _numbers(fields, 3, "DimSize")
    if size is None or min(size) < 1:
        raise InputError(find("file.corrupt", found="no DimSize", expected="a MetaImage header"))
    return tuple(int(n) for n in reversed(size))


def _affine(fields: Fields) -> Affine:
    """(k, j, i) to LPS mm. Nothing is assumed: what is not stated refuses."""
    spacing = _numbers(fields, 3, "ElementSpacing")
    if spacing is None:
        raise InputError(find("geo.no_spacing", found="nothing", tag="ElementSpacing"))
    if min(spacing) <= 0:
        raise InputError(
            find("geo.spacing_bad", found=fields["ElementSpacing"], expected="above 0", tag="ElementSpacing")
        )
    matrix = _numbers(fields, 9, "TransformMatrix", "Rotation", "Orientation")
    origin = _numbers(fields, 3, "Offset", "Position", "Origin")
    if matrix is None:
        raise InputError(find("geo.no_orientation", found="nothing", tag="TransformMatrix"))
    if origin is None:
        raise InputError(find("geo.no_position", found="nothing", tag="Offset"))
    affine = np.eye(4)
    affine[:3, :3] = (np.reshape(matrix, (3, 3)) * np.array(spacing)[:, None]).T[
        :, ::-1
    ]  # each row is one axis' direction
    affine[:3, 3] = origin
    return checked_affine(affine, "geo.no_orientation")


def _dtype(fields: Fields) -> np.dtype[Any]:
    kind = TYPES.get(fields.get("ElementType", ""))
    if kind is None:
        raise InputError(find("file.syntax", found=fields.get("ElementType", "nothing")[:32], tag="ElementType"))
    msb = fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False")).lower() == "true"
    return np.dtype((">" if msb else "<") + kind)


def _skip(fields: Fields, spare: int) -> int:
    """Bytes before the voxels in a file of their own; -1 means that the voxels are its end."""
    size = _numbers(fields, 1, "HeaderSize")
    return spare if size and size[0] < 0 else int(size[0]) if size else 0
