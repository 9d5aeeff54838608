"""A patient's file in a store: arrays by name, and as `record` the JSON of the assessment. What is read is held against what it can be."""

import io
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.errors import EnvironmentFault
from lungrisk.core.findings import FINDINGS, Finding, find, read_finding
from lungrisk.core.parsing import parse_json

RECORD = "record"  # the array that holds the JSON
LONGEST_NAME = 120


def pack(record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A patient's file: an uncompressed .npz, so that one array can be read alone; the same bytes for the same content."""
    text = json.dumps(record, sort_keys=True, allow_nan=False).encode()
    held = io.BytesIO()
    members: dict[str, Any] = {RECORD: np.frombuffer(text, np.uint8), **{name: arrays[name] for name in sorted(arrays)}}
    np.savez(held, **members)
    return held.getvalue()


def read_arrays(file: Path, names: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
    """Arrays of a patient's file by name; None: all but the record.

    Raises EnvironmentFault (`coh.file`) when it is damaged or no such file, FileNotFoundError, KeyError.
    """
    missing: list[str] = []
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(file) as held:
            members = {info.filename.removesuffix(".npy"): info for info in held.infolist()}
            wanted = [name for name in members if name != RECORD] if names is None else names
            missing = [name for name in wanted if name not in members]
            if not missing:
                arrays = {name: _array(held, members[name]) for name in wanted}
    except (FileNotFoundError, MemoryError):
        raise
    except Exception as error:  # what the readers of zips and arrays raise on bytes of somebody else is no closed list
        raise damaged(file, error) from error
    if missing:
        raise KeyError(missing[0])
    return arrays


def _array(held: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    """A member as `pack` writes it. Raises ValueError when it claims more than it holds: nothing is allocated for it."""
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise ValueError("packed")
    with held.open(info) as stream:
        shape, _, dtype = _header(stream)
    if dtype.hasobject or math.prod(shape) * dtype.itemsize > info.file_size:
        raise ValueError("more than there is")
    with held.open(info) as stream:
        array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
        if stream.read(1):  # reading to the end also looks at the checksum
            raise ValueError("bytes after the array")
    return array


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("version of the array")
    header: tuple[tuple[int, ...], bool, np.dtype[Any]] = np.lib.format.read_array_header_1_0(stream)
    return header


def read_record(file: Path) -> dict[str, Any]:
    """The record of a patient's file. Raises EnvironmentFault (`coh.file`) when it is damaged or says what cannot be."""
    try:
        record = parse_json(read_arrays(file, [RECORD])[RECORD].tobytes())
        findings_of(record.get("findings", []))
        if not isinstance(record.get("scan") or {}, dict):
            raise ValueError("scan")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(file, error) from error
    told: dict[str, Any] = record
    return told


def findings_of(told: Any) -> tuple[Finding, ...]:
    """Findings from their plain values. Raises ValueError."""
    if not isinstance(told, list):
        raise ValueError("findings")
    try:
        findings = tuple(read_finding(one) for one in told)
        for finding in findings:
            FINDINGS[finding.code]
            finding.sentence()
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("findings") from error
    return findings


def damaged(file: Path, error: Exception) -> EnvironmentFault:
    """The fault of a patient's file that cannot be used."""
    return EnvironmentFault(find("coh.file", files=[file.name], found=type(error).__name__))


def file_name(patient_id: str) -> str:
    """Name of a patient's file: the id with what no file system likes as %XX; of long ones the end is a hash.

    >>> file_name("p 1/2"), file_name(".."), len(file_name("x" * 500))
    ('p%201%2F2.npz', '%2E%2E.npz', 124)
    """
    name = quote(patient_id, safe="")
    if name.startswith("."):
        name = name.replace(".", "%2E")
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME - 17]}-{sha256(patient_id.encode()).hexdigest()[:16]}"
    return f"{name}.npz"
