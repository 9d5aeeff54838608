"""NRRD in every spelling and encoding of the standard, or refused by the field that cannot be followed."""

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path

import nrrd
import numpy as np
import pytest
from volume_files import gradient

from lungrisk.core.errors import InputError
from lungrisk.formats import read

HU, AFFINE = gradient()
RAW = HU.astype("<i2").tobytes()
FIELDS = {
    "type": "short",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "40 30 24",
    "space directions": "(1.25,0,0) (0,1.5,0) (0,0,2.5)",
    "kinds": "domain domain domain",
    "endian": "little",
    "encoding": "raw",
    "space origin": "(-50,-45,-30)",
}
Write = Callable[[Path], Path]


def written(data: bytes = RAW, *, extra: str = "", **changed: str | None) -> Write:
    """A file with the fields changed (None: left out), lines of its own added, and its data or its data file."""

    def write(folder: Path) -> Path:
        fields = {**FIELDS, **{name.replace("_", " "): value for name, value in changed.items()}}
        text = "NRRD0004\n" + "".join(f"{name}: {value}\n" for name, value in fields.items() if value is not None)
        detached = "data file" in fields or "data" in extra
        path = folder / ("scan.nhdr" if detached else "scan.nrrd")
        path.write_bytes((text + extra + ("" if detached else "\n")).encode("latin-1") + (b"" if detached else data))
        if detached:
            (folder / "scan.raw").write_bytes(data)
        return path

    return write


def slices(folder: Path, text: str) -> Path:
    """Each slice in a file of its own."""
    for k in range(24):
        (folder / f"s{k:03d}.raw").write_bytes(HU[k].tobytes())
    path = written(extra=text)(folder)
    (folder / "scan.raw").unlink()
    return path


def renamed(path: Path, name: str) -> Path:
    (path.parent / "scan.raw").rename(path.parent / name)
    path.write_bytes(path.read_bytes().decode("latin-1").encode())
    return path


def backwards(folder: Path) -> Path:
    path = slices(folder, "data file: s%03d.raw 23 0 -1 2\n")
    for k in range(12):
        first, last = folder / f"s{k:03d}.raw", folder / f"s{23 - k:03d}.raw"
        first.rename(folder / "between"), last.rename(first), (folder / "between").rename(last)
    return path


HEX = "\n".join(RAW[n : n + 30].hex() for n in range(0, len(RAW), 30)).encode()
READ: dict[str, Write] = {
    **{
        f"{name} of -1": written(b"JUNK" * 9 + RAW, extra=f"{name}: -1\ndata file: scan.raw\n")
        for name in ("byte skip", "byteskip", "Byte Skip", "BYTESKIP")
    },
    **{
        f"{name} of 36": written(b"JUNK" * 9 + RAW, extra=f"{name}: 36\ndatafile: scan.raw\n")
        for name in ("byte skip", "byteskip")
    },
    "lineskip": written(b"one\ntwo\n" + RAW, extra="lineskip: 2\ndata file: scan.raw\n"),
    "lines, then packed bytes": written(
        b"one\n" + gzip.compress(b"two" + RAW), extra="line skip: 1\nbyteskip: 3\ndata file: scan.raw\n", encoding="gz"
    ),
    "byte skip within the file": written(b"JUNK" + RAW, extra="byte skip: 4\n"),
    "no byte skipped within the file": written(extra="byteskip: -1\n"),
    "no byte skipped of what is packed": written(gzip.compress(RAW), encoding="gzip", extra="byteskip: -1\n"),
    "a key that is named as a field": written(extra="byte skip:=64\nendian:=big\n"),
    "a field twice with one value": written(extra="type: short\n"),
    "bzip2": written(bz2.compress(RAW), encoding="bzip2"),
    "gzip in two members": written(gzip.compress(RAW[:999]) + gzip.compress(RAW[999:]), encoding="GZIP"),
    "text": written(" ".join(map(str, HU.ravel())).encode() + b"\n", encoding="ascii", endian=None),
    "hexadecimal": written(HEX, encoding="hex"),
    "a list of one": written(
        dimension="4",
        sizes="1 40 30 24",
        space_directions="none (1.25,0,0) (0,1.5,0) (0,0,2.5)",
        kinds="list domain domain domain",
    ),
    "vectors with spaces": written(space_directions="( 1.25, 0, 0 ) (0, 1.5, 0)(0,0,2.5)"),
    "no kinds": written(kinds=None),
    "big endian": written(HU.astype(">i2").tobytes(), endian="Big"),
    "long long": written(HU.astype("<i8").tobytes(), type="long long int"),
    "units": written(extra='space units: "mm" "mm" "mm"\nmeasurement frame: (1,0,0) (0,0,1) (0,1,0)\n'),
    "a name in another script": lambda folder: renamed(written(extra="data file: größe.raw\n")(folder), "größe.raw"),
    "a name that begins as a list": lambda folder: renamed(
        written(extra="data file: list_1.raw\n")(folder), "list_1.raw"
    ),
    "slices from the last on, with their dimensions": lambda folder: backwards(folder),
    "numbered slices": lambda folder: slices(folder, "data file: s%03d.raw 0 23 1\n"),
    "listed slices": lambda folder: slices(folder, "data file: LIST\n" + "".join(f"s{k:03d}.raw\n" for k in range(24))),
}


@pytest.mark.parametrize("row", READ)
def test_every_spelling_and_encoding_of_the_standard_gives_the_same_voxels(row: str, tmp_path: Path) -> None:
    path = READ[row](tmp_path)
    for given in (path, tmp_path):
        scan = read(given)
        assert np.array_equal(scan.hu, HU)
        assert np.allclose(scan.affine, AFFINE)
        assert {f.code for f in scan.findings} == {"geo.nonsquare"}


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ascii"])
@pytest.mark.parametrize("kind", ["<i2", ">i2", "<f4", "<f8", "<i4"])
def test_what_pynrrd_writes_is_read(encoding: str, kind: str, tmp_path: Path) -> None:
    space = {"space": "LPS", "space directions": np.diag([1.25, 1.5, 2.5]), "space origin": [-50, -45, -30]}
    nrrd.write(str(tmp_path / "scan.nrrd"), HU.T.astype(kind), {**space, "encoding": encoding})
    assert np.array_equal(read(tmp_path).hu, HU)


LONG = "a" * 300 + ".raw"
REFUSED: dict[str, tuple[Write, str]] = {
    "an underscore": (written(sizes="4_0 30 24"), "hdr.number"),
    "a size with a fraction": (written(sizes="40.9 30 24"), "hdr.number"),
    "a spacing with an underscore": (written(space_directions="(1.25,0,0) (0,1.5,0) (0,0,2_5)"), "hdr.number"),
    "a spacing that is no number": (written(space_directions="(1.25,0,0) (0,1.5,0) (0,0,nan)"), "hdr.number"),
    "two numbers in a vector": (written(space_directions="(1.25,0) (0,1.5,0) (0,0,2.5)"), "hdr.number"),
    "two negative sizes": (written(sizes="-40 -30 24"), "hdr.value"),
    "sizes and dimension": (written(dimension="4"), "hdr.number"),
    "a field twice with two values": (written(extra="endian: big\n"), "hdr.conflict"),
    "a field twice in two spellings": (written(extra="byte skip: 1\nbyteskip: 2\n"), "hdr.conflict"),
    "byteskip that the file does not hold": (written(extra="byteskip: 64\n"), "file.truncated"),
    "byte skip of -2": (written(extra="byte skip: -2\n"), "hdr.value"),
    "byte skip of -1, more packed than voxels": (
        written(gzip.compress(b"12" + RAW), encoding="gzip", extra="byteskip: -1\n"), "file.surplus"
    ),
    "line skip without end": (written(extra="lineskip: 99999999\n"), "hdr.value"),
    "bytes after the voxels": (written(RAW + b"\1"), "file.surplus"),
    "bytes after the packed": (written(gzip.compress(RAW) + b"more", encoding="gzip"), "file.surplus"),
    "bytes within the packed": (written(gzip.compress(RAW + b"\1\2"), encoding="gzip"), "file.surplus"),
    "bytes after bzip2": (written(bz2.compress(RAW) + b"more", encoding="bzip2"), "file.surplus"),
    "bzip2 cut": (written(bz2.compress(RAW)[:-40], encoding="bzip2"), "file.truncated"),
    "bzip2 that is none": (written(RAW, encoding="bzip2"), "file.corrupt"),
    "too many numbers": (written(b"1 " * (HU.size + 1), encoding="text"), "file.surplus"),
    "too few numbers": (written(b"1 " * (HU.size - 1) + b"  ", encoding="text"), "file.truncated"),
    "a fraction as a whole number": (written(b"1.5 " * HU.size, encoding="text"), "hdr.number"),
    "a number out of its type": (written(b"99999 " * HU.size, encoding="text"), "hdr.number"),
    "numbers run together": (written(b"1-2 " * HU.size, encoding="text"), "hdr.number"),
    "odd digits": (written(HEX + b"a", encoding="hex"), "file.corrupt"),
    "digits that are none": (written(HEX[:-2] + b"zz", encoding="hex"), "file.corrupt"),
    "an encoding of its own": (written(encoding="zrl"), "hdr.value"),
    "no endian": (written(endian=None), "hdr.value"),
    "a block": (written(type="block"), "hdr.value"),
    "a version to come": (lambda folder: again(written()(folder), b"NRRD0004", b"NRRD0009"), "file.corrupt"),
    "binary after the magic": (lambda folder: again(written()(folder), b"type: ", b"\0\xff\n"), "file.corrupt"),
    "a vector for each voxel": (
        written(RAW * 3, dimension="4", sizes="3 40 30 24", kinds="vector domain domain domain",
                space_directions="none (1.25,0,0) (0,1.5,0) (0,0,2.5)"),
        "px.channels",
    ),
    "a colour where slices should be": (written(kinds="domain domain RGB-color"), "px.channels"),
    "times": (
        written(RAW * 2, dimension="4", sizes="40 30 24 2", kinds="domain domain domain list",
                space_directions="(1.25,0,0) (0,1.5,0) (0,0,2.5) none"),
        "nii.4d",
    ),
    "spacings beside directions": (written(extra="spacings: 1 1 1\n"), "hdr.conflict"),
    "axis mins beside directions": (written(extra="axismins: 0 0 0\n"), "hdr.conflict"),
    "quantised values": (written(extra="old min: 5\n"), "hdr.value"),
    "metres": (written(extra='space units: "m" "m" "m"\n'), "nii.units"),
    "no origin": (written(space_origin=None), "nrrd.no_space"),
    "no directions": (written(space_directions=None, extra="spacings: 1 1 1\n"), "nrrd.no_space"),
    "data and a data file": (lambda folder: again(written(extra="datafile: scan.raw\n")(folder), b"", b"\n\nmore"), "file.surplus"),
    "a long name": (written(extra=f"data file: {LONG}\n"), "sec.path"),
    "a name with a zero": (written(extra="data file: a\0b\n"), "sec.path"),
    "a folder": (lambda folder: (folder / "d").mkdir() or written(extra="data file: d\n")(folder), "file.unreadable"),
    "an endless pattern": (written(extra="data file: s%03d.raw 0 999999999 1\n"), "hdr.value"),
    "a pattern of another kind": (written(extra="data file: s%n.raw 0 23 1\n"), "hdr.value"),
    "a wide pattern": (written(extra="data file: s%0999999d.raw 0 23 1\n"), "hdr.value"),
    "a pattern of blanks": (written(extra="data file: %d" + " " * 200_000 + "x\n"), "hdr.value"),
    "vectors of blanks": (written(space_directions="(1,0,0)" + " " * 200_000 + "x"), "hdr.number"),
    "an empty list": (written(extra="data file: LIST\n"), "hdr.value"),
    "a slice named twice": (lambda folder: slices(folder, "data file: LIST\n" + "s000.raw\n" * 24), "hdr.conflict"),
    "slices that do not share": (lambda folder: slices(folder, "data file: s%03d.raw 0 6 1\n"), "hdr.conflict"),
    "a slice twice as long": (lambda folder: slices(folder, "data file: s%03d.raw 0 11 1\n"), "file.truncated"),
}  # fmt: skip


def again(path: Path, old: bytes, new: bytes) -> Path:
    content = path.read_bytes()
    path.write_bytes(content.replace(old, new, 1) if old else content + new)
    return path


@pytest.mark.parametrize("row", REFUSED)
def test_what_cannot_be_followed_is_refused_by_its_field(row: str, tmp_path: Path) -> None:
    write, code = REFUSED[row]
    with pytest.raises(InputError) as caught:
        read(write(tmp_path))
    (finding,) = caught.value.worst()
    assert finding.code == code
    assert finding.found != finding.expected
    assert (finding.found or "").isprintable()
    assert not finding.remedy.startswith("export")
