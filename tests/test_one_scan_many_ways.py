"""One scan written in every format, and its files shuffled: one likelihood, one record."""

import random
import shutil
from pathlib import Path
from typing import Any

import nibabel
import nrrd
import numpy as np
import pytest
from pydicom.uid import JPEGLSLossless

from lungrisk.assessment import assess
from lungrisk.core.geometry import Affine
from lungrisk.formats import read
from lungrisk.report import to_json
from lungrisk.simulation.chest import draw, render
from lungrisk.simulation.dicom_series import write_series

Case = tuple[np.ndarray, Affine]


@pytest.fixture(scope="module")
def case() -> Case:
    return render(draw(0))


def as_jpegls(case: Case, folder: Path) -> Path:
    write_series(*case, folder / "scan", transfer_syntax=JPEGLSLossless)
    return folder / "scan"


def as_little_endian(case: Case, folder: Path) -> Path:
    write_series(*case, folder / "native")
    return folder / "native"


def as_nifti(case: Case, folder: Path) -> Path:
    hu, affine = case
    ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine[:, [2, 1, 0, 3]]  # LPS of (k, j, i) to RAS of (i, j, k)
    nibabel.save(nibabel.Nifti1Image(hu.transpose(2, 1, 0), ras), folder / "scan.nii.gz")
    return folder / "scan.nii.gz"


def as_nrrd(case: Case, folder: Path) -> Path:
    hu, affine = case
    header = {
        "space": "left-posterior-superior",
        "space directions": affine[:3, [2, 1, 0]].T,
        "space origin": affine[:3, 3],
        "kinds": ["domain"] * 3,
    }
    nrrd.write(str(folder / "scan.nrrd"), hu.transpose(2, 1, 0), header)
    return folder / "scan.nrrd"


def as_metaimage(case: Case, folder: Path) -> Path:
    hu, affine = case
    lines = {
        "ObjectType": "Image",
        "NDims": 3,
        "BinaryData": True,
        "BinaryDataByteOrderMSB": False,
        "CompressedData": False,
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": " ".join(str(x) for x in affine[:3, 3]),
        "ElementSpacing": f"{affine[0, 2]} {affine[1, 1]} {affine[2, 0]}",
        "DimSize": " ".join(str(n) for n in hu.shape[::-1]),
        "ElementType": "MET_SHORT",
        "ElementDataFile": "LOCAL",
    }
    head = "".join(f"{name} = {value}\n" for name, value in lines.items()).encode()
    (folder / "scan.mha").write_bytes(head + hu.astype("<i2").tobytes())
    return folder / "scan.mha"


@pytest.fixture(scope="module")
def first(case: Case, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("first")
    write_series(*case, folder)
    return folder, to_json(assess(folder))


def test_the_likelihood_rests_on_nodules(first: tuple[Path, dict[str, Any]]) -> None:
    assert any(nodule["accepted"] for nodule in first[1]["nodules"])


@pytest.mark.parametrize("write", [as_jpegls, as_nifti, as_nrrd, as_metaimage], ids=lambda one: one.__name__)
def test_every_format_gives_the_same_likelihood_and_places(
    write: Any, case: Case, first: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    expected, found = first[1], to_json(assess(write(case, tmp_path)))
    assert found["likelihood"]["value"] == pytest.approx(expected["likelihood"]["value"], abs=1e-6)
    assert found["scan"]["series_hash"] == expected["scan"]["series_hash"]
    for one, other in zip(expected["nodules"], found["nodules"], strict=True):
        assert other["centre_mm"] == pytest.approx(one["centre_mm"], abs=0.01)


def shuffle(files: list[Path], folder: Path) -> None:
    """Copy files under other names, into two folders."""
    names = [f"{number:x}{'.dcm' if number % 2 else ''}" for number in range(len(files))]
    random.Random(3).shuffle(names)
    for file, name in zip(files, names, strict=True):
        place = folder / str(len(name)) / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)


def test_shuffled_and_renamed_files_give_the_same_record(first: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, expected = first
    shuffle(sorted(folder.glob("*.dcm")), tmp_path)
    found = to_json(assess(tmp_path))
    assert {**found, "provenance": None} == {**expected, "provenance": None}


@pytest.mark.shared
def test_so_does_a_real_scan(shared_data: Path, tmp_path: Path) -> None:
    archive = shared_data / "scans" / "lung-dx-a0001.zip"  # JPEG-LS
    expected = to_json(assess(archive))
    shutil.unpack_archive(archive, tmp_path / "files")
    shuffle(sorted((tmp_path / "files").rglob("*.dcm")), tmp_path / "shuffled")
    found = to_json(assess(tmp_path / "shuffled"))
    assert {**found, "provenance": None} == {**expected, "provenance": None}
    scan = read(archive)
    for write in (as_little_endian, as_nifti, as_nrrd, as_metaimage):
        found = to_json(assess(write((scan.hu, scan.affine), tmp_path)))
        assert found["likelihood"]["value"] == pytest.approx(expected["likelihood"]["value"], abs=1e-6)
        assert found["scan"]["series_hash"] == expected["scan"]["series_hash"]
