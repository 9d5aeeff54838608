"""Which of several series is judged, and why: one rule, the same in every order of the files.

Axial before other planes, then one that can be read, then the newest study, original before reformatted, long before short, at most
2.5 mm before thicker, a soft or standard kernel before a sharp one (the networks saw those), thinner, more slices.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find
from lungrisk.formats.assembling import Assembled, assemble
from lungrisk.formats.grouping import Group

FINE_MM = 2.5
LONG_SHARE = 0.8  # of the longest series: shorter ones are targeted at a part
# names of high-resolution kernels: Siemens B60.. and Br/Bl/I57.., GE LUNG, BONE, EDGE, Philips L, D, E, Toshiba FC5x and FC8x
SHARP = re.compile(r"^(B[6-9]\d|[BI][A-Z]?[6-9]\d|B[lr]5[7-9]|LUNG|BONE|EDGE|L|D|E|YC|FC[58]\d)", re.IGNORECASE)
SKIPPED = {
    "localizer": "sel.localizer",
    "secondary": "sel.secondary",
    "projection": "sel.derived",
    "other": "sel.not_image",
}


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A group of frames with its slices in order, or with the error that reading it would raise."""

    group: Group
    assembled: Assembled | None
    error: InputError | None = field(default=None, repr=False)

    @property
    def n(self) -> int:
        """Slices that would be used."""
        return len(self.assembled.frames if self.assembled else self.group.frames)

    @property
    def length_mm(self) -> float:
        """From the first to the last slice; 0 where that is not known."""
        heights = self.assembled.stack.heights if self.assembled else None
        return 0.0 if heights is None else float(heights[-1] - heights[0])

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What reading it notes or why it fails."""
        return (
            *self.group.findings,
            *(self.assembled.findings if self.assembled else self.error.findings if self.error else ()),
        )

    def name(self) -> str:
        """How findings call it."""
        frame = self.group.frames[0]
        step = f" of {self.assembled.stack.step:.2f} mm" if self.assembled else ""
        step += f", unreadable: {self.error.findings[0].code}" if self.error else ""
        return f"{frame.header.description or 'a series'} ({self.group.kind}, {self.n} slices{step})"


def candidates(groups: Sequence[Group]) -> list[Candidate]:
    """The groups that hold slices, assembled, best first."""
    found = [_candidate(group) for group in groups if group.kind not in SKIPPED]
    longest = max((c.length_mm for c in found), default=0.0)
    return sorted(found, key=lambda c: _rank(c, longest), reverse=True)


def _candidate(group: Group) -> Candidate:
    if group.faults:
        return Candidate(group, None, InputError(*group.faults))
    try:
        return Candidate(group, assemble(group.frames))
    except InputError as error:
        return Candidate(group, None, error)


def _rank(candidate: Candidate, longest: float) -> tuple[object, ...]:
    frame = candidate.group.frames[0]
    step = candidate.assembled.stack.step if candidate.assembled else 99.0
    return (
        candidate.group.kind == "axial" and candidate.n > 2,
        candidate.assembled is not None,
        candidate.group.kind == "axial",
        frame.study_date,
        not candidate.group.reformat,
        candidate.length_mm >= LONG_SHARE * longest,
        step <= FINE_MM + 0.01,
        not SHARP.match(frame.header.kernel or ""),
        -round(step, 2),
        candidate.n,
        frame.series,  # of equals the same one, whatever the files are called
    )


def choose(groups: Sequence[Group]) -> tuple[Candidate, list[Candidate], tuple[Finding, ...]]:
    """The candidate that is judged, the others, and findings about the choice and what was skipped.

    Raises InputError: the reason of the best one when none can be read; `sel.localizer`, `sel.secondary`, `sel.derived`,
    `sel.modality` when there is nothing else; `id.patient_mixed` when the choice is between patients.
    """
    ranked = candidates(groups)
    if not ranked:
        raise InputError(*_nothing(groups))
    best, others = ranked[0], ranked[1:]
    if best.error is not None:
        raise best.error
    readable = [c for c in ranked if c.assembled is not None]
    patients = {c.group.frames[0].patient for c in readable} - {""}
    if len(patients) > 1:
        raise InputError(
            find("id.patient_mixed", found=f"{len(patients)} patients", expected="1", tag="(0010,0020) PatientID")
        )
    findings = list(skipped(groups))
    if others:
        found = f"{best.name()}: {reason(best, others)}; not {', '.join(c.name() for c in others[:5])}"
        findings.append(find("sel.series", found=found + (f" and {len(others) - 5} more" if len(others) > 5 else "")))
    return best, others, tuple(findings)


def reason(best: Candidate, others: Sequence[Candidate]) -> str:
    """What decided between the first and the second of the rule's order, in words."""
    if not others:
        return "the only series of slices"
    longest = max(c.length_mm for c in (best, *others))
    words = (
        "axial",
        "readable",
        "axial",
        "the newest study",
        "original",
        "longer",
        "thin enough",
        "a softer kernel",
        "thinner",
        "more slices",
        "its UID",
    )
    first, second = _rank(best, longest), _rank(others[0], longest)
    return next((word for word, a, b in zip(words, first, second, strict=True) if a != b), "the first of equals")


def skipped(groups: Sequence[Group]) -> tuple[Finding, ...]:
    """One finding for each kind of image that is no slice of a scan."""
    findings = []
    for kind, code in SKIPPED.items():
        files = {frame.item.name for group in groups if group.kind == kind for frame in group.frames}
        if files:
            findings.append(find(code, severity="info", found=f"{len(files)} files skipped", files=files))
    return tuple(findings)


def _nothing(groups: Sequence[Group]) -> tuple[Finding, ...]:
    """Why there is no scan among images of other kinds."""
    findings = []
    for group in groups:
        files = [frame.item.name for frame in group.frames]
        frame = group.frames[0]
        if group.kind == "other":
            findings.append(
                find(
                    "sel.modality",
                    found=frame.modality or frame.sop_class,
                    expected="CT",
                    tag="(0008,0060) Modality",
                    files=files,
                )
            )
        else:
            tag = "(0008,0008) ImageType" if group.kind != "secondary" else "(0008,0016) SOPClassUID"
            found = "\\".join(frame.image_type)[:64]
            findings.append(
                find(SKIPPED[group.kind], found=found, expected="ORIGINAL\\PRIMARY\\AXIAL", tag=tag, files=files)
            )
    return tuple(findings)
