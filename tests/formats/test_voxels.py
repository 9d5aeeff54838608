"""Voxels come whole, in whatever pieces, and cost no more memory than they take."""

import bz2
import gzip
import io
import tracemalloc
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from lungrisk.core.errors import InputError
from lungrisk.formats import voxels
from lungrisk.formats.items import Item
from lungrisk.formats.voxels import Stored, check_claim, hu_of

VALUES = np.random.default_rng(1).integers(-1024, 3000, (11, 13, 17)).astype("<i2")
RAW = VALUES.tobytes()
PACK: dict[str, Callable[[bytes], bytes]] = {
    "raw": bytes,
    "gzip": lambda data: gzip.compress(data, 1),
    "zlib": zlib.compress,
    "bzip2": bz2.compress,
    "hex": lambda data: data.hex(" ").encode(),
}


def stored(content: bytes, encoding: str = "raw", skip: int = 0) -> Stored:
    item = Item("scan", len(content), lambda: io.BytesIO(content))
    return Stored(VALUES.shape, VALUES.dtype, ((item, 0),), encoding, skip)


@pytest.mark.parametrize("encoding", PACK)
@pytest.mark.parametrize("chunk", [1, 7, 64, 4863])
def test_pieces_of_any_size_give_the_same_voxels(encoding: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voxels, "CHUNK", chunk)
    skip = 0 if encoding == "raw" else 5
    assert np.array_equal(hu_of(stored(PACK[encoding](b"12345"[:skip] + RAW), encoding, skip))[0], VALUES)


@pytest.mark.parametrize("chunk", [3, 64, 4096])
def test_numbers_are_not_cut_where_pieces_end(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voxels, "CHUNK", chunk)
    text = "  ".join(map(str, VALUES.ravel())).encode()
    assert np.array_equal(hu_of(stored(text, "text"))[0], VALUES)


@pytest.mark.parametrize("encoding", PACK)
@pytest.mark.parametrize("lost", [1, 100])
def test_what_is_cut_is_refused_however_it_was_packed(encoding: str, lost: int) -> None:
    with pytest.raises(InputError) as caught:
        hu_of(stored(PACK[encoding](RAW)[:-lost], encoding))
    assert [f.code for f in caught.value.findings] in (["file.truncated"], ["file.corrupt"])


@pytest.mark.parametrize("encoding", ["zlib", "bzip2", "gzip"])
def test_a_packed_stream_is_checked_to_its_end(encoding: str) -> None:
    content = bytearray(PACK[encoding](RAW))
    content[-2] ^= 1
    with pytest.raises(InputError) as caught:
        hu_of(stored(bytes(content), encoding))
    assert [f.code for f in caught.value.findings] in (["file.corrupt"], ["file.truncated"])


KINDS = ("i1", "u1", "<i2", ">i2", "<u2", "<i4", "<u4", "<i8", ">u8", "<f4", ">f8")


@pytest.mark.parametrize("kind", KINDS)
def test_any_kind_of_number_is_rounded_scaled_and_kept_within_hu(kind: str) -> None:
    dtype = np.dtype(kind)
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    values = np.array([limits.min, limits.max, 0, 1, 100, 3], dtype)
    expected: NDArray[np.float64] = np.clip(np.rint(values.astype(np.float64)), -1024, 32767)
    content = values.tobytes()
    item = Item("scan", len(content), lambda: io.BytesIO(content))
    assert hu_of(Stored((1, 2, 3), dtype, ((item, 0),)))[0].ravel().tolist() == expected.tolist()
    scaled = hu_of(Stored((1, 2, 3), dtype, ((item, 0),), slope=0.5, inter=-10.0))[0].ravel()
    assert scaled[2:].tolist() == [-10, -10, 40, -8]


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_reading_holds_the_array_and_little_more_whatever_the_type(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voxels, "CHUNK", 2**13)
    shape = (32, 64, 64)
    content = PACK[encoding](np.random.default_rng(1).integers(-1000, 400, shape).astype("<f8").tobytes())
    item = Item("scan", len(content), lambda: io.BytesIO(content))
    tracemalloc.start()
    block = hu_of(Stored(shape, np.dtype("<f8"), ((item, 0),), encoding))[0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - block.nbytes < 20 * voxels.CHUNK


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        ((10**6, 10**6, 10**6), "res.claim"),
        ((-4, -4, 2), "hdr.value"),
        ((0, 1, 1), "hdr.value"),
        ((2**31, 2, 1), "res.claim"),
    ],
)
def test_a_claim_is_judged_before_anything_is_allocated(shape: tuple[int, ...], code: str) -> None:
    item = Item("scan", 10**6, lambda: io.BytesIO())
    with pytest.raises(InputError) as caught:
        check_claim(Stored(shape, np.dtype("u1"), ((item, 0),), "gzip"))
    assert [f.code for f in caught.value.findings] == [code]
