"""Zips: every way of packing gives the same slices; names, sizes and offsets that lie are refused before anything is unpacked."""

import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from gradient_phantom import phantom

from lungrisk.core.errors import InputError
from lungrisk.core.records import Scan
from lungrisk.formats import archive, read
from lungrisk.formats.archive import open_zip
from lungrisk.formats.items import Item

METHODS = {"stored": zipfile.ZIP_STORED, "deflate": 8, "bzip2": 12, "lzma": 14}


def contents() -> list[bytes]:
    written = []
    for dataset in phantom():
        stream = io.BytesIO()
        dataset.save_as(stream, enforce_file_format=True)
        written.append(stream.getvalue())
    return written


@pytest.fixture(scope="module")
def slices() -> list[bytes]:
    return contents()


@pytest.fixture(scope="module")
def plain(slices: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Scan:
    folder = tmp_path_factory.mktemp("plain")
    for n, content in enumerate(slices):
        (folder / f"{n}.dcm").write_bytes(content)
    return read(folder)


def zipped(
    path: Path, entries: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b""
) -> Path:
    with zipfile.ZipFile(path, "w", method) as target:
        for name, content in entries:
            info = zipfile.ZipInfo("x")
            info.filename, info.compress_type = name, method
            target.writestr(info, content)
        target.comment = comment
    return path


def refusal(path: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        read(path)
    return [f.code for f in caught.value.worst()]


@pytest.mark.parametrize("method", METHODS)
def test_every_way_of_packing_gives_the_same_slices(
    method: str, slices: list[bytes], plain: Scan, tmp_path: Path
) -> None:
    named = ((f"{n}.dcm", content) for n, content in enumerate(slices))
    scan = read(zipped(tmp_path / "scan.zip", named, METHODS[method], comment=b"x" * 60000))
    assert np.array_equal(scan.hu, plain.hu)


@pytest.mark.parametrize(
    "name",
    [
        "2003-04-18 12:19:17 THORAX/{}", "./{}", ".//a//./{}.dcm", "T: 5mm/{}.dcm", "a\\b\\{}.dcm", "\u00e4\u4e2d/{}", "{}\n\x1b[31m.dcm",
    ],
)  # fmt: skip
def test_unusual_names_are_no_way_out(name: str, slices: list[bytes], plain: Scan, tmp_path: Path) -> None:
    scan = read(zipped(tmp_path / "scan.zip", ((name.format(n), content) for n, content in enumerate(slices))))
    assert np.array_equal(scan.hu, plain.hu)


@pytest.mark.parametrize("name", ["", ".", "./", "//."])
def test_an_entry_without_a_name_is_no_traceback(name: str, slices: list[bytes], plain: Scan, tmp_path: Path) -> None:
    named = [(name, b"x"), *((f"{n}.dcm", content) for n, content in enumerate(slices))]
    path = zipped(tmp_path / "scan.zip", named)
    if name.startswith("//"):
        assert refusal(path) == ["sec.path"]
    else:
        assert np.array_equal(read(path).hu, plain.hu)


@pytest.mark.parametrize("name", ["C:/a.dcm", "c:\\a.dcm", "/a.dcm", "\\\\host\\share\\a.dcm", "a/../../b.dcm", ".."])
def test_a_name_that_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    assert refusal(zipped(tmp_path / "scan.zip", [(name, b"x")])) == ["sec.path"]


def test_no_slice_is_lost_by_a_name_or_a_table_that_lies(slices: list[bytes], plain: Scan, tmp_path: Path) -> None:
    named = [(f"{n}.dcm" if n else "0.dcm\\", content) for n, content in enumerate(slices)]
    path = zipped(tmp_path / "scan.zip", named)
    assert np.array_equal(read(path).hu, plain.hu)  # what ends like a folder and has content is a file
    path.write_bytes(changed(path.read_bytes(), 32, b"\xff"))  # a comment that swallows the next entries
    assert refusal(path) == ["file.corrupt"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("twice", ["a.dcm", "./a.dcm", "A.dcm", "b/../a.dcm"])
def test_one_name_twice_is_refused(twice: str, tmp_path: Path) -> None:
    assert refusal(zipped(tmp_path / "scan.zip", [("a.dcm", b"x"), (twice, b"y")])) == ["sec.path"]


# a row a way to spoil a zip of one slice: bytes -> bytes
SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "cut at its end": lambda content: content[:-30],
    "cut in half": lambda content: content[: len(content) // 2],
    "a byte of the packed stream": lambda content: content[:300] + bytes([content[300] ^ 0x55]) + content[301:],
    "zeros in the packed stream": lambda content: content[:200] + bytes(100) + content[300:],
    "the first bytes of the packed stream": lambda content: content[:35] + b"\xff" * 12 + content[47:],
    "the checksum": lambda content: changed(content, 16, b"\1\2\3\4"),
    "a smaller size": lambda content: changed(content, 24, struct.pack("<I", 500)),
    "a place that is none": lambda content: changed(content, 42, struct.pack("<I", 77)),
    "a place beyond the end": lambda content: changed(content, 42, struct.pack("<I", 2**31)),
    "another name in its own head": lambda content: content[:30] + b"z" + content[31:],
    "a name that is no UTF-8": lambda content: changed(changed(content, 8, b"\0\x08"), 46, b"\xff"),
    "another disk": lambda content: content[:-18] + b"\1\0\1\0" + content[-14:],
}


def changed(content: bytes, at: int, new: bytes) -> bytes:
    """A field of the first entry of the table of contents."""
    start = content.index(b"PK\1\2") + at
    return content[:start] + new + content[start + len(new) :]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("row", SPOILED)
def test_a_spoiled_zip_is_refused_by_name(row: str, method: str, slices: list[bytes], tmp_path: Path) -> None:
    path = zipped(tmp_path / "scan.zip", [("a.dcm", slices[0])], METHODS[method])
    path.write_bytes(SPOILED[row](path.read_bytes()))
    with pytest.raises(InputError) as caught:
        read(path)
    allowed = {"file.corrupt", "file.truncated", "res.claim", "geo.too_few"}
    assert {f.code for f in caught.value.worst()} <= allowed
    if row == "cut at its end":
        assert "cut short" in str(caught.value)


@pytest.mark.parametrize(("method", "word"), [(9, "deflate64"), (93, "zstandard"), (1, "shrink"), (77, "method 77")])
def test_a_packing_that_is_not_known_here_is_named_with_the_way_out(
    method: int, word: str, slices: list[bytes], plain: Scan, tmp_path: Path
) -> None:
    def packed_so(path: Path) -> Path:
        content = path.read_bytes()
        path.write_bytes(changed(content[:8] + struct.pack("<H", method) + content[10:], 10, struct.pack("<H", method)))
        return path

    path = packed_so(zipped(tmp_path / "scan.zip", [("a.dcm", slices[0])]))
    with pytest.raises(InputError) as caught:
        read(path)
    assert [f.code for f in caught.value.findings] == ["file.packed"]
    assert word in str(caught.value)
    assert "unpack them and give the folder" in str(caught.value)
    others = [("extra.dcm", b"x"), *((f"{n}.dcm", content) for n, content in enumerate(slices))]
    scan = read(packed_so(zipped(tmp_path / "more.zip", others)))
    assert next(f.severity for f in scan.findings if f.code == "file.packed") == "limited"
    assert np.array_equal(scan.hu, plain.hu)


def given(path: Path) -> Item:
    return Item(path.name, path.stat().st_size, lambda: path.open("rb"))


@pytest.mark.parametrize("method", METHODS)
def test_the_first_bytes_of_a_member_unpack_little(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(tmp_path / "scan.zip", [("a.dcm", np.random.default_rng(0).bytes(200_000))], METHODS[method])
    (item,), _ = open_zip(given(path))
    asked: list[int] = []
    unpacked = archive._unpacked
    monkeypatch.setattr(archive, "_unpacked", lambda s, e, n: asked.append(n) or unpacked(s, e, n))
    assert len(item.head(4096)) == 4096
    assert asked == [4096]
    assert len(item.open().read()) == 200_000


@pytest.mark.parametrize("method", ["deflate", "bzip2", "lzma"])
def test_no_more_is_unpacked_than_is_asked_for(method: str, tmp_path: Path) -> None:
    path = zipped(tmp_path / "scan.zip", [("a.dcm", bytes(3_000_000))], METHODS[method])
    assert refusal(path) == ["res.claim"]
    path.write_bytes(changed(path.read_bytes(), 24, struct.pack("<I", 9000)))  # the table says 9,000 bytes
    (item,), _ = open_zip(given(path))
    assert item.head(4096) == bytes(4096)
    with pytest.raises(InputError, match=r"file\.corrupt"):
        item.open()


def test_entries_that_share_their_bytes_are_a_bomb(tmp_path: Path) -> None:
    path = zipped(tmp_path / "scan.zip", [(f"{n}.dcm", os.urandom(5000)) for n in range(3)])
    content = bytearray(path.read_bytes())
    places = [n for n in range(len(content)) if content[n : n + 4] == b"PK\1\2"]
    for place in places:
        content[place + 20 : place + 28] = struct.pack("<II", 14000, 14000)
    path.write_bytes(content)
    assert refusal(path) == ["res.claim"]


def test_too_many_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_ENTRIES", 3)
    path = zipped(tmp_path / "scan.zip", [(f"{n}", b"x") for n in range(4)])
    assert refusal(path) == ["res.many"]
    monkeypatch.setattr(archive, "ENTRY_BYTES", 20)  # seen by the length of the table, before it is parsed
    monkeypatch.setattr(zipfile, "ZipFile", None)
    assert refusal(path) == ["res.many"]


def test_a_link_and_a_locked_entry_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "scan.zip"
    with zipfile.ZipFile(path, "w") as target:
        entry = zipfile.ZipInfo("a.dcm")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        target.writestr(entry, b"/etc/passwd")
    assert refusal(path) == ["sec.path"]
    for bits in (0x01, 0x41, 0x2001):
        zipped(path, [("a.dcm", b"x")])
        path.write_bytes(changed(path.read_bytes(), 8, struct.pack("<H", bits)))
        assert refusal(path) == ["file.encrypted"]
