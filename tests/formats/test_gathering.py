"""What lies at a path: folders, links, pipes, and far too much of anything."""

import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from gradient_phantom import phantom, save

from lungrisk.core.errors import InputError, LungriskError, UsageFault
from lungrisk.core.records import Scan
from lungrisk.formats import gathering, read
from lungrisk.formats.items import file_item


def codes(scan: Scan) -> dict[str, str]:
    return {f.code: f.severity for f in scan.findings}


def refusal(path: Path) -> LungriskError:
    with pytest.raises(LungriskError) as caught:
        read(path)
    return caught.value


def test_a_root_that_is_a_link_is_the_folder(series: Path, plain: Scan, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(series)
    scan = read(tmp_path / "link")
    assert np.array_equal(scan.hu, plain.hu)
    assert "file.link" not in codes(scan)


def test_a_link_that_stays_inside_costs_nothing_and_loops_end(plain: Scan, tmp_path: Path) -> None:
    save(phantom(), tmp_path / "a" / "b")
    (tmp_path / "z").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    scan = read(tmp_path)
    assert np.array_equal(scan.hu, plain.hu)
    assert "file.link" not in codes(scan)


def test_a_link_that_leads_elsewhere_is_named_with_the_way_to_give_it(
    series: Path, plain: Scan, tmp_path: Path
) -> None:
    (tmp_path / "scan").symlink_to(series)
    error = refusal(tmp_path)
    assert [(f.code, f.severity, f.files) for f in error.findings] == [("file.link", "refused", ("scan",))]
    assert "give the folder that the link leads to" in str(error)
    save(phantom(), tmp_path / "own")
    scan = read(tmp_path)
    assert codes(scan)["file.link"] == "limited"
    assert np.array_equal(scan.hu, plain.hu)


def test_links_to_files_are_followed(series: Path, plain: Scan, tmp_path: Path) -> None:
    for path in series.iterdir():
        (tmp_path / path.name).symlink_to(path)
    assert np.array_equal(read(tmp_path).hu, plain.hu)


def test_a_folder_too_deep_is_named(plain: Scan, tmp_path: Path) -> None:
    save(phantom(), tmp_path)
    deep = tmp_path
    for _ in range(gathering.MOST_LEVELS + 2):
        deep = deep / "d"
    deep.mkdir(parents=True)
    scan = read(tmp_path)
    assert codes(scan)["file.deep"] == "limited"
    assert np.array_equal(scan.hu, plain.hu)


def test_folders_beyond_the_longest_path_take_no_time_and_are_named(tmp_path: Path) -> None:
    handles = [os.open(tmp_path, os.O_RDONLY)]
    for _ in range(600):
        os.mkdir("d" * 8, dir_fd=handles[0])
        handles.insert(0, os.open("d" * 8, os.O_RDONLY, dir_fd=handles[0]))
        os.close(handles.pop())
    os.close(handles.pop())
    start = time.perf_counter()
    try:
        assert [f.code for f in refusal(tmp_path).worst()] == ["file.deep"]
        assert time.perf_counter() - start < 2
    finally:
        subprocess.run(["rm", "-rf", tmp_path / ("d" * 8)], check=True)  # pytest's own cleaning fails at this depth


def test_too_many_files_are_refused_before_they_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_FILES", 30)
    for n in range(40):
        (tmp_path / f"{n}").write_bytes(b"x")
    error = refusal(tmp_path)
    assert error.findings[0].code == "res.many"
    assert "give the folder of one scan" in str(error)


@pytest.mark.parametrize("name", ["pipe", "link to a device"])
def test_what_would_hang_is_never_opened(name: str, tmp_path: Path) -> None:
    path = tmp_path / "thing"
    if name == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    error = refusal(path)
    assert error.findings[0].code == "file.unreadable"
    assert "not a regular file" in str(error)
    assert refusal(tmp_path).findings[0].code == "file.none"
    (tmp_path / "a.mhd").write_text(
        "ObjectType = Image\nNDims = 3\nDimSize = 20 20 20\nElementType = MET_SHORT\nElementSpacing = 1 1 1\n"
        "Offset = 0 0 0\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nBinaryData = True\nElementDataFile = thing\n"
    )
    for given in (tmp_path, tmp_path / "a.mhd"):
        error = refusal(given)
        assert error.findings[0].code in ("file.unreadable", "sec.path")
        assert "a.mhd" in error.findings[0].files
    assert "not a regular file" in str(error) or "a link out of the folder" in str(error)


def test_a_file_that_becomes_a_pipe_or_goes_away_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x")
    item = file_item(path, "a")
    path.unlink()
    with pytest.raises(FileNotFoundError):
        item.open()
    os.mkfifo(path)
    with pytest.raises(OSError, match="not a regular file"):
        item.open()


def test_slices_that_vanish_while_they_are_read_are_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save(phantom(), tmp_path)
    from lungrisk.formats import dicom

    chosen = dicom.choose

    def vanishing(*given: object) -> object:
        (folder / "0003.dcm").unlink()
        return chosen(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(dicom, "choose", vanishing)
    finding = refusal(folder).findings[0]
    assert finding.code == "file.unreadable"
    assert finding.files[0].startswith("0003.dcm")


def test_names_that_are_no_text_are_read(plain: Scan, tmp_path: Path) -> None:
    save(phantom(), tmp_path)
    for n, path in enumerate(sorted(tmp_path.iterdir())):
        os.rename(path, os.fsencode(tmp_path) + b"/\xff\n\x1b[31m%d.dcm" % n)
    scan = read(tmp_path)
    assert np.array_equal(scan.hu, plain.hu)
    assert len(scan.source.files) == 24


@pytest.mark.parametrize("name", ["a" * 300, "a\0b", "x/y/z"])
def test_a_path_that_no_file_can_have_is_a_fault_of_use(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageFault) as caught:
        read(tmp_path / name)
    assert caught.value.findings[0].code == "use.missing"


def test_a_folder_that_cannot_be_listed_is_told(series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(phantom(), tmp_path / "a")
    (tmp_path / "b").mkdir()
    listed = os.scandir

    def failing(path: str) -> object:
        if str(path).endswith("/b"):
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", failing)
    finding = next(f for f in read(tmp_path).findings if f.code == "file.unreadable")
    assert (finding.severity, finding.files) == ("limited", ("b",))


def test_a_pipe_among_slices_is_passed_by(plain: Scan, tmp_path: Path) -> None:
    os.mkfifo(save(phantom(), tmp_path) / "pipe.dcm")
    assert np.array_equal(read(tmp_path).hu, plain.hu)


def test_a_single_file_of_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").touch()
    with pytest.raises(InputError) as caught:
        read(tmp_path / "a.dcm")
    assert [f.code for f in caught.value.findings] == ["file.none", "file.empty"]
