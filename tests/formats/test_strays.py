"""A slice that goes missing at the end of a stack leaves no hole: whatever still shows that it was there is told."""

import gzip
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
from gradient_phantom import marked, phantom, place, save, series, worst_error
from pydicom.dataset import Dataset

from lungrisk.formats import read
from lungrisk.formats.strays import named_alike


def setting(**tags: object) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for keyword, value in tags.items():
            setattr(dataset, keyword, value)

    return change


SET_APART = {
    "another series": setting(SeriesInstanceUID="1.2.3.77"),
    "another orientation": setting(ImageOrientationPatient=[1, 0, 0, 0, 0, -1]),
    "another modality": setting(Modality="MR"),
    "another class": setting(SOPClassUID="1.2.840.10008.5.1.4.1.1.4"),
    "a secondary capture": setting(SOPClassUID="1.2.840.10008.5.1.4.1.1.7"),
    "a localizer": setting(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
    "a projection": setting(ImageType=["DERIVED", "PRIMARY", "AXIAL", "MIP"]),
    "another series and study": setting(SeriesInstanceUID="1.2.3.77", StudyInstanceUID="1.2.3.78"),
}


@pytest.mark.parametrize("row", SET_APART)
def test_a_last_slice_that_one_value_sets_apart_is_missed(row: str, tmp_path: Path) -> None:
    datasets = phantom()
    SET_APART[row](datasets[23])
    scan = read(save(datasets, tmp_path))
    assert len(scan.hu) == 23
    finding = next(f for f in scan.findings if f.code == "ord.left_out")
    assert (finding.severity, finding.n_files) == ("limited", 1)


def test_what_is_no_slice_of_the_series_is_not_missed(tmp_path: Path) -> None:
    scout = deepcopy(phantom()[0])
    place(scout, (0, -45, 60), (0, 1, 0, 0, 0, -1))
    scout.SOPInstanceUID, scout.InstanceNumber = "1.2.3.9", 25
    other_kernel = [marked(d, 9) for d in series(2, 26, ConvolutionKernel="B70f")]
    datasets = [*series(1, ConvolutionKernel="B31f"), scout, *other_kernel]
    scan = read(save(datasets, tmp_path))
    assert worst_error(scan) <= 0.7
    assert "ord.left_out" not in {f.code for f in scan.findings}


UNUSABLE = {
    "empty": ("0023.dcm", b""),
    "empty, in a folder of its own": ("more/0023.dcm", b""),
    "half a download": ("0023.dcm.part", b"half"),
    "compressed in a way that is not read": ("0023.dcm.xz", b"\xfd7zXZ\0" + bytes(100)),
}


@pytest.mark.parametrize("row", UNUSABLE)
def test_a_file_named_like_the_slices_and_unusable_is_missed(row: str, tmp_path: Path) -> None:
    name, content = UNUSABLE[row]
    for k, dataset in enumerate(phantom()[:23]):
        dataset.save_as(tmp_path / f"{k:04d}.dcm", enforce_file_format=True)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    finding = next(f for f in read(tmp_path).findings if f.code == "ord.left_out")
    assert finding.files == (name,)


def test_a_slice_whose_header_was_swallowed_is_missed_and_a_report_is_not(tmp_path: Path) -> None:
    report = Dataset()
    report.SOPClassUID, report.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.11", "1.2.3.9"
    report.file_meta = phantom()[0].file_meta
    report.save_as(tmp_path / "0024.dcm", enforce_file_format=True)
    for k, dataset in enumerate(phantom()):
        dataset.save_as(tmp_path / f"{k:04d}.dcm", enforce_file_format=True)
    assert "ord.left_out" not in {f.code for f in read(tmp_path).findings}
    swallowed = phantom()[23]
    report.TextValue = "x" * len(swallowed.PixelData)
    report.save_as(tmp_path / "0023.dcm", enforce_file_format=True)
    assert next(f for f in read(tmp_path).findings if f.code == "ord.left_out").files == ("0023.dcm",)


@pytest.mark.parametrize("name", ["README.txt", "DICOMDIR", ".DS_Store", "notes 0001.txt", "0007.dcm.gz"])
def test_what_is_named_otherwise_or_is_there_is_not_missed(name: str, tmp_path: Path) -> None:
    for k, dataset in enumerate(phantom()):
        dataset.save_as(tmp_path / f"{k:04d}.dcm", enforce_file_format=True)
    again = name.endswith(".dcm.gz")
    (tmp_path / name).write_bytes(gzip.compress((tmp_path / name[:-3]).read_bytes() if again else b"what it is"))
    assert "ord.left_out" not in {f.code for f in read(tmp_path).findings}


def test_names_are_alike_but_for_their_numbers() -> None:
    used = {"a/IM0001", "a/IM0002", "a/1.2.840.1.dcm", "a/3fa9c1.bin"}
    assert named_alike(used, set(), ["a/IM0003", "a/im7", "a/1.2.840.9.dcm", "a/77bb0e.bin", "a/index", "a/IM"]) == [
        "a/IM0003",
        "a/im7",
        "a/1.2.840.9.dcm",
        "a/77bb0e.bin",
    ]
    assert named_alike(used, {"b/IM0001"}, ["b/IM0002", "c/IM0003"]) == ["c/IM0003"]


def test_a_slice_that_lost_its_place_and_every_uid_is_missed(tmp_path: Path) -> None:
    datasets = phantom()
    last = datasets[-1]
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "SeriesInstanceUID", "StudyInstanceUID"):
        delattr(last, keyword)
    del last.FrameOfReferenceUID, last.Modality, last.PatientID
    scan = read(save(datasets, tmp_path))
    assert len(scan.hu) == len(datasets) - 1
    assert [(f.code, f.severity) for f in scan.findings if f.code == "ord.left_out"] == [("ord.left_out", "limited")]
