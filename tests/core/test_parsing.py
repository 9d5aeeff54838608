"""What is read from outside: whole and of the promised kinds, or one typed exception without a value in its words."""

import json
import os
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungrisk.core.errors import EnvironmentFault, InputError
from lungrisk.core.findings import find
from lungrisk.core.parsing import (
    MOST_DEPTH,
    Malformed,
    conform,
    number,
    parse_json,
    parse_rows,
    read_json,
    read_regular,
    refusing,
    whole,
)

SECRET = "DOE^JANE"
RAISED = (
    ValueError(SECRET),
    KeyError(SECRET),
    TypeError(SECRET),
    IndexError(SECRET),
    AttributeError(SECRET),
    OverflowError(SECRET),
    ZeroDivisionError(SECRET),
    RecursionError(SECRET),
    EOFError(SECRET),
    NotImplementedError(SECRET),
    RuntimeError(SECRET),
    StopIteration(SECRET),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, SECRET),
    UnicodeEncodeError("ascii", "\xff", 0, 1, SECRET),
    OSError(5, "Input/output error", SECRET),
    struct.error(SECRET),
    zlib.error(SECRET),
    zipfile.BadZipFile(SECRET),
    Malformed("no name", "a bundle"),
    AssertionError(SECRET),
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("fault", RAISED, ids=lambda fault: type(fault).__name__)
def test_whatever_a_parser_raises_is_one_finding_without_its_words(fault: Exception) -> None:
    with pytest.raises(InputError) as caught, refusing(InputError, "file.corrupt", file="scan.nii"):
        raise fault
    (finding,) = caught.value.findings
    assert (finding.code, finding.files) == ("file.corrupt", ("scan.nii",))
    assert SECRET not in finding.sentence()


@pytest.mark.parametrize(
    "fault", [EnvironmentFault(find("env.disk")), MemoryError(), KeyboardInterrupt()], ids=lambda f: type(f).__name__
)
def test_what_is_no_fault_of_the_bytes_passes_as_it_is(fault: BaseException) -> None:
    with pytest.raises(type(fault)) as caught, refusing(InputError, "file.corrupt", file="scan.nii"):
        raise fault
    assert caught.value is fault


@given(json_values)
def test_json_comes_back_as_it_was_written(value: object) -> None:
    assert parse_json(json.dumps(value)) == value
    assert parse_json(b"\xef\xbb\xbf" + json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"{}{}",
        b'{"a": NaN}',
        b"[Infinity]",
        b"-Infinity",
        b"1e999",
        b'{"a": 1, "a": 2}',
        b'{"b": [{"a": 1, "a": 1}]}',
        b"\xff\xfe[]",
        b'"\xe9"',
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b"9" * 5000,
        b"[" * (MOST_DEPTH + 2) + b"]" * (MOST_DEPTH + 2),
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
    ids=range(17),
)
def test_what_is_not_plain_json_is_malformed(text: bytes) -> None:
    with pytest.raises(Malformed):
        parse_json(text)


def test_json_as_deep_as_allowed_is_read() -> None:
    assert parse_json("[" * MOST_DEPTH + "]" * MOST_DEPTH)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (1, int),
        (1, float),
        (True, bool),
        (None, None),
        ([1, 2.5], [float]),
        ({"a": 1, "b": "free"}, {"a": int}),
        ({}, {"a?": int}),
        ({"x": 1, "y": 2}, {str: int}),
        ("b", frozenset({"a", "b"})),
        ("line", ({"name": str}, str)),
        ({"a": [{"b": None}]}, {"a": [{"b": (str, None)}]}),
        ([[]], object),
    ],
)
def test_a_value_of_the_shape_passes(value: object, shape: object) -> None:
    assert conform(value, shape) is value


@pytest.mark.parametrize(
    ("value", "shape", "place"),
    [
        (True, int, "the whole"),
        (1.5, int, "the whole"),
        (False, float, "the whole"),
        ("1", float, "the whole"),
        (10**400, float, "the whole"),
        ({"a": {"b": [1, "x"]}}, {"a": {"b": [int]}}, "a.b[1]"),
        ({}, {"a": int}, "no a"),
        ({"a": None}, {"a?": int}, "a"),
        ({SECRET: SECRET}, {str: int}, "*"),
        (SECRET, frozenset({"a", "b"}), "the whole"),
        ([], {"a": int}, "the whole"),
        (SECRET, (int, None), "the whole"),
    ],
)
def test_a_value_of_another_kind_is_told_by_its_place_and_not_its_value(
    value: object, shape: object, place: str
) -> None:
    with pytest.raises(Malformed) as caught:
        conform(value, shape)
    assert caught.value.found.startswith(place)
    assert caught.value.expected
    assert SECRET not in str(caught.value)


def test_only_a_regular_file_within_the_bound_is_read(tmp_path: Path) -> None:
    file, pipe = tmp_path / "file", tmp_path / "pipe"
    file.write_bytes(b"12345")
    os.mkfifo(pipe)
    assert read_regular(file, 5) == b"12345"
    for path, most in ((file, 4), (pipe, 5), (tmp_path, 5), (Path("/dev/zero"), 5)):
        with pytest.raises(Malformed):
            read_regular(path, most)
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "none")


def test_a_table_comes_back_cell_by_cell() -> None:
    text = '\ufeffid,note\r\np1,"a, ""b""\nc"\r\n\r\np2,\r\n'
    assert parse_rows(text.encode(), ["id"]) == [{"id": "p1", "note": 'a, "b"\nc'}, {"id": "p2", "note": ""}]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"other\n1\n",
        b"id,id\n1,2\n",
        b"id,a\n1\n",
        b"id,a\n1,2,3\n",
        b'id,a\n"1,2\n',
        b"id,a\n1,\0\n",
        b"id,a\n1,\xff\n",
        b"id,a\n1," + b"x" * 200_000 + b"\n",
    ],
    ids=range(9),
)
def test_what_is_not_a_whole_table_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_rows(data, ["id"])


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_is_read_as_it_is_written(value: float) -> None:
    assert number(repr(value)) == value


@given(st.integers(-(10**17), 10**17))
def test_every_whole_number_is_read_as_it_is_written(value: int) -> None:
    assert whole(str(value)) == value


@pytest.mark.parametrize("text", ["", "1_0", "٣", "１", "nan", "inf", "1e999", "0x10", "1,5", "1 0", "--1", "1e", "."])
def test_what_only_python_takes_as_a_number_is_none(text: str) -> None:
    for read in (number, whole):
        with pytest.raises(Malformed):
            read(text)


@pytest.mark.parametrize("text", ["80.9", "1e3", "9" * 30])
def test_a_fraction_is_no_whole_number(text: str) -> None:
    with pytest.raises(Malformed):
        whole(text)
