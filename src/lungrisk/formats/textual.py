"""Voxels that were written as text: decimal numbers, or two hexadecimal digits for each byte."""

import warnings
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find
from lungrisk.formats.numerals import shown

OF_NUMBERS = b"0123456789+-.eE \t\r\n\v\f"
LONGEST_NUMBER = 64


def written_numbers(pieces: Iterator[bytes], dtype: np.dtype[Any], count: int) -> Iterator[NDArray[np.float64]]:
    """Numbers with white space between them, as many as there shall be. Raises InputError: `hdr.number`, `file.surplus`."""
    rest, left = b"", count
    for piece in chain(pieces, (b" ",)):
        text = rest + piece
        end = max(text.rfind(space) for space in (b" ", b"\n", b"\t", b"\r")) + 1
        text, rest = text[:end], text[end:]
        if len(rest) > LONGEST_NUMBER:
            raise InputError(find("hdr.number", found=shown(rest.decode("latin-1")), expected="numbers as text"))
        values = _numbers(text, dtype)
        left -= values.size
        if left < 0:
            raise InputError(find("file.surplus", found=f"more than {count} numbers", expected=str(count)))
        yield values


def hex_bytes(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Bytes out of pairs of hexadecimal digits with white space anywhere. Raises ValueError."""
    rest = b""
    for piece in pieces:
        digits = rest + b"".join(piece.split())
        even = len(digits) // 2 * 2
        rest = digits[even:]
        yield bytes.fromhex(digits[:even].decode("ascii"))
    if rest:
        raise ValueError("an odd number of hexadecimal digits")


def _numbers(text: bytes, dtype: np.dtype[Any]) -> NDArray[np.float64]:
    odd = text.translate(None, OF_NUMBERS)
    if odd:
        raise InputError(find("hdr.number", found=shown(odd.decode("latin-1")), expected="numbers as text"))
    if not text.strip():
        return np.empty(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # numpy warns where the text stops being numbers
            values = np.fromstring(text.decode("ascii"), np.float64, sep=" ")
    except (DeprecationWarning, ValueError) as error:
        raise InputError(find("hdr.number", found="text that is no number", expected="numbers as text")) from error
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if (values != np.rint(values)).any() or values.min() < limits.min or values.max() > limits.max:
            raise InputError(find("hdr.number", found="a number outside its type", expected=str(dtype)))
    return values
