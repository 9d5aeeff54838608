"""Which of several series is judged, and why: one rule, the same in every order of the files.

What can hold the lungs goes first: axial, readable, in Hounsfield units, long enough, of no other part of the body, and, where headers leave
several, seen to hold them. Then an original
before what was derived, slices of at most 5 mm, the newest study, long before short, thin before thick, a soft or standard kernel
before a sharp one (the networks saw those), thinner, more slices (docs/decisions/0019-the-one-right-series.md).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lungrisk.core.errors import InputError
from lungrisk.core.finding_rows import Severity
from lungrisk.core.findings import Finding, find
from lungrisk.core.vocabulary import stated
from lungrisk.formats.assembling import FEWEST_SLICES, Assembled, assemble
from lungrisk.formats.grouping import Group
from lungrisk.formats.looking import shows_lungs

SHORTEST_MM = 100.0  # half the height of a small adult's lungs
LONG_SHARE, LONG_MM = 0.8, 240.0  # of the longest series, or of the lungs: shorter ones are targeted at a part
COARSE_MM = 5.0  # above it the slices serve to correct a PET or to plan
THIN_MM = (1.5, 2.5, 3.0)  # classes within which the kernel counts more than the step
# names of high-resolution kernels: Siemens B60.. and Br/Bl/I57.., GE LUNG, BONE, EDGE, Philips L, D, E, Toshiba FC5x and FC8x
SHARP = re.compile(r"^(B[6-9]\d|[BI][A-Z]?[6-9]\d|B[lr]5[7-9]|LUNG|BONE|EDGE|L|D|E|YC|FC[58]\d)", re.IGNORECASE)
# what a scan of something else is called; only where nothing says chest
CHEST = re.compile(r"CHEST|THORA|TORA[CX]|LUNG|PULMO|POUMON", re.IGNORECASE)
ELSEWHERE = re.compile(
    r"(?<![A-Z])(HEAD|KOPF|TETE|CABEZA|BRAIN|CEREB|SKULL|CRAN|SCHAEDEL|SINUS|ORBIT|TEMPORAL|NECK|HALS|COU(?![A-Z])|ABD|PELV|BECKEN|LIVER|KIDNEY"
    r"|RENAL|COLON|HIP(?![A-Z])|KNEE|LEGS?(?![A-Z])|FOOT|ANKLE|ARM(?![A-Z])|HAND|WRIST|ELBOW|SHOULDER|EXTREM|FEMUR|BIOPS|INTERVENTION"
    r"|BOLUS|MONITORING)|SPINE|WIRBEL",
    re.IGNORECASE,
)
# maps of a material: their numbers are no Hounsfield units, or those of a body without it
MAPS = re.compile(
    r"IODIN|IOD[ _]?MAP|Z[ _]?EFF|\bRHO|\bVN[CI]\b|VIRTUAL|UPTAKE|PERFUSION|\bPBV\b|\bMAP\b", re.IGNORECASE
)
SKIPPED = {
    "localizer": "sel.localizer",
    "secondary": "sel.secondary",
    "projection": "sel.derived",
    "other": "sel.not_image",
}


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A group of frames with its slices in order, or with the error that reading it would raise. lungs: False: a look found none."""

    group: Group
    assembled: Assembled | None
    error: InputError | None = field(default=None, repr=False)
    lungs: bool = True

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
    def coarseness_mm(self) -> float:
        """The larger of the way between slices and their thickness: slabs that overlap show no more for it."""
        if self.assembled is None:
            return 99.0
        return round(max(self.assembled.stack.step, self.group.frames[0].header.thickness_mm or 0.0), 2)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What reading it notes or why it fails."""
        return (
            *self.group.findings,
            *(self.assembled.findings if self.assembled else ()),
            *(self.error.findings if self.error else ()),
        )

    def name(self) -> str:
        """How findings call it."""
        frame = self.group.frames[0]
        step = f" of {self.assembled.stack.step:.2f} mm" if self.assembled else ""
        step += f", unreadable: {self.error.findings[0].code}" if self.error else ""
        about = frame.header.checked()
        called = about.description or (f"a series with kernel {about.kernel}" if about.kernel else "a series")
        return f"{called} ({self.group.kind}, {self.n} slices{step})"


def candidates(groups: Sequence[Group]) -> list[Candidate]:
    """The groups that hold slices, assembled, best first. Slices are looked at only where headers give several that may be chests."""
    found = [_candidate(group) for group in groups if group.kind not in SKIPPED]
    found.sort(key=lambda c: c.group.frames[0].series)  # of equals the same one, whatever the files are called
    ranked = _ranked(found)
    may_be = [c for c in ranked if c.assembled and _fitness(c) == _fitness(ranked[0])]
    if len(may_be) < 2:
        return ranked
    return _ranked(
        [replace(c, lungs=shows_lungs(c.assembled.frames)) if c in may_be and c.assembled else c for c in found]
    )


def _ranked(found: Sequence[Candidate]) -> list[Candidate]:
    longest = max((c.length_mm for c in found), default=0.0)
    return sorted(found, key=lambda c: [merit for merit, _ in _merits(c, longest)], reverse=True)


def _candidate(group: Group) -> Candidate:
    if group.faults:
        return Candidate(group, None, InputError(*group.faults))
    try:
        return Candidate(group, assemble(group.frames))
    except InputError as error:
        return Candidate(group, None, error)


def _fitness(candidate: Candidate) -> list[tuple[bool, str]]:
    """Whether a candidate can hold the lungs, as far as headers tell."""
    frame = candidate.group.frames[0]
    named = f"{frame.header.description or ''} {frame.body_part}"
    return [
        (candidate.group.kind == "axial" and candidate.n > 2, "an axial stack"),
        (candidate.assembled is not None, "the only one that can be read"),
        (frame.rescale_type in ("", "HU", "US") and not MAPS.search(named), "its values are Hounsfield units"),
        (candidate.length_mm >= SHORTEST_MM, "long enough to hold the lungs"),
        (not ELSEWHERE.search(named) or bool(CHEST.search(named)), "not of another part of the body"),
    ]


def _merits(candidate: Candidate, longest: float) -> list[tuple[float | str, str]]:
    """What speaks for a candidate, the first first; each with the reason that it is where it decides."""
    frame = candidate.group.frames[0]
    coarse = candidate.coarseness_mm
    return [
        *_fitness(candidate),
        (candidate.lungs, "lungs are seen in it"),
        (candidate.group.kind == "axial", "axial"),
        (not candidate.group.derived, "original, not derived from other images"),
        (coarse <= COARSE_MM, f"its slices are at most {COARSE_MM:g} mm thick"),
        (frame.study_date, "of the newest study"),
        (candidate.length_mm >= min(LONG_SHARE * longest, LONG_MM), "longer"),
        (-sum(coarse > 1.01 * limit for limit in THIN_MM), "thinner slices"),
        (not SHARP.match(frame.header.kernel or ""), "a softer kernel"),
        (-coarse, "thinner slices"),
        (candidate.n, "more slices"),
    ]


def choose(groups: Sequence[Group]) -> tuple[Candidate, list[Candidate], tuple[Finding, ...]]:
    """The candidate that is judged, the others, and findings about the choice and what was skipped.

    Raises InputError: the reason of the best one when none can be read; `sel.localizer`, `sel.secondary`, `sel.derived`,
    `sel.modality` when there is nothing else; `id.patient_mixed` when the choice is between patients.
    """
    ranked = candidates(groups)
    if not ranked:
        raise InputError(*_nothing(groups))
    best, others = ranked[0], ranked[1:]
    mixed = several_patients(ranked)
    if mixed is not None:
        raise InputError(mixed)
    if best.error is not None:
        raise best.error
    findings = list(skipped(groups))
    if others:
        found = f"{best.name()}: {reason(best, others)}; not {', '.join(c.name() for c in others[:5])}"
        found += f" and {len(others) - 5} more" if len(others) > 5 else ""
        findings.append(find("sel.series", severity=_doubt(best, others), found=found))
    return best, others, tuple(findings)


def several_patients(ranked: Sequence[Candidate]) -> Finding | None:
    """`id.patient_mixed`, a file of each named, where stacks of several patients lie together."""
    firsts: dict[str, str] = {}
    for candidate in ranked:
        frame = candidate.group.frames[0]
        if frame.patient and (candidate.assembled is not None or candidate.n >= FEWEST_SLICES):
            firsts.setdefault(frame.patient, frame.item.name)
    if len(firsts) <= 1:
        return None
    found, tag = f"{len(firsts)} patients, a file of each", "(0010,0020) PatientID"
    return find("id.patient_mixed", found=found, expected="1", tag=tag, files=firsts.values())


def _doubt(best: Candidate, others: Sequence[Candidate]) -> Severity | None:
    """ "limited" where a newer scan was passed over for a fault, or where studies name no patient that would hold them together."""
    frame = best.group.frames[0]
    for other in others:
        one = other.group.frames[0]
        whole = other.group.kind == "axial" and other.n >= FEWEST_SLICES
        newer = one.study_date > frame.study_date > ""
        if whole and (newer or (one.study != frame.study and not one.patient)) and _may_hold_lungs(other):
            return "limited"
    return None


def _may_hold_lungs(candidate: Candidate) -> bool:
    return candidate.error is not None or candidate.length_mm >= SHORTEST_MM


def reason(best: Candidate, others: Sequence[Candidate]) -> str:
    """What decided between the first and the second of the rule's order, in words."""
    if not others:
        return "the only series of slices"
    longest = max(c.length_mm for c in (best, *others))
    pairs = zip(_merits(best, longest), _merits(others[0], longest), strict=True)
    alike = "alike in all that matters; the first of them"
    return next((why for (one, why), (other, _) in pairs if one != other), alike)


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
        files = {frame.item.name for frame in group.frames}
        frame = group.frames[0]
        if group.kind == "other":
            modality = frame.modality not in ("CT", "")
            found = stated(frame.modality) if modality else f"SOP class {stated(frame.sop_class)}"
            expected = "CT" if modality else "CT Image Storage"
            tag = "(0008,0060) Modality" if modality else "(0008,0016) SOPClassUID"
            findings.append(find("sel.modality", found=found, expected=expected, tag=tag, files=files))
        else:
            tag = "(0008,0008) ImageType" if group.kind != "secondary" else "(0008,0016) SOPClassUID"
            found = stated("\\".join(frame.image_type))
            findings.append(
                find(SKIPPED[group.kind], found=found, expected="ORIGINAL\\PRIMARY\\AXIAL", tag=tag, files=files)
            )
    return tuple(findings)
