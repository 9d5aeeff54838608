"""Folders, archives, encodings: the same slices however they are kept, and nothing that a hostile file can do but be refused."""

import io
import os
import shutil
import socket
import stat
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from gradient_phantom import COLUMNS, ROWS, phantom, save, worst_error
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID

from lungrisk.core.errors import EnvironmentFault, InputError, LungriskError, UsageFault
from lungrisk.core.records import Scan
from lungrisk.formats import codecs, read, survey
from lungrisk.simulation.dicom_series import write_series

NATIVE = {
    "implicit little endian": "1.2.840.10008.1.2",
    "explicit little endian": "1.2.840.10008.1.2.1",
    "explicit big endian": "1.2.840.10008.1.2.2",
    "deflated": "1.2.840.10008.1.2.1.99",
}
PACKED = {
    "RLE": "1.2.840.10008.1.2.5",
    "JPEG lossless": "1.2.840.10008.1.2.4.57",
    "JPEG lossless, first order": "1.2.840.10008.1.2.4.70",
    "JPEG-LS": "1.2.840.10008.1.2.4.80",
    "JPEG 2000": "1.2.840.10008.1.2.4.90",
    "JPEG 2000, either": "1.2.840.10008.1.2.4.91",
    "HTJ2K": "1.2.840.10008.1.2.4.201",
    "HTJ2K, RPCL": "1.2.840.10008.1.2.4.202",
    "HTJ2K, either": "1.2.840.10008.1.2.4.203",
}


def unsigned(dataset: Dataset) -> Dataset:
    """The same HU in unsigned 12 bits, as most scanners store them."""
    dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = 0, 12, 11
    return dataset


def encoded(datasets: list[Dataset], syntax: str) -> list[Dataset]:
    """The datasets in another transfer syntax, by pydicom's encoders where it has one (an oracle that shares no code)."""
    import imagecodecs

    for dataset in datasets:
        stored = np.frombuffer(dataset.PixelData, "<u2").reshape(ROWS, COLUMNS)
        if syntax in ("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"):
            dataset.compress(UID(syntax), generate_instance_uid=False)
        elif syntax in PACKED.values():
            stream = {
                "57": lambda x: imagecodecs.ljpeg_encode(x, bitspersample=16),
                "70": lambda x: imagecodecs.jpeg8_encode(x, lossless=True, predictor=1, bitspersample=16),
                "91": lambda x: imagecodecs.jpeg2k_encode(x, level=0, codecformat="j2k", reversible=True),
            }.get(syntax.rsplit(".", 1)[1], lambda x: imagecodecs.htj2k_encode(x, reversible=True))(stored)
            dataset.PixelData = encapsulate([bytes(stream)])
        elif syntax == "1.2.840.10008.1.2.2":
            dataset.PixelData = stored.astype(">u2").tobytes()
        dataset.file_meta.TransferSyntaxUID = UID(syntax)
    return datasets


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    return read(save(map(unsigned, phantom()), tmp_path_factory.mktemp("plain")))


@pytest.mark.parametrize("name", {**NATIVE, **PACKED})
def test_lossless_encodings_give_the_same_bits(name: str, plain: Scan, tmp_path: Path) -> None:
    if name == "JPEG-LS":
        pytest.importorskip("jpeg_ls")
    datasets = encoded(list(map(unsigned, phantom())), {**NATIVE, **PACKED}[name])
    scan = read(save(datasets, tmp_path))
    assert scan.source.series_hash == plain.source.series_hash
    assert np.array_equal(scan.hu, plain.hu)
    assert "px.lossy" in {f.code for f in scan.findings} or not name.endswith("either")


@pytest.mark.parametrize("name", ["RLE", "JPEG-LS", "JPEG lossless, first order", "JPEG 2000", "HTJ2K", *NATIVE])
def test_a_written_series_comes_back_bit_for_bit(name: str, plain: Scan, tmp_path: Path) -> None:
    paths = write_series(
        plain.hu, plain.affine, tmp_path / "series", transfer_syntax={**NATIVE, **PACKED}[name], Manufacturer="GE"
    )
    scan = read(tmp_path / "series")
    assert scan.source.series_hash == plain.source.series_hash
    assert scan.source.files == tuple(path.name for path in paths)
    assert scan.header.vendor == "GE"


def test_signed_values_survive_compression(tmp_path: Path) -> None:
    datasets = phantom()
    for dataset in datasets:
        dataset.RescaleIntercept = 0
        hu = np.frombuffer(dataset.PixelData, "<i2") - 1024
        dataset.PixelData = hu.astype("<i2").tobytes()
        dataset.compress(UID("1.2.840.10008.1.2.4.90"), generate_instance_uid=False)
    assert worst_error(read(save(datasets, tmp_path))) <= 0.7


def test_lossy_compression_limits(tmp_path: Path) -> None:
    datasets = phantom()
    for dataset in datasets:
        dataset.LossyImageCompression, dataset.LossyImageCompressionRatio = "01", 20
    finding = next(f for f in read(save(datasets, tmp_path)).findings if f.code == "px.lossy")
    assert finding.severity == "limited"
    assert "ratio 20" in str(finding.found)


def test_a_missing_decoder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save(encoded(phantom(), PACKED["JPEG-LS"]), tmp_path)

    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(codecs, "import_module", missing)
    with pytest.raises(EnvironmentFault) as caught:
        read(folder)
    assert caught.value.findings[0].code == "env.codec"
    assert "imagecodecs" in str(caught.value)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.102", "1.2.3.4.5"])
def test_an_unknown_encoding_is_refused_by_name(syntax: str, tmp_path: Path) -> None:
    datasets = encoded(phantom(), PACKED["JPEG-LS"])
    for dataset in datasets:
        dataset.file_meta.TransferSyntaxUID = UID(syntax)
    assert refusal(save_as_is(datasets, tmp_path)) == "file.syntax"


def save_as_is(datasets: list[Dataset], folder: Path) -> Path:
    """Write the datasets and then their transfer syntax as it stands, which pydicom would not."""
    for k, dataset in enumerate(datasets):
        wanted = str(dataset.file_meta.TransferSyntaxUID)
        dataset.file_meta.TransferSyntaxUID = UID(PACKED["JPEG-LS"])
        buffer = io.BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        old = PACKED["JPEG-LS"].encode()
        content = buffer.getvalue().replace(old, wanted.encode()[: len(old)].ljust(len(old), b"\0"), 1)
        (folder / f"{k:03d}.dcm").write_bytes(content)
    return folder


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.worst()[0].files or path.is_file()
    return caught.value.worst()[0].code


# folders


@given(seed=st.integers(0, 10_000), depth=st.integers(0, 3))
def test_names_order_and_folders_do_not_matter(
    seed: int, depth: int, plain: Scan, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    draw = np.random.default_rng(seed)
    for dataset in map(unsigned, phantom()):
        parts = [f"ordner {draw.integers(3)} ä" for _ in range(draw.integers(depth + 1))]
        name = f"{draw.integers(1 << 62):x}" + draw.choice([".dcm", "", " .IMA", ".1.2"])
        (folder.joinpath(*parts)).mkdir(parents=True, exist_ok=True)
        dataset.save_as(folder.joinpath(*parts, name), enforce_file_format=True)
    scan = read(folder)
    assert scan.source.series_hash == plain.source.series_hash
    assert scan.source.instance_uids == plain.source.instance_uids
    shutil.rmtree(folder)


def test_what_is_no_image_is_skipped_and_counted(plain: Scan, tmp_path: Path) -> None:
    save(map(unsigned, phantom()), tmp_path / "scan")
    (tmp_path / ".DS_Store").write_bytes(b"\0\0\0\1Bud1" + bytes(600))
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "._0001.dcm").write_bytes(b"\0\5\x16\7" + bytes(200))
    (tmp_path / "notes.txt").write_text("slices of a phantom")
    (tmp_path / "empty.dcm").touch()
    os.mkfifo(tmp_path / "pipe.dcm")
    (tmp_path / "dangling.dcm").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "again.dcm").symlink_to(next((tmp_path / "scan").iterdir()))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "s"))
        scan = read(tmp_path)
    assert scan.source.series_hash == plain.source.series_hash
    found = {f.code: (f.severity, f.n_files) for f in scan.findings}
    assert found["file.other"] == ("info", 3)
    assert found["file.empty"] == ("limited", 1)  # it lies beside a slice and is named as that
    assert found["file.unreadable"] == ("limited", 1)


def test_files_without_preamble_are_read(plain: Scan, tmp_path: Path) -> None:
    save(map(unsigned, phantom()), tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[132:])
    scan = read(tmp_path)
    assert scan.source.series_hash == plain.source.series_hash
    assert "file.no_preamble" in {f.code for f in scan.findings}


def test_bare_datasets_are_read(plain: Scan, tmp_path: Path) -> None:
    for k, dataset in enumerate(map(unsigned, phantom())):
        del dataset.file_meta
        dataset.save_as(tmp_path / f"{k}", implicit_vr=True, little_endian=True)
    scan = read(tmp_path)
    assert scan.source.series_hash == plain.source.series_hash
    assert "file.no_preamble" in {f.code for f in scan.findings}


def test_one_slice_of_a_series_is_refused_with_the_way_out(tmp_path: Path) -> None:
    folder = save(phantom(), tmp_path)
    with pytest.raises(InputError) as caught:
        read(folder / "0003.dcm")
    assert caught.value.findings[0].code == "geo.too_few"
    assert "the folder" in str(caught.value.findings[0].expected)


def test_a_path_that_is_not_there_is_a_fault_of_use(tmp_path: Path) -> None:
    with pytest.raises(UsageFault) as caught:
        read(tmp_path / "nothing")
    assert caught.value.findings[0].code == "use.missing"


def test_instance_uids_stay_hashed_unless_asked_for(tmp_path: Path) -> None:
    folder = save(phantom(), tmp_path)
    assert read(folder, keep_ids=True).source.instance_uids[0] == "1.2.3.4.1"
    hidden = read(folder).source.instance_uids
    assert len(set(hidden)) == 24
    assert all(len(uid) == 16 and "." not in uid for uid in hidden)


def test_nothing_of_the_patient_leaves_the_header(tmp_path: Path) -> None:
    datasets = phantom()
    for dataset in datasets:
        dataset.PatientName = dataset.PatientID = dataset.StudyID = "CANARY"
        dataset.StudyDate = dataset.PatientBirthDate = "19770707"
        dataset.ReferringPhysicianName = dataset.InstitutionName = dataset.PatientComments = "CANARY"
    folder = save(datasets, tmp_path)
    shown = repr(read(folder)) + repr(survey(folder))
    assert "CANARY" not in shown
    assert "19770707" not in shown


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3000])


def cut_in_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:600])


def not_dicom(path: Path) -> None:
    path.write_bytes(b"\xff\xd8\xff\xe0 a picture" * 99)


def noise(path: Path) -> None:
    path.write_bytes(bytes(128) + b"DICM" + np.random.default_rng(0).bytes(5000))


def deeply_nested(path: Path) -> None:
    path.write_bytes(
        path.read_bytes()[:400] + b"\x09\x00\x01\x00SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 10_000
    )


SPOILED: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "129 cut by 3000 bytes": (cut_short, ("file.truncated",)),
    "cut in the header": (cut_in_header, ("file.truncated", "file.corrupt")),
    "another kind of file": (not_dicom, ("file.corrupt",)),
    "noise": (noise, ("file.corrupt", "file.truncated")),
    "136 nested 10 000 deep": (deeply_nested, ("file.corrupt", "file.truncated")),
}


@pytest.mark.parametrize("row", SPOILED)
def test_a_spoiled_file_among_slices_is_refused_and_named(row: str, tmp_path: Path) -> None:
    spoil, codes = SPOILED[row]
    folder = save(phantom(), tmp_path)
    spoil(folder / "0007.dcm")
    with pytest.raises(InputError) as caught:
        read(folder)
    assert caught.value.worst()[0].code in codes
    assert caught.value.worst()[0].files == ("0007.dcm",)


def test_an_empty_file_in_place_of_a_slice_leaves_a_hole(tmp_path: Path) -> None:
    folder = save(phantom(), tmp_path)
    next(path for path in folder.iterdir() if b"1.2.3.4.10" in path.read_bytes()).write_bytes(b"")
    assert {"file.empty", "geo.hole"} <= {f.code for f in read(folder).findings}


@pytest.mark.parametrize("syntax", [PACKED["JPEG-LS"], PACKED["JPEG 2000"], PACKED["RLE"], PACKED["JPEG lossless"]])
def test_a_broken_code_stream_is_refused_and_named(syntax: str, tmp_path: Path) -> None:
    datasets = encoded(phantom(), syntax)
    datasets[5].PixelData = encapsulate([b"\xff\xd8" + bytes(700)])
    folder = save(datasets, tmp_path)
    assert refusal(folder) in ("file.truncated", "file.corrupt", "px.length")


@pytest.mark.parametrize("cut", [12, 150])
@pytest.mark.parametrize("name", PACKED)
def test_a_code_stream_that_ends_early_is_refused_and_named(name: str, cut: int, tmp_path: Path) -> None:
    datasets = encoded(list(map(unsigned, phantom())), PACKED[name])
    stream = next(generate_frames(datasets[5].PixelData, number_of_frames=1)).rstrip(b"\0")
    datasets[5].PixelData = encapsulate([stream[:-cut]])
    assert refusal(save(datasets, tmp_path)) in ("file.truncated", "file.corrupt", "px.length")


def test_a_syntax_that_the_pixels_contradict_is_refused(tmp_path: Path) -> None:
    datasets = encoded(phantom(), PACKED["JPEG-LS"])
    for dataset in datasets:
        dataset.file_meta.TransferSyntaxUID = UID(NATIVE["explicit little endian"])
    for k, dataset in enumerate(datasets):
        buffer = io.BytesIO()
        dataset["PixelData"].is_undefined_length = False
        dataset.save_as(buffer, enforce_file_format=True)
        (tmp_path / f"{k}.dcm").write_bytes(buffer.getvalue())
    assert refusal(tmp_path) in ("file.truncated", "res.claim")


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save(phantom(), tmp_path)
    opened = os.open

    def failing(path: str, flags: int, *options: int) -> int:
        if str(path).endswith("0007.dcm"):
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, *options)

    monkeypatch.setattr(os, "open", failing)
    assert refusal(folder) == "file.unreadable"


@given(seed=st.integers(0, 2**32 - 1))
def test_flipped_bytes_never_raise_anything_untyped(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    save(phantom()[:10], folder)
    draw = np.random.default_rng(seed)
    path = folder / "0004.dcm"
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    at = draw.integers(0, 1500, draw.integers(1, 6))
    content[at] = draw.integers(0, 256, len(at))
    path.write_bytes(content.tobytes())
    with suppress(LungriskError):
        read(folder)
    shutil.rmtree(folder)


# archives


def zipped(folder: Path, path: Path, packing: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder).as_posix())
    return path


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("name", ["explicit little endian", "deflated", "JPEG-LS"])
def test_a_zip_is_the_folder_in_it(packing: int, name: str, plain: Scan, tmp_path: Path) -> None:
    datasets = encoded(list(map(unsigned, phantom())), {**NATIVE, **PACKED}[name])
    save(datasets, tmp_path / "scan" / "deep")
    before = set(tmp_path.iterdir())
    path = zipped(tmp_path / "scan", tmp_path / "scan.zip", packing)
    assert read(path).source.series_hash == plain.source.series_hash
    assert set(tmp_path.iterdir()) == {*before, path}


def with_entry(name: str, content: bytes = b"x", mode: int = 0) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
        return path

    return write


def two_names(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.dcm", b"x")
        archive.writestr("A.dcm", b"y")
    return path


def encrypted(path: Path) -> Path:
    with_entry("a.dcm")(path)
    content = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + offset] |= 1
    path.write_bytes(bytes(content))
    return path


def half(path: Path) -> Path:
    with_entry("a.dcm", bytes(range(256)) * 40)(path)
    path.write_bytes(path.read_bytes()[:60])
    return path


def spoiled(path: Path) -> Path:
    with_entry("a.dcm", np.random.default_rng(0).bytes(9000))(path)
    content = bytearray(path.read_bytes())
    content[200:300] = bytes(100)
    path.write_bytes(bytes(content))
    return path


ARCHIVES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "151 bomb": (with_entry("a.dcm", bytes(30_000_000)), "res.claim"),
    "152 out of the folder": (with_entry("../../a.dcm"), "sec.path"),
    "152 absolute": (with_entry("/etc/a.dcm"), "sec.path"),
    "152 by backslash": (with_entry("..\\a.dcm"), "sec.path"),
    "153 link": (with_entry("a.dcm", b"/etc/passwd", stat.S_IFLNK | 0o777), "sec.path"),
    "153 one name twice": (two_names, "sec.path"),
    "154 encrypted": (encrypted, "file.encrypted"),
    "cut": (half, "file.corrupt"),
    "spoiled": (spoiled, "file.corrupt"),
    "nothing in it": (with_entry("readme.txt"), "file.none"),
    "a spoiled zip in a zip": (with_entry("scan.zip", b"PK\x03\x04" + bytes(50)), "file.corrupt"),
}


@pytest.mark.parametrize("row", ARCHIVES)
def test_hostile_archives_are_refused_by_name(row: str, tmp_path: Path) -> None:
    write, code = ARCHIVES[row]
    with pytest.raises(InputError) as caught:
        read(write(tmp_path / "scan.zip"))
    assert caught.value.worst()[0].code == code
