"""Frames -> series, each of one kind, one matrix and one orientation."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lungrisk.core.findings import Finding, find
from lungrisk.formats.frames import CT, ENHANCED_CT, SECONDARY, Frame
from lungrisk.formats.stacking import ORIENTATION_TAG
from lungrisk.formats.upright import plane_of

SMALL_GROUP = 10  # fewer slices than this are odd ones out, not a stack of their own
# words inside the values of ImageType, as CT_SOM5 MIP, MPR_THICK and CSA MPR THICK hold them; letters only
LOCALIZERS = re.compile(r"LOCALI[ZS]ER|SCOUT\w*|TOPOGRAM|SURVIEW|SCANO\w*")
PROJECTIONS = re.compile(
    r"\w*(MIP|MIPS|MINIP|MAXIP)|MIP\w*|MAXIMUM|MINIMUM|PROJECTION\w*|VR|VRT|SSD|\w*RENDER\w*|CURVED|CPR"
    r"|SUBTRACT\w*|DIVISION|MULTIPLICATION|QUANTITY|STD|DEVIATION"
)
REFORMATS = re.compile(
    r"\w*MPR|MPR\w*|REFORMAT\w*|AVG|AVERAGE\w*|MEAN|AIP|AVIP|ADDITION|RESAMPLED|(CSA)?PARALLEL|RADIAL"
)
INTENSITY = re.compile(r"M(AX|IN)[\W_]*IP(?![A-Z])")
TOPOGRAM = re.compile(r"CT_SOM\d* TOP(?![A-Z])")
BETWEEN_WORDS = re.compile(r"[\W\d_]+")
PLAIN_WORDS = {"ORIGINAL", "DERIVED", "PRIMARY", "SECONDARY", "AXIAL", "NONE", "OTHER", ""}
STANDARD = "1.2.840.10008."
SCOUT_FROM_DEGREES = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Frames that belong together. kind: as in `Series`; faults: why they cannot be read, found while grouping."""

    kind: str
    frames: tuple[Frame, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def reformat(self) -> bool:
        """Made from other slices by software, as the ImageType of one of its slices says."""
        return any(says(frame, REFORMATS) for frame in self._kinds())

    @property
    def derived(self) -> bool:
        """Not as the scanner first made it, as ImageType says."""
        return self.reformat or any("DERIVED" in frame.image_type for frame in self._kinds())

    def _kinds(self) -> Iterable[Frame]:
        """A frame of each ImageType."""
        return {frame.image_type: frame for frame in self.frames}.values()

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The findings that refuse."""
        return tuple(f for f in self.findings if f.severity == "refused")


def kind_of(frame: Frame) -> str:
    """ "slice", or why it is none: "localizer", "secondary", "projection", "other" (not a CT image)."""
    if frame.sop_class.startswith(SECONDARY):
        return "secondary"
    if frame.modality not in ("CT", "") or (frame.sop_class not in (CT, *ENHANCED_CT, "") and not unknown_class(frame)):
        return "other"
    if says(frame, LOCALIZERS) or TOPOGRAM.search("\\".join(frame.image_type)):
        return "localizer"
    return "projection" if _projected(frame) else "slice"


def unknown_class(frame: Frame) -> bool:
    """An SOP class that somebody made up, or a hash in its place, on an image whose modality is CT."""
    return frame.modality == "CT" and bool(frame.sop_class) and not frame.sop_class.startswith(STANDARD)


def says(frame: Frame, what: re.Pattern[str]) -> bool:
    """Whether a word of `what` stands in ImageType, or in the description of images that are derived and say no more."""
    texts = list(frame.image_type)
    if "DERIVED" in texts and not set(texts) - PLAIN_WORDS:
        texts.append((frame.header.description or "").upper())
    return any(what.fullmatch(word) for text in texts for word in BETWEEN_WORDS.split(text))


def _projected(frame: Frame) -> bool:
    """Rays, surfaces and differences. VOLUME is one too where a classic image is derived, and the ordinary word elsewhere."""
    stated = frame.image_type
    volume = "VOLUME" in stated and "DERIVED" in stated and frame.sop_class not in ENHANCED_CT
    return volume or says(frame, PROJECTIONS) or bool(INTENSITY.search("\\".join(stated)))


def group(frames: Sequence[Frame]) -> list[Group]:
    """The frames as groups, those of slices split so that each has one matrix and one orientation."""
    by_series: dict[tuple[str, str], list[Frame]] = defaultdict(list)
    for frame in frames:
        by_series[frame.series, kind_of(frame)].append(frame)
    slices = _joined([frames for (_, kind), frames in sorted(by_series.items()) if kind == "slice"])
    groups = [Group(kind, tuple(frames)) for (_, kind), frames in sorted(by_series.items()) if kind != "slice"]
    for several, notes in slices:
        groups += _split(several, notes)
    return groups


def _joined(series: list[list[Frame]]) -> list[tuple[list[Frame], tuple[Finding, ...]]]:
    """Series of a slice or two each, alike in all but their UID, as the one stack that they form."""
    tiny = [frames for frames in series if len(frames) <= 2]
    one_study_each = len({frames[0].study for frames in tiny}) == len(tiny)  # as some writers make them up
    alike: dict[object, list[list[Frame]]] = defaultdict(list)
    for frames in tiny:
        f = frames[0]
        study = "" if one_study_each else f.study
        storage = f.storage.rows, f.storage.columns
        alike[study, f.patient, f.reference, storage, f.orientation, f.spacing, f.header.kernel].append(frames)
    result: list[tuple[list[Frame], tuple[Finding, ...]]] = [(frames, ()) for frames in series if len(frames) > 2]
    for parts in alike.values():
        together = [frame for frames in parts for frame in frames]
        if len(parts) > 1 and len(together) >= SMALL_GROUP:
            note = find(
                "ord.series_split", found=f"{len(parts)} UIDs", expected="1", tag="(0020,000e) SeriesInstanceUID"
            )
            result.append((together, (note,)))
        else:
            result += [(frames, ()) for frames in parts]
    return result


def _split(frames: list[Frame], notes: tuple[Finding, ...]) -> list[Group]:
    """One series by orientation and matrix: big parts are stacks, odd ones out are scouts or refuse the rest."""
    parts = _by_likeness(frames)
    main, *others = sorted(parts, key=len, reverse=True)
    findings = list(notes)
    groups = []
    for part in others:
        if len(part) >= SMALL_GROUP:
            groups.append(_stack(part, notes))
        elif _angle(part[0], main[0]) > SCOUT_FROM_DEGREES:
            groups.append(Group("localizer", tuple(part)))
        elif part[0].storage.rows == main[0].storage.rows and part[0].storage.columns == main[0].storage.columns:
            found = f"{len(part)} of {len(frames)} slices turned by {_angle(part[0], main[0]):.1f} degrees"
            findings.append(find("geo.iop_mixed", found=found, tag=ORIENTATION_TAG, files=[f.item.name for f in part]))
        elif "DERIVED" in part[0].image_type:
            groups.append(Group("projection", tuple(part)))
        else:
            found = f"{part[0].storage.rows} x {part[0].storage.columns} beside {main[0].storage.rows} x {main[0].storage.columns}"
            findings.append(
                find("geo.matrix_mixed", found=found, tag="(0028,0010) Rows", files=[f.item.name for f in part])
            )
    return [_stack(main, tuple(findings)), *groups]


def _by_likeness(frames: list[Frame]) -> list[list[Frame]]:
    """Frames of one matrix whose orientations agree to 1e-3."""
    parts: dict[object, list[Frame]] = defaultdict(list)
    usual = Counter(frame.orientation for frame in frames).most_common(1)[0][0]
    for frame in frames:
        alike = len(frame.orientation) == len(usual) and np.allclose(frame.orientation, usual, atol=1e-3)
        orientation = usual if alike else tuple(round(value, 2) for value in frame.orientation)
        parts[frame.storage.rows, frame.storage.columns, orientation].append(frame)
    return list(parts.values())


def _angle(one: Frame, other: Frame) -> float:
    """Degrees between the normals; 0 where a frame has none."""
    if len(one.orientation) != 6 or len(other.orientation) != 6:
        return 0.0
    a, b = normal_of(one), normal_of(other)
    return float(np.degrees(np.arccos(np.clip(abs(a @ b), 0, 1))))


def normal_of(frame: Frame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(3,) unit normal of a frame with six direction cosines; zeros where they give none."""
    normal = np.cross(frame.orientation[:3], frame.orientation[3:])
    length = np.linalg.norm(normal)
    return np.asarray(normal / length if length > 0 else normal, np.float64)


def _stack(frames: list[Frame], findings: tuple[Finding, ...]) -> Group:
    six = len(frames[0].orientation) == 6
    return Group(plane_of(normal_of(frames[0])) if six else "oblique", tuple(frames), findings)
