"""NIfTI as other programs leave it: read as nibabel reads it, or refused by what the header and the file do not agree on."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from gradient_phantom import worst_error
from volume_files import RAS, SPACING, gradient, nifti

from lungrisk.core.errors import InputError
from lungrisk.formats import read, survey

FIELDS = {  # NIfTI-1: byte, kind
    "sizeof_hdr": (0, "<i"),
    "dim0": (40, "<h"),
    "dim1": (42, "<h"),
    "dim2": (44, "<h"),
    "dim3": (46, "<h"),
    "intent": (68, "<h"),
    "datatype": (70, "<h"),
    "bitpix": (72, "<h"),
    "qfac": (76, "<f"),
    "pixdim1": (80, "<f"),
    "vox_offset": (108, "<f"),
    "slope": (112, "<f"),
    "inter": (116, "<f"),
    "units": (123, "<B"),
    "qform_code": (252, "<h"),
    "sform_code": (254, "<h"),
    "quatern_b": (256, "<f"),
    "srow_x0": (280, "<f"),
    "srow_x1": (284, "<f"),
    "srow_x3": (292, "<f"),
    "magic": (344, "<4s"),
}
Write = Callable[[Path], Path]


def with_fields(*, packed: bool = False, **fields: Any) -> Write:
    """The phantom with header fields changed."""

    def write(folder: Path) -> Path:
        path = nifti(folder / "scan.nii", gradient())
        content = bytearray(path.read_bytes())
        for name, value in fields.items():
            offset, kind = FIELDS[name]
            struct.pack_into(kind, content, offset, value)
        path.write_bytes(gzip.compress(bytes(content), 1) if packed else bytes(content))
        return path

    return write


def extended(n_bytes: int, name: str, folder: Path) -> Path:
    image = nibabel.load(nifti(folder / "plain.nii", gradient()))
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"x" * n_bytes))
    nibabel.save(image, folder / name)
    return folder / name


def with_bytes(change: Callable[[bytes], bytes], *, packed: bool = False) -> Write:
    def write(folder: Path) -> Path:
        path = nifti(folder / "scan.nii", gradient())
        content = change(path.read_bytes())
        path.write_bytes(gzip.compress(content, 1) if packed else content)
        return path

    return write


def codes(path: Path) -> dict[str, str]:
    return {f.code: f.severity for f in read(path).findings if f.code != "geo.nonsquare"}


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
@pytest.mark.parametrize("n_bytes", [8, 1000, 300_000])
def test_extensions_of_any_size_are_passed_over(n_bytes: int, name: str, tmp_path: Path) -> None:
    assert np.array_equal(read(extended(n_bytes, name, tmp_path)).hu, gradient()[0])


@pytest.mark.parametrize(("form", "endings"), [("ct.img", ("hdr", "img")), ("ct.img.gz", ("hdr.gz", "img.gz"))])
def test_a_pair_is_read_from_its_folder_and_from_its_header(
    form: str, endings: tuple[str, str], tmp_path: Path
) -> None:
    hu, affine = gradient()
    nibabel.save(nibabel.Nifti1Pair(hu.T, RAS @ affine[:, [2, 1, 0, 3]]), tmp_path / form)
    for path in (tmp_path, tmp_path / f"ct.{endings[0]}"):
        scan = read(path)
        assert np.array_equal(scan.hu, hu)
        assert scan.source.files == tuple(f"ct.{ending}" for ending in endings)
        assert "file.other" not in {f.code for f in scan.findings}


@pytest.mark.parametrize(("skew", "severity"), [(0.0015, "corrected"), (0.01, "limited")])
def test_an_sform_that_skews_the_slices_gives_way_to_qform(skew: float, severity: str, tmp_path: Path) -> None:
    wrong = with_fields(srow_x1=skew * SPACING[1] * 4)(tmp_path)  # 4: the phantom is small
    scan = read(wrong)
    assert worst_error(scan) <= 0.7
    assert codes(wrong)["nii.qform_used"] == severity


def test_a_skewed_sform_alone_is_resampled_and_limits(tmp_path: Path) -> None:
    affine = gradient()[1]
    affine[0, 1] = 0.05 * SPACING[1]
    hu, affine = gradient(affine)
    path = nifti(tmp_path / "scan.nii", (hu, affine))
    content = bytearray(path.read_bytes())
    struct.pack_into("<h", content, 252, 0)
    path.write_bytes(content)
    assert worst_error(read(path), margin=2) <= 1.2
    assert codes(path)["geo.skew"] == "limited"


def test_an_sform_of_zeros_gives_way_to_qform(tmp_path: Path) -> None:
    path = with_bytes(lambda content: content[:280] + bytes(48) + content[328:])(tmp_path)
    assert worst_error(read(path)) <= 0.7
    assert codes(path) == {"nii.qform_used": "corrected"}


NOTED: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "negative pixdim beside a good sform": ({"pixdim1": -1.25}, {"hdr.conflict": "corrected"}),
    "negative pixdim beside qform alone": ({"pixdim1": -1.25, "sform_code": 0}, {"hdr.conflict": "limited"}),
    "an sform that is no number": ({"srow_x0": float("nan")}, {"nii.qform_used": "corrected"}),
    "bitpix of another datatype": ({"bitpix": 8}, {"hdr.conflict": "corrected"}),
    "forms a tenth of a millimetre apart": ({"srow_x3": 50.1}, {"nii.form_conflict": "corrected"}),
    "a qform that is no rotation": ({"quatern_b": 300.0}, {"nii.form_conflict": "corrected"}),
    "an intent that is not known": ({"intent": 77}, {"nii.intent": "limited"}),
    "no qfac, qform alone": ({"qfac": 0.0, "sform_code": 0}, {}),
    "a qfac of 3, qform alone": ({"qfac": 3.0, "sform_code": 0}, {}),
    "the magic of a pair in one file": ({"magic": b"ni1\0"}, {"hdr.conflict": "corrected"}),
    "no unit": ({"units": 0}, {}),
    "no offset": ({"vox_offset": 0.0}, {}),
    "a slope that is no number": ({"slope": float("inf"), "inter": float("nan")}, {}),
}


@pytest.mark.parametrize("row", NOTED)
def test_small_contradictions_are_read_with_a_note(row: str, tmp_path: Path) -> None:
    fields, expected = NOTED[row]
    path = with_fields(**fields)(tmp_path)
    assert np.array_equal(read(path).hu, gradient()[0])
    assert codes(path) == expected


def test_a_size_in_metres_is_converted_where_it_alone_makes_a_ct(tmp_path: Path) -> None:
    hu, affine = gradient()
    small = RAS @ affine[:, [2, 1, 0, 3]]
    small[:3] /= 1000
    image = nibabel.Nifti1Image(hu.T, small)
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "scan.nii")
    assert worst_error(read(tmp_path / "scan.nii")) <= 0.7
    assert codes(tmp_path / "scan.nii")["nii.units"] == "corrected"


def analyze(folder: Path) -> Path:
    nibabel.save(nibabel.AnalyzeImage(gradient()[0].T, np.diag([1.25, 1.5, 2.5, 1])), folder / "ct.img")
    return folder / "ct.hdr"


def complex_numbers(folder: Path) -> Path:
    nibabel.save(nibabel.Nifti1Image(gradient()[0].T.astype(np.complex64), np.eye(4)), folder / "scan.nii")
    return folder / "scan.nii"


def bomb(folder: Path) -> Path:
    """512 MB, as its header says, in 8 kB."""
    path = nifti(folder / "small.nii", gradient())
    header = bytearray(path.read_bytes()[:352])
    struct.pack_into("<3h", header, 42, 1024, 1024, 256)
    (folder / "scan.nii.gz").write_bytes(gzip.compress(bytes(header) + bytes(2**23)))
    path.unlink()
    return folder / "scan.nii.gz"


def damaged(folder: Path) -> Path:
    """A byte of the checksum flipped: the voxels unpack without a word."""
    path = with_fields(packed=True)(folder)
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(content)
    return path


REFUSED: dict[str, tuple[Write, str]] = {
    **{f"offset {v:g}": (with_fields(vox_offset=v), "hdr.value") for v in (348, 4, -352, 352.5, 1e30)},
    **{f"offset {v}": (with_fields(vox_offset=float(v)), "hdr.value") for v in ("inf", "-inf", "nan")},
    "offset beyond the file": (with_fields(vox_offset=4e9), "file.truncated"),
    "offset of terabytes in gzip": (with_fields(vox_offset=1e12, packed=True), "res.claim"),
    "offset beyond the unpacked": (with_fields(vox_offset=1e6, packed=True), "file.truncated"),
    "offset one voxel late": (with_fields(vox_offset=354), "file.truncated"),
    "two negative sizes": (with_fields(dim1=-40, dim2=-30), "hdr.value"),
    "no dimensions": (with_fields(dim0=0), "hdr.value"),
    "fewer slices than there are": (with_fields(dim3=20), "file.surplus"),
    "fewer slices than there are, packed": (with_fields(dim3=20, packed=True), "file.surplus"),
    "bytes after the voxels": (with_bytes(lambda content: content + b"\1" * 7), "file.surplus"),
    "bytes after the packed voxels": (with_bytes(lambda content: content + b"\1" * 7, packed=True), "file.surplus"),
    "bytes put in between": (with_bytes(lambda content: content[:999] + bytes(64) + content[999:]), "file.surplus"),
    "another datatype": (with_fields(datatype=16), "file.truncated"),
    "no datatype": (with_fields(datatype=333), "hdr.value"),
    "complex numbers": (complex_numbers, "px.channels"),
    "a map of labels": (with_fields(intent=1002), "nii.intent"),
    "an intercept that is no number": (with_fields(slope=2.0, inter=float("nan")), "hdr.value"),
    "micrometres that are millimetres": (with_fields(units=3), "nii.units"),
    "size of the header": (with_fields(sizeof_hdr=347), "file.corrupt"),
    "magic": (with_fields(magic=b"n+7\0"), "file.corrupt"),
    "sixty degrees of lean": (with_fields(srow_x0=-0.5, srow_x1=4.0, qform_code=0), "geo.iop_skew"),
    "an origin of kilometres": (with_fields(srow_x3=4e6, qform_code=0), "geo.no_position"),
    "an sform of no volume alone": (with_fields(srow_x0=0.0, sform_code=1, qform_code=0), "nii.no_affine"),
    "analyze": (analyze, "nii.no_affine"),
    "a pair without its image": (
        lambda folder: with_fields(magic=b"ni1\0")(folder).rename(folder / "a.hdr"),
        "file.unreadable",
    ),
    "a qfac of -3, qform alone": (with_fields(qfac=-3.0, sform_code=0), "nii.no_affine"),
    "text in gzip": (with_bytes(lambda content: b"no header at all", packed=True), "file.none"),
    "a bomb": (bomb, "res.claim"),
    "checksum": (damaged, "file.corrupt"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_what_header_and_file_do_not_agree_on_is_refused_in_niftis_terms(row: str, tmp_path: Path) -> None:
    write, code = REFUSED[row]
    with pytest.raises(InputError) as caught:
        read(write(tmp_path))
    (finding,) = caught.value.worst()
    assert finding.code == code
    assert "(00" not in (finding.tag or "")
    assert not finding.remedy.startswith("export")
    assert not finding.code.startswith("hdr.") or (finding.tag or "") in (finding.found or "")


def test_pixdim_of_another_size_than_sform_limits_where_there_is_no_qform(tmp_path: Path) -> None:
    assert codes(with_fields(pixdim1=0.7, qform_code=0)(tmp_path)) == {"nii.form_conflict": "limited"}


def test_zero_bytes_that_fill_the_last_block_limit(tmp_path: Path) -> None:
    for packed in (False, True):
        path = with_bytes(lambda content: content + bytes(160), packed=packed)(tmp_path)
        assert np.array_equal(read(path).hu, gradient()[0])
        assert codes(path) == {"file.surplus": "limited"}


def test_a_survey_says_what_a_reading_says(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        survey(with_fields(dim1=-40)(tmp_path))
    assert [f.code for f in caught.value.findings] == ["hdr.value"]
