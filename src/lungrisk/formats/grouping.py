"""Frames -> series, each of one kind, one matrix and one orientation."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lungrisk.core.findings import Finding, find
from lungrisk.formats.frames import CT, ENHANCED_CT, SECONDARY, Frame
from lungrisk.formats.stacking import ORIENTATION_TAG
from lungrisk.formats.upright import plane_of

SMALL_GROUP = 10  # fewer slices than this are odd ones out, not a stack of their own
PROJECTIONS = {"MIP", "MINIP", "MAXIMUM", "MINIMUM", "PROJECTION IMAGE", "VOLUME", "VRT", "SSD", "MAX_IP", "MIN_IP"}
REFORMATS = {"MPR", "REFORMATTED", "AVERAGE", "CSAPARALLEL", "CSA MPR", "RESAMPLED"}
LOCALIZERS = {"LOCALIZER", "SCOUT", "TOPOGRAM"}
SCOUT_FROM_DEGREES = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Frames that belong together. kind: as in `Series`; faults: why they cannot be read, found while grouping."""

    kind: str
    frames: tuple[Frame, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def reformat(self) -> bool:
        """Made from other slices by software, as its ImageType says."""
        return bool(set(self.frames[0].image_type) & REFORMATS)

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The findings that refuse."""
        return tuple(f for f in self.findings if f.severity == "refused")


def kind_of(frame: Frame) -> str:
    """ "slice", or why it is none: "localizer", "secondary", "projection", "other" (not a CT image)."""
    if frame.sop_class.startswith(SECONDARY):
        return "secondary"
    if frame.modality not in ("CT", "") or frame.sop_class not in (CT, *ENHANCED_CT, ""):
        return "other"
    stated = set(frame.image_type)
    if stated & LOCALIZERS:
        return "localizer"
    return "projection" if stated & PROJECTIONS else "slice"


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
    alike: dict[object, list[list[Frame]]] = defaultdict(list)
    for frames in tiny:
        f = frames[0]
        alike[
            f.study, f.reference, f.storage.rows, f.storage.columns, f.orientation, f.spacing, f.header.kernel
        ].append(frames)
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
