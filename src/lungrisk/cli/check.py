"""`lungrisk check`: what each series is, and whether it can be judged."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lungrisk.cli.options import Json, Quiet, Strict
from lungrisk.cli.terminal import STDOUT, emit_json, existing, path_of, progress, say, tell_finding
from lungrisk.core.errors import InputError, refusals
from lungrisk.core.findings import Finding
from lungrisk.core.vocabulary import description, shown, stated, veil

if TYPE_CHECKING:
    from lungrisk.formats import Series

ScanPaths = Annotated[list[Path], typer.Argument(metavar="SCAN...", help="Folders, zips or files.", show_default=False)]


def check(scans: ScanPaths, json_target: Json = None, strict: Strict = False, quiet: Quiet = False) -> None:
    """What each series is, whether it can be judged, and why not. Exit code 3 when one of the scans cannot."""
    for scan in scans:
        existing(scan)
    records = []
    for scan in scans:
        with progress(f"check {path_of(Path(scan.name))}", steps=3, quiet=quiet) as step:
            series, findings = _look(scan, step)
        status = _status(findings)
        records.append(_record(scan, status, series, findings))
        if json_target != STDOUT:
            say(f"{path_of(scan)}: {status}", *map(_line, series))
            for one in findings:
                print(f"    {tell_finding(one)}")
    if json_target is not None:
        emit_json(json.dumps(records, indent=1), json_target)
    if any(one["status"] == "refused" or (strict and one["status"] == "limited") for one in records):
        raise typer.Exit(InputError.exit_code)


def _look(scan: Path, step: Callable[[str], None]) -> tuple[tuple["Series", ...], tuple[Finding, ...]]:
    """The series of a path and the findings of the chosen one: as the reader, the quality and the lungs have them."""
    from lungrisk.formats import read, survey
    from lungrisk.lungs import segment_lungs
    from lungrisk.quality import check as judge

    series: tuple[Series, ...] = ()
    findings: tuple[Finding, ...] = ()
    try:
        step("series")
        series = survey(scan)
        step("reading")
        opened = read(scan)
        findings = (*opened.findings, *judge(opened))
        if not refusals(findings):
            step("lungs")
            findings = (*findings, *segment_lungs(opened).findings)
    except InputError as error:
        findings = (*findings, *error.findings)
    return series, findings


def _status(findings: tuple[Finding, ...]) -> str:
    worst = {finding.severity for finding in findings}
    return "refused" if "refused" in worst else "limited" if "limited" in worst else "good"


def _record(scan: Path, status: str, series: tuple["Series", ...], findings: tuple[Finding, ...]) -> dict[str, Any]:
    rows = [{name: getattr(one, name) for name in one.__dataclass_fields__ if name != "findings"} for one in series]
    for row, one in zip(rows, series, strict=True):
        row |= {"description": _called(one, travels=True), "modality": stated(one.modality)}
    name = str(scan) if shown(travels=True) else veil(scan.name)
    return {"scan": name, "status": status, "series": rows, "findings": [one.as_dict() for one in findings]}


def _line(series: "Series") -> str:
    size = f"{series.n_slices} x {series.matrix[0]} x {series.matrix[1]}"
    if series.spacing is not None:
        size += " at " + " x ".join(f"{length:.3g}" for length in series.spacing) + " mm"
    called = _called(series, travels=False)
    name = f" '{called}'" if called else ""
    mark = "*" if series.chosen else " "
    return f"  {mark} {series.format} {stated(series.modality)} {series.kind}{name}, {size}: {series.why}"


def _called(series: "Series", *, travels: bool) -> str:
    """What a series is called: DICOM describes it, in other formats it is the name of a file."""
    if shown(travels=travels):
        return series.description
    return (description if series.format == "dicom" else veil)(series.description)
