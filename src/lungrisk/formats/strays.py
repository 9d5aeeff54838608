"""Files that belong to the chosen series and are not in it: a slice that one wrong value set apart, an empty file, half a download."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from pathlib import PurePosixPath

import numpy as np

from lungrisk.core.findings import Finding, find
from lungrisk.formats.assembling import Assembled
from lungrisk.formats.frames import Frame
from lungrisk.formats.grouping import SMALL_GROUP, Group
from lungrisk.formats.items import Item

MOST_ODD_INSIDE = 5  # the same, where the series is the same
MOST_ODD = 2  # of the values below in which a slice may differ and still be one of the series
NEAR_LINE = 1.0  # mm sideways
BEYOND, VACANT = 1.6, 0.3  # of the spacing: so far past the ends is the next place, so near a slice is not vacant
LIKE_SIZE = 0.3  # of a slice's bytes
HALF_DONE = (".part", ".partial", ".crdownload", ".download", ".tmp", ".gz", ".bz2", ".xz", ".zst", ".z")
NUMBERS = re.compile(r"[0-9a-f]*\d[0-9a-f]*")  # of a name: what changes from slice to slice
CLASSES = "1.2.840.10008.5.1.4.1.1."  # of images: reports, captures and the like say what they are
UID = re.compile(r"[0-9.]+")
UIDS = (0, 1, 3, 5)  # places among the values that follow
MODALITY, SOP_CLASS, MATRIX = 4, 5, 7  # places among the values that follow
# what the slices of one series agree in
SAME: tuple[Callable[[Frame], object], ...] = (
    lambda f: f.series,
    lambda f: f.study,
    lambda f: f.patient,
    lambda f: f.reference,
    lambda f: f.modality,
    lambda f: f.sop_class,
    lambda f: f.image_type,
    lambda f: (f.storage.rows, f.storage.columns),
    lambda f: tuple(np.round(f.orientation, 3)),
    lambda f: tuple(np.round(f.spacing, 3)),
    lambda f: f.header.kernel,
)


def left_out(
    chosen: Assembled, groups: Sequence[Group], unread: Sequence[Item], objects: Set[str]
) -> tuple[Finding, ...]:
    """`ord.left_out` where images or files that were not used seem to be slices of the chosen stack.

    groups: all images. unread: files that held none. objects: names of those that are DICOM and may rightly hold none, as reports do:
    they are missed only if they are as long as a slice.
    """
    mine = {id(frame) for frame in chosen.frames}
    own = next(group for group in groups if any(id(frame) in mine for frame in group.frames))
    others = [group for group in groups if group is not own]
    sizes = Counter(frame.series for group in others for frame in group.frames)
    usual = [Counter(value(frame) for frame in chosen.frames).most_common(1)[0][0] for value in SAME]
    few = [frame for group in others for frame in group.frames if sizes[frame.series] < SMALL_GROUP]
    mine_named = {frame.item.name for frame in own.frames}
    images = [frame.item.name for frame in few if _belongs(frame, chosen, usual) or _nowhere(frame, usual, mine_named)]
    size = float(np.median([frame.item.size for frame in chosen.frames]))
    names = [i.name for i in unread if i.name not in objects or abs(i.size - size) < LIKE_SIZE * size]
    theirs = {frame.item.name for group in others for frame in group.frames}
    files = named_alike(mine_named, theirs, names)
    if not images and not files:
        return ()
    counts = ((len(images), "images"), (len(files), "files that are no images"))
    found = " and ".join(f"{n} {what}" for n, what in counts if n)
    return (find("ord.left_out", found=found, files=[*images, *files]),)


def _belongs(frame: Frame, chosen: Assembled, usual: Sequence[object]) -> bool:
    """Alike in nearly all, and at a place that no slice holds."""
    values = [value(frame) for value in SAME]
    uids = [
        n in UIDS and UID.fullmatch(str(value)) is None for n, value in enumerate(values)
    ]  # garbled: it says nothing
    odd = sum(value != one and not none for value, one, none in zip(values, usual, uids, strict=True))
    most = MOST_ODD_INSIDE if values[0] == usual[0] else MOST_ODD
    if odd > most or len(frame.position) != 3 or not np.isfinite(frame.position).all():
        return False
    stack = chosen.stack
    heights, height = stack.heights, float(np.dot(frame.position, stack.normal))
    if np.abs(heights - height).min() < VACANT * stack.step:
        return False
    if not heights[0] - BEYOND * stack.step < height < heights[-1] + BEYOND * stack.step:
        return False
    along = (stack.positions[-1] - stack.positions[0]) / (heights[-1] - heights[0])
    off = np.asarray(frame.position) - stack.positions[0] - along * (height - heights[0])
    return float(np.linalg.norm(off)) < NEAR_LINE


def _nowhere(frame: Frame, usual: Sequence[object], used: set[str]) -> bool:
    """A slice that lost its place or a UID, perhaps all of them: called as the others are, of their matrix and of no other class."""
    placed = len(frame.position) == 3 and len(frame.orientation) == 6
    whole = placed and all(UID.fullmatch(str(SAME[n](frame))) or SAME[n](frame) == usual[n] for n in UIDS)
    agrees = [value(frame) == one for value, one in zip(SAME, usual, strict=True)]
    garbled = agrees[MODALITY] and not frame.sop_class.startswith(CLASSES)
    alike = agrees[MATRIX] and (agrees[SOP_CLASS] or garbled)
    return not whole and alike and bool(named_alike(used, set(), [frame.item.name]))


def named_alike(used: set[str], others: set[str], names: Iterable[str]) -> list[str]:
    """Those of `names` that are called as the files of the series are, numbers aside, and lie where no other series does."""
    patterns = {_pattern(name) for name in used}
    foreign = {PurePosixPath(name).parent for name in others} - {PurePosixPath(name).parent for name in used}
    found = []
    for name in names:
        whole = _without_half_done(name)
        if whole not in used and _pattern(whole) in patterns and PurePosixPath(name).parent not in foreign:
            found.append(name)
    return found


def _without_half_done(name: str) -> str:
    path = PurePosixPath(name)
    return path.with_suffix("").as_posix() if path.suffix.lower() in HALF_DONE else name


def _pattern(name: str) -> str:
    return NUMBERS.sub("#", PurePosixPath(name).name.lower())
