"""Small inputs of every kind, and their truth: a made chest of 14 slices of 80 x 80, and what stands around a cohort."""

import gzip
import json
import shutil
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import imagecodecs
import nibabel
import nrrd
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, CTImageStorage, DeflatedExplicitVRLittleEndian

from lungrisk.core.bundle import write_bundle
from lungrisk.core.calibration import Calibration
from lungrisk.core.cohort import Prediction
from lungrisk.core.findings import find
from lungrisk.core.geometry import Affine
from lungrisk.core.records import Assessment, Recipe
from lungrisk.prediction.journal import Asked, Entry, Outcome, open_journal
from lungrisk.report.record import dump, to_json

SLICES, SIDE = 14, 80
SPACING = (8.0, 2.0, 2.0)  # mm (k, j, i)
ORIGIN = (-80.5, -81.25, -100.0)  # LPS mm
ENHANCED = "1.2.840.10008.5.1.4.1.1.2.1"
PROVENANCE = {"lungrisk": "0", "bundles": [], "recipe_hash": "", "platform": "", "seconds": {}, "date": ""}
ASKED = Asked(key="k", source="s")
Pixels = NDArray[np.uint16]


def volume() -> NDArray[np.int16]:
    """HU (k, j, i): air, fat, muscle, two lungs, vessels that no shift leaves alone, noise."""
    k, j, i = np.meshgrid(np.linspace(-1, 1, SLICES), np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE), indexing="ij")
    body = (i / 0.92) ** 2 + (j / 0.75) ** 2
    hu = np.select([body < 0.8, body < 1], [40.0, -100.0], -1000.0)
    for side in (-1, 1):
        lung = ((i - 0.42 * side) / 0.32) ** 2 + (j / 0.5) ** 2 + (k / 1.2) ** 2 < 1
        vessels = np.sin(31 * i + 7 * k) + np.sin(23 * j - 5 * k + side) > 1.5
        hu[lung] = np.where(vessels, -500, -860)[lung]
    hu += 60 * np.sin(5 * j + 2 * k) * (body < 0.8) * (hu > 0)
    hu[body < 1.05] += np.random.default_rng(0).normal(0, 12, hu.shape)[body < 1.05]
    clipped: NDArray[np.int16] = np.clip(np.rint(hu), -1000, 3000).astype(np.int16)
    return clipped


def affine() -> Affine:
    """(k, j, i) to LPS mm."""
    matrix = np.zeros((4, 4))
    matrix[2, 0], matrix[1, 1], matrix[0, 2] = SPACING
    matrix[:3, 3], matrix[3, 3] = ORIGIN, 1
    return matrix


def make(folder: Path) -> None:
    """Every base below `folder`: a folder for each."""
    hu = volume()
    stored = (hu.astype(np.int32) + 1024).astype(np.uint16)
    for name, (syntax, pack) in SYNTAXES.items():
        for k in range(SLICES):
            save(slice_of(k), folder / name / f"s{k:02d}.dcm", syntax, pack(stored[k]))
    save(enhanced(), folder / "enhanced" / "e.dcm", "1.2.840.10008.1.2.1", stored.astype("<u2").tobytes())
    for path in sorted((folder / "explicit").iterdir()):
        target = folder / "gz" / f"{path.name}.gz"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(gzip.compress(path.read_bytes(), 6, mtime=0))
    zips = {"dz": zipfile.ZIP_DEFLATED, "ds": zipfile.ZIP_STORED, "db": zipfile.ZIP_BZIP2, "dl": zipfile.ZIP_LZMA}
    for name, method in zips.items():
        (folder / name).mkdir()
        with zipfile.ZipFile(folder / name / "scan.zip", "w", method) as archive:
            for path in sorted((folder / "explicit").iterdir()):
                archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes(), method)
    _disc(folder)
    for name, write in VOLUMES.items():
        (folder / name).mkdir()
        write(folder / name, hu)
    cohort_things(folder)


def _disc(folder: Path) -> None:
    """The slices with a DICOMDIR that names them."""
    names = sorted(path.name for path in (folder / "explicit").iterdir())
    shutil.copytree(folder / "explicit", folder / "disc")
    directory, records = Dataset(), []
    for name in names:
        record = Dataset()
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", name.upper()
        records.append(record)
        (folder / "disc" / name).rename(folder / "disc" / name.upper())
    directory.DirectoryRecordSequence = records
    directory.file_meta = FileMetaDataset()
    directory.file_meta.TransferSyntaxUID, directory.file_meta.ImplementationClassUID = (
        UID("1.2.840.10008.1.2.1"),
        UID("1.2.3"),
    )
    directory.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.1.3.10")
    directory.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.9")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a dot is no letter of such a name, and everybody writes it
        directory.save_as(folder / "disc" / "DICOMDIR", enforce_file_format=True)


def slice_of(k: int) -> Dataset:
    """The header of a slice."""
    one = Dataset()
    one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, f"1.2.3.4.5.{k + 1}"
    one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = "1.2.3.4.98", "1.2.3.4.99", "1.2.3.4.97"
    one.Modality, one.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    one.Manufacturer, one.ConvolutionKernel, one.SeriesDescription = "SIEMENS", "B40f", "THORAX"
    one.StudyDate, one.AcquisitionTime, one.PatientID, one.PatientName = "20200101", "120000", "17", "Nobody"
    one.PatientPosition, one.KVP, one.SliceThickness = "HFS", "120", "3"
    one.InstanceNumber, one.AcquisitionNumber = k + 1, 1
    one.ImagePositionPatient = [str(ORIGIN[0]), str(ORIGIN[1]), str(ORIGIN[2] + SPACING[0] * k)]
    one.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.Rows = one.Columns = SIDE
    one.PixelSpacing = ["2.0", "2.0"]
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 12, 11, 0
    one.RescaleIntercept, one.RescaleSlope, one.RescaleType = "-1024", "1", "HU"
    return one


def enhanced(n_frames: int = SLICES) -> Dataset:
    """The header of the same slices, or of more of them, as one multi-frame file."""
    one = slice_of(0)
    for keyword in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "RescaleSlope",
        "RescaleIntercept",
    ):
        delattr(one, keyword)
    one.SOPClassUID, one.NumberOfFrames = ENHANCED, n_frames
    shared, measures, orientation, values = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = ["2.0", "2.0"], "3"
    orientation.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    values.RescaleSlope, values.RescaleIntercept, values.RescaleType = "1", "-1024", "HU"
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    shared.PixelValueTransformationSequence = [values]
    one.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for k in range(n_frames):
        group, position = Dataset(), Dataset()
        position.ImagePositionPatient = slice_of(k).ImagePositionPatient
        group.PlanePositionSequence = [position]
        groups.append(group)
    one.PerFrameFunctionalGroupsSequence = groups
    return one


def save(one: Dataset, path: Path, syntax: str, pixels: bytes) -> None:
    """Write a dataset with its pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.ImplementationClassUID = UID(syntax), UID("1.2.3")
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = one.SOPClassUID, one.SOPInstanceUID
    one.file_meta, one.PixelData = meta, pixels
    packed = UID(syntax).is_compressed and syntax != DeflatedExplicitVRLittleEndian
    one["PixelData"].VR, one["PixelData"].is_undefined_length = ("OB", True) if packed else ("OW", False)
    one.save_as(path, enforce_file_format=True)


def _rle(frame: Pixels) -> bytes:
    planes = [imagecodecs.packbits_encode(((frame >> shift) & 255).astype(np.uint8).tobytes()) for shift in (8, 0)]
    planes = [plane + b"\0" * (len(plane) % 2) for plane in planes]
    return struct.pack("<16I", 2, 64, 64 + len(planes[0]), *[0] * 13) + b"".join(planes)


def _jpeg_2000(frame: Pixels) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(frame, codecformat="J2K", reversible=True, level=0))


def _jpeg_ls(frame: Pixels) -> bytes:
    return bytes(imagecodecs.jpegls_encode(frame))


def _lossless_jpeg(frame: Pixels) -> bytes:
    return bytes(imagecodecs.ljpeg_encode(frame, bitspersample=16))


def _in_one_item(encode: Callable[[Pixels], bytes]) -> Callable[[Pixels], bytes]:
    return lambda frame: bytes(encapsulate([bytes(encode(frame))]))


def _little(frame: Pixels) -> bytes:
    return frame.astype("<u2").tobytes()


# a row a transfer syntax: its UID, how a slice is packed
SYNTAXES: dict[str, tuple[str, Callable[[Pixels], bytes]]] = {
    "explicit": ("1.2.840.10008.1.2.1", _little),
    "implicit": ("1.2.840.10008.1.2", _little),
    "big": ("1.2.840.10008.1.2.2", lambda frame: frame.astype(">u2").tobytes()),
    "deflated": ("1.2.840.10008.1.2.1.99", _little),
    "rle": ("1.2.840.10008.1.2.5", _in_one_item(_rle)),
    "j2k": (
        "1.2.840.10008.1.2.4.90",
        _in_one_item(_jpeg_2000),
    ),
    "jls": ("1.2.840.10008.1.2.4.80", _in_one_item(_jpeg_ls)),
    "jpegll": ("1.2.840.10008.1.2.4.70", _in_one_item(_lossless_jpeg)),
}


def _nifti(kind: Any, name: str) -> Callable[[Path, NDArray[np.int16]], None]:
    def write(folder: Path, hu: NDArray[np.int16]) -> None:
        ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine()[:, [2, 1, 0, 3]]
        image = kind(hu.transpose(2, 1, 0), ras)
        image.header.set_xyzt_units("mm")
        image.set_qform(ras, 1)
        image.set_sform(ras, 1)
        nibabel.save(image, folder / name)

    return write


def _nrrd(name: str, encoding: str, detached: bool = False) -> Callable[[Path, NDArray[np.int16]], None]:
    def write(folder: Path, hu: NDArray[np.int16]) -> None:
        header = {
            "type": "short",
            "space": "left-posterior-superior",
            "space directions": np.diag(SPACING[::-1]),
            "space origin": list(ORIGIN),
            "kinds": ["domain"] * 3,
            "endian": "little",
            "encoding": encoding,
        }
        nrrd.write(str(folder / name), hu.transpose(2, 1, 0), header, detached_header=detached)

    return write


def _meta(name: str, packed: bool = False, data: str = "LOCAL") -> Callable[[Path, NDArray[np.int16]], None]:
    def write(folder: Path, hu: NDArray[np.int16]) -> None:
        lines = {
            "ObjectType": "Image",
            "NDims": "3",
            "BinaryData": "True",
            "BinaryDataByteOrderMSB": "False",
            "CompressedData": str(packed),
            "TransformMatrix": "1 0 0 0 1 0 0 0 1",
            "Offset": " ".join(f"{value:g}" for value in ORIGIN),
            "CenterOfRotation": "0 0 0",
            "AnatomicalOrientation": "RAI",
            "ElementSpacing": " ".join(f"{value:g}" for value in SPACING[::-1]),
            "DimSize": f"{SIDE} {SIDE} {SLICES}",
            "ElementType": "MET_SHORT",
            "ElementDataFile": data,
        }
        content = hu.astype("<i2").tobytes()
        content = zlib.compress(content) if packed else content
        header = "".join(f"{key} = {value}\n" for key, value in lines.items()).encode()
        (folder / name).write_bytes(header + (content if data == "LOCAL" else b""))
        if data != "LOCAL":
            (folder / data).write_bytes(content)

    return write


# a row a volume in one file: how it is written
VOLUMES: dict[str, Callable[[Path, NDArray[np.int16]], None]] = {
    "n1.nii": _nifti(nibabel.Nifti1Image, "n1.nii"),
    "n1.nii.gz": _nifti(nibabel.Nifti1Image, "n1.nii.gz"),
    "n2.nii": _nifti(nibabel.Nifti2Image, "n2.nii"),
    "n2.nii.gz": _nifti(nibabel.Nifti2Image, "n2.nii.gz"),
    "raw.nrrd": _nrrd("raw.nrrd", "raw"),
    "gzip.nrrd": _nrrd("gzip.nrrd", "gzip"),
    "det.nhdr": _nrrd("det.nhdr", "raw", detached=True),
    "a.mha": _meta("a.mha"),
    "z.mha": _meta("z.mha", packed=True),
    "d.mhd": _meta("d.mhd", data="d.raw"),
}


def cohort_things(folder: Path) -> None:
    """A bundle, a store, labels, predictions and an assessment, as the commands write them."""
    from lungrisk.cohort.store import KIND, VERSION, StoredPatient, file_name, pack, write_patients

    same = Calibration(method="platt", parameters=(0.0, 1.0), prevalence=0.3, n=100, n_positive=30)
    settings = {"calibration": same.as_dict(), "base": "line"}
    write_bundle(folder / "bundle", name="map", task="calibration", model=b"", card="# A map\n", settings=settings)
    store = folder / "store"
    (store / "patients").mkdir(parents=True)
    patients = []
    for name in _ids():
        file = store / "patients" / file_name(name)
        file.write_bytes(pack({"status": "assessed", "findings": []}, {"line": np.arange(4, dtype=np.float32)}))
        patients.append(StoredPatient(id=name, status="assessed", codes=(), label=None, group=name, fold=0, file=file))
    write_patients(store, patients)
    recipe = Recipe(name="cohort", spacing=(3.0, 3.0, 3.0), size=(112, 96, 128))
    about = {"kind": KIND, "version": VERSION, "recipe": asdict(recipe), "bundles": [], "hash": "0"}
    (store / "store.json").write_text(json.dumps(about), "utf-8")
    tables = folder / "tables"
    tables.mkdir()
    ids = list(enumerate(_ids()))
    labels = [f"{name},{n % 2},{1 + n / 20:.2f},{n % 2},{60 + n}" for n, name in ids]
    (tables / "labels.csv").write_text("\n".join(["id,cancer,time_years,event,age", *labels, ""]), "utf-8")
    predictions = [f"{name},{n / 20:.3f}" for n, name in ids]
    (tables / "predictions.csv").write_text("\n".join(["id,cancer", *predictions, ""]), "utf-8")
    (folder / "assessment").mkdir()
    refusal = (find("cov.short"),)
    record = Assessment(
        status="refused", scan=None, lungs=None, nodules=(), likelihood=None, findings=refusal, provenance=PROVENANCE
    )
    (folder / "assessment" / "assessment.json").write_text(dump(to_json(record)), "utf-8")
    _unfinished_things(folder)


def _unfinished_things(folder: Path) -> None:
    """A journal of predictions and a checkpoint."""
    (folder / "journal").mkdir()
    with open_journal(folder / "journal" / "predictions.csv", ASKED, lambda *_: True) as journal:
        for n, name in enumerate(_ids()):
            said = Prediction(id=name, value=n / 20, low=0.0, high=1.0, status="limited")
            journal.add(Entry(outcome=Outcome(prediction=said, findings=(find("geo.thick"),)), stat="s", content="c"))
    (folder / "journal" / "predictions.csv").unlink(missing_ok=True)
    if find_spec("torch"):
        import torch

        (folder / "checkpoint").mkdir()
        torch.save(
            {"step": 3, "weights": {"a": torch.arange(100.0)}}, folder / "checkpoint" / "fold-0000003-00000000.pt"
        )


def _ids() -> Iterator[str]:
    return (f"p{n:02d}" for n in range(20))
