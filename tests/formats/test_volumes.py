"""NIfTI, NRRD and MetaImage: the same voxels at the same millimetres, in every orientation, or a refusal by name."""

import gzip
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from gradient_phantom import phantom, save, worst_error
from numpy.typing import NDArray
from volume_files import RAS, SPACING, START, WRITERS, Volume, gradient, meta, nifti, nrrd_file

from lungrisk.core.errors import InputError
from lungrisk.core.geometry import axis_affine
from lungrisk.formats import read, survey


@pytest.mark.parametrize("form", WRITERS)
def test_a_volume_lies_where_its_header_says(form: str, tmp_path: Path) -> None:
    write, name = WRITERS[form]
    hu, affine = gradient()
    scan = read(write(tmp_path / name, (hu, affine)))
    assert np.array_equal(scan.hu, hu)
    assert np.allclose(scan.affine, affine, atol=1e-6)
    assert {f.code for f in scan.findings} == {"geo.nonsquare"}


@pytest.mark.parametrize("form", ["nifti", "nrrd", "mha"])
@pytest.mark.parametrize("turn", range(48))
def test_every_order_and_direction_of_axes_gives_the_same_scan(form: str, turn: int, tmp_path: Path) -> None:
    write, name = WRITERS[form]
    order = list(itertools.permutations(range(3)))[turn // 8]
    hu, affine = gradient()
    turned, matrix, origin = hu.transpose(order), affine[:3, :3][:, order], affine[:3, 3]
    for axis in range(3):
        if turn >> axis & 1:
            origin = origin + matrix[:, axis] * (turned.shape[axis] - 1)
            turned, matrix = np.flip(turned, axis), matrix * np.where(np.arange(3) == axis, -1, 1)
    stored = np.block([[matrix, origin[:, None]], [np.zeros((1, 3)), np.ones((1, 1))]])
    scan = read(write(tmp_path / name, (np.ascontiguousarray(turned), stored)))
    assert np.array_equal(scan.hu, hu)
    assert np.allclose(scan.affine, affine, atol=1e-6)


@pytest.mark.parametrize("coarse", range(3))
def test_slices_lie_along_the_axis_whose_steps_are_too_large_for_pixels(coarse: int, tmp_path: Path) -> None:
    spacing = tuple(3.0 if axis == coarse else 1.0 for axis in range(3))
    hu, affine = gradient(axis_affine((spacing[0], spacing[1], spacing[2]), START))
    scan = read(nifti(tmp_path / "scan.nii", (hu, affine)))
    assert np.array_equal(scan.hu, hu)
    assert np.allclose(scan.affine, affine)
    assert {f.code for f in scan.findings} == ({"geo.orient"} if coarse else set())


def test_all_formats_give_one_hash(tmp_path: Path) -> None:
    scan = read(save(phantom(), tmp_path / "dicom"))
    hashes = {scan.source.series_hash}
    for form, (write, name) in WRITERS.items():
        (tmp_path / form).mkdir()
        hashes.add(read(write(tmp_path / form / name, (scan.hu, scan.affine))).source.series_hash)
    assert len(hashes) == 1


def test_a_folder_with_one_volume_is_that_volume(tmp_path: Path) -> None:
    hu, affine = gradient()
    meta(tmp_path / "scan.mhd", (hu, affine), ElementDataFile="scan.raw")
    scan = read(tmp_path)
    assert np.array_equal(scan.hu, hu)
    assert scan.source.files == ("scan.mhd", "scan.raw")
    assert [row.chosen for row in survey(tmp_path)] == [True]


def turned_affine(degrees: float, axis: int = 0) -> NDArray[np.float64]:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    a, b = [n for n in range(3) if n != axis]
    rotation = np.eye(4)
    rotation[a, a] = rotation[b, b] = c
    rotation[a, b], rotation[b, a] = -s, s
    return np.asarray(rotation @ axis_affine(SPACING, START))


@pytest.mark.parametrize(("degrees", "axis"), [(1.0, 0), (10.0, 0), (20.0, 1), (30.0, 2), (-12.0, 0)])
def test_oblique_grids_are_brought_upright_in_their_place(degrees: float, axis: int, tmp_path: Path) -> None:
    scan = read(nifti(tmp_path / "scan.nii", gradient(turned_affine(degrees, axis))))
    assert worst_error(scan, margin=2) <= 1.2  # rounded twice, edges blended with air left out
    assert any(f.code == "geo.oblique" for f in scan.findings) == (abs(degrees) > 2)
    off = np.abs(scan.affine[:3, :3] / np.array(scan.spacing) - np.eye(3)[:, ::-1]).max()
    assert off < np.sin(np.radians(2))


def test_a_needle_that_lies_askew_is_refused_before_its_box_is_made(tmp_path: Path) -> None:
    volume = (np.zeros((10, 10, 30_000), np.int16), turned_affine(40.0, 1))
    with pytest.raises(InputError) as caught:
        read(nifti(tmp_path / "scan.nii", volume))
    assert [f.code for f in caught.value.worst()] == ["geo.drift"]


def test_a_sheared_affine_is_resampled(tmp_path: Path) -> None:
    affine = axis_affine(SPACING, START)
    affine[1, 0] = 0.5
    hu, affine = gradient(affine)
    path = tmp_path / "scan.nii"
    image = nibabel.Nifti1Image(hu.T, RAS @ affine[:, [2, 1, 0, 3]])
    image.set_sform(image.affine, 1)
    image.set_qform(None, 0)
    nibabel.save(image, path)
    scan = read(path)
    assert worst_error(scan, margin=2) <= 1.2
    assert "geo.tilt" in {f.code for f in scan.findings}


def header_of(change: Callable[[Any], None], volume: Volume | None = None) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = nifti(folder / "scan.nii", volume or gradient())
        image = nibabel.load(path)
        content = bytearray(path.read_bytes())
        header = image.header.copy()
        header["vox_offset"] = 352  # nibabel forgets it on loading
        change(header)
        content[:348] = header.binaryblock
        path.write_bytes(bytes(content))
        return path

    return write


def forms(**codes: int) -> Callable[[Any], None]:
    def change(header: Any) -> None:
        for name, code in codes.items():
            header[name] = code

    return change


def shifted(header: Any) -> None:
    header["qoffset_x"] += 10


def mirrored(header: Any) -> None:
    header["srow_x"] *= -1


def scaled(slope: float, inter: float) -> Callable[[Any], None]:
    def change(header: Any) -> None:
        header["scl_slope"], header["scl_inter"] = slope, inter

    return change


def in_metres(header: Any) -> None:
    header["xyzt_units"] = 1


def without_size(header: Any) -> None:
    header["pixdim"][1] = 0


def claiming(header: Any) -> None:
    header["dim"][1:4] = 30000


def test_qform_alone_and_sform_alone_place_the_volume(tmp_path: Path) -> None:
    for form in ("qform_code", "sform_code"):
        scan = read(header_of(forms(**{form: 0}))(tmp_path))
        assert worst_error(scan) <= 0.7


@pytest.mark.parametrize(("slope", "inter"), [(0.5, -100), (0, 7), (float("nan"), 0), (1, 0), (1, 10)])
def test_scaling_is_applied_and_a_slope_of_zero_is_none(slope: float, inter: float, tmp_path: Path) -> None:
    hu, affine = gradient()
    stored = np.rint((hu - inter) / slope).astype(np.int16) if slope and not np.isnan(slope) else hu
    scan = read(header_of(scaled(slope, inter), (stored, affine))(tmp_path))
    assert np.abs(scan.hu - hu).max() <= 1


def test_disagreeing_forms_limit(tmp_path: Path) -> None:
    assert "nii.form_conflict" in {f.code for f in read(header_of(shifted)(tmp_path)).findings}


def test_one_volume_in_four_dimensions_is_read(tmp_path: Path) -> None:
    hu, affine = gradient()
    nibabel.save(nibabel.Nifti1Image(hu.T[..., None], RAS @ affine[:, [2, 1, 0, 3]]), tmp_path / "scan.nii")
    assert np.array_equal(read(tmp_path / "scan.nii").hu, hu)


def test_a_packed_volume_is_surveyed_as_it_is_read(tmp_path: Path) -> None:
    row = survey(nifti(tmp_path / "scan.nii.gz", gradient()))[0]
    assert (row.n_slices, row.matrix, row.spacing) == (24, (30, 40), SPACING)


def test_gzip_is_told_by_its_bytes(tmp_path: Path) -> None:
    plain = nifti(tmp_path / "a.nii", gradient())
    (tmp_path / "scan.nii").write_bytes(gzip.compress(plain.read_bytes()))
    assert np.array_equal(read(tmp_path / "scan.nii").hu, gradient()[0])


def test_nifti_2_and_big_endian_are_read(tmp_path: Path) -> None:
    hu, affine = gradient()
    ras = RAS @ affine[:, [2, 1, 0, 3]]
    nibabel.save(nibabel.Nifti2Image(hu.T, ras), tmp_path / "two.nii")
    big = nibabel.Nifti1Image(hu.T.astype(">i2"), ras, nibabel.Nifti1Header(endianness=">"))
    nibabel.save(big, tmp_path / "big.nii")
    for name in ("two.nii", "big.nii"):
        assert np.array_equal(read(tmp_path / name).hu, hu)


def test_values_below_air_and_no_numbers_become_air(tmp_path: Path) -> None:
    hu, affine = gradient()
    values = hu.astype(np.float32)
    values[0, 0, :5], values[3, 3, 3] = -2048, np.nan
    nibabel.save(nibabel.Nifti1Image(values.T, RAS @ affine[:, [2, 1, 0, 3]]), tmp_path / "scan.nii")
    scan = read(tmp_path / "scan.nii")
    assert (scan.hu[0, 0, :5] == -1024).all()
    assert scan.hu[3, 3, 3] == -1024
    assert {"px.padding", "px.nan"} <= {f.code for f in scan.findings}


def test_air_at_zero_is_put_at_minus_1024(tmp_path: Path) -> None:
    hu = np.zeros((30, 64, 64), np.uint16)
    hu[:, 16:48, 16:48] = 1064
    scan = read(nifti(tmp_path / "scan.nii", (hu, axis_affine((2.5, 1.0, 1.0)))))
    assert (scan.hu.min(), scan.hu.max()) == (-1024, 40)
    assert [(f.code, f.severity) for f in scan.findings] == [("px.offset", "limited")]


def cut(write: Callable[[Path], Path], n_bytes: int) -> Callable[[Path], Path]:
    def shorter(folder: Path) -> Path:
        path = write(folder)
        path.write_bytes(path.read_bytes()[:-n_bytes])
        return path

    return shorter


def two_volumes(folder: Path) -> Path:
    hu, affine = gradient()
    nibabel.save(
        nibabel.Nifti1Image(np.stack([hu.T, hu.T], axis=-1), RAS @ affine[:, [2, 1, 0, 3]]), folder / "scan.nii"
    )
    return folder / "scan.nii"


def colour(folder: Path) -> Path:
    values = np.zeros((12, 12, 12), np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), folder / "scan.nii")
    return folder / "scan.nii"


def many_nans(folder: Path) -> Path:
    values = gradient()[0].astype(np.float32)
    values[:2] = np.nan
    nibabel.save(nibabel.Nifti1Image(values.T, np.eye(4)), folder / "scan.nii")
    return folder / "scan.nii"


def several(folder: Path) -> Path:
    nifti(folder / "a.nii", gradient())
    nifti(folder / "b.nii", gradient())
    return folder


def in_meta(**fields: str) -> Callable[[Path], Path]:
    return lambda folder: meta(folder / "scan.mhd", gradient(), **fields)


def in_nrrd(**fields: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = nrrd_file(folder / "scan.nrrd", gradient(), encoding="raw")
        content = path.read_bytes()
        for key, value in fields.items():
            name = key.replace("_", " ").encode()
            line = next(line for line in content.splitlines() if line.startswith(name + b":"))
            content = content.replace(
                line + b"\n", b"" if value is None else name + b": " + str(value).encode() + b"\n"
            )
        path.write_bytes(content)
        return path

    return write


def in_bits(folder: Path) -> Path:
    path = folder / "scan.nrrd"
    path.write_bytes(b"NRRD0004\ntype: nonsense\n\n")
    return path


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "167 sform mirrors qform": (header_of(mirrored), "nii.form_conflict"),
    "168 no form": (header_of(forms(sform_code=0, qform_code=0)), "nii.no_affine"),
    "170 metres": (header_of(in_metres), "nii.units"),
    "171 pixdim of zero": (header_of(without_size), "geo.spacing_bad"),
    "175 two volumes": (two_volumes, "nii.4d"),
    "180 cut": (cut(header_of(lambda header: None), 1000), "file.truncated"),
    "180 cut in gzip": (cut(lambda folder: nifti(folder / "scan.nii.gz", gradient()), 1000), "file.truncated"),
    "181 claims too much": (header_of(claiming), "res.claim"),
    "104 many values are no numbers": (many_nans, "px.nan"),
    "colour": (colour, "px.rgb"),
    "several volumes": (several, "sel.ambiguous"),
    "thin": (lambda folder: nifti(folder / "scan.nii", gradient(shape=(5, 30, 40))), "geo.too_few"),
    "186 nrrd without space": (in_nrrd(space=None), "nrrd.no_space"),
    "nrrd in another space": (in_nrrd(space="scanner-xyz"), "nrrd.no_space"),
    "nrrd in bits": (in_bits, "hdr.value"),
    "nrrd in text that is none": (in_nrrd(encoding="ascii"), "hdr.number"),
    "nrrd cut": (cut(in_nrrd(), 1000), "file.truncated"),
    "188 spacing of zero": (in_meta(ElementSpacing="0 0 0"), "geo.spacing_bad"),
    "188 matrix of zero": (in_meta(TransformMatrix="0 0 0 0 0 0 0 0 0"), "geo.no_orientation"),
    "189 no spacing": (in_meta(ElementSpacing=""), "geo.no_spacing"),
    "no offset": (in_meta(Offset=""), "geo.no_position"),
    "no matrix": (in_meta(TransformMatrix=""), "geo.no_orientation"),
    "190 spacing negative": (in_meta(ElementSpacing="-1 1 1"), "geo.spacing_bad"),
    "192 claims more than the file": (in_meta(DimSize="40 30 90"), "file.truncated"),
    "192 claims far too much": (in_meta(DimSize="40000 30000 9000"), "res.claim"),
    "193 file outside": (in_meta(ElementDataFile="../x.raw"), "sec.path"),
    "193 file from the root": (in_meta(ElementDataFile="/etc/passwd"), "sec.path"),
    "195 raw missing": (
        lambda folder: (in_meta(ElementDataFile="scan.raw")(folder), (folder / "scan.raw").unlink())[0],
        "file.unreadable",
    ),
    "list of files": (in_meta(ElementDataFile="LIST"), "hdr.value"),
    "letters for numbers": (in_meta(ElementSpacing="1,5 1,5 2"), "hdr.number"),
    "type unknown": (in_meta(ElementType="MET_OTHER"), "hdr.value"),
    "packed and cut": (cut(lambda folder: meta(folder / "scan.mha", gradient(), packed=True), 900), "file.truncated"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_what_cannot_be_placed_or_filled_is_refused_by_name(row: str, tmp_path: Path) -> None:
    write, code = REFUSED[row]
    with pytest.raises(InputError) as caught:
        read(write(tmp_path))
    assert [finding.code for finding in caught.value.worst()] == [code]


def test_bare_numbers_ask_for_their_header(tmp_path: Path) -> None:
    meta(tmp_path / "scan.mhd", gradient(), ElementDataFile="scan.raw")
    with pytest.raises(InputError) as caught:
        read(tmp_path / "scan.raw")
    assert [f.code for f in caught.value.worst()] == ["file.none"]
    assert ".mhd" in caught.value.worst()[0].remedy
