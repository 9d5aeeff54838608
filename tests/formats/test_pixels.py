"""Pixels of one file: what follows them, bits beside them, what their values mean, how much they may claim."""

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from gradient_phantom import phantom, save, worst_error
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from lungrisk.core.errors import InputError
from lungrisk.formats import codecs, read

AFTER = b"\xfc\xff\xfc\xffOB\0\0" + struct.pack("<I", 4) + bytes(4)  # Data Set Trailing Padding


def written(folder: Path, change: Callable[[bytes], bytes], among: Callable[[int], bool]) -> Path:
    """The phantom with the bytes of some of its files changed."""
    save(phantom(), folder)
    for n, path in enumerate(sorted(folder.iterdir())):
        if among(n):
            path.write_bytes(change(path.read_bytes()))
    return folder


def pushed(content: bytes, n: int = 8, at: int = 3000) -> bytes:
    """n bytes put in among the pixels."""
    place = content.rfind(b"\xe0\x7f\x10\x00") + 12 + at
    return content[:place] + bytes(range(1, n + 1)) + content[place:]


def codes(path: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        read(path)
    return [finding.code for finding in caught.value.worst()]


@pytest.mark.parametrize("among", [lambda n: n == 3, lambda n: n % 2, lambda n: True], ids=["one", "half", "all"])
@pytest.mark.parametrize("n", [1, 2, 8, 200])
def test_bytes_put_in_among_the_pixels_are_seen_by_what_they_push_out(
    among: Callable[[int], bool], n: int, tmp_path: Path
) -> None:
    assert codes(written(tmp_path, lambda content: pushed(content, n), among)) == ["px.trailing"]


@pytest.mark.parametrize(
    "after", [b"", AFTER, AFTER + bytes(6), bytes(512)], ids=["nothing", "element", "both", "zeros"]
)
def test_what_a_writer_puts_behind_the_pixels_of_all_slices_is_no_fault(after: bytes, tmp_path: Path) -> None:
    scan = read(written(tmp_path, lambda content: content + after, lambda n: True))
    assert worst_error(scan) < 1
    assert "px.trailing" not in {finding.code for finding in scan.findings}


def test_zeros_behind_the_pixels_of_one_slice_alone_are_refused(tmp_path: Path) -> None:
    assert codes(written(tmp_path, lambda content: content + bytes(8), lambda n: n == 2)) == ["px.trailing"]


def twelve_bits(mark: Callable[[int, Any], None]) -> list[Dataset]:
    """The phantom stored in 12 of 16 bits, unsigned; `mark` may set others."""
    datasets = phantom()
    for k, one in enumerate(datasets):
        stored = np.frombuffer(one.PixelData, "<i2").astype("<u2").copy()
        mark(k, stored)
        one.BitsStored, one.HighBit, one.PixelRepresentation = 12, 11, 0
        one.PixelData = stored.tobytes()
        one["PixelData"].VR = "OW"
    return datasets


def test_bits_that_a_slice_alone_has_are_named(tmp_path: Path) -> None:
    def mark(k: int, stored: Any) -> None:
        if k == 5:
            stored[100:104] |= 1 << 14

    scan = read(save(twelve_bits(mark), tmp_path))
    assert [(f.code, f.severity) for f in scan.findings if f.code == "px.bits"] == [("px.bits", "limited")]


def test_a_slice_full_of_bits_that_no_other_has_is_refused(tmp_path: Path) -> None:
    def mark(k: int, stored: Any) -> None:
        if k == 5:
            stored[1000:] = (stored[1000:].astype(np.uint32) * 257 % 65536).astype(np.uint16)

    assert codes(save(twelve_bits(mark), tmp_path)) == ["px.bits"]


def test_an_overlay_in_the_high_bits_of_the_slices_is_no_fault(tmp_path: Path) -> None:
    def mark(k: int, stored: Any) -> None:
        stored[200:300] |= 1 << 12

    scan = read(save(twelve_bits(mark), tmp_path))
    assert worst_error(scan) < 1
    assert "px.bits" not in {finding.code for finding in scan.findings}


@pytest.mark.parametrize(("intercept", "slope"), [(-32768, 1), (-33000, 1), (-32768, 0.5), (-10240, 0.25)])
def test_unsigned_values_keep_the_sign_that_their_rescale_gives(intercept: int, slope: float, tmp_path: Path) -> None:
    datasets = phantom()
    for one in datasets:
        hu = np.frombuffer(one.PixelData, "<i2").astype(np.int64) - 1024
        one.RescaleIntercept, one.RescaleSlope, one.PixelRepresentation = intercept, slope, 0
        one.PixelData = np.rint((hu - intercept) / slope).astype("<u2").tobytes()
        one["PixelData"].VR = "OW"
    scan = read(save(datasets, tmp_path))
    assert worst_error(scan) < 1
    assert {finding.code for finding in scan.findings} <= {"geo.nonsquare"}


@pytest.mark.parametrize("frames", ["2", "2000000", "1000000000"])
def test_more_frames_than_the_file_can_hold_are_refused_before_they_are_made(frames: str, tmp_path: Path) -> None:
    datasets = phantom()
    datasets[4].NumberOfFrames = frames
    assert codes(save(datasets, tmp_path)) == ["res.claim"]


def test_a_deflated_file_that_inflates_beyond_its_pixels_is_refused(tmp_path: Path) -> None:
    datasets = phantom()
    for one in datasets:
        one.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    datasets[3].add_new(0xFFFCFFFC, "OB", bytes(6 << 20))
    assert codes(save(datasets, tmp_path)) == ["res.claim"]


@pytest.mark.parametrize("bits", [9, 12, 13, 16])
def test_a_code_stream_states_its_own_precision(bits: int) -> None:
    frame = (np.arange(64 * 64).reshape(64, 64) % (1 << bits)).astype(np.uint16)
    stream = imagecodecs.jpeg2k_encode(frame, codecformat="J2K", reversible=True, level=0, bitspersample=bits)
    assert codecs.precision(bytes(stream)) == bits
    assert codecs.precision(b"") is None


@pytest.mark.parametrize(("intercept", "slope"), [(-32768, 1), (-33000, 1)])
def test_a_sign_that_the_header_adds_is_taken_away_where_no_hu_are_so_low(
    intercept: int, slope: float, tmp_path: Path
) -> None:
    datasets = phantom()
    for one in datasets:
        hu = np.frombuffer(one.PixelData, "<i2").astype(np.int64) - 1024
        one.RescaleIntercept, one.RescaleSlope = intercept, slope
        one.PixelData = (hu - intercept).astype("<u2").tobytes()
        one["PixelData"].VR = "OW"
    assert worst_error(read(save(datasets, tmp_path))) < 1


@pytest.mark.parametrize(
    ("padding", "intercept", "slope"), [(63536, -32768, 1), (63536, -10240, 0.25), (65535, -1024, 1)]
)
def test_a_padding_value_beyond_all_hu_becomes_air_and_moves_nothing_else(
    padding: int, intercept: int, slope: float, tmp_path: Path
) -> None:
    datasets = phantom()
    for one in datasets:
        hu = np.frombuffer(one.PixelData, "<i2").astype(np.int64) - 1024
        stored = np.rint((hu - intercept) / slope).astype("<u2")
        stored[:80] = padding
        one.RescaleIntercept, one.RescaleSlope, one.PixelRepresentation = intercept, slope, 0
        one.add_new(0x00280120, "US", padding)
        one.PixelData = stored.tobytes()
        one["PixelData"].VR = "OW"
    scan = read(save(datasets, tmp_path))
    assert (scan.hu[:, 0] == -1024).all()
    assert worst_error(scan) < 1


def test_an_overlay_that_the_header_names_may_be_in_one_slice(tmp_path: Path) -> None:
    def mark(k: int, stored: Any) -> None:
        if k == 5:
            stored[100:104] |= 1 << 14

    datasets = twelve_bits(mark)
    datasets[5].add_new(0x60000100, "US", 16)
    datasets[5].add_new(0x60000102, "US", 14)
    assert "px.bits" not in {finding.code for finding in read(save(datasets, tmp_path)).findings}


def test_a_padding_value_wider_than_bits_stored_is_padding(tmp_path: Path) -> None:
    def mark(k: int, stored: Any) -> None:
        stored[:80] = 0xF830  # -2000

    datasets = twelve_bits(mark)
    for one in datasets:
        one.add_new(0x00280120, "US", 0xF830)
    scan = read(save(datasets, tmp_path))
    assert (scan.hu[:, 0] == -1024).all()
    assert worst_error(scan) < 1


@pytest.mark.parametrize(("name", "less"), [("Rows", 1), ("Columns", 1), ("Columns", 4)])
def test_rows_or_columns_that_are_left_out_are_refused(name: str, less: int, tmp_path: Path) -> None:
    datasets = phantom()
    for one in datasets:
        setattr(one, name, getattr(one, name) - less)
    assert codes(save(datasets, tmp_path)) == ["px.length"]


def test_what_follows_the_pixels_within_their_element_is_padding_or_refused(tmp_path: Path) -> None:
    datasets = phantom()
    datasets[2].PixelData += bytes(range(10))
    assert codes(save(datasets, tmp_path)) == ["px.length"]


def test_rescale_type_that_names_no_unit_is_settled_by_air_and_tissue(tmp_path: Path) -> None:
    for name, unit, value, found in (
        ("a", "US", None, "px.rescale_type:info"),
        ("b", "MGML", None, "px.not_hu:limited"),
        ("c", "US", 500, "px.not_hu:limited"),
    ):
        datasets = phantom()
        for one in datasets:
            stored = np.frombuffer(one.PixelData, "<i2").copy().reshape(60, 80)
            stored[:30], stored[30:] = (24, 1064) if value is None else (value, value + 1)
            one.RescaleType, one.PixelData = unit, stored.tobytes()
            one["PixelData"].VR = "OW"
        scan = read(save(datasets, tmp_path / name))
        told = [f"{f.code}:{f.severity}" for f in scan.findings if f.code in ("px.rescale_type", "px.not_hu")]
        assert told == [found]


@pytest.mark.parametrize("signed", [False, True])
def test_a_code_stream_decides_on_the_sign_of_its_values(signed: bool, tmp_path: Path) -> None:
    datasets = phantom()
    for one in datasets:
        hu = np.frombuffer(one.PixelData, "<i2").reshape(60, 80) - np.int16(1024)
        coded = hu if signed else (hu & 0x1FFF).astype(np.uint16)
        bits = 16 if signed else 13
        stream = imagecodecs.jpeg2k_encode(coded, codecformat="J2K", reversible=True, level=0, bitspersample=bits)
        one.file_meta.TransferSyntaxUID = JPEG2000Lossless
        one.PixelData, one.RescaleIntercept = encapsulate([bytes(stream)]), 0
        one["PixelData"].VR, one["PixelData"].is_undefined_length = "OB", True
        one.PixelRepresentation, one.BitsStored, one.HighBit = (0, 12, 11) if signed else (1, 16, 15)
    assert worst_error(read(save(datasets, tmp_path))) < 1


@pytest.mark.parametrize("pad", [b"\0", b"\xff", b"\0\0\0\0"])
@pytest.mark.parametrize("codec", ["JPEG 2000", "JPEG-LS", "RLE"])
def test_a_pad_behind_a_code_stream_is_no_fault(codec: str, pad: bytes, tmp_path: Path) -> None:
    datasets = phantom()
    for one in datasets:
        stored = np.frombuffer(one.PixelData, "<i2").reshape(60, 80).astype(np.uint16)
        if codec == "RLE":
            planes = [
                bytes(imagecodecs.packbits_encode((stored >> shift).astype(np.uint8).tobytes())) for shift in (8, 0)
            ]
            stream = struct.pack("<16I", 2, 64, 64 + len(planes[0]), *[0] * 13) + b"".join(planes)
        elif codec == "JPEG-LS":
            stream = bytes(imagecodecs.jpegls_encode(stored))
        else:
            stream = bytes(imagecodecs.jpeg2k_encode(stored, codecformat="J2K", reversible=True, level=0))
        one.file_meta.TransferSyntaxUID = {"RLE": RLELossless, "JPEG-LS": JPEGLSLossless}.get(codec, JPEG2000Lossless)
        one.PixelData, one.PixelRepresentation = encapsulate([stream + pad]), 0
        one["PixelData"].VR, one["PixelData"].is_undefined_length = "OB", True
    assert worst_error(read(save(datasets, tmp_path))) < 1


@pytest.mark.parametrize(
    ("which", "told"),
    [
        ([3], True),
        (range(4), True),
        ([1, 5, 6, 9, 15, 20, 21], True),
        (range(9), False),
        (range(12), False),
        (range(24), False),
    ],
)
def test_slices_here_and_there_with_a_rescale_of_their_own_are_told(
    which: Sequence[int], told: bool, tmp_path: Path
) -> None:
    datasets = phantom()
    for k in which:
        datasets[k].RescaleIntercept = -1023
    scan = read(save(datasets, tmp_path))
    assert ("px.rescale_odd" in {finding.code for finding in scan.findings}) == told
