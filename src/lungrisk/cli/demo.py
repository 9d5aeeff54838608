"""`lungrisk demo`: a real CT from its slices to the report."""

from pathlib import Path
from typing import Annotated

import typer

from lungrisk.cli.options import Quiet
from lungrisk.cli.terminal import progress, say

OutDefault = Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder for the scan and the report.")]


def demo(
    out: OutDefault = Path("lungrisk-demo"),
    offline: Annotated[bool, typer.Option("--offline", help="Do not download; use a simulated chest.")] = False,
    quiet: Quiet = False,
) -> None:
    """A real chest CT (LIDC-IDRI-0001) from its slices to the report; a simulated one when it cannot be downloaded."""
    from dataclasses import replace

    from lungrisk.assessment import assess
    from lungrisk.report import summarise, to_json
    from lungrisk.simulation.demo_scan import fetch_demo

    with progress("demo", steps=8, quiet=quiet) as step:
        source = fetch_demo(out / "scan", offline=offline, progress=step)
        assessment = assess(source.folder, progress=step)
        assessment = replace(assessment, findings=(*source.findings, *assessment.findings))
        step("writing the report")
        assessment.write(out / "report")
    say(*summarise(to_json(assessment)).split("\n"))
    say("", f"scan: {source.folder}", source.citation, f"report: {out / 'report' / 'report.html'}")
