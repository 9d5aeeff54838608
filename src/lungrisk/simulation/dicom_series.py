"""A volume as a DICOM CT series: one file a slice, as a scanner would send it, with no patient in it."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from lungrisk.core.geometry import Affine, apply_affine

INTERCEPT = -1024
ROOT = "2.25."


def write_series(
    hu: NDArray[np.int16],
    affine: Affine,
    folder: Path,
    *,
    transfer_syntax: str = ExplicitVRLittleEndian,
    description: str = "CHEST",
    **tags: Any,
) -> tuple[Path, ...]:
    """Write a volume as single-slice CT Image Storage files `0000.dcm`, `0001.dcm`, ... in order of k.

    hu: (k, j, i) int16, HU. affine: (4, 4), (k, j, i, 1) to LPS mm. transfer_syntax: UID, any native or
    deflated one, RLE, JPEG lossless (.70), JPEG-LS, JPEG 2000 or HTJ2K lossless. tags: DICOM keywords and values that are set in every file, e.g.
    Manufacturer="GE"; the value None removes the element. The UIDs follow from the voxels, so the same volume gives the same files.
    Stored values are HU + 1024, 16 bit signed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    seed = sha256(np.ascontiguousarray(hu).tobytes() + np.round(affine, 4).tobytes() + description.encode()).hexdigest()
    paths = []
    for k in range(len(hu)):
        dataset = slice_dataset(hu[k], affine, k, seed)
        dataset.SeriesDescription = description
        for keyword, value in tags.items():
            if value is not None:
                setattr(dataset, keyword, value)
            elif keyword in dataset:
                delattr(dataset, keyword)
        path = folder / f"{k:04d}.dcm"
        _encode(dataset, UID(transfer_syntax))
        dataset.save_as(path, enforce_file_format=True)  # pydicom fills the rest of the meta header
        paths.append(path)
    return tuple(paths)


def slice_dataset(hu: NDArray[np.int16], affine: Affine, k: int, seed: str) -> Dataset:
    """One slice (j, i) of HU at index k of a volume as a dataset; series and study UID follow from `seed` (hex)."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    unit = affine[:3, :3] / spacing
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = uid(f"{seed}/{k}")
    dataset.StudyInstanceUID = uid(f"{seed}/study")
    dataset.SeriesInstanceUID = uid(f"{seed}/series")
    dataset.FrameOfReferenceUID = uid(f"{seed}/frame")
    dataset.Modality = "CT"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PatientID = "SIMULATED"
    dataset.PatientName = "SIMULATED"
    dataset.PatientPosition = "HFS"
    dataset.InstanceNumber = k + 1
    dataset.AcquisitionNumber = 1
    dataset.ImagePositionPatient = [decimal(x) for x in apply_affine(affine, [k, 0, 0])]
    dataset.ImageOrientationPatient = [decimal(x) for x in (*unit[:, 2], *unit[:, 1])]
    dataset.PixelSpacing = [decimal(spacing[1]), decimal(spacing[2])]
    dataset.SliceThickness = decimal(spacing[0])
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = hu.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = "1", str(INTERCEPT), "HU"
    stored = np.clip(hu.astype(np.int32) - INTERCEPT, -32768, 32767).astype("<i2")
    dataset.PixelData = stored.tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def _encode(dataset: Dataset, transfer_syntax: UID) -> None:
    """Set the file's meta header and turn its native pixels into what the transfer syntax asks for."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if transfer_syntax == RLELossless:
        dataset.compress(transfer_syntax, generate_instance_uid=False)
    elif transfer_syntax.is_encapsulated:
        stored = np.frombuffer(dataset.PixelData, "<u2").reshape(dataset.Rows, dataset.Columns)
        dataset.PixelData = encapsulate([_compress(stored, transfer_syntax)])
    elif not transfer_syntax.is_little_endian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    dataset.file_meta.TransferSyntaxUID = transfer_syntax


def _compress(stored: NDArray[np.uint16], transfer_syntax: UID) -> bytes:
    """One frame (j, i) as a lossless code stream. Raises ValueError for a syntax that is not written here."""
    if transfer_syntax == JPEGLSLossless:
        return bytes(imagecodecs.jpegls_encode(stored))
    if transfer_syntax == JPEGLosslessSV1:
        return bytes(imagecodecs.jpeg8_encode(stored, lossless=True, predictor=1, bitspersample=16))
    if transfer_syntax == JPEG2000Lossless:
        return bytes(imagecodecs.jpeg2k_encode(stored, level=0, codecformat="j2k", reversible=True))
    if transfer_syntax == HTJ2KLossless:
        return bytes(imagecodecs.htj2k_encode(stored, reversible=True))
    raise ValueError(f"no encoder for {transfer_syntax.name}")


def uid(text: str) -> str:
    """A valid UID that follows from the text (2.25 and 38 decimal digits of its SHA-256)."""
    return ROOT + str(int(sha256(text.encode()).hexdigest()[:32], 16))


def decimal(value: float) -> str:
    """A number as a DICOM decimal string: at most 16 characters.

    >>> decimal(-187.59687805)
    '-187.59687805'
    """
    text = f"{float(value):.10f}".rstrip("0").rstrip(".")
    return text if len(text) <= 16 else f"{float(value):.8f}"[:16]
