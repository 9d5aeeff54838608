"""An assessment in a few lines of text."""

from lungrisk.cli.terminal import tell_finding
from lungrisk.core.records import Assessment, Likelihood, Nodule

LISTED_NODULES = 10


def summarise(assessment: Assessment) -> str:
    """The likelihood with its interval, the nodules, the findings, the notice; one paragraph each."""
    parts = [_likelihood(assessment.status, assessment.likelihood)]
    if assessment.nodules:
        lines = [_nodule(nodule) for nodule in assessment.nodules[:LISTED_NODULES]]
        if len(assessment.nodules) > LISTED_NODULES:
            lines.append(f"  and {len(assessment.nodules) - LISTED_NODULES} more in the report")
        parts.append("\n".join(["nodules (LPS mm):", *lines]))
    if assessment.findings:
        parts.append("\n".join(["findings:", *(f"  {tell_finding(finding)}" for finding in assessment.findings)]))
    return "\n\n".join([*parts, assessment.notice])


def _likelihood(status: str, likelihood: Likelihood | None) -> str:
    if likelihood is None:
        return f"{status}: no likelihood is given"
    return (
        f"{status}: likelihood of lung cancer {likelihood.value:.2f} "
        f"({likelihood.level:.0%} interval {likelihood.low:.2f} to {likelihood.high:.2f}), {likelihood.horizon}, "
        f"at a prevalence of {likelihood.prevalence:.2g}\n{likelihood.basis}"
    )


def _nodule(nodule: Nodule) -> str:
    x, y, z = nodule.centre_mm
    return (
        f"  {nodule.id:>3}  {nodule.diameter_mm:5.1f} mm {nodule.type:<12} {nodule.side} {nodule.third:<6} "
        f"malignancy {nodule.malignancy.mean:.1f} of 5  contribution {nodule.contribution:.2f}  "
        f"({x:.1f}, {y:.1f}, {z:.1f}){'' if nodule.accepted else '  not accepted'}"
    )
