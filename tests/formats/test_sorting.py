"""What is opened, what is left out, and that nothing which may hold slices is left out without a word."""

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from gradient_phantom import phantom, save

from lungrisk.core.errors import InputError
from lungrisk.core.records import Scan
from lungrisk.formats import read, sorting, survey


def zip_of(entries: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for name, content in entries.items():
            target.writestr(name, content)
    return stream.getvalue()


def slices_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def found(scan: Scan, code: str) -> tuple[str, int] | None:
    return next(((f.severity, f.n_files) for f in scan.findings if f.code == code), None)


def refusal(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        read(path)
    return caught.value


def test_a_zip_in_a_folder_and_in_a_zip_is_read(series: Path, plain: Scan, tmp_path: Path) -> None:
    inner = zip_of(slices_of(series))
    (tmp_path / "patient").mkdir()
    (tmp_path / "patient" / "scan.zip").write_bytes(inner)
    (tmp_path / "outer.zip").write_bytes(zip_of({"deep/scan": inner}))
    for given, first in ((tmp_path / "patient", "scan.zip/0000.dcm"), (tmp_path / "outer.zip", "deep/scan/0000.dcm")):
        scan = read(given)
        assert np.array_equal(scan.hu, plain.hu)
        assert first in scan.source.files
        assert survey(given)[0].n_slices == 24


def test_halves_of_a_series_in_two_zips_are_one_series(series: Path, plain: Scan, tmp_path: Path) -> None:
    files = list(slices_of(series).items())
    (tmp_path / "1.zip").write_bytes(zip_of(dict(files[::2])))
    (tmp_path / "2.zip").write_bytes(zip_of(dict(files[1::2])))
    assert np.array_equal(read(tmp_path).hu, plain.hu)


def test_archives_too_deep_too_many_or_too_large_are_named(
    series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = zip_of(slices_of(series))
    (tmp_path / "a.zip").write_bytes(zip_of({"b.zip": zip_of({"c.zip": inner})}))
    error = refusal(tmp_path / "a.zip")
    assert (error.findings[0].code, error.findings[0].files) == ("file.packed", ("b.zip/c.zip",))
    (tmp_path / "a.zip").write_bytes(zip_of({"b.zip": inner}))
    monkeypatch.setattr(sorting, "MOST_INNER_BYTES", 1000)
    assert refusal(tmp_path / "a.zip").findings[0].code == "file.packed"
    monkeypatch.setattr(sorting, "MOST_ARCHIVES", 0)
    (tmp_path / "a.zip").write_bytes(inner)
    assert refusal(tmp_path).findings[0].code == "file.packed"


@pytest.mark.parametrize("name", ["../a.dcm", "/a.dcm"])
def test_a_hostile_zip_beside_slices_limits_and_alone_refuses(
    name: str, series: Path, plain: Scan, tmp_path: Path
) -> None:
    (tmp_path / "bad.zip").write_bytes(zip_of({name: b"x"}))
    assert [(f.code, f.severity) for f in refusal(tmp_path).findings] == [("sec.path", "refused")]
    for entry, content in slices_of(series).items():
        (tmp_path / entry).write_bytes(content)
    scan = read(tmp_path)
    assert found(scan, "sec.path") == ("limited", 1)
    assert np.array_equal(scan.hu, plain.hu)


def test_a_spoiled_zip_beside_slices_limits(series: Path, tmp_path: Path) -> None:
    for entry, content in slices_of(series).items():
        (tmp_path / entry).write_bytes(content)
    (tmp_path / "more.zip").write_bytes(zip_of(slices_of(series))[:-40])
    scan = read(tmp_path)
    assert found(scan, "file.corrupt") == ("limited", 1)


def test_what_lies_on_a_disc_beside_a_scan_costs_nothing(series: Path, plain: Scan, tmp_path: Path) -> None:
    for entry, content in slices_of(series).items():
        (tmp_path / entry).write_bytes(content)
    office = zip_of({"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>"})
    beside = {
        ".DS_Store": bytes(99), "Thumbs.db": b"\xd0\xcf\x11\xe0", "viewer.exe": b"MZ", "index.html": b"<html>", "report.pdf": b"%PDF",
        "report.docx": office, "viewer.jar": office, "README": b"text", "autorun.inf": b"[autorun]", "logo.PNG": b"\x89PNG",
        "._0000.dcm": b"\0\5\x16\7" + bytes(99), "data.bin": b"\0\1\2",
    }  # fmt: skip
    for name, content in beside.items():
        (tmp_path / name).write_bytes(content)
    scan = read(tmp_path)
    assert np.array_equal(scan.hu, plain.hu)
    assert found(scan, "file.other") == ("info", len(beside))
    assert not [f.code for f in scan.findings if f.code.startswith(("file.", "sec.")) and f.severity == "limited"]


@pytest.mark.parametrize("ending", ["", ".17", ".IMA"])
def test_a_file_of_no_known_kind_among_slices_limits(ending: str, series: Path, tmp_path: Path) -> None:
    for n, content in enumerate(slices_of(series).values()):
        (tmp_path / f"image{n}{ending}").write_bytes(content)
    (tmp_path / f"image90{ending}").write_bytes(np.random.default_rng(1).bytes(4000))
    if ending == ".IMA":  # what is named as a slice is read as one
        assert refusal(tmp_path).findings[0].code in ("file.corrupt", "file.truncated")
    else:
        assert found(read(tmp_path), "ord.left_out") == ("limited", 1)
        (tmp_path / f"image90{ending}").rename(tmp_path / f"strange{ending}")
        assert found(read(tmp_path), "file.other") == ("limited", 1)


def test_an_empty_file_among_slices_limits_and_elsewhere_it_does_not(series: Path, tmp_path: Path) -> None:
    for entry, content in slices_of(series).items():
        (tmp_path / entry).write_bytes(content)
    (tmp_path / "mark").touch()
    assert found(read(tmp_path), "file.empty") == ("info", 1)
    (tmp_path / "last.dcm").touch()
    notes = [(f.severity, f.files) for f in read(tmp_path).findings if f.code == "file.empty"]
    assert notes == [("info", ("mark",)), ("limited", ("last.dcm",))]


def test_several_volumes_are_refused_together_and_listed_each(tmp_path: Path) -> None:
    import nibabel

    draw = np.random.default_rng(0)
    for name in ("anna.nii.gz", "bert.nii.gz"):
        volume = nibabel.Nifti1Image(draw.integers(-1000, 400, (20, 20, 20)).astype(np.int16), np.diag([2.0, 2, 2, 1]))
        volume.header.set_xyzt_units("mm")
        nibabel.save(volume, tmp_path / name)
    error = refusal(tmp_path)
    assert (error.findings[0].code, error.findings[0].n_files) == ("sel.ambiguous", 2)
    assert "give one of them" in str(error)
    rows = survey(tmp_path)
    assert [row.description for row in rows] == ["anna.nii.gz", "bert.nii.gz"]
    assert not any(row.chosen for row in rows)
    spoiled = bytearray(gzip.decompress((tmp_path / "anna.nii.gz").read_bytes()))
    spoiled[70:72] = b"\xff\x7f"  # a datatype that is none
    (tmp_path / "carl.nii").write_bytes(spoiled)
    rows = survey(tmp_path)
    assert [(row.description, row.n_slices, bool(row.findings)) for row in rows] == [
        ("anna.nii.gz", 20, False),
        ("bert.nii.gz", 20, False),
        ("carl.nii", 0, True),
    ]
    save(phantom(), tmp_path / "slices")
    assert [(row.format, row.chosen) for row in survey(tmp_path)] == [("dicom", True), *[("nifti", False)] * 3]
