"""Frames of one series -> slices in order: duplicates dropped, one phase chosen, mixtures refused. Headers decide.

Only frames that lie at one place have their pixel bytes compared.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

import numpy as np

from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find
from lungrisk.formats.frames import Frame
from lungrisk.formats.stacking import POSITION_TAG, Stack, build_stack, judged_spacing, unit_directions

FEWEST_SLICES = 10
SAME_PLACE = 0.01  # mm along the normal
MOST_PHASES = 20


@dataclass(frozen=True, slots=True, eq=False)
class Assembled:
    """Slices in order along their normal, and what was noted on the way."""

    frames: tuple[Frame, ...]
    stack: Stack
    findings: tuple[Finding, ...]


def assemble(frames: Sequence[Frame]) -> Assembled:
    """Order the frames of one series. All must have one matrix and one orientation (`grouping` sees to that).

    Raises InputError: `hdr.number`, `geo.*`, `ord.dup_conflict`, `ord.uid_conflict`, `id.*`, `sel.kernel_mixed`.
    """
    for frame in frames:
        if frame.faults:
            raise InputError(*frame.faults)
    _one_origin(frames)
    row, column, notes = unit_directions(frames[0].orientation)
    spacing, nonsquare = judged_spacing(frames[0].spacing)
    _one_spacing(frames)
    placed, duplicates = _one_a_place(_by_place(frames, np.cross(row, column)))
    if len(placed) < FEWEST_SLICES:
        expected = f"at least {FEWEST_SLICES}"
        raise InputError(find("geo.too_few", found=len(placed), expected=expected, files=[f.item.name for f in placed]))
    positions = np.array([frame.position for frame in placed])
    shape = (placed[0].storage.rows, placed[0].storage.columns)
    stack, about = build_stack(row, column, spacing, positions, shape)
    return Assembled(tuple(placed), stack, (*notes, *nonsquare, *duplicates, *about, *_numbering(placed)))


def _one_origin(frames: Sequence[Frame]) -> None:
    """One patient, one study, one frame of reference. Raises InputError (`id.*`)."""
    checks: tuple[tuple[str, str, Callable[[Frame], str]], ...] = (
        ("id.patient_mixed", "(0010,0020) PatientID", lambda f: f.patient),
        ("id.study_mixed", "(0020,000d) StudyInstanceUID", lambda f: f.study),
        ("id.for_mixed", "(0020,0052) FrameOfReferenceUID", lambda f: f.reference),
    )
    for code, tag, value in checks:
        groups = _grouped(frames, value)
        if len(groups) > 1:
            fewest = min(groups.values(), key=len)
            raise InputError(find(code, found=f"{len(groups)} values", expected="1", tag=tag, files=_names(fewest)))


def _one_spacing(frames: Sequence[Frame]) -> None:
    usual = Counter(frame.spacing for frame in frames).most_common(1)[0][0]
    odd = [f for f in frames if len(f.spacing) != len(usual) or not np.allclose(f.spacing, usual, rtol=1e-3, atol=0)]
    if odd:
        found = f"{odd[0].spacing} beside {usual}"
        raise InputError(find("geo.spacing_mixed", found=found, tag="(0028,0030) PixelSpacing", files=_names(odd)))


def _by_place(frames: Sequence[Frame], normal: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[list[Frame]]:
    """Frames grouped by their height along the normal, ascending; of equals, in order of name. Raises `geo.no_position`."""
    lost = [f for f in frames if len(f.position) != 3 or not np.isfinite(f.position).all()]
    if lost:
        raise InputError(
            find("geo.no_position", found=f"{len(lost)} slices without", tag=POSITION_TAG, files=_names(lost))
        )
    heights = np.array([frame.position for frame in frames]) @ normal
    order = sorted(range(len(frames)), key=lambda n: (heights[n], frames[n].item.name, frames[n].index))
    places: list[list[Frame]] = []
    last = -np.inf
    for n in order:
        if heights[n] - last > SAME_PLACE:
            places.append([])
            last = heights[n]
        places[-1].append(frames[n])
    if len(places) == 1 and len(frames) > 1:
        raise InputError(
            find("geo.no_position", found="all slices at one place", tag=POSITION_TAG, files=_names(frames))
        )
    return places


def _one_a_place(places: list[list[Frame]]) -> tuple[list[Frame], tuple[Finding, ...]]:
    """One frame for each place: identical ones dropped, one phase chosen."""
    findings: list[Finding] = []
    dropped: list[Frame] = []
    for n, place in enumerate(places):
        if len(place) > 1:
            kept = list({digest(frame): frame for frame in reversed(place)}.values())[::-1]
            dropped += [frame for frame in place if not any(frame is one for one in kept)]
            places[n] = kept
    if dropped:
        findings.append(find("ord.dup_same", found=f"{len(dropped)} images", files=_names(dropped)))
    frames = [frame for place in places for frame in place]
    phase = _one_phase(places, frames)
    if phase is not None:
        frames, finding = phase
        findings.append(finding)
    elif any(len(place) > 1 for place in places):
        clash = next(place for place in places if len(place) > 1)
        code = "ord.uid_conflict" if len({frame.sop for frame in clash}) == 1 else "ord.dup_conflict"
        raise InputError(find(code, found=f"{len(clash)} images at one place", tag=POSITION_TAG, files=_names(clash)))
    uids = Counter(frame.sop for frame in frames if frame.storage.n_frames == 1)
    if any(count > 1 for count in uids.values()):
        findings.append(
            find("id.sop_dup", found=f"{len(uids)} UIDs for {len(frames)} slices", tag="(0008,0018) SOPInstanceUID")
        )
    return frames, tuple(findings)


def _one_phase(places: list[list[Frame]], frames: list[Frame]) -> tuple[list[Frame], Finding] | None:
    """The frames of one acquisition where a series holds several of the same region; None where it holds one."""
    kernels = _phases(_grouped(frames, lambda f: f.header.kernel or ""), places)
    if kernels:
        found = ", ".join(sorted(kernels))
        raise InputError(find("sel.kernel_mixed", found=found, tag="(0018,1210) ConvolutionKernel"))
    ways: tuple[tuple[str, Callable[[Frame], str]], ...] = (
        ("(0020,0012) AcquisitionNumber", lambda f: f.acquisition),
        ("(0020,0100) TemporalPositionIdentifier", lambda f: f.moment),
    )
    for tag, value in ways:
        phases = _phases(_grouped(frames, value), places)
        if phases:
            names = sorted(phases, key=_natural)
            chosen = max(
                names, key=lambda name: (len(phases[name]), _natural(name))
            )  # of equals the later, as the Bowl's winners did
            which = (
                chosen if tag.startswith("(0020,0012") else f"{names.index(chosen) + 1} of {len(names)}"
            )  # a time is no figure to show
            left = [frame for name in names if name != chosen for frame in phases[name]]
            return phases[chosen], find(
                "sel.phase", found=f"{len(names)} acquisitions, took {which}", tag=tag, files=_names(left)
            )
    return _first_by_number(places)


def _phases(groups: dict[str, list[Frame]], places: list[list[Frame]]) -> dict[str, list[Frame]]:
    """The groups, if they are acquisitions of one region: each a stack of its own, over the same range of places."""
    if not 2 <= len(groups) <= MOST_PHASES or min(len(group) for group in groups.values()) < FEWEST_SLICES:
        return {}
    at = {id(frame): n for n, place in enumerate(places) for frame in place}
    spans = []
    for group in groups.values():
        where = [at[id(frame)] for frame in group]
        if len(set(where)) < len(where):
            return {}
        spans.append((min(where), max(where)))
    common = min(end for _, end in spans) - max(start for start, _ in spans)
    return groups if common > 0.5 * min(end - start for start, end in spans) else {}


def _first_by_number(places: list[list[Frame]]) -> tuple[list[Frame], Finding] | None:
    """Every place filled equally often: the first block by InstanceNumber, if the blocks are whole stacks."""
    m = len(places[0])
    frames = [frame for place in places for frame in place]
    if m < 2 or len(places) < FEWEST_SLICES or any(len(place) != m for place in places):
        return None
    if any(frame.instance is None for frame in frames) or len({frame.instance for frame in frames}) < len(frames):
        return None
    first = {id(f) for f in sorted(frames, key=lambda f: f.instance or 0)[: len(places)]}
    chosen = [frame for place in places for frame in place if id(frame) in first]
    if any(sum(id(frame) in first for frame in place) != 1 for place in places):
        return None
    left = [frame for frame in frames if id(frame) not in first]
    return chosen, find("sel.phase", found=f"{m} images at each place, took the first of them", files=_names(left))


def digest(frame: Frame) -> str:
    """Hash of what decides a frame's values: pixel bytes as stored, their encoding, their rescale."""
    storage = frame.storage
    with frame.item.open() as stream:
        stream.seek(storage.offset)
        content = stream.read()
    about = (storage.syntax, storage.rows, storage.columns, storage.signed, frame.rescale, frame.index)
    return sha256(content + repr(about).encode()).hexdigest()


def _numbering(frames: Sequence[Frame]) -> tuple[Finding, ...]:
    numbers = [frame.instance for frame in frames]
    steps = {int(np.sign(b - a)) for a, b in pairwise(numbers) if a is not None and b is not None}
    if None in numbers or len(steps) != 1 or 0 in steps:
        return (find("ord.instance", tag="(0020,0013) InstanceNumber"),)
    return ()


def _grouped(frames: Sequence[Frame], value: Callable[[Frame], str]) -> dict[str, list[Frame]]:
    groups: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[value(frame)].append(frame)
    return dict(groups)


def _natural(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return -np.inf, value


def _names(frames: Sequence[Frame]) -> list[str]:
    return sorted({frame.item.name for frame in frames})
