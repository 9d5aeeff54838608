"""`lungrisk demo`: a real CT from its slices to the report."""

from pathlib import Path
from typing import Annotated

import typer

from lungrisk.cli.options import Overwrite, Quiet
from lungrisk.cli.terminal import progress, say

OutDefault = Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder for the scan and the report.")]


def demo(
    out: OutDefault = Path("lungrisk-demo"),
    offline: Annotated[bool, typer.Option("--offline", help="Do not download; use a simulated chest.")] = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """A real chest CT (LIDC-IDRI-0001) from its slices to the report; a simulated one when it cannot be downloaded."""
    from dataclasses import replace

    from lungrisk.assessment import assess
    from lungrisk.core.outputs import key_of, state_of, written
    from lungrisk.report import summarise, to_json
    from lungrisk.simulation.demo_scan import fetch_demo

    asked = key_of()  # the demo renews the demo
    state_of(out, "demo", asked, overwrite=overwrite)
    with progress("demo", steps=8, quiet=quiet) as step, written(out, "demo", asked):
        source = fetch_demo(out / "scan", offline=offline, progress=step)
        assessment = assess(source.folder, progress=step)
        assessment = replace(assessment, findings=(*source.findings, *assessment.findings))
        step("writing the report")
        assessment.write(out / "report")
    say(*summarise(to_json(assessment)).split("\n"))
    say("", f"scan: {source.folder}", source.citation, f"report: {out / 'report' / 'report.html'}")
