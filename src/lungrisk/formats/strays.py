"""Files that belong to the chosen series and are not in it: a slice that one wrong value set apart, an empty file, half a download."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from pathlib import PurePosixPath

import numpy as np

from lungrisk.core.findings import Finding, find
from lungrisk.formats.assembling import Assembled
from lungrisk.formats.elements import UID
from lungrisk.formats.frames import Frame
from lungrisk.formats.grouping import SMALL_GROUP, Group
from lungrisk.formats.items import Item

MOST_ODD = 2  # of the values below in which a slice may differ and still be one of the series
MOST_ODD_INSIDE = 5  # the same, where its SeriesInstanceUID is the series' own
NEAR_LINE = 1.0  # mm sideways
BEYOND, VACANT = 1.6, 0.3  # of the spacing: so far past the ends is the next place, so near a slice is not vacant
LIKE_SIZE = 0.3  # of a slice's bytes
HALF_DONE = (".part", ".partial", ".crdownload", ".download", ".tmp", ".gz", ".bz2", ".xz", ".zst", ".z")
NUMBERS = re.compile(r"[0-9a-f]*\d[0-9a-f]*")  # of a name: what changes from slice to slice
CLASSES = "1.2.840.10008.5.1.4.1.1."  # of images: captures and the like say what they are
# what the slices of one series agree in: the UIDs, and the rest
UIDS: dict[str, Callable[[Frame], str]] = {
    "series": lambda f: f.series,
    "study": lambda f: f.study,
    "reference": lambda f: f.reference,
    "class": lambda f: f.sop_class,
}
REST: dict[str, Callable[[Frame], object]] = {
    "patient": lambda f: f.patient,
    "modality": lambda f: f.modality,
    "image type": lambda f: f.image_type,
    "matrix": lambda f: (f.storage.rows, f.storage.columns),
    "orientation": lambda f: tuple(np.round(f.orientation, 3)),
    "spacing": lambda f: tuple(np.round(f.spacing, 3)),
    "kernel": lambda f: f.header.kernel,
}
# by name, whether a frame has what the series has; None where its UID is none, so that it says nothing
Likeness = dict[str, bool | None]


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
    usual = {
        name: Counter(value(frame) for frame in chosen.frames).most_common(1)[0][0]
        for name, value in {**UIDS, **REST}.items()
    }
    used = {frame.item.name for frame in own.frames}
    few = [frame for group in others for frame in group.frames if sizes[frame.series] < SMALL_GROUP]
    images = []
    for frame in few:
        like = _likeness(frame, usual)
        if _is_next(frame, like, chosen) or (_is_damaged(frame, like) and named_alike(used, set(), [frame.item.name])):
            images.append(frame.item.name)
    size = float(np.median([frame.item.size for frame in chosen.frames]))
    names = [i.name for i in unread if i.name not in objects or abs(i.size - size) < LIKE_SIZE * size]
    theirs = {frame.item.name for group in others for frame in group.frames}
    files = named_alike(used, theirs, names)
    if not images and not files:
        return ()
    counts = ((len(images), "images"), (len(files), "files that are no images"))
    found = " and ".join(f"{n} {what}" for n, what in counts if n)
    return (find("ord.left_out", found=found, files=[*images, *files]),)


def _likeness(frame: Frame, usual: dict[str, object]) -> Likeness:
    like: Likeness = {name: value(frame) == usual[name] for name, value in REST.items()}
    for name, uid in UIDS.items():
        stated = uid(frame)
        like[name] = True if stated == usual[name] else False if UID.fullmatch(stated) else None
    return like


def _is_next(frame: Frame, like: Likeness, chosen: Assembled) -> bool:
    """Alike in nearly all, and at a place that no slice holds."""
    odd = sum(agrees is False for agrees in like.values())
    if odd > (MOST_ODD_INSIDE if like["series"] else MOST_ODD):
        return False
    if len(frame.position) != 3 or not np.isfinite(frame.position).all():
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


def _is_damaged(frame: Frame, like: Likeness) -> bool:
    """An image of the series' matrix, and of no other class, that lost its place or a UID."""
    lost = len(frame.position) != 3 or len(frame.orientation) != 6 or any(like[name] is None for name in UIDS)
    no_other = like["class"] or (like["modality"] and not frame.sop_class.startswith(CLASSES))
    return bool(lost and like["matrix"] and no_other)


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
