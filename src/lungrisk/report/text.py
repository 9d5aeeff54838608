"""An assessment in a terminal: one screen of plain lines."""

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from lungrisk.report.words import WORST_FIRST, percent, place, volume

WIDTH = 100
MOST_NODULES = 8
MOST_FINDINGS = 8


def summarise(assessment: Mapping[str, Any]) -> str:
    """The lines that a person reads after `lungrisk assess`, from the values of assessment.json; no trailing newline.

    Likelihood with interval and status, nodules, findings worst first, notice; at most one screen.
    """
    blocks = [
        _headline(assessment),
        _nodules(assessment["nodules"]),
        _findings(assessment["findings"]),
        [assessment["notice"]],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _headline(assessment: Mapping[str, Any]) -> list[str]:
    likelihood = assessment["likelihood"]
    if likelihood is None:
        return ["No likelihood is given: the scan was refused."]
    interval = f"{percent(likelihood['low'])} to {percent(likelihood['high'])}"
    return [
        f"Likelihood of lung cancer: {percent(likelihood['value'])}"
        f"   ({100 * likelihood['level']:.0f} % interval {interval})",
        f"{likelihood['horizon']}; prevalence {percent(likelihood['prevalence'])}; status: {assessment['status']}",
        *wrap(likelihood["basis"], WIDTH),
    ]


def _nodules(nodules: list[Mapping[str, Any]]) -> list[str]:
    accepted = [nodule for nodule in nodules if nodule["accepted"]]
    others = len(nodules) - len(accepted)
    rest = f", {others} candidate{'s' if others != 1 else ''} not accepted" if others else ""
    lines = [f"Nodules: {len(accepted)} accepted{rest}"]
    lines += [_row(nodule) for nodule in accepted[:MOST_NODULES]]
    if len(accepted) > MOST_NODULES:
        lines.append(f"  and {len(accepted) - MOST_NODULES} more in the report")
    return lines if nodules else []


def _row(nodule: Mapping[str, Any]) -> str:
    rating = nodule["malignancy"]
    return (
        f"  {nodule['id']:<4} {place(nodule):<26} {nodule['diameter_mm']['mean']:5.1f} mm "
        f"{volume(nodule['volume_mm3']['value']):>9}  {nodule['type']:<12} "
        f"malignancy {rating['mean']:.1f} of 5  adds {percent(max(nodule['contribution'], 0.0)):>6}  "
        f"slice {nodule['slice']['index']}"
    )


def _findings(findings: list[Mapping[str, Any]]) -> list[str]:
    ranked = sorted(findings, key=lambda finding: WORST_FIRST.index(finding["severity"]))
    lines = ["Findings:"] if ranked else []
    for finding in ranked[:MOST_FINDINGS]:
        found = f" (found {finding['found']})" if finding["found"] else ""
        remedy = "" if finding["remedy"] in ("", "none needed") else f"; {finding['remedy']}"
        words = f"{finding['message']}{found}{remedy}"
        lines += wrap(
            f"{finding['severity']:<9} {finding['code']:<14} {words}",
            WIDTH,
            initial_indent="  ",
            subsequent_indent=" " * 12,
        )
    if len(ranked) > MOST_FINDINGS:
        lines.append(f"  and {len(ranked) - MOST_FINDINGS} more in the report")
    return lines
