"""What lies at a path: whatever changes in it is seen, what only moved or was touched is the same."""

import os
import shutil
import time
from pathlib import Path

import pytest

from lungrisk.core import extents
from lungrisk.core.errors import InputError
from lungrisk.core.extents import extent_of, is_same, watch


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    folder = tmp_path / "scan"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "1.dcm").write_bytes(b"one")
    (folder / "2.dcm").write_bytes(b"two")
    return folder


def changed(scan: Path, how: str) -> None:
    file = scan / "2.dcm"
    match how:
        case "bytes":
            file.write_bytes(b"owt")
        case "size":
            file.write_bytes(b"two more")
        case "same time and inode":
            before = file.stat()
            with file.open("r+b") as stream:
                stream.write(b"owt")
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        case "name":
            file.rename(scan / "3.dcm")
        case "exchange":
            file.write_bytes(b"one")
            (scan / "a" / "1.dcm").write_bytes(b"two")
        case "added":
            (scan / "empty").touch()
        case "removed":
            file.unlink()


@pytest.mark.parametrize("how", ["bytes", "size", "same time and inode", "name", "exchange", "added", "removed"])
@pytest.mark.parametrize("settled", [True, False])
def test_every_change_is_seen(scan: Path, how: str, settled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the clock of the files is too coarse to tell: then the bytes decide."""
    monkeypatch.setattr(extents, "SETTLED_S", -1.0 if settled else 1e9)
    before = extent_of(scan)
    assert bool(before.stat) == settled
    time.sleep(0.02)  # the clock of the files ticks
    assert is_same(scan, before.stat, before.content)
    changed(scan, how)
    assert not is_same(scan, before.stat, before.content)
    assert extent_of(scan).content != before.content


def test_what_moved_or_was_touched_is_the_same(scan: Path, tmp_path: Path) -> None:
    before = extent_of(scan)
    assert (before.files, before.bytes) == (2, 6)
    shutil.copytree(scan, tmp_path / "elsewhere")
    os.utime(scan / "2.dcm")
    for folder in (scan, tmp_path / "elsewhere"):
        assert is_same(folder, before.stat, before.content)


def test_the_stat_alone_is_enough_where_it_tells(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extents, "SETTLED_S", -1.0)
    before = extent_of(scan)
    monkeypatch.setattr(extents, "_digest", lambda file: pytest.fail("was read"))
    assert is_same(scan, before.stat, before.content)


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("p.mhd", b"NDims = 3\nElementDataFile = p.data\n"),
        ("p.nhdr", b"NRRD0004\r\ndata file: p.data\r\n"),
        ("p.nhdr", b"NRRD0004\ndatafile: ./p.data\n"),
        ("p.hdr", b"\0" * 348),
    ],
)
def test_the_data_beside_a_header_belongs_to_it(tmp_path: Path, name: str, head: bytes) -> None:
    data = tmp_path / ("p.img" if name == "p.hdr" else "p.data")
    data.write_bytes(b"voxels")
    (tmp_path / "other.data").write_bytes(b"of somebody else")
    (tmp_path / name).write_bytes(head)
    before = extent_of(tmp_path / name)
    assert before.files == 2
    data.write_bytes(b"slexov")
    assert not is_same(tmp_path / name, before.stat, before.content)


@pytest.mark.parametrize("named", [b"x" * 5000, b"a\0b", b"p.mhd", b"\xff"], ids=["long", "null", "itself", "odd"])
def test_a_header_that_names_nothing_stands_alone(tmp_path: Path, named: bytes) -> None:
    (tmp_path / "p.mhd").write_bytes(b"ElementDataFile = " + named + b"\n")
    assert extent_of(tmp_path / "p.mhd").files == 1


def test_pipes_links_that_lead_nowhere_and_nothing_at_all_have_an_extent(tmp_path: Path) -> None:
    nothing = extent_of(tmp_path / "nowhere")
    assert (nothing.files, nothing.bytes) == (0, 0)
    os.mkfifo(tmp_path / "pipe")
    assert extent_of(tmp_path) == nothing
    (tmp_path / "link").symlink_to("nowhere")
    lost = extent_of(tmp_path)
    assert lost.files == 1
    (tmp_path / "nowhere").write_bytes(b"there")
    assert not is_same(tmp_path, lost.stat, lost.content)


def test_a_scan_that_changes_while_it_is_read_gives_no_result(scan: Path) -> None:
    extent, result = watch(scan, lambda: 7)
    assert (extent.content, result) == (extent_of(scan).content, 7)
    with pytest.raises(InputError, match=r"coh\.changed"):
        watch(scan, lambda: (scan / "2.dcm").write_bytes(b"while it is read"))
