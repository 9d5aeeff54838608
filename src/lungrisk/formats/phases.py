"""One acquisition out of several in one series: phases of the same region, or stations of neighbouring ones that overlap.

What tells them apart is tried in order: numbers and times that name an acquisition, files that hold a volume each, comments, the
blocks in which slices are numbered or timed, and numbers that alternate. Each part must be a stack of its own.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.finding_rows import Severity
from lungrisk.core.findings import Finding, find
from lungrisk.formats.frames import Frame

FEWEST_SLICES = 10
MOST_PHASES = 20
NEARLY_ALL = 0.9  # of the places hold a slice of each phase, where numbers go through the phases slice by slice
NUMBER_TAG = "(0020,0013) InstanceNumber"
SMOOTH = 16  # pixels: means over blocks of so many are free of noise and keep anatomy
STRETCH = 10  # slices over which the usual difference is taken
MOST_WOVEN = 4
STRANGER = 0.95  # of the difference to the neighbour: what lies several slices away is nearer; eleven real scans have 1.56 or more
LEAST_HU = 5.0  # below it noise alone makes the differences


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """One way to tell acquisitions apart. parts: name -> frames. what: one part in words. named: the names may be shown."""

    tag: str | None
    what: str
    parts: dict[str, list[Frame]]
    named: bool = False
    last: bool = False  # of equals the last is taken, as the Bowl's winners did; else the first


def one_acquisition(places: Sequence[Sequence[Frame]]) -> tuple[list[Frame], tuple[Finding, ...]] | None:
    """The frames of one acquisition, and what is said of the choice; None where nothing tells several apart.

    places: the frames at each height, ascending. Findings: `sel.phase`, `sel.stations`.
    """
    at = {id(frame): n for n, place in enumerate(places) for frame in place}
    if len(at) < 2 * FEWEST_SLICES:
        return None
    crowded = any(len(place) > 1 for place in places)
    for way in _ways(places):
        spans = _spans(way.parts, at)
        if spans and _same_region(spans):
            return _phase(way, at, crowded)
    for way in _ways(places):
        spans = _spans(way.parts, at)
        if spans and any(b <= a for a, b in _borders(spans)):
            return _stations(way, spans, at)
    return None


def _ways(places: Sequence[Sequence[Frame]]) -> Iterator[Way]:
    frames = [frame for place in places for frame in place]
    yield from (
        Way("(0020,0012) AcquisitionNumber", "acquisitions", grouped(frames, lambda f: f.acquisition), True, True),
        Way(
            "(0020,0100) TemporalPositionIdentifier",
            "times of acquisition",
            grouped(frames, lambda f: f.moment),
            last=True,
        ),
        Way(None, "files", grouped(frames, _file), last=True),
        Way("(0020,4000) ImageComments", "comments", grouped(frames, lambda f: f.comments)),
    )
    if all(frame.instance is not None for frame in frames):
        yield Way(NUMBER_TAG, "blocks of numbers", _runs(frames, lambda f: (f.instance or 0, f.index)))
    if all(frame.moment for frame in frames):
        yield Way(
            "(0008,0032) AcquisitionTime", "blocks of time", _runs(frames, lambda f: (_natural(f.moment)[0], f.index))
        )
    if all(frame.shown_time for frame in frames):
        yield Way(
            "(0008,0033) ContentTime", "blocks of time", _runs(frames, lambda f: (_natural(f.shown_time)[0], f.index))
        )
    m, numbers = max(map(len, places)), {frame.instance for frame in frames} - {None}
    full = sum(len(place) == m for place in places)
    if m > 1 and full >= NEARLY_ALL * len(places) and len(numbers) == len(frames):
        yield Way(NUMBER_TAG, "alternating numbers", grouped(frames, lambda f: f"{((f.instance or 0) - 1) % m:02d}"))


def _file(frame: Frame) -> str:
    return f"{frame.instance or 0:09d} {frame.item.name}" if frame.storage.n_frames > 1 else ""


def _runs(frames: Sequence[Frame], key: Callable[[Frame], tuple[float, ...]]) -> dict[str, list[Frame]]:
    """The frames in order of `key`, cut where their heights turn back."""
    normal = np.cross(frames[0].orientation[:3], frames[0].orientation[3:])
    order = sorted(frames, key=key)
    steps = np.diff(np.array([frame.position for frame in order]) @ normal)
    forward = np.median(np.sign(steps)) or 1.0
    runs: list[list[Frame]] = [[order[0]]]
    for frame, step in zip(order[1:], steps, strict=True):
        if step * forward <= 0:
            runs.append([])
        runs[-1].append(frame)
    return {f"{n:06d}": run for n, run in enumerate(runs)}


def _spans(parts: dict[str, list[Frame]], at: dict[int, int]) -> dict[str, tuple[int, int]]:
    """First and last place of each part, where each is a stack of its own; else nothing."""
    if not 2 <= len(parts) <= MOST_PHASES or min(len(part) for part in parts.values()) < FEWEST_SLICES:
        return {}
    spans = {}
    for name, part in parts.items():
        where = {at[id(frame)] for frame in part}
        if len(where) < len(part):
            return {}
        spans[name] = (min(where), max(where))
    return spans


def same_region(places: Sequence[Sequence[Frame]], value: Callable[[Frame], str]) -> bool:
    """Whether the frames fall, by `value`, into several stacks of one region."""
    at = {id(frame): n for n, place in enumerate(places) for frame in place}
    spans = _spans(grouped([frame for place in places for frame in place], value), at)
    return bool(spans) and _same_region(spans)


def _same_region(spans: dict[str, tuple[int, int]]) -> bool:
    common = min(end for _, end in spans.values()) - max(start for start, _ in spans.values())
    return common > 0.5 * min(end - start for start, end in spans.values())


def _borders(spans: dict[str, tuple[int, int]]) -> list[tuple[int, int]]:
    """The last place of each part and the first of the next."""
    ordered = sorted(spans.values())
    return [(a[1], b[0]) for a, b in pairwise(ordered)]


def _phase(way: Way, at: dict[int, int], crowded: bool) -> tuple[list[Frame], tuple[Finding, ...]]:
    """One of several over the same region. Blocks that share no place may be one scan after all: that is said."""
    names = sorted(way.parts, key=_natural, reverse=way.last)
    chosen = max(names, key=lambda name: len(way.parts[name]))
    which = chosen if way.named else f"{sorted(names, key=_natural).index(chosen) + 1} of {len(names)}"
    left = [frame for name in names if name != chosen for frame in way.parts[name]]
    kept = sorted(way.parts[chosen], key=lambda frame: at[id(frame)])
    found = f"{len(names)} {way.what}, took {which}"
    severity: Severity | None = "limited" if way.what.startswith("blocks") and not crowded else None
    return kept, (find("sel.phase", severity=severity, found=found, tag=way.tag, files=names_of(left)),)


def _stations(
    way: Way, spans: dict[str, tuple[int, int]], at: dict[int, int]
) -> tuple[list[Frame], tuple[Finding, ...]]:
    """The longest whole, of the others what lies beyond it."""
    names = sorted(way.parts, key=lambda name: (-len(way.parts[name]), _natural(name)))
    kept: list[Frame] = []
    taken: list[tuple[int, int]] = []
    left: list[Frame] = []
    for name in names:
        for frame in way.parts[name]:
            covered = any(start <= at[id(frame)] <= end for start, end in taken)
            (left if covered else kept).append(frame)
        taken.append(spans[name])
    found = f"{len(left)} slices of {len(names)} {way.what} overlap"
    return sorted(kept, key=lambda f: at[id(f)]), (
        find("sel.stations", found=found, tag=way.tag, files=names_of(left)),
    )


def strangers(block: NDArray[np.int16]) -> tuple[int, int] | None:
    """Where a block (k, j, i) HU is woven of several acquisitions, by content: of how many, and the slice where that begins.

    Slices of one acquisition grow apart with the way between them; of woven ones each differs from its neighbour, and agrees with the
    slice that is as many slices away as there are acquisitions. None where no stretch of slices is so.
    """
    n, rows, columns = block.shape
    size = min(SMOOTH, rows, columns)
    cut = block[:, : rows // size * size, : columns // size * size]
    means = cut.reshape(n, rows // size, size, columns // size, size).mean((2, 4), dtype=np.float32)
    beside = _typical(np.abs(np.diff(means, axis=0)).mean((1, 2)))
    for lag in range(2, MOST_WOVEN + 1):
        apart = _typical(np.abs(means[lag:] - means[:-lag]).mean((1, 2)))
        near = beside[: len(apart)]
        woven = np.flatnonzero((apart < STRANGER * near) & (near > LEAST_HU))
        if len(woven):
            return lag, int(woven[0])
    return None


def _typical(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Medians over each stretch of slices; empty where there are fewer."""
    if len(values) < STRETCH:
        return values[:0]
    return np.median(np.lib.stride_tricks.sliding_window_view(values, STRETCH), axis=1).astype(np.float32)


def grouped(frames: Sequence[Frame], value: Callable[[Frame], str]) -> dict[str, list[Frame]]:
    """The frames by a value of theirs."""
    groups: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[value(frame)].append(frame)
    return dict(groups)


def _natural(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return -np.inf, value


def names_of(frames: Sequence[Frame]) -> list[str]:
    """The names of their files, each once."""
    return sorted({frame.item.name for frame in frames})
