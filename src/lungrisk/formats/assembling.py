"""Frames of one series -> slices in order: duplicates dropped, one phase chosen, mixtures refused. Headers decide.

Only frames that lie at one place have their pixels compared.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lungrisk.core import vocabulary
from lungrisk.core.errors import InputError
from lungrisk.core.finding_rows import Severity
from lungrisk.core.findings import Finding, find
from lungrisk.formats.copies import without_copies
from lungrisk.formats.frames import Frame
from lungrisk.formats.phases import NUMBER_TAG, grouped, names_of, one_acquisition, same_region
from lungrisk.formats.stacking import POSITION_TAG, Stack, build_stack, judged_spacing, unit_directions

FEWEST_SLICES = 10
SAME_PLACE = 0.01  # mm along the normal
GAP_FROM = 1.1  # slices are rounded to a tenth of a millimetre, and collimation is not exact
THICKNESS_TAG = "(0018,0050) SliceThickness"


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
    studies = _one_origin(frames)
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
    return Assembled(
        tuple(placed),
        stack,
        (
            *studies,
            *notes,
            *nonsquare,
            *duplicates,
            *about,
            *_covered(placed, frames, stack.step),
            *_numbering(placed),
        ),
    )


def _one_origin(frames: Sequence[Frame]) -> tuple[Finding, ...]:
    """One patient, one frame of reference, one study or a study UID made up for each slice. Raises InputError (`id.*`)."""
    checks: tuple[tuple[str, str, Callable[[Frame], str]], ...] = (
        ("id.patient_mixed", "(0010,0020) PatientID", lambda f: f.patient),
        ("id.for_mixed", "(0020,0052) FrameOfReferenceUID", lambda f: f.reference),
        ("id.study_mixed", "(0020,000d) StudyInstanceUID", lambda f: f.study),
    )
    for code, tag, value in checks:
        groups = grouped(frames, value)
        if len(groups) == 1:
            continue
        one_each = len(groups) == len(frames)  # some writers make up a UID for each file
        if code == "id.study_mixed" and one_each:
            return (find("id.study_split", found=f"{len(groups)} UIDs", expected="1", tag=tag),)
        fewest = min(groups.values(), key=len)
        raise InputError(find(code, found=f"{len(groups)} values", expected="1", tag=tag, files=names_of(fewest)))
    return ()


def _one_spacing(frames: Sequence[Frame]) -> None:
    usual = Counter(frame.spacing for frame in frames).most_common(1)[0][0]
    odd = [f for f in frames if len(f.spacing) != len(usual) or not np.allclose(f.spacing, usual, rtol=1e-3, atol=0)]
    if odd:
        found = f"{odd[0].spacing} beside {usual}"
        raise InputError(find("geo.spacing_mixed", found=found, tag="(0028,0030) PixelSpacing", files=names_of(odd)))


def _by_place(frames: Sequence[Frame], normal: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[list[Frame]]:
    """Frames grouped by their height along the normal, ascending; of equals, in order of name. Raises `geo.no_position`."""
    lost = [f for f in frames if len(f.position) != 3 or not np.isfinite(f.position).all()]
    if lost:
        raise InputError(
            find("geo.no_position", found=f"{len(lost)} slices without", tag=POSITION_TAG, files=names_of(lost))
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
            find("geo.no_position", found="all slices at one place", tag=POSITION_TAG, files=names_of(frames))
        )
    return places


def _one_a_place(places: list[list[Frame]]) -> tuple[list[Frame], tuple[Finding, ...]]:
    """One frame for each place: copies dropped, one acquisition chosen. Raises `ord.*_conflict`, `sel.kernel_mixed`."""
    _one_kernel(places)
    places, copies = without_copies(places, same_uid=True)
    choice = one_acquisition(places)
    if choice is None and any(len(place) > 1 for place in places):
        places, more = without_copies(places)
        copies += more
        choice = one_acquisition(places)
    findings: tuple[Finding, ...] = ()
    if copies:
        findings = (find("ord.dup_same", found=f"{len(copies)} images", files=names_of(copies)),)
    frames = [frame for place in places for frame in place]
    if choice is not None:
        frames, about = choice
        findings += about
    elif any(len(place) > 1 for place in places):
        clash = next(place for place in places if len(place) > 1)
        one_uid = len({frame.sop for frame in clash}) == 1 and clash[0].storage.n_frames == 1
        code = "ord.uid_conflict" if one_uid else "ord.dup_conflict"
        raise InputError(find(code, found=f"{len(clash)} images at one place", tag=POSITION_TAG, files=names_of(clash)))
    uids = Counter(frame.sop for frame in frames if frame.storage.n_frames == 1)
    if any(count > 1 for count in uids.values()):
        found = f"{len(uids)} UIDs for {len(frames)} slices"
        findings += (find("id.sop_dup", found=found, tag="(0008,0018) SOPInstanceUID"),)
    return frames, findings


def _one_kernel(places: list[list[Frame]]) -> None:
    frames = [frame for place in places for frame in place]
    kernels = {frame.header.kernel or "" for frame in frames}
    if len(kernels) > 1 and same_region(places, lambda f: f.header.kernel or ""):
        found = ", ".join(sorted({vocabulary.kernel(name) if name else "none" for name in kernels}))
        raise InputError(find("sel.kernel_mixed", found=found, tag="(0018,1210) ConvolutionKernel"))


def _numbering(frames: Sequence[Frame]) -> tuple[Finding, ...]:
    if all(frame.storage.n_frames > 1 for frame in frames):
        return ()  # the frames of a file share its number
    numbers = [frame.instance for frame in frames]
    steps = {int(np.sign(b - a)) for a, b in pairwise(numbers) if a is not None and b is not None}
    if None in numbers or len(steps) != 1 or 0 in steps:
        return (find("ord.instance", tag=NUMBER_TAG),)
    return ()


def _covered(frames: Sequence[Frame], given: Sequence[Frame], step: float) -> tuple[Finding, ...]:
    """Slices thinner than the way from one to the next leave something unseen; numbers left out tell of slices left out."""
    thickness = float(np.median([frame.header.thickness_mm or 0.0 for frame in frames]))
    numbers = np.unique([frame.instance for frame in given if frame.instance is not None])
    every = int(np.median(np.diff(numbers))) if len(numbers) == len(given) else 1
    found = f"every {step:.3g} mm" + (f", numbers in steps of {every}" if every > 1 else "")
    if 0 < thickness < step / GAP_FROM:
        found, effect = f"slices of {thickness:.3g} mm {found}", f"{step - thickness:.2g} mm unseen"
        return (find("geo.gaps", found=found, tag=THICKNESS_TAG, effect=effect),)
    if every == 1:
        return ()
    severity: Severity | None = None if thickness else "limited"
    return (find("ord.number_gap", severity=severity, found=f"slices {found}", expected="steps of 1", tag=NUMBER_TAG),)
