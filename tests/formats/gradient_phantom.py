"""A CT whose every fault shows: HU = -500 + x + 2 y + 3 z, so a swap, a flip, a shift or a scale is |dx + 2 dy + 3 dz| HU.

24 slices of 60 x 80, pixels of 1.5 x 1.25 mm, 2.5 mm apart. A slice that is moved or turned is made anew from the formula.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from lungrisk.core.records import Scan

N, ROWS, COLUMNS = 24, 60, 80
ROW_MM, COLUMN_MM, STEP_MM = 1.5, 1.25, 2.5
ORIGIN = (-50.0, -45.0, -30.0)
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
Mutation = Callable[[list[Dataset]], list[Dataset] | None]


def truth(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """HU at LPS points (..., 3)."""
    return -500 + points @ np.array([1.0, 2.0, 3.0])


def slice_points(
    position: Sequence[float], orientation: Sequence[float], spacing: Sequence[float] = (ROW_MM, COLUMN_MM)
) -> Any:
    """LPS of the pixel centres (rows, columns, 3), by the equation of PS3.3 C.7.6.2.1.1."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    r, c = np.mgrid[:ROWS, :COLUMNS]
    return np.array(position) + c[..., None] * spacing[1] * row + r[..., None] * spacing[0] * column


def store(dataset: Dataset, hu: NDArray[np.float64]) -> None:
    """Put HU into the pixels by the dataset's own rescale and sign."""
    stored = np.rint((hu - float(dataset.RescaleIntercept)) / float(dataset.RescaleSlope)).astype(np.int64)
    dataset.PixelData = (stored & 0xFFFF).astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"


def place(dataset: Dataset, position: Sequence[float], orientation: Sequence[float] = AXIAL) -> None:
    """Move a slice: header and content."""
    dataset.ImagePositionPatient = [float(f"{v:.9f}") for v in position]
    dataset.ImageOrientationPatient = [float(f"{v:.9f}") for v in orientation]
    store(dataset, truth(slice_points(position, orientation)))


def make_slice(k: int) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{k + 1}"
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, f"1.2.3.4.{k + 1}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = "1.2.3.1", "1.2.3.2", "1.2.3.3"
    dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PatientID, dataset.PatientName, dataset.PatientPosition = "PHANTOM", "PHANTOM", "HFS"
    dataset.InstanceNumber, dataset.AcquisitionNumber = k + 1, 1
    dataset.PixelSpacing, dataset.SliceThickness = [ROW_MM, COLUMN_MM], STEP_MM
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, -1024, "HU"
    place(dataset, (ORIGIN[0], ORIGIN[1], ORIGIN[2] + k * STEP_MM))
    return dataset


def phantom() -> list[Dataset]:
    """The 24 slices, foot to head."""
    return [make_slice(k) for k in range(N)]


def series(number: int, n: int = 24, step: float = STEP_MM, brightness: int = 0, **tags: object) -> list[Dataset]:
    """A series of its own; `brightness` HU on top of the formula marks it."""
    datasets = []
    for k in range(n):
        dataset = make_slice(k)
        dataset.SeriesInstanceUID, dataset.SOPInstanceUID = f"1.2.3.2.{number}", f"1.2.3.4.{number}.{k}"
        dataset.SeriesDescription = f"series {number}"
        place(dataset, (ORIGIN[0], ORIGIN[1], ORIGIN[2] + k * step))
        marked(dataset, brightness)
        for keyword, value in tags.items():
            setattr(dataset, keyword, value)
        datasets.append(dataset)
    return datasets


def marked(dataset: Dataset, brightness: int) -> Dataset:
    dataset.PixelData = (np.frombuffer(dataset.PixelData, "<i2") + np.int16(brightness)).astype("<i2").tobytes()
    return dataset


def save(datasets: Iterable[Dataset], folder: Path, seed: int = 1) -> Path:
    """Write the datasets under names that carry no order."""
    folder.mkdir(parents=True, exist_ok=True)
    datasets = list(datasets)
    for number, dataset in zip(np.random.default_rng(seed).permutation(len(datasets)), datasets, strict=True):
        dataset.save_as(folder / f"{number:04d}.dcm", enforce_file_format=True)
    return folder


def worst_error(scan: Scan, *, margin: int = 0) -> float:
    """Largest |HU - formula| over the voxels, through the scan's own affine; those that the reader filled with air left out."""
    grid = np.stack(np.meshgrid(*map(np.arange, scan.hu.shape), indexing="ij"), axis=-1)
    error = np.abs(scan.hu - truth(scan.to_mm(grid)))
    inside = scan.hu > -1024
    if margin:
        from scipy.ndimage import binary_erosion

        inside = binary_erosion(inside, iterations=margin)
    assert inside.any()
    return float(error[inside].max())
