"""A DICOMDIR given as the path: the files that it names, and nothing outside its folder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gradient_phantom import phantom, save
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import dcmread
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from lungrisk.core.errors import InputError
from lungrisk.formats import read, survey

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR CS")  # names that are none are wanted here


def disc(folder: Path, reference: Callable[[str], list[str]] = lambda name: ["IMAGES", name]) -> Path:
    """A folder as on a disc: IMAGES/*, other files beside it, and a DICOMDIR that names the images. Gives the DICOMDIR."""
    save(phantom(), folder / "IMAGES")
    records = []
    for path in sorted((folder / "IMAGES").iterdir()):
        record = Dataset()
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", reference(path.name)
        records.append(record)
    directory = Dataset()
    directory.file_meta = FileMetaDataset()
    directory.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = "1.2.3.9"
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.DirectoryRecordSequence = [Dataset(), *records]
    directory.save_as(folder / "DICOMDIR", enforce_file_format=True)
    return folder / "DICOMDIR"


def test_a_dicomdir_is_the_files_that_it_names(tmp_path: Path) -> None:
    path = disc(tmp_path / "disc")
    plain = read(tmp_path / "disc" / "IMAGES")
    save(phantom(), tmp_path / "disc" / "other")
    scan = read(path)
    assert np.array_equal(scan.hu, plain.hu)
    assert {name.split("/")[0] for name in scan.source.files} == {"IMAGES"}
    assert not any(f.severity == "limited" for f in scan.findings if f.code.startswith("file."))
    assert survey(path)[0].n_slices == 24


@pytest.mark.parametrize("change", [str.lower, lambda name: name + ";1"])
def test_names_as_a_disc_writes_them_are_found(change: Callable[[str], str], tmp_path: Path) -> None:
    path = disc(tmp_path, lambda name: ["IMAGES", name.upper()])
    for file in list((tmp_path / "IMAGES").iterdir()):
        file.rename(file.with_name(change(file.name.upper())))
    if change is str.lower:
        (tmp_path / "IMAGES").rename(tmp_path / "images")
    assert len(read(path).source.files) == 24


def test_a_named_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = disc(tmp_path)
    (tmp_path / "IMAGES" / "0007.dcm").unlink()
    finding = next(f for f in read(path).findings if f.code == "file.unreadable")
    assert (finding.severity, finding.files) == ("limited", ("IMAGES/0007.dcm",))


@pytest.mark.parametrize(
    "parts", [["..", "a.dcm"], ["IMAGES", "..", "..", "a"], ["/etc", "passwd"], ["C:", "a"], ["IMAGES/0001.dcm"], ["."]]
)
def test_a_name_that_leads_out_is_refused(parts: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(disc(tmp_path, lambda _: parts))
    assert caught.value.findings[0].code == "sec.path"


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    path = disc(tmp_path / "disc")
    save(phantom(), tmp_path / "elsewhere")
    (tmp_path / "disc" / "IMAGES" / "0001.dcm").unlink()
    (tmp_path / "disc" / "IMAGES" / "0001.dcm").symlink_to(tmp_path / "elsewhere" / "0001.dcm")
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.findings[0].code == "sec.path"


@pytest.mark.parametrize("undefined", [False, True])
def test_a_dicomdir_that_breaks_off_is_refused(undefined: bool, tmp_path: Path) -> None:
    path = disc(tmp_path)
    if undefined:
        directory = dcmread(path)
        directory["DirectoryRecordSequence"].is_undefined_length = True
        directory.save_as(path, enforce_file_format=True)
    content = path.read_bytes()
    for cut in (400, 500, len(content) - 30):
        path.write_bytes(content[:cut])
        with pytest.raises(InputError) as caught:
            read(path)
        assert caught.value.findings[0].code in ("file.corrupt", "file.truncated")


def test_a_dicomdir_in_a_folder_is_skipped(tmp_path: Path) -> None:
    scan = read(disc(tmp_path).parent)
    assert {f.code: f.severity for f in scan.findings}["sel.not_image"] == "info"


def test_a_file_that_the_dicomdir_forgot_is_told(tmp_path: Path) -> None:
    path = disc(tmp_path)
    directory = dcmread(path)
    del directory.DirectoryRecordSequence[-1].ReferencedFileID
    directory.save_as(path, enforce_file_format=True)
    finding = next(f for f in read(path).findings if f.code == "file.unnamed")
    assert (finding.severity, finding.files) == ("limited", ("IMAGES/0023.dcm",))
    assert "give the folder" in finding.remedy
