"""A store: the prepared arrays of a cohort, one file a patient; the same bytes whoever made them, in whatever order.

A folder: `store.json` (key, recipe, bundles, arrays), `patients.csv`, `patients/<id>.npz`. A patient's file holds its arrays, and as
`record` the JSON of its assessment without times; it is written when it is whole, so what is there is finished.
"""

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.cohort import Label
from lungrisk.core.errors import EnvironmentFault, InputError, UsageFault
from lungrisk.core.files import write_atomic
from lungrisk.core.findings import FINDINGS, Finding, find, read_finding
from lungrisk.core.records import Recipe

KIND, VERSION = "lungrisk-store", 1
RECORD = "record"  # the array that holds the JSON
LONGEST_NAME = 120
FACTS = ("time_years", "event", "sex", "age", "vendor", "kernel", "thickness_mm")  # of a label, beside the class
COLUMNS = ("id", "status", "findings", "label", "group", "fold", *FACTS)


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredPatient:
    """A patient of a store. label: None where none was given. fold: of the cross-validation, from 0.

    group: patients of one group stay in one fold; the patient's own id where there is none.
    """

    id: str
    status: Literal["assessed", "limited", "refused"]
    codes: tuple[str, ...]
    label: Label | None
    group: str
    fold: int
    file: Path

    @cached_property
    def record(self) -> dict[str, Any]:
        """status, likelihood, nodules, lungs, scan and findings as in assessment.json; empty where nothing was stored."""
        return read_record(self.file) if self.file.is_file() else {}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found in the patient's scan."""
        known = self.record.get("findings")
        if known is None:
            return tuple(find(code) for code in self.codes)
        return tuple(read_finding(one) for one in known)


@dataclass(frozen=True, kw_only=True, eq=False)
class Store:
    """An opened store. patients: sorted by id. about: store.json."""

    path: Path
    about: dict[str, Any]
    patients: tuple[StoredPatient, ...]

    @property
    def recipe(self) -> Recipe:
        """How the volumes were made."""
        return recipe_from(self.about["recipe"])

    @property
    def hash(self) -> str:
        """SHA-256 over who is in it and what the arrays were made with and from; not over labels and folds."""
        return str(self.about["hash"])

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was noticed of the cohort as a whole: its labels, pairs of the same scan, leaks."""
        return tuple(read_finding(one) for one in self.about["findings"])

    @property
    def usable(self) -> tuple[StoredPatient, ...]:
        """The patients that have arrays."""
        return tuple(patient for patient in self.patients if patient.status != "refused")

    def load(self, patient_id: str, names: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """Arrays of a patient by name; None: all of them. Only what is asked for is read.

        Raises InputError (`coh.unknown`) for a patient who is not there or has no arrays, EnvironmentFault (`coh.file`).
        """
        file = self.path / "patients" / file_name(patient_id)
        try:
            arrays = read_arrays(file, names)
        except (FileNotFoundError, KeyError) as error:
            missing = error.args[0] if isinstance(error, KeyError) else "no such patient"
            raise InputError(find("coh.unknown", found=f"{patient_id}: {missing}")) from error
        if not arrays and names is None:
            raise InputError(find("coh.unknown", found=f"{patient_id}: a patient without arrays"))
        return arrays

    def stack(self, ids: Sequence[str], name: str) -> NDArray[Any]:
        """One array of n patients as (n, ...)."""
        return np.stack([self.load(one, [name])[name] for one in ids])


def open_store(path: str | Path) -> Store:
    """Open a store that `prepare_cohort` has finished.

    Raises EnvironmentFault: `coh.store` when this is no store, `coh.unfinished` when its making was interrupted.
    """
    folder = Path(path)
    try:
        about = json.loads((folder / "store.json").read_text("utf-8"))
        if about["kind"] != KIND or about["version"] != VERSION:
            raise ValueError(f"kind {about['kind']} {about['version']}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EnvironmentFault(find("coh.store", found=folder.name, expected=f"{KIND} {VERSION}")) from error
    if "hash" not in about or not (folder / "patients.csv").is_file():
        raise EnvironmentFault(find("coh.unfinished", found=folder.name))
    with (folder / "patients.csv").open(encoding="utf-8", newline="") as stream:
        patients = tuple(_patient(folder, row) for row in csv.DictReader(stream))
    return Store(path=folder, about=about, patients=patients)


def is_store(path: str | Path) -> bool:
    """Whether a folder says of itself that it is a store."""
    return (Path(path) / "store.json").is_file()


def pack(record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A patient's file: an uncompressed .npz, so that one array can be read alone; the same bytes for the same content."""
    text = json.dumps(record, sort_keys=True, allow_nan=False).encode()
    held = io.BytesIO()
    members: dict[str, Any] = {RECORD: np.frombuffer(text, np.uint8), **{name: arrays[name] for name in sorted(arrays)}}
    np.savez(held, **members)
    return held.getvalue()


def read_arrays(file: Path, names: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
    """Arrays of a patient's file by name; None: all but the record.

    Raises EnvironmentFault (`coh.file`) when it is damaged, FileNotFoundError, KeyError.
    """
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
            wanted = [name for name in held.files if name != RECORD] if names is None else names
            return {name: held[name] for name in wanted}
    except FileNotFoundError:
        raise
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise EnvironmentFault(find("coh.file", files=[file.name], found=type(error).__name__)) from error


def read_record(file: Path) -> dict[str, Any]:
    """The record of a patient's file. Raises EnvironmentFault (`coh.file`) when it is damaged."""
    try:
        record: dict[str, Any] = json.loads(read_arrays(file, [RECORD])[RECORD].tobytes())
        return record
    except (OSError, ValueError, KeyError) as error:
        raise EnvironmentFault(find("coh.file", files=[file.name], found=type(error).__name__)) from error


def as_text(about: Mapping[str, Any]) -> str:
    """The text of store.json."""
    return json.dumps(about, indent=1, sort_keys=True) + "\n"


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


def write_patients(folder: Path, patients: Sequence[StoredPatient]) -> Path:
    """Write patients.csv."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for one in patients:
        cancer = None if one.label is None else one.label.cancer
        facts = ["" if one.label is None else _cell(getattr(one.label, name)) for name in FACTS]
        table.writerow([one.id, one.status, " ".join(one.codes), _cell(cancer), one.group, one.fold, *facts])
    return write_atomic(folder / "patients.csv", text.getvalue())


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _patient(folder: Path, row: dict[str, str]) -> StoredPatient:
    known = any(row[name] for name in ("label", *FACTS))
    status = row["status"]
    return StoredPatient(
        id=row["id"],
        status=status if status in {"assessed", "limited"} else "refused",  # type: ignore[arg-type]
        codes=tuple(code for code in row["findings"].split() if code in FINDINGS),
        label=_label(row) if known else None,
        group=row["group"],
        fold=int(row["fold"]),
        file=folder / "patients" / file_name(row["id"]),
    )


def _label(row: dict[str, str]) -> Label:
    number = {name: float(row[name]) if row[name] else None for name in ("time_years", "age", "thickness_mm")}
    return Label(
        id=row["id"],
        cancer=int(row["label"]) if row["label"] else None,
        event=int(row["event"]) if row["event"] else None,
        group=row["group"],
        sex=row["sex"] or None,
        vendor=row["vendor"] or None,
        kernel=row["kernel"] or None,
        **number,
    )


def recipe_from(about: Mapping[str, Any]) -> Recipe:
    """A recipe from its plain values."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in about.items()}
    return Recipe(**values)


def read_recipe(file: str | Path) -> Recipe:
    """A recipe from a JSON file with any of the fields of `Recipe`. Raises UsageFault (`use.missing`, `use.option`)."""
    file = Path(file)
    if not file.is_file():
        raise UsageFault(find("use.missing", found=str(file), expected="a JSON file of a recipe"))
    try:
        return recipe_from({"name": file.stem, **json.loads(file.read_text("utf-8"))})
    except (ValueError, TypeError) as error:
        raise UsageFault(
            find("use.option", found=f"recipe {file.name}: {error}", expected="JSON of a recipe")
        ) from error
