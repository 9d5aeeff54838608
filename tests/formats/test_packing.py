"""How a file is packed is told by its first bytes; gzip is read for every format, within a bound."""

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest

from lungrisk.core.errors import InputError
from lungrisk.core.records import Scan
from lungrisk.formats import read, survey
from lungrisk.formats.packing import packing_of


def refusal(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        read(path)
    return caught.value


@pytest.mark.parametrize("name", ["{}.gz", "{}", "{}.GZ", "x{}"])
@pytest.mark.parametrize("step", [1, 2])
def test_gzipped_slices_are_slices_whatever_their_names(
    name: str, step: int, series: Path, plain: Scan, tmp_path: Path
) -> None:
    for n, path in enumerate(sorted(series.iterdir())):
        content = path.read_bytes()
        (tmp_path / (name.format(path.name))).write_bytes(content if n % step else gzip.compress(content))
    scan = read(tmp_path)
    assert np.array_equal(scan.hu, plain.hu)
    assert scan.source.series_hash == plain.source.series_hash
    assert not {f.code for f in scan.findings} & {"file.other", "file.packed"}
    assert survey(tmp_path)[0].n_slices == 24


def test_members_of_gzip_that_follow_each_other_are_one_file(series: Path, plain: Scan, tmp_path: Path) -> None:
    for path in series.iterdir():
        content = path.read_bytes()
        (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(content[:3000]) + gzip.compress(content[3000:]))
    assert np.array_equal(read(tmp_path).hu, plain.hu)


@pytest.mark.parametrize("fault", ["cut", "checksum", "stream"])
def test_a_spoiled_gzipped_slice_is_refused_and_named(fault: str, series: Path, tmp_path: Path) -> None:
    for path in series.iterdir():
        (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    spoiled = tmp_path / "0005.dcm.gz"
    content = bytearray(spoiled.read_bytes())
    if fault == "cut":
        del content[-40:]
    elif fault == "checksum":
        content[-8] ^= 0xFF
    else:
        content[-60:-20] = bytes(40)
    spoiled.write_bytes(content)
    finding = refusal(tmp_path).worst()[0]
    assert finding.code in ("file.truncated", "file.corrupt")
    assert finding.files == ("0005.dcm.gz",)


def test_a_gzip_bomb_is_refused_before_it_bursts(series: Path, tmp_path: Path) -> None:
    head = sorted(series.iterdir())[0].read_bytes()
    (tmp_path / "a.dcm.gz").write_bytes(gzip.compress(head + bytes(20_000_000)))
    assert refusal(tmp_path / "a.dcm.gz").findings[0].code == "res.claim"


def test_gzip_of_no_image_is_not_unpacked_to_its_end(series: Path, plain: Scan, tmp_path: Path) -> None:
    (tmp_path / "log.gz").write_bytes(gzip.compress(b"x" * 5000) + b"noise")
    for path in series.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert np.array_equal(read(tmp_path).hu, plain.hu)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"7z\xbc\xaf\x27\x1c\0\4", "7z"),
        (b"Rar!\x1a\x07\x00", "rar"),
        (b"Rar!\x1a\x07\x01\x00", "rar"),
        (bz2.compress(b"x"), "bzip2"),
        (lzma.compress(b"x"), "xz"),
        (b"\x28\xb5\x2f\xfd\x04", "zstandard"),
        (b"a" * 257 + b"ustar\x0000", "tar"),
        (gzip.compress(b"x", mtime=0), "gzip"),
        (b"PK\3\4", "zip"),
        (b"PK\7\x08PK\3\4", "the first part of a split zip"),
        (b"BZh9 a text that begins so", None),
        (b"", None),
        (bytes(128) + b"DICM", None),
    ],
)
def test_a_packing_is_told_by_its_magic(head: bytes, kind: str | None) -> None:
    assert packing_of(head, "x.dcm") == kind


def test_a_disc_image_is_told_by_its_name() -> None:
    assert packing_of(bytes(4096), "Thorax.ISO") == "a disc image"


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress, lambda content: gzip.compress(bz2.compress(content))])
def test_what_is_not_opened_is_named_with_the_way_out(pack: object, series: Path, plain: Scan, tmp_path: Path) -> None:
    (tmp_path / "thing").write_bytes(pack(b"slices, maybe"))  # type: ignore[operator]
    for given in (tmp_path, tmp_path / "thing"):
        error = refusal(given)
        assert [(f.code, f.severity, f.files) for f in error.findings] == [("file.packed", "refused", ("thing",))]
        assert "unpack them and give the folder" in str(error)
    for path in series.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    scan = read(tmp_path)
    assert next(f.severity for f in scan.findings if f.code == "file.packed") == "limited"
    assert np.array_equal(scan.hu, plain.hu)
