"""`lungrisk assess`: one scan in, one likelihood out."""

from typing import Annotated

import typer

from lungrisk.cli.options import Bundle, Json, KeepIds, Out, Overwrite, Quiet, ScanPath, Strict
from lungrisk.cli.terminal import STDOUT, emit_json, existing, note, progress, say

PATIENT_TASKS = ("patient", "calibration")  # bundles that judge the patient; others rate nodules


def assess(
    scan: ScanPath,
    out: Out = None,
    bundle: Bundle = "malignancy",
    prevalence: Annotated[
        float | None,
        typer.Option(
            metavar="P", help="Prevalence of cancer where the scan was made, 0 to 1.", show_default="the map's"
        ),
    ] = None,
    json_target: Json = None,
    keep_ids: KeepIds = False,
    strict: Strict = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """The likelihood that the patient of a chest CT has lung cancer, with the nodules that it rests on.

    With -o: report.html, assessment.json and pictures. A refused scan gives its findings, exit code 3 and no files.
    """
    from lungrisk.core.errors import InputError, UsageFault
    from lungrisk.core.findings import find

    existing(scan)
    if prevalence is not None and not 0.0 < prevalence < 1.0:
        raise UsageFault(find("use.option", found=f"--prevalence {prevalence}", expected="more than 0, less than 1"))

    from lungrisk.assessment import assess as run
    from lungrisk.core.bundle import open_bundle
    from lungrisk.core.extents import extent_of
    from lungrisk.core.outputs import key_of, state_of, written
    from lungrisk.report import summarise, to_json
    from lungrisk.report.record import dump

    opened = open_bundle(bundle)
    of_patients = opened.task in PATIENT_TASKS
    asked = ""
    if out is not None:
        asked = key_of(scan=extent_of(scan).content, bundle=opened.digest, prevalence=prevalence, keep_ids=keep_ids)
        state_of(out, "assess", asked, overwrite=overwrite)  # refused before the work; its own is renewed
    with progress("assess", steps=5, quiet=quiet) as step:
        if of_patients:
            from lungrisk.prediction import judge

            assessment = judge(run(scan, keep_ids=keep_ids, progress=step), bundle, prevalence)
        else:
            assessment = run(scan, prevalence=prevalence, malignancy=bundle, keep_ids=keep_ids, progress=step)
    record = to_json(assessment)
    refused = assessment.status == "refused" or (strict and assessment.status == "limited")
    if json_target is not None:
        emit_json(dump(record).rstrip(), json_target)
    if refused:
        raise InputError(*(f for f in assessment.findings if f.severity in {"refused", "limited"}))
    if out is not None:
        with progress("report", quiet=quiet) as step:
            step("writing")
            with written(out, "assess", asked):
                assessment.write(out)
    if json_target != STDOUT:
        say(*summarise(record).split("\n"))
    if out is not None:
        note(f"report: {out / 'report.html'}", quiet=quiet)
