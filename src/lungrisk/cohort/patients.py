"""Who is in a cohort: a folder with one folder (or one file) a patient, or a table id,path."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lungrisk.cohort.tables import in_lines, listed, read_table
from lungrisk.core.errors import InputError, UsageFault
from lungrisk.core.findings import Finding, find

# the longer ending first; archives that are not read are refused by name when their turn comes
SCAN_FILES = (
    *(".nii.gz", ".nrrd.gz", ".mha.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".zip"),
    *(".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tar", ".7z", ".rar", ".iso"),
)
COLUMNS, REQUIRED = ("id", "path", "group"), ("id", "path")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """One patient: id as written, path of the scan, group of patients that stay in one fold (None: alone)."""

    id: str
    path: Path
    group: str | None = None


def find_patients(path: str | Path) -> tuple[tuple[Patient, ...], tuple[Finding, ...]]:
    """The patients of a cohort, sorted by id, and what was noticed.

    path: a folder COHORT/<patient id>/**, where a patient may also be one file (`<patient id>.nii.gz`, `.zip`, ...), or a
    CSV with columns id, path (relative to the CSV) and optionally group. Nothing is opened but the table: a patient whose
    scan is missing, empty or unreadable is in the list, and refused by name when its turn comes.
    Raises UsageFault (`use.missing`), InputError (`coh.none`, `coh.dup`, `coh.id`, `lab.columns`).
    """
    path = Path(path).absolute()  # workers may stand elsewhere
    if path.is_dir():
        return _of_folder(path)
    if path.is_file():
        return _of_table(path)
    raise UsageFault(find("use.missing", found=str(path), expected="a folder of patients, or a CSV id,path"))


def _of_folder(folder: Path) -> tuple[tuple[Patient, ...], tuple[Finding, ...]]:
    patients, others = [], []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith((".", "__MACOSX")):
            continue
        ending = next((one for one in SCAN_FILES if entry.name.lower().endswith(one)), None)
        if entry.is_dir() or (ending is None and entry.is_symlink() and not entry.exists()):
            patients.append(Patient(id=entry.name, path=entry))
        elif ending is not None:
            patients.append(Patient(id=entry.name[: -len(ending)], path=entry))
        else:
            others.append(entry.name)
    if not patients:
        found = f"{len(others)} files and no folder" if others else "an empty folder"
        raise InputError(find("coh.none", found=found, files=others))
    twice = sorted(one for one, count in Counter(patient.id for patient in patients).items() if count > 1)
    if twice:
        raise InputError(find("coh.dup", found=listed(twice)))
    findings = (find("coh.other", files=others),) if others else ()
    return tuple(sorted(patients, key=lambda patient: patient.id)), findings


def _of_table(file: Path) -> tuple[tuple[Patient, ...], tuple[Finding, ...]]:
    table = read_table(file, COLUMNS, REQUIRED)
    patients: dict[str, Patient] = {}
    first: dict[str, int] = {}
    blank, again, conflicts = [], [], []
    for line, row in table.rows:
        place = row["path"].strip()
        if not row["id"].strip() or not place:
            blank.append(line)
            continue
        patient = Patient(id=row["id"], path=file.parent / place, group=row.get("group", "").strip() or None)
        known = patients.setdefault(patient.id, patient)
        if patient.id not in first:
            first[patient.id] = line
        elif known == patient:
            again.append(line)
        else:
            conflicts.append(f"{patient.id} in line {first[patient.id]} and {line}")
    refused = []
    if blank:
        refused.append(find("coh.id", found=in_lines(blank), files=[file.name]))
    if conflicts:
        refused.append(find("coh.dup", found=listed(conflicts), files=[file.name]))
    if not patients and not refused:
        refused.append(find("coh.none", found="a table without rows", files=[file.name]))
    if refused:
        raise InputError(*refused)
    findings = list(table.corrections)
    if again:
        findings.append(find("coh.dup", severity="corrected", found=in_lines(again), files=[file.name]))
    missing = [patient.id for patient in patients.values() if not patient.path.exists()]
    if missing:
        findings.append(find("coh.path", found=listed(missing), files=[file.name]))
    return tuple(sorted(patients.values(), key=lambda patient: patient.id)), tuple(findings)
