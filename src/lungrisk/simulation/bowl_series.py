"""A simulated patient's folder as the Bowl has it: one DICOM file a slice, with its habits and without a meaningful file name."""

from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian

from lungrisk.core.geometry import Affine, apply_affine
from lungrisk.simulation.dicom_series import decimal, slice_dataset, uid
from lungrisk.simulation.patients import Patient
from lungrisk.simulation.scanners import Scanner

PADDING = -2000


def slice_files(
    patient: Patient, hu: NDArray[np.int16], affine: Affine, circle: NDArray[np.bool_]
) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file of a patient's folder.

    hu: (k, j, i), affine to LPS mm, circle: (j, i), the reconstructed part of a slice. The names are in no order.
    """
    dataset = _template(patient, hu[0], affine)
    scanner = patient.scanner
    for k, plane in enumerate(hu):
        number = k + 1 if scanner.rising else len(hu) - k
        dataset.SOPInstanceUID = uid(f"{patient.id}/{k}")
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.InstanceNumber = number
        place = apply_affine(affine, [k, 0, 0])
        dataset.ImagePositionPatient = [decimal(one) for one in place]
        if "SliceLocation" in dataset:
            dataset.SliceLocation = decimal(place[2])
        dataset.PixelData = stored(plane, circle, scanner).tobytes()
        content = BytesIO()
        dataset.save_as(content, enforce_file_format=True)
        yield f"{sha256(f'{patient.id}/file/{k}'.encode()).hexdigest()[:32]}.dcm", content.getvalue()


def stored(plane: NDArray[np.int16], circle: NDArray[np.bool_], scanner: Scanner) -> NDArray[np.int16]:
    """The values that a slice is stored as, (j, i) little-endian int16."""
    if scanner.storing == "unsigned":
        return np.asarray(np.clip(plane + 1024, 0, 4095), "<i2")
    values = plane if scanner.storing == "hu" else plane + 1024
    return np.asarray(np.where(circle, values, PADDING), "<i2")


def _template(patient: Patient, plane: NDArray[np.int16], affine: Affine) -> Dataset:
    dataset = slice_dataset(plane, affine, 0, patient.id)
    for keyword, value in (_bare(patient) | _pixels(patient.scanner)).items():
        if value is None:
            dataset.pop(keyword, None)
        else:
            setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return dataset


def _bare(patient: Patient) -> dict[str, Any]:
    """What every file of the Bowl has; and what the scanner says where the header was not stripped. None: not there."""
    tags: dict[str, Any] = {
        "PatientID": patient.id,
        "PatientName": patient.id,
        "PatientBirthDate": "19000101",
        "PatientPosition": None,
        "SeriesDescription": "Axial",
        "SeriesNumber": "2",
        "RescaleType": None,
        "SliceThickness": None,
        "KVP": "",
    }
    scanner = patient.scanner
    if not scanner.bare:
        tags |= {
            "Manufacturer": scanner.vendor.name,
            "ManufacturerModelName": scanner.vendor.model,
            "ConvolutionKernel": scanner.kernel,
            "SliceThickness": decimal(scanner.thickness_mm),
            "SliceLocation": "0",
            "KVP": scanner.kvp,
            "XRayTubeCurrent": scanner.current_ma,
            "PatientPosition": "HFS",
        }
    return tags


def _pixels(scanner: Scanner) -> dict[str, Any]:
    tags: dict[str, Any] = {"WindowCenter": "-600", "WindowWidth": "1500"}
    if scanner.storing == "unsigned":
        return tags | {"PixelRepresentation": 0, "BitsStored": 12, "HighBit": 11}
    if scanner.storing == "hu":
        return tags | {"RescaleIntercept": "0"}
    return tags | {"PixelPaddingValue": PADDING}
