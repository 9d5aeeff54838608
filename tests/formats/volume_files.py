"""Volumes of one file, written as other programs write them."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import nrrd
import numpy as np
from gradient_phantom import truth
from numpy.typing import NDArray

from lungrisk.core.geometry import apply_affine, axis_affine

SHAPE, SPACING, START = (24, 30, 40), (2.5, 1.5, 1.25), (-50.0, -45.0, -30.0)
RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
Volume = tuple[NDArray[Any], NDArray[np.float64]]


def gradient(affine: NDArray[np.float64] | None = None, shape: tuple[int, ...] = SHAPE) -> Volume:
    """The linear phantom on any grid: (k, j, i) int16 and its affine to LPS."""
    affine = axis_affine(SPACING, START) if affine is None else affine
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    return np.rint(truth(apply_affine(affine, grid))).astype(np.int16), affine


def nifti(path: Path, volume: Volume, code: int = 1) -> Path:
    hu, affine = volume
    image = nibabel.Nifti1Image(hu.T, RAS @ affine[:, [2, 1, 0, 3]])
    image.set_sform(image.affine, code)
    image.set_qform(image.affine, code)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    return path


def nrrd_file(path: Path, volume: Volume, **fields: Any) -> Path:
    hu, affine = volume
    header = {
        "space": "left-posterior-superior",
        "space directions": affine[:3, [2, 1, 0]].T,
        "space origin": affine[:3, 3],
    }
    nrrd.write(str(path), np.ascontiguousarray(hu.T), {**header, "encoding": "gzip", **fields}, index_order="F")
    return path


def meta(path: Path, volume: Volume, *, packed: bool = False, **fields: str) -> Path:
    hu, affine = volume
    content = zlib.compress(hu.tobytes()) if packed else hu.tobytes()
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    lines = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": str(packed),
        "TransformMatrix": " ".join(f"{v:.12g}" for v in (affine[:3, :3] / lengths)[:, ::-1].T.ravel()),
        "Offset": " ".join(f"{v:.12g}" for v in affine[:3, 3]),
        "ElementSpacing": " ".join(f"{v:.12g}" for v in lengths[::-1]),
        "DimSize": " ".join(str(n) for n in hu.shape[::-1]),
        "ElementType": "MET_SHORT",
        **{key: value for key, value in fields.items() if key != "ElementDataFile"},
        "ElementDataFile": fields.get("ElementDataFile", "LOCAL"),
    }
    text = "".join(f"{key} = {value}\n" for key, value in lines.items() if value).encode()
    local = lines["ElementDataFile"] == "LOCAL"
    path.write_bytes(text + (content if local else b""))
    if not local and "/" not in lines["ElementDataFile"]:
        (path.parent / lines["ElementDataFile"]).write_bytes(content)
    return path


def mha(path: Path, volume: Volume) -> Path:
    return meta(path.with_suffix(".mha"), volume)


WRITERS: dict[str, tuple[Callable[[Path, Volume], Path], str]] = {
    "nifti": (nifti, "scan.nii"),
    "nifti.gz": (nifti, "scan.nii.gz"),
    "nrrd": (nrrd_file, "scan.nrrd"),
    "nhdr": (nrrd_file, "scan.nhdr"),
    "mha": (mha, "scan.mha"),
    "mhd": (lambda path, volume: meta(path, volume, ElementDataFile="scan.raw"), "scan.mhd"),
    "mhd packed": (lambda path, volume: meta(path, volume, packed=True, ElementDataFile="scan.zraw"), "scan.mhd"),
}
