"""NIfTI-1 and NIfTI-2, plain or gzip whatever the name says. nibabel reads the header; RAS becomes LPS here."""

import gzip
import io
import zlib
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find
from lungrisk.core.geometry import Affine
from lungrisk.core.records import Scan
from lungrisk.formats.items import Given, Item
from lungrisk.formats.series import Series
from lungrisk.formats.single import LPS_FROM_RAS, checked_affine, claimed, row_of, to_scan
from lungrisk.formats.voxels import filled

ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
GZIP = b"\x1f\x8b"
HEADER_BYTES = 544  # of NIfTI-2; NIfTI-1 needs 352
MILLIMETRES, UNKNOWN = 2, 0
FORMS_AGREE_MM = 0.5  # sform and qform further apart than this contradict each other


class Volume(NamedTuple):
    """Header facts. shape, affine: in (k, j, i) and LPS. offset: of the voxels. slope, inter: None where values are as stored."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    affine: Affine
    offset: int
    slope: float | None
    inter: float | None
    findings: tuple[Finding, ...]


def sniff(head: bytes, name: str) -> bool:
    """The header's size field and magic, or gzip with a name that says NIfTI."""
    if head[:2] == GZIP:
        return name.lower().endswith((".nii.gz", ".nii")) or _magic(_unzipped(head))
    return _magic(head)


def load(items: Sequence[Item], given: Given, *, keep_ids: bool = False) -> Scan:
    """The volume of one file. Raises InputError: `nii.*`, `file.*`, `res.claim`, `geo.*`."""
    item = items[0]
    try:
        with item.open() as raw:
            packed = raw.read(2) == GZIP
            raw.seek(0)
            stream = gzip.GzipFile(fileobj=raw) if packed else raw
            volume = _header(stream.read(HEADER_BYTES))
            claimed(volume.shape, volume.dtype.itemsize, None if packed else item.size - volume.offset)
            stream.seek(volume.offset)
            values = filled(stream, volume.shape, volume.dtype)
    except (OSError, EOFError, zlib.error) as error:
        code = "file.truncated" if isinstance(error, EOFError) else "file.corrupt"
        raise InputError(find(code, found=str(error)[:80], files=[item.name])) from error
    if volume.slope is not None:
        values = values * np.float32(volume.slope) + np.float32(volume.inter or 0.0)
    return to_scan("nifti", (item.name,), values, volume.affine, volume.findings)


def survey(items: Sequence[Item]) -> tuple[Series, ...]:
    """One row for each file."""
    rows = []
    for item in items:
        volume = _header(_start(item))
        rows.append(row_of("nifti", item, volume.shape, volume.affine))
    return tuple(rows)


def _header(head: bytes) -> Volume:
    import nibabel  # 0.3 s: only when a NIfTI file is read

    version: Any = nibabel.Nifti2Header if _size(head) == 540 else nibabel.Nifti1Header
    try:
        header = version.from_fileobj(io.BytesIO(head), check=False)
        dtype, shape = header.get_data_dtype(), tuple(int(n) for n in header.get_data_shape())
        slope, inter = header.get_slope_inter()
    except Exception as error:  # nibabel raises several kinds on hostile bytes: it is the file's fault
        raise InputError(find("file.corrupt", found=str(error)[:80], expected="a NIfTI header")) from error
    if dtype.names or dtype.kind not in "iuf":
        raise InputError(find("px.rgb", found=str(dtype)))
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3:
        raise InputError(find("nii.4d", found=" x ".join(map(str, shape)), expected="three dimensions"))
    claimed(shape, dtype.itemsize, None)
    affine, findings = _place(header)
    if slope == 1 and not inter:
        slope = None
    return Volume(dtype, shape[::-1], affine, int(header["vox_offset"]) or _size(head) + 4, slope, inter, findings)


def _place(header: Any) -> tuple[Affine, tuple[Finding, ...]]:
    """The affine (k, j, i) to LPS out of sform, or qform where there is none."""
    pixdim = np.asarray(header["pixdim"][1:4], np.float64)
    if not (np.isfinite(pixdim).all() and (pixdim > 0).all()):
        raise InputError(find("geo.spacing_bad", found=pixdim.tolist(), expected="above 0", tag="pixdim"))
    sform, sform_code = header.get_sform(coded=True)
    try:
        qform, qform_code = header.get_qform(coded=True)
    except Exception:  # nibabel raises several kinds on a quaternion that is none: then there is no qform
        qform, qform_code = None, 0
    if not sform_code and not qform_code:
        raise InputError(find("nii.no_affine", found="sform_code 0, qform_code 0"))
    findings: list[Finding] = []
    if sform_code and qform_code:
        corners = np.array([[i, j, k, 1] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * [
            *header.get_data_shape()[:3],
            1,
        ]
        apart = float(np.abs((sform - qform) @ corners.T).max())
        if np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0:
            raise InputError(find("nii.form_conflict", severity="refused", found="sform and qform mirror each other"))
        if apart > FORMS_AGREE_MM:
            findings.append(find("nii.form_conflict", found=f"{apart:.1f} mm apart"))
    unit = int(header["xyzt_units"]) & 7
    if unit not in (MILLIMETRES, UNKNOWN):
        raise InputError(
            find("nii.units", found={1: "metres", 3: "micrometres"}.get(unit, str(unit)), expected="millimetres")
        )
    ras = np.asarray(sform if sform_code else qform, np.float64)
    lps = LPS_FROM_RAS @ ras
    return checked_affine(lps[:, [2, 1, 0, 3]], "nii.no_affine"), tuple(findings)


def _magic(head: bytes) -> bool:
    size = _size(head)
    return (size == 348 and head[344:347] in (b"n+1", b"ni1")) or (size == 540 and head[4:7] == b"n+2")


def _size(head: bytes) -> int:
    sizes = {int.from_bytes(head[:4], order) for order in ORDERS}
    return next(iter(sizes & {348, 540}), 0)


def _unzipped(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, HEADER_BYTES)
    except zlib.error:
        return b""


def _start(item: Item) -> bytes:
    """The header's bytes, unpacked."""
    with item.open() as raw:
        packed = raw.read(2) == GZIP
        raw.seek(0)
        try:
            return gzip.GzipFile(fileobj=raw).read(HEADER_BYTES) if packed else raw.read(HEADER_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(find("file.corrupt", found=str(error)[:80], files=[item.name])) from error
