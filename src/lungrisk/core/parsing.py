"""What is read from outside as JSON, CSV or number: bounded first, then typed; whatever is wrong is one exception with few words.

Shapes of JSON values are described in `core.kinds`.
Words of `Malformed` name kinds, keys of the shape and places, never a value: it can be a patient's.
"""

import csv
import io
import json
import math
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from lungrisk.core.errors import LungriskError
from lungrisk.core.findings import find
from lungrisk.core.kinds import Malformed, conform

__all__ = [
    "Malformed",
    "conform",
    "decode",
    "number",
    "parse_json",
    "parse_rows",
    "read_json",
    "read_regular",
    "read_rows",
    "reason",
    "refusing",
    "split_cells",
    "whole",
]

MOST_BYTES = 64 * 1024 * 1024  # of a JSON or a table: a cohort of 100,000 patients takes less
LONGEST_WHOLE = 300  # digits of a whole number of JSON: a longer one is no float
MOST_DEPTH = 32  # of JSON; the records of this project nest to six
WHOLE = re.compile(r"[+-]?[0-9]+")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


@contextmanager
def refusing(error: type[LungriskError], code: str, *, file: str, expected: str | None = None) -> Iterator[None]:
    """Whatever a parser raises inside becomes one finding: no other exception passes but those of `LungriskError`, memory and exit.

    error: which class of the tree. file: the name that the finding carries. expected: what should have been there.
    """
    try:
        yield
    except (LungriskError, MemoryError):
        raise
    except Exception as fault:  # a parser under hostile bytes raises anything: it is the file's fault
        raise error(
            find(code, found=reason(fault), expected=getattr(fault, "expected", None) or expected, files=[file])
        ) from fault


def reason(fault: BaseException) -> str:
    """What went wrong in words without values: ours, the system's, else the kind of the fault.

    >>> reason(Malformed("no files")), reason(FileNotFoundError(2, "No such file")), reason(KeyError("Doe^Jane"))
    ('no files', 'No such file', 'KeyError')
    """
    if isinstance(fault, Malformed):
        return fault.found
    if isinstance(fault, OSError) and fault.strerror:
        return fault.strerror
    return type(fault).__name__


def read_regular(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file. A pipe, a device, a socket or a folder is never read; a larger file is not either.

    Raises Malformed, OSError (the system's own: no such file, no permission).
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe without writer would wait for ever
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise Malformed("a folder" if stat.S_ISDIR(about.st_mode) else "a pipe or device", "a file")
        with open(descriptor, "rb", closefd=False) as stream:
            data = stream.read(most + 1) if about.st_size <= most else b""
        if about.st_size > most or len(data) > most:
            raise Malformed(f"{about.st_size / 1e6:.0f} MB", f"at most {most / 1e6:.0f} MB")
        return data
    finally:
        os.close(descriptor)


def read_json(path: Path, shape: object = object, most: int = MOST_BYTES) -> Any:
    """The value of a JSON file, of a shape. Raises Malformed, OSError."""
    return parse_json(read_regular(path, most), shape)


def parse_json(data: bytes | str, shape: object = object) -> Any:
    """The value of a JSON text, of a shape: UTF-8 with or without mark, no NaN, no key twice, no nest deeper than 32.

    Raises Malformed.

    >>> parse_json('{"n": 1, "more": []}', {"n": int})
    {'n': 1, 'more': []}
    >>> parse_json('{"n": [true]}', {"n": [float]})
    Traceback (most recent call last):
    lungrisk.core.kinds.Malformed: n[0] is true or false, expected a number
    """
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
        value = json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite, parse_int=_whole
        )
    except Malformed:
        raise
    except UnicodeDecodeError as error:
        raise Malformed(f"bytes that are not UTF-8 at {error.start}", "JSON") from error
    except json.JSONDecodeError as error:
        raise Malformed(f"no JSON: line {error.lineno}, column {error.colno}", "JSON") from error
    except RecursionError as error:
        raise Malformed("values too deep in each other", f"at most {MOST_DEPTH} deep") from error
    except ValueError as error:  # a number of thousands of digits
        raise Malformed("a number too long", "a number") from error
    _bounded(value)
    return conform(value, shape)


def _whole(text: str) -> int:
    if len(text) > LONGEST_WHOLE:
        raise Malformed("a number too long", "a number")
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise Malformed("a key that stands twice in one object", "each key once")
    return value


def _no_number(word: str) -> NoReturn:
    raise Malformed(word, "a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Malformed("a number too large", "a number")
    return value


def _bounded(value: Any) -> None:
    """Raises Malformed for what is too deep and for half a character (a lone surrogate), which no file can hold."""
    level, depth = [value], 0
    while level:
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner += (*one, *one.values())
            elif isinstance(one, list):
                inner += one
            elif isinstance(one, str) and any("\ud800" <= letter <= "\udfff" for letter in one):
                raise Malformed("half a character in a text", "text")
        depth += 1
        if depth > MOST_DEPTH + 1:
            raise Malformed("values too deep in each other", f"at most {MOST_DEPTH} deep")
        level = inner


def read_rows(path: Path, columns: Sequence[str], most: int = MOST_BYTES) -> list[dict[str, str]]:
    """The rows of a CSV that this project wrote: UTF-8, commas, a header with at least these columns. Raises Malformed, OSError."""
    return parse_rows(read_regular(path, most), columns)


def parse_rows(data: bytes, columns: Sequence[str]) -> list[dict[str, str]]:
    r"""The rows of a CSV text, column to cell; each has as many cells as the header, and no column stands twice.

    Raises Malformed with the line.

    >>> parse_rows(b"id,fold\np,1\n", ["id"])
    [{'id': 'p', 'fold': '1'}]
    """
    lines = split_cells(decode(data))
    _, header = next(lines, (0, []))
    lacking = [name for name in columns if name not in header]
    if lacking:
        raise Malformed(f"no column {', '.join(lacking)}", "a header with " + ", ".join(columns))
    if len(set(header)) < len(header):
        raise Malformed("a column that stands twice", "each column once")
    rows = []
    for number, cells in lines:
        if len(cells) != len(header):
            raise Malformed(f"{len(cells)} cells in line {number}", f"{len(header)}")
        rows.append(dict(zip(header, cells, strict=True)))
    return rows


def decode(data: bytes) -> str:
    """UTF-8 with or without its mark, without the NUL that no table has. Raises Malformed."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(f"bytes that are not UTF-8 at {error.start}", "UTF-8") from error
    if "\0" in text:
        raise Malformed("a zero byte", "text")
    return text


def split_cells(text: str, separator: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Each line that is not blank as its number in the file and its cells. Raises Malformed."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as error:  # its words: field larger than field limit, a quote left open, a bare carriage return
        raise Malformed(f"line {reader.line_num} cannot be split: {error}", "a table (CSV)") from error


def number(text: str) -> float:
    """A finite number as programs write it: ASCII digits, a point, an exponent. Raises Malformed.

    >>> number(" -1.5e3 "), number("7")
    (-1500.0, 7.0)
    >>> number("1_0")
    Traceback (most recent call last):
    lungrisk.core.kinds.Malformed: no number, expected digits 0 to 9 with a point
    """
    bare = text.strip(" \t\r\n")
    if not NUMBER.fullmatch(bare):
        raise Malformed("no number", "digits 0 to 9 with a point")
    return _finite(bare)


def whole(text: str) -> int:
    """A whole number in ASCII digits, at most 18. Raises Malformed.

    >>> whole("0042"), whole("-3")
    (42, -3)
    >>> whole("80.9")
    Traceback (most recent call last):
    lungrisk.core.kinds.Malformed: no whole number, expected digits 0 to 9
    """
    bare = text.strip(" \t\r\n")
    if not WHOLE.fullmatch(bare) or len(bare) > 19:
        raise Malformed("no whole number", "digits 0 to 9")
    return int(bare)
