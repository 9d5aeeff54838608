"""Pixels of one file: what follows them, bits beside them, what their values mean, how much they may claim."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from gradient_phantom import phantom, save, worst_error
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

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
