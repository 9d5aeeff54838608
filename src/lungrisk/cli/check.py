"""`lungrisk check`: what each series is, and whether it can be judged."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lungrisk.cli.options import Json, Quiet, Strict
from lungrisk.cli.terminal import STDOUT, emit_json, existing, progress, tell_finding

ScanPaths = Annotated[list[Path], typer.Argument(metavar="SCAN...", help="Folders, zips or files.", show_default=False)]


def check(scans: ScanPaths, json_target: Json = None, strict: Strict = False, quiet: Quiet = False) -> None:
    """What each series is, whether it can be judged, and why not. Exit code 3 when one of the scans cannot."""
    from lungrisk.core.errors import refusals

    for scan in scans:
        existing(scan)
    records, refused = [], False
    for scan in scans:
        with progress(f"check {scan.name}", quiet=quiet) as step:
            series, findings = _look(scan, step)
        status = (
            "refused" if refusals(findings) else "limited" if any(f.severity == "limited" for f in findings) else "good"
        )
        refused |= status == "refused" or (strict and status == "limited")
        records.append(
            {"scan": str(scan), "status": status, "series": series, "findings": [f.as_dict() for f in findings]}
        )
        if json_target != STDOUT:
            print(f"{scan}: {status}")
            for one in series:
                print(f"  {'*' if one.get('chosen') else ' '} {_line(one)}")
            for finding in findings:
                print(f"  {tell_finding(finding)}")
    if json_target is not None:
        emit_json(json.dumps(records, indent=1, default=str), json_target)
    if refused:
        raise typer.Exit(3)


def _look(scan: Path, step: Any) -> tuple[list[dict[str, Any]], list[Any]]:
    """The series of a path and the findings of the chosen one: as the reader, the quality and the lungs have them."""
    from dataclasses import asdict

    from lungrisk.core.errors import InputError
    from lungrisk.formats import read, survey
    from lungrisk.lungs import segment_lungs
    from lungrisk.quality import check as judge

    step("series")
    series = []
    try:
        series = [asdict(one) for one in survey(scan)]
        step("reading")
        opened = read(scan)
    except InputError as error:
        return series, list(error.findings)
    step("lungs")
    return series, [*opened.findings, *judge(opened), *segment_lungs(opened).findings]


def _line(series: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} {value}" for key, value in series.items() if key != "chosen" and value not in (None, "", ())
    )
