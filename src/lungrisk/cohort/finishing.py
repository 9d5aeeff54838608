"""The end of a preparation: who belongs together, who is in which fold, what is to be said of the cohort as a whole."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from lungrisk.cohort.duplicates import MOST, group_patients, like_scans, same_scans
from lungrisk.cohort.labels import pair
from lungrisk.cohort.leaks import find_leaks
from lungrisk.cohort.patients import Patient
from lungrisk.cohort.splits import stratified_fold_of
from lungrisk.cohort.store import StoredPatient, as_text, file_name, read_arrays, read_record, write_patients
from lungrisk.core.cohort import Label
from lungrisk.core.files import write_atomic
from lungrisk.core.findings import Finding, find

LISTED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """Everything about the patients that is not in their files. strict: limited ones count as refused."""

    patients: tuple[Patient, ...]
    labels: tuple[Label, ...]
    findings: tuple[Finding, ...]
    lost: dict[str, Finding]
    strict: bool = False


def finish(folder: Path, about: dict[str, Any], cohort: Worked, split: tuple[int, int]) -> None:
    """Write patients.csv and store.json, which follow from the patients' files and the labels alone. split: folds, seed."""
    n_folds, seed = split
    ids = [patient.id for patient in cohort.patients]
    files = {one: folder / "patients" / file_name(one) for one in ids}
    lost = [f"{one} ({cohort.lost[one].code})" for one in ids if one in cohort.lost]
    records = {one: {} if one in cohort.lost else read_record(files[one]) for one in ids}
    headers = {one: record.get("scan") or {} for one, record in records.items()}
    pairs, doubt = _pairs(files, records, {one: str(header.get("series_hash", "")) for one, header in headers.items()})
    labels, _ = pair(ids, cohort.labels)
    given = {one.id: [one.group] for one in cohort.patients if one.group}
    for one, label in labels.items():
        given.setdefault(one, []).extend([label.group] if label.group else [])
    groups = group_patients(ids, given, pairs)
    positive = [one in labels and labels[one].cancer == 1 for one in ids]
    folds = stratified_fold_of([groups[one] for one in ids], positive, n_folds, seed)
    judged = [one for one in ids if one in labels and labels[one].cancer is not None and headers[one]]
    leaks = find_leaks(judged, [headers[one] for one in judged], [int(labels[one].cancer or 0) for one in judged])
    patients = [
        StoredPatient(
            id=one,
            status=_status(records[one], cohort.strict),
            codes=_codes(records[one], cohort.lost.get(one)),
            label=labels.get(one),
            group=groups[one],
            fold=int(fold),
            file=files[one],
        )
        for one, fold in zip(ids, folds, strict=True)
    ]
    for file in set((folder / "patients").glob("*.npz")) - {files[one] for one in ids}:
        file.unlink()  # of somebody who is no longer in the cohort
    write_patients(folder, patients)
    made = [f"{one} {records[one].get('status')} {headers[one].get('series_hash', '')}" for one in ids]
    said = (*cohort.findings, *doubt, *leaks, *([find("coh.lost", found=_first(lost))] if lost else []))
    about = {
        **about,
        "hash": sha256("\n".join([as_text(about), *made]).encode()).hexdigest(),
        "patients": len(ids),
        "strict": cohort.strict,
        "refused": sum(patient.status == "refused" for patient in patients),
        "folds": n_folds,
        "seed": seed,
        "findings": [finding.as_dict() for finding in said],
    }
    write_atomic(folder / "store.json", as_text(about))


def _pairs(
    files: dict[str, Path], records: dict[str, dict[str, Any]], hashes: dict[str, str]
) -> tuple[tuple[tuple[str, str], ...], tuple[Finding, ...]]:
    """Pairs of ids with the same or much the same scan, and the finding that lists them."""
    pairs = set(same_scans(hashes))
    usable = [one for one, record in records.items() if record.get("status", "refused") != "refused"]
    if 1 < len(usable) <= MOST:
        patterns = [read_arrays(files[one], ["pattern"])["pattern"] for one in usable]
        pairs |= set(like_scans(usable, np.stack(patterns)))
    if not pairs:
        return (), ()
    found = _first([f"{one} and {other}" for one, other in sorted(pairs)])
    return tuple(sorted(pairs)), (find("coh.same_scan", found=found),)


def _first(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _status(record: dict[str, Any], strict: bool) -> Any:
    status = record.get("status", "refused")
    return "refused" if strict and status == "limited" else status


def _codes(record: dict[str, Any], lost: Finding | None) -> tuple[str, ...]:
    """Codes of what was found in a patient's scan, worst first."""
    codes = [finding["code"] for finding in record.get("findings", ())] + ([lost.code] if lost else [])
    return tuple(dict.fromkeys(codes))
