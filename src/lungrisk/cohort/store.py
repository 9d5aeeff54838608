"""A store: the prepared arrays of a cohort, one file a patient; the same bytes whoever made them, in whatever order.

A folder: `store.json` (key, recipe, bundles, arrays), `patients.csv`, `patients/<id>.npz`. A patient's file holds its arrays, and as
`record` the JSON of its assessment without times; it is written when it is whole, so what is there is finished.
"""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lungrisk.cohort.patient_file import damaged, file_name, findings_of, pack, read_arrays, read_record
from lungrisk.core.cells import plain_cell, safe_cell
from lungrisk.core.cohort import Label
from lungrisk.core.errors import EnvironmentFault, InputError, UsageFault
from lungrisk.core.files import write_atomic
from lungrisk.core.findings import FINDINGS, Finding, find
from lungrisk.core.parsing import parse_json
from lungrisk.core.records import Recipe

__all__ = [
    "KIND", "VERSION", "Store", "StoredPatient", "as_text", "file_name", "is_store", "open_store", "pack", "read_about", "read_arrays",
    "read_recipe", "read_record", "recipe_from", "write_patients",
]  # fmt: skip

KIND, VERSION = "lungrisk-store", 1
Status: TypeAlias = Literal["assessed", "limited", "refused"]
STATUSES: tuple[Status, ...] = ("assessed", "limited", "refused")
MOST_BYTES = 1 << 26  # of store.json
MOST_FOLDS = 10_000
MOST_NUMBER = 1e9  # mm, HU or voxels of a recipe; what is none, or too long for a float, is not below it
MOST_VOXELS = 4096  # along an axis of a recipe's size
FACTS = ("time_years", "event", "sex", "age", "vendor", "kernel", "thickness_mm")  # of a label, beside the class
COLUMNS = ("id", "status", "findings", "label", "group", "fold", *FACTS)


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredPatient:
    """A patient of a store. label: None where none was given. fold: of the cross-validation, from 0.

    group: patients of one group stay in one fold; the patient's own id where there is none.
    """

    id: str
    status: Status
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
        return tuple(find(code) for code in self.codes) if known is None else findings_of(known)


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
        return findings_of(self.about.get("findings", []))

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
        for name, told in self.about.get("arrays", {}).items():
            if name in arrays and (arrays[name].shape, arrays[name].dtype) != _shape_and_kind(told):
                raise damaged(file, ValueError())
        return arrays

    def stack(self, ids: Sequence[str], name: str) -> NDArray[Any]:
        """One array of n patients as (n, ...)."""
        return np.stack([self.load(one, [name])[name] for one in ids])


def open_store(path: str | Path) -> Store:
    """Open a store that `prepare_cohort` has finished.

    Raises EnvironmentFault: `coh.store` when this is no store, `coh.unfinished` when its making was interrupted, `coh.damaged` when
    its table cannot be used.
    """
    folder = Path(path)
    about = read_about(folder)
    if "hash" not in about or not (folder / "patients.csv").is_file():
        raise EnvironmentFault(find("coh.unfinished", found=folder.name))
    line = 1
    try:
        with (folder / "patients.csv").open(encoding="utf-8", newline="") as stream:
            patients = []
            for row in csv.DictReader(stream, strict=True):
                line += 1
                patients.append(_patient(folder, row))
        if len({one.id for one in patients}) < len(patients):
            raise ValueError("an id twice")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        found = f"row {line}: {type(error).__name__}"
        raise EnvironmentFault(find("coh.damaged", found=found, files=["patients.csv"])) from error
    return Store(path=folder, about=about, patients=tuple(patients))


def read_about(folder: Path) -> dict[str, Any]:
    """What store.json says, of the kinds that it must be. Raises EnvironmentFault (`coh.store`)."""
    try:
        with (folder / "store.json").open("rb") as stream:
            about: dict[str, Any] = parse_json(stream.read(MOST_BYTES))
        if about["kind"] != KIND or about["version"] != VERSION:
            raise ValueError("kind or version")
        if "hash" in about:  # it was finished
            recipe_from(about["recipe"])
        findings_of(about.get("findings", []))
        if not isinstance(about.get("hash", ""), str):
            raise TypeError("hash")
        for one in about.get("arrays", {}).values():
            _shape_and_kind(one)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise EnvironmentFault(find("coh.store", found=folder.name, expected=f"{KIND} {VERSION}")) from error
    return about


def _shape_and_kind(about: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    shape = tuple(about["shape"])
    if not all(isinstance(size, int) for size in shape):
        raise TypeError("shape")
    return shape, np.dtype(about["dtype"])


def is_store(path: str | Path) -> bool:
    """Whether a folder says of itself that it is a store."""
    return (Path(path) / "store.json").is_file()


def as_text(about: Mapping[str, Any]) -> str:
    """The text of store.json."""
    return json.dumps(about, indent=1, sort_keys=True) + "\n"


def write_patients(folder: Path, patients: Sequence[StoredPatient]) -> Path:
    """Write patients.csv."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for one in patients:
        cancer = None if one.label is None else one.label.cancer
        facts = ["" if one.label is None else _cell(getattr(one.label, name)) for name in FACTS]
        group = safe_cell(one.group)
        table.writerow([one.id, one.status, " ".join(one.codes), _cell(cancer), group, one.fold, *facts])
    return write_atomic(folder / "patients.csv", text.getvalue())


def _cell(value: object) -> str:
    return "" if value is None else safe_cell(value) if isinstance(value, str) else str(value)


def _patient(folder: Path, row: dict[str, str]) -> StoredPatient:
    """A row of the table. Raises ValueError, KeyError, TypeError, AttributeError where it says what cannot be."""
    known = any(row[name] for name in ("label", *FACTS))
    fold = int(row["fold"])
    statuses: dict[str, Status] = {one: one for one in STATUSES}
    if not row["id"] or not 0 <= fold <= MOST_FOLDS:
        raise ValueError("id or fold")
    return StoredPatient(
        id=row["id"],
        status=statuses[row["status"]],
        codes=tuple(code for code in row["findings"].split() if code in FINDINGS),
        label=_label(row) if known else None,
        group=plain_cell(row["group"]),
        fold=fold,
        file=folder / "patients" / file_name(row["id"]),
    )


def _label(row: dict[str, str]) -> Label:
    number = {name: float(row[name]) if row[name] else None for name in ("time_years", "age", "thickness_mm")}
    truth = {name: int(row[name]) if row[name] else None for name in ("label", "event")}
    if not all(value is None or 0 <= value < math.inf for value in number.values()) or {*truth.values()} - {None, 0, 1}:
        raise ValueError("label")
    return Label(
        id=row["id"],
        cancer=truth["label"],
        event=truth["event"],
        group=plain_cell(row["group"]),
        sex=plain_cell(row["sex"]) or None,
        vendor=plain_cell(row["vendor"]) or None,
        kernel=plain_cell(row["kernel"]) or None,
        **number,
    )


def recipe_from(about: Mapping[str, Any]) -> Recipe:
    """A recipe from its plain values. Raises TypeError, ValueError where they cannot be."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in about.items()}
    recipe = Recipe(**values)
    spacing, size, window = recipe.spacing or (1.0,) * 3, recipe.size or (1,) * 3, recipe.window or (0.0, 1.0)
    numbers = (*spacing, *size, *window, recipe.fill)
    if not all(isinstance(one, (int, float)) and abs(one) <= MOST_NUMBER for one in numbers):
        raise ValueError("a number is expected")
    if (len(spacing), len(size), len(window)) != (3, 3, 2) or min(spacing) <= 0 or window[0] >= window[1]:
        raise ValueError("spacing, size or window")
    if not all(isinstance(one, int) and 0 <= one <= MOST_VOXELS for one in size) or not isinstance(recipe.name, str):
        raise ValueError("size or name")
    if recipe.interpolation not in ("linear", "nearest") or not isinstance(recipe.antialias, bool):
        raise ValueError("interpolation or antialias")
    return recipe


def read_recipe(file: str | Path) -> Recipe:
    """A recipe from a JSON file with any of the fields of `Recipe`. Raises UsageFault (`use.missing`, `use.option`)."""
    file = Path(file)
    if not file.is_file():
        raise UsageFault(find("use.missing", found=str(file), expected="a JSON file of a recipe"))
    try:
        return recipe_from({"name": file.stem, **parse_json(file.read_text("utf-8"))})
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UsageFault(
            find("use.option", found=f"recipe {file.name}: {error}", expected="JSON of a recipe")
        ) from error
