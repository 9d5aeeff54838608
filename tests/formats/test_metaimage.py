"""MetaImage as ITK's programs write it, keys in any order, or refused by the key that cannot be followed."""

import importlib.util
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from volume_files import gradient, meta

from lungrisk.core.errors import InputError
from lungrisk.formats import read

HU, AFFINE = gradient()
Write = Callable[[Path], Path]
needs_itk = pytest.mark.skipif(importlib.util.find_spec("SimpleITK") is None, reason="SimpleITK is not installed")


def written(name: str = "scan.mha", **fields: Any) -> Write:
    return lambda folder: meta(folder / name, (HU, AFFINE), **fields)


def again(write: Write, old: bytes, new: bytes) -> Write:
    """The file with some of its bytes changed."""

    def change(folder: Path) -> Path:
        path = write(folder)
        path.write_bytes(path.read_bytes().replace(old, new, 1) if old else path.read_bytes() + new)
        return path

    return change


def beside(data: bytes, **fields: Any) -> Write:
    """A header whose data file is of these bytes."""

    def write(folder: Path) -> Path:
        path = written("scan.mhd", ElementDataFile="scan.raw", **fields)(folder)
        (folder / "scan.raw").write_bytes(data)
        return path

    return write


def slices(folder: Path, stated: str, listed: bool = False) -> Path:
    for k in range(24):
        (folder / f"s{k:03d}.raw").write_bytes(HU[k].tobytes())
    path = written("scan.mhd", ElementDataFile=stated)(folder)
    (folder / stated).unlink()
    if listed:
        path.write_bytes(path.read_bytes() + "".join(f"s{k:03d}.raw\n" for k in range(24)).encode())
    return path


RAW, TEXT = HU.tobytes(), " ".join(map(str, HU.ravel())).encode()
READ: dict[str, Write] = {
    "a comment first": again(written(), b"ObjectType", b"Comment = made by elastix\nObjectType"),
    "sizes first": again(written(), b"ObjectType = Image\nNDims = 3\n", b"NDims = 3\nObjectType = Image\n"),
    "colons": again(written(), b"NDims = 3", b"NDims : 3"),
    "small letters": again(again(written(), b"NDims", b"nDims"), b"ElementType", b"elementType"),
    "no spaces, lines of Windows": again(written("scan.mhd", ElementDataFile="s.raw"), b"NDims = 3\n", b"NDims=3\r\n"),
    "a key twice with one value": again(written(), b"NDims = 3", b"NDims = 3\nNDims = 3"),
    "a fourth size of one": written(
        NDims="4",
        DimSize="40 30 24 1",
        ElementSpacing="1.25 1.5 2.5 1",
        Offset="-50 -45 -30 0",
        TransformMatrix="1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1",
    ),
    "text": beside(TEXT, BinaryData="False"),
    "text within": again(again(written(BinaryData="False"), RAW, b""), b"", TEXT),
    "the end of a file": beside(b"HEAD" * 9 + RAW, HeaderSize="-1"),
    "after a header": beside(b"HEAD" * 9 + RAW, HeaderSize="36"),
    "packed, its size stated": beside(
        zlib.compress(RAW), CompressedData="True", CompressedDataSize=str(len(zlib.compress(RAW)))
    ),
    "one channel, no change of values": written(
        ElementNumberOfChannels="1", ElementToIntensityFunctionSlope="1", ElementToIntensityFunctionOffset="0"
    ),
    "numbered slices": lambda folder: slices(folder, "s%03d.raw 0 23 1"),
    "listed slices": lambda folder: slices(folder, "LIST", listed=True),
    "a name of another kind": lambda folder: written()(folder).rename(folder / "scan.dat"),
}


NOT_OF_ITK = ("small letters", "a name of another kind", "text", "text within")  # its reader wants none of these


@pytest.mark.parametrize("row", READ)
def test_every_order_and_spelling_of_keys_gives_the_same_voxels(row: str, tmp_path: Path) -> None:
    scan = read(READ[row](tmp_path))
    assert np.array_equal(scan.hu, HU)
    assert np.allclose(scan.affine, AFFINE)
    assert {f.code for f in scan.findings} == {"geo.nonsquare"}


@needs_itk
@pytest.mark.parametrize("row", [row for row in READ if row not in NOT_OF_ITK])
def test_itk_reads_the_same(row: str, tmp_path: Path) -> None:
    import SimpleITK

    image = SimpleITK.ReadImage(str(READ[row](tmp_path)))
    image = image[..., 0] if image.GetDimension() == 4 else image
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), HU)
    assert np.allclose(image.GetOrigin(), AFFINE[:3, 3])


@needs_itk
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["i2", "u2", "i4", "i8", "f4", "f8"])
def test_what_itk_writes_is_read(kind: str, packed: bool, tmp_path: Path) -> None:
    import SimpleITK

    image = SimpleITK.GetImageFromArray((HU + 800).astype(kind))
    image.SetSpacing((1.25, 1.5, 2.5))
    image.SetDirection((-1.0, 0, 0, 0, -1, 0, 0, 0, 1))
    image.SetOrigin((-1.25, -1.5, -30))
    SimpleITK.WriteImage(image, str(tmp_path / "scan.mha"), packed)
    scan = read(tmp_path)
    assert np.array_equal(scan.hu, HU[:, ::-1, ::-1] + 800)
    assert {f.code for f in scan.findings} == {"geo.nonsquare"}


def long_name(folder: Path) -> Path:
    path = written("scan.mhd", ElementDataFile="scan.raw")(folder)
    path.write_bytes(path.read_bytes().replace(b"scan.raw", b"a" * 100_000))
    return path


REFUSED: dict[str, tuple[Write, str]] = {
    "an underscore": (written(DimSize="4_0 30 24"), "hdr.number"),
    "a size with a fraction": (written(DimSize="40.9 30 24"), "hdr.number"),
    "two negative sizes": (written(DimSize="-40 -30 24"), "hdr.value"),
    "a spacing of another script": (written(ElementSpacing="1.25 1.5 \u00b2"), "hdr.number"),
    "a spacing without end": (written(ElementSpacing="1.25 1.5 1e400"), "hdr.number"),
    "a matrix with sizes in it": (written(TransformMatrix="1.25 0 0 0 1.5 0 0 0 2.5"), "geo.iop_skew"),
    "a matrix that lies": (written(TransformMatrix="1 0 0 0 1 0 .8 0 .6"), "geo.iop_skew"),
    "a matrix of thousands": (written(TransformMatrix="1 0 0 0 1 0 32767 0 1"), "geo.iop_skew"),
    "a key twice with two values": (again(written(), b"NDims", b"DimSize = 1 2 3\nNDims"), "hdr.conflict"),
    "two names of one key": (written(Position="0 0 0"), "hdr.conflict"),
    "a header as long as space": (beside(RAW, HeaderSize="1e30"), "hdr.number"),
    "a header longer than the file": (beside(RAW, HeaderSize="999999999"), "file.truncated"),
    "a header of -2": (beside(RAW, HeaderSize="-2"), "hdr.value"),
    "a header of -1, packed": (written(packed=True, HeaderSize="-1"), "hdr.value"),
    "a header that the voxels lie in": (written(HeaderSize="64"), "hdr.conflict"),
    "another packed size": (written(packed=True, CompressedDataSize="5"), "hdr.conflict"),
    "channels": (written(ElementNumberOfChannels="3"), "px.channels"),
    "a slope that ITK leaves out": (written(ElementToIntensityFunctionSlope="2"), "hdr.value"),
    "an offset that ITK leaves out": (written(ElementToIntensityFunctionOffset="-1024"), "hdr.value"),
    "a magnetic resonance": (written(Modality="MET_MOD_MR"), "sel.modality"),
    "not an image": (written(ObjectType="Tube"), "hdr.value"),
    "neither true nor false": (written(BinaryData="Maybe"), "hdr.value"),
    "packed text": (written(packed=True, BinaryData="False"), "hdr.conflict"),
    "text that is bytes": (written(BinaryData="False"), "hdr.number"),
    "centimetres": (written(DistanceUnits="cm"), "nii.units"),
    "two volumes": (
        written(NDims="4", DimSize="40 30 12 2", ElementSpacing="1 1 1 1", Offset="0 0 0 0"), "nii.4d"
    ),
    "a slice": (written(NDims="2", DimSize="40 720", ElementSpacing="1 1", Offset="0 0"), "geo.too_few"),
    "bytes after the voxels": (again(written(), b"", b"\1\1\1"), "file.surplus"),
    "bytes after the voxels beside": (beside(RAW + b"\1"), "file.surplus"),
    "bytes after the packed": (again(written(packed=True), b"", b"more"), "file.surplus"),
    "a fault in the packed": (again(written(packed=True), b"\x78\x9c", b"\x78\x9d"), "file.corrupt"),
    "lines after the data file": (
        again(written("scan.mhd", ElementDataFile="scan.raw"), b"", b"BinaryDataByteOrderMSB = True\n"), "hdr.conflict"
    ),
    "a line that is none": (again(written(), b"NDims", b"\0\0\nNDims"), "file.corrupt"),
    "a line of blanks": (again(written(), b"= 3", b"= 3" + b" " * 200_000 + b"x"), "hdr.number"),
    "a pattern of blanks": (
        again(written("scan.mhd", ElementDataFile="scan.raw"), b"scan.raw", b"s%d.raw" + b" " * 200_000 + b"x"),
        "hdr.value",
    ),
    "no data file named": (again(written(), b"= LOCAL", b"="), "hdr.value"),
    "a long name": (long_name, "sec.path"),
    "an origin of light years": (written(Offset="4294967296000 0 0"), "geo.no_position"),
}  # fmt: skip


@pytest.mark.parametrize("row", REFUSED)
def test_what_cannot_be_followed_is_refused_by_its_key(row: str, tmp_path: Path) -> None:
    write, code = REFUSED[row]
    with pytest.raises(InputError) as caught:
        read(write(tmp_path))
    (finding,) = caught.value.worst()
    assert finding.code == code
    assert (finding.found or "").isprintable()
    assert "(00" not in (finding.tag or "")
    assert not finding.remedy.startswith("export")
    assert not finding.code.startswith("hdr.") or (finding.tag or "") in (finding.found or "")


@pytest.mark.parametrize(("stated", "severity"), [("RAI", None), ("LPI", "corrected"), ("???", None)])
def test_letters_that_contradict_the_matrix_are_named(stated: str, severity: str | None, tmp_path: Path) -> None:
    scan = read(written(AnatomicalOrientation=stated)(tmp_path))
    assert np.array_equal(scan.hu, HU)
    assert {f.code: f.severity for f in scan.findings}.get("hdr.conflict") == severity


def test_a_text_that_holds_the_voxels_is_no_file_left_out(tmp_path: Path) -> None:
    written("scan.mhd", ElementDataFile="scan.txt", BinaryData="False")(tmp_path)
    (tmp_path / "scan.txt").write_bytes(TEXT)
    assert {f.code for f in read(tmp_path).findings} == {"geo.nonsquare"}
