"""Whether what can name a patient stays inside: canaries in every text of a scan, looked for in every output of every command.

python scripts/canaries.py [-o DIR]      a chest with canaries through check, info, view, assess, prepare, predict; prints every hit

`made(folder, slices)` writes the inputs, `hits(folder, text)` looks for them; tests/cli/test_privacy.py does both on a small phantom.
"""

import argparse
import contextlib
import gzip
import io
import re
import struct
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread, dcmwrite
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian

LUNGRISK = [sys.executable, "-c", "from lungrisk.cli import main; main()"]
SEEN = re.compile(rb"qzjkw\d{4}", re.IGNORECASE)
TEXTS = {"PN", "LO", "SH", "ST", "LT", "UT", "UC", "UR", "AE", "AS", "CS", "DA", "TM", "DT", "UI"}
# what tells that this is a CT and how its slices belong together: a canary there makes another scan, see STRUCTURE
KEPT = {
    "Modality",
    "ImageType",
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "FrameOfReferenceUID",
    "PhotometricInterpretation",
    "PatientPosition",
    "RescaleType",
    "SpecificCharacterSet",
    "PatientID",
    "AcquisitionDate",
    "AcquisitionTime",
    "ContentTime",
    "ContentDate",
    "TemporalPositionIndex",
    "LossyImageCompression",
    "PixelPresentation",
    "FrameType",
    "VolumetricProperties",
    "VolumeBasedCalculationTechnique",
    "DerivationDescription",
    "BurnedInAnnotation",
    "ConversionType",
    "BodyPartExamined",
    "ConvolutionKernel",
    "StudyDate",
}
# one scan for each: the canary stands where the reader looks, and makes it refuse, doubt or choose
STRUCTURE = (
    *sorted(KEPT - {"SpecificCharacterSet"}),
    "PixelSpacing",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "RescaleSlope",
    "RescaleIntercept",
    "SliceThickness",
    "KVP",
    "InstanceNumber",
    "NumberOfFrames",
    "AcquisitionNumber",
)


def canary(number: int) -> str:
    """A word that stands nowhere else; the number tells where it was put."""
    return f"QZJKW{number:04d}"


def hits(text: bytes) -> list[str]:
    """The canaries in an output."""
    return sorted({found.decode().upper() for found in SEEN.findall(text)})


@cache
def _worn() -> Dataset:
    """An element for every text that the dictionary knows."""
    worn = Dataset()
    for number, (tag, (vr, _, _, retired, keyword)) in enumerate(sorted(DicomDictionary.items())):
        if vr in TEXTS and keyword and keyword not in KEPT and tag >> 16 > 4 and not retired:
            worn[tag] = DataElement(tag, "LO" if vr in {"UI", "DA", "TM", "DT", "AS"} else vr, canary(number))
    return worn


def dressed(dataset: Dataset) -> Dataset:
    """A canary in every text element that the dictionary knows, in private ones and in a sequence."""
    made = deepcopy(dataset)
    made.update(_worn())
    block = made.private_block(0x0009, canary(9001), create=True)
    block.add_new(1, "LO", canary(9002))
    block.add_new(2, "SQ", Items([_worn()]))
    made.PatientID, made.BodyPartExamined, made.ConvolutionKernel = canary(9003), "CHEST", f"B70f {canary(9004)}"
    made.StudyDate, made.PatientBirthDate, made.AcquisitionTime = "20200101", "19610312", "101112"
    return made


def changed(dataset: Dataset, keyword: str) -> Dataset:
    """The slice with a canary in one element that the reader looks at."""
    made = deepcopy(dataset)
    made[keyword] = DataElement(keyword, "LO", canary(9100))
    return made


def made(folder: Path, slices: Sequence[Dataset], hu: Any) -> list[Path]:
    """Inputs with canaries, one after another: a folder of DICOM, one a structural element, zips, NIfTI, NRRD, MetaImage.

    slices: of one series; hu: (k, j, i) int16 for the other formats.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of canaries, as it should
        worn = [dressed(one) for one in slices]
        scans = [save(folder / "dicom", worn)]
        scans += [save(folder / key, [changed(one, key) for one in slices[:4]]) for key in STRUCTURE]
        half = len(slices) // 2
        mixed = [*slices[:half], *(changed(one, "ConvolutionKernel") for one in slices[half:])]
        scans.append(save(folder / "kernels", mixed))
        scans.append(save(folder / "two-series", [*worn, *(changed(one, "SeriesInstanceUID") for one in worn)]))
        bad = save(folder / "corrupt", slices[:4])
        (bad / f"{canary(8009)}.dcm").write_bytes(b"\0" * 128 + b"DICM" + canary(8010).encode())
        return [*scans, bad, *_zips(folder, worn[:3]), *_volumes(folder, hu)]


def save(folder: Path, slices: Sequence[Dataset]) -> Path:
    inside = folder / f"{canary(8001)}^Jane" / f"study {canary(8002)}"
    inside.mkdir(parents=True)
    for k, one in enumerate(slices):
        dcmwrite(
            inside / f"{canary(8003)}_{k:03d}.dcm",
            one,
            enforce_file_format="MediaStorageSOPClassUID" not in one.file_meta,
        )
    (inside / f"{canary(8004)}.txt").write_text(canary(8005))
    (inside / f"{canary(8006)}.dcm").write_bytes(b"")
    (inside / f"{canary(8007)}\x1b[31m\n.log").write_text(canary(8008))
    return folder


def _zips(folder: Path, slices: Sequence[Dataset]) -> Iterator[Path]:
    for name, method, broken in (("plain", 0, False), ("packed", 8, False), ("broken", 0, True)):
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", method) as archive:
            archive.comment = canary(8101).encode()
            for k, one in enumerate(slices):
                part = io.BytesIO()
                dcmwrite(part, one)
                entry = zipfile.ZipInfo(f"{canary(8102)}/{canary(8103)}_{k}.dcm")
                entry.comment, entry.compress_type = canary(8104).encode(), method
                archive.writestr(entry, part.getvalue())
        data = bytearray(held.getvalue())
        if broken:
            data[len(data) // 2] ^= 0xFF
        (folder / f"{name}.zip").write_bytes(data)
        yield folder / f"{name}.zip"
    with zipfile.ZipFile(folder / "out.zip", "w") as archive:
        archive.writestr(f"../{canary(8105)}.dcm", b"x")
    yield folder / "out.zip"


def _volumes(folder: Path, hu: Any) -> Iterator[Path]:
    n, rows, columns = hu.shape
    nifti = bytearray(352)
    struct.pack_into("<i", nifti, 0, 348)
    struct.pack_into("<8h", nifti, 40, 3, columns, rows, n, 1, 1, 1, 1)
    struct.pack_into("<2h", nifti, 70, 4, 16)
    struct.pack_into("<8f", nifti, 76, 1, 1.25, 1.5, 2.5, 0, 0, 0, 0)
    struct.pack_into("<3f", nifti, 108, 352, 1, 0)
    nifti[123] = 2
    for at, number in (
        (4, 8201),
        (14, 8202),
        (148, 8203),
        (228, 8204),
        (328, 8205),
    ):  # data_type, db_name, descrip, ...
        nifti[at : at + 9] = canary(number).encode()
    struct.pack_into("<2h", nifti, 252, 0, 1)
    struct.pack_into("<12f", nifti, 280, -1.25, 0, 0, 0, 0, -1.5, 0, 0, 0, 0, 2.5, 0)
    nifti[344:348] = b"n+1\0"
    data = hu.astype("<i2").tobytes()
    (folder / "nifti").mkdir()
    (folder / "nifti" / f"{canary(8206)}.nii").write_bytes(bytes(nifti) + data)
    yield folder / "nifti"
    (folder / "cut").mkdir()
    (folder / "cut" / f"{canary(8207)}.nii.gz").write_bytes(gzip.compress(bytes(nifti) + data)[:-100])
    yield folder / "cut"
    head = [
        "NRRD0004",
        f"# {canary(8301)}",
        f"content: {canary(8302)}",
        f"{canary(8303)}:={canary(8304)}",
        "type: short",
        "dimension: 3",
        "space: left-posterior-superior",
        f"sizes: {columns} {rows} {n}",
        "space directions: (1.25,0,0) (0,1.5,0) (0,0,2.5)",
        "kinds: domain domain domain",
        "endian: little",
        "encoding: raw",
        "space origin: (0,0,0)",
    ]
    meta = [
        f"Comment = {canary(8401)}",
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
        "CompressedData = False",
        "TransformMatrix = 1 0 0 0 1 0 0 0 1",
        "Offset = 0 0 0",
        "ElementSpacing = 1.25 1.5 2.5",
        f"Name = {canary(8402)}",
        f"{canary(8403)} = {canary(8404)}",
        f"DimSize = {columns} {rows} {n}",
        "ElementType = MET_SHORT",
        "ElementDataFile = LOCAL",
    ]
    for ending, lines, mark, last in ((".nrrd", head, ": ", b"\n\n"), (".mha", meta, " = ", b"\n")):
        fields = [i for i, line in enumerate(lines) if mark in line and "QZJKW" not in line]
        for struck in (None, *fields):
            place = folder / f"{ending[1:]}-{struck}"
            place.mkdir()
            said = [
                f"{line.split(mark)[0]}{mark}{canary(8500 + i)}" if i == struck else line
                for i, line in enumerate(lines)
            ]
            (place / f"{canary(8501)}{ending}").write_bytes("\n".join(said).encode() + last + data)
            yield place


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--out", type=Path, default=None)
    options = parser.parse_args()
    from lungrisk.simulation import simulate

    with contextlib.ExitStack() as stack:
        out = options.out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        chest = simulate("scan", out / "chest", 0)
        slices = [dcmread(file) for file in sorted((chest / "scan").rglob("*.dcm"))]
        for one in slices:
            one.file_meta.TransferSyntaxUID = one.file_meta.TransferSyntaxUID or ExplicitVRLittleEndian
        hu = np.stack([one.pixel_array for one in slices[:24]])[:, ::4, ::4].astype(np.int16)
        (out / "in").mkdir()
        scans = list(made(out / "in", slices[:6], hu))
        (out / "cohort").mkdir()
        whole = save(out / "cohort" / "p1", [dressed(one) for one in slices])
        total: int = 0
        where = out / "out"
        where.mkdir()
        calls: list[list[str]] = [
            [*words, str(scan)] for scan in scans for words in (["check"], ["check", "--json", "-"], ["info"])
        ]
        calls += [
            ["check", str(whole)],
            ["info", str(whole)],
            ["info", str(whole), "--json", "-"],
            ["view", str(whole), "-o", str(where / "view")],
            ["assess", str(whole), "-o", str(where / "assess"), "--json", str(where / "a.json")],
            ["info", str(where / "assess")],
            ["prepare", str(out / "cohort"), "-o", str(where / "store")],
            ["info", str(where / "store")],
            ["predict", str(out / "cohort"), "-o", str(where / "p.csv")],
        ]
        for words in calls:
            done = subprocess.run([*LUNGRISK, *words], capture_output=True, check=False)
            found = hits(done.stdout + done.stderr)
            total += len(found)
            if found or done.returncode == 70:
                print(f"{done.returncode} {found} lungrisk {' '.join(words)}")
        files = [file for file in where.rglob("*") if file.is_file()]
        for file in files:
            found = hits(file.read_bytes()) + hits(str(file.relative_to(where)).encode())
            total += len(found)
            if found:
                print(f"{found} in {file.relative_to(where)}")
        print(f"{len(calls)} calls, {len(files)} files, {total} hits")
    return int(total > 0)


if __name__ == "__main__":
    sys.exit(main())
