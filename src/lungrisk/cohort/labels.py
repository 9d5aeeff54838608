"""What is known of the patients: the table of labels, and which label is whose."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from lungrisk.cohort.label_values import COLUMNS, Cells
from lungrisk.cohort.patients import Patient
from lungrisk.cohort.tables import listed, scan_table
from lungrisk.core.cohort import Label
from lungrisk.core.errors import InputError, refusals
from lungrisk.core.findings import Finding, find

LEAST_MATCH = 0.5  # of labels or of patients: below, the table is of another cohort
FEW_POSITIVE = 10


def read_labels(path: str | Path, unknown: Sequence[str] = ()) -> tuple[tuple[Label, ...], tuple[Finding, ...]]:
    """The labels of a CSV with columns id and cancer (0, 1, empty: not known), sorted by id, and what was noticed.

    Optional columns: time_years, event, group, sex, age, vendor, kernel, thickness_mm. Ids are text: nothing is taken off
    them. unknown: texts that mean "not known" beside the empty cell, e.g. ("-1",). Encoding and separator are found out.
    Raises UsageFault (`use.missing`), InputError with all that is wrong (`lab.columns`, `lab.value`, `lab.dup_conflict`, ...) and
    line numbers.
    """
    labels, findings = _read(Path(path), unknown)
    if refusals(findings):
        raise InputError(*findings)
    return labels, findings


def labels_of(
    path: str | Path, patients: Sequence[Patient], *, unknown: Sequence[str] = (), allow_missing: bool = False
) -> tuple[tuple[Label, ...], tuple[Finding, ...]]:
    """`read_labels` for these patients, with what `match` and `check_classes` say: before the work on a cohort, which takes long.

    Too few to learn from is limited here: the cohort can be predicted all the same. Raises as `read_labels`, InputError with
    everything that is wrong with the table and with who is in it.
    """
    labels, findings = _read(Path(path), unknown)
    if labels and not any(finding.code == "lab.cells" for finding in findings):  # whose lines those are is not known
        pairs, _ = pair([patient.id for patient in patients], labels)
        findings = (*findings, *match(patients, labels, allow_missing))
        if not refusals(findings):
            findings = (*findings, *check_classes(pairs.values(), fitting=False))
    if refusals(findings):
        raise InputError(*findings)
    return labels, findings


def _read(path: Path, unknown: Sequence[str]) -> tuple[tuple[Label, ...], tuple[Finding, ...]]:
    """The labels of the lines that can be used, and everything that was noticed."""
    table, faults = scan_table(path, COLUMNS, ("id", "cancer"))
    cells = Cells(decimal_comma=table.decimal_comma, unknown=unknown)
    labels: dict[str, Label] = {}
    first: dict[str, int] = {}
    for line, row in table.rows:
        label = cells.label(line, row)
        known = labels.setdefault(label.id, label)
        if label.id not in first:
            first[label.id] = line
        else:
            code = "lab.dup_same" if known == label else "lab.dup_conflict"
            cells.note(code, f"{label.id!r}", first[label.id])
            cells.note(code, f"{label.id!r}", line)
    findings = (*table.corrections, *faults, *cells.findings())
    if not labels and not refusals(findings):
        findings = (*findings, find("lab.none", files=[path.name]))
    return tuple(sorted(labels.values(), key=lambda label: label.id)), findings


def match(patients: Sequence[Patient], labels: Sequence[Label], allow_missing: bool = False) -> tuple[Finding, ...]:
    """What is to be said of patients and labels together: who has no label, which label has no patient.

    allow_missing: both are limited, not refused. Refused all the same (`lab.match`) when less than half of the labels have a
    patient and less than half of the patients a label. The pairs themselves: `pair`.
    """
    ids = [patient.id for patient in patients]
    pairs, used, findings = _pair(ids, labels)
    severity: Literal["limited", "refused"] = "limited" if allow_missing else "refused"
    alone = [label.id for label in labels if label.id not in used]
    without = [one for one in ids if one not in pairs]
    lost = {one.lstrip("0") for one in alone} & {one.lstrip("0") for one in without}
    hint = f"; {len(lost)} would fit but for leading zeros, which spreadsheets take off" if lost else ""
    if not pairs or max(len(pairs) / len(ids), len(pairs) / len(labels)) < LEAST_MATCH:
        found = (
            f"{len(pairs)} of {len(ids)} patients ({listed(ids[:2])}) and {len(labels)} labels ({listed(alone[:2])})"
        )
        return (*findings, find("lab.match", found=found + hint))
    rows = (("lab.no_patient", alone), ("lab.no_label", without))
    missing = [
        find(code, severity=severity, found=f"{len(names)}: {listed(names)}{hint}") for code, names in rows if names
    ]
    return (*findings, *missing)


def pair(ids: Iterable[str], labels: Sequence[Label]) -> tuple[dict[str, Label], tuple[Finding, ...]]:
    """The label of each id that has one, under that id, and what was noticed.

    An id is looked for as it stands, then without outer spaces, then without case; the last two are told (`lab.id_form`).
    Where such an id would fit several, none is taken (`lab.ambiguous`).

    >>> pairs, findings = pair(["P1", "p2"], [Label(id="P1", cancer=1), Label(id="P2 ", cancer=0)])
    >>> pairs["p2"].cancer, findings[0].code
    (0, 'lab.id_form')
    """
    pairs, _, findings = _pair(list(ids), labels)
    return pairs, findings


def _pair(ids: Sequence[str], labels: Sequence[Label]) -> tuple[dict[str, Label], set[str], tuple[Finding, ...]]:
    """`pair`, with the ids of the labels that were used."""
    exact = {label.id: label for label in labels}
    pairs = {one: exact[one] for one in ids if one in exact}
    used = {label.id for label in pairs.values()}
    corrected: list[str] = []
    ambiguous: list[str] = []
    for form in (str.strip, _folded):
        theirs = _by_form((label.id for label in labels if label.id not in used), form)
        ours = _by_form((one for one in ids if one not in pairs), form)
        for key, candidates in theirs.items():
            takers = ours.get(key, [])
            if len(candidates) > 1 or len(takers) > 1:
                ambiguous += [f"{one!r}" for one in (*candidates, *takers)] if takers else []
            elif takers:
                pairs[takers[0]] = replace(exact[candidates[0]], id=takers[0])
                used.add(candidates[0])
                corrected.append(f"{candidates[0]!r} for {takers[0]!r}")
    findings = []
    if corrected:
        findings.append(find("lab.id_form", found=listed(corrected)))
    if ambiguous:
        findings.append(find("lab.ambiguous", found=listed(sorted(set(ambiguous)))))
    return pairs, used, tuple(findings)


def check_classes(labels: Iterable[Label], *, fitting: bool) -> tuple[Finding, ...]:
    """Whether there is enough to learn from (fitting) or to judge by.

    One class only: refused for fitting, limited for evaluation (there is no AUC then); fewer than 10 with cancer: the same.
    """
    known = [label.cancer for label in labels if label.cancer is not None]
    positive = sum(known)
    severity: Literal["limited", "refused"] = "refused" if fitting else "limited"
    found = f"{positive} with and {len(known) - positive} without cancer"
    if positive in {0, len(known)}:
        return (find("lab.one_class", severity=severity, found=found),)
    if positive < FEW_POSITIVE:
        return (find("lab.few", severity=severity, found=found),)
    return ()


def _folded(id_: str) -> str:
    return id_.strip().casefold()


def _by_form(ids: Iterable[str], form: Callable[[str], str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for one in ids:
        grouped[form(one)].append(one)
    return grouped
