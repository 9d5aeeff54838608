"""Images given more than once: at one place, with one content, however each is encoded."""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

from lungrisk.formats.claims import claim
from lungrisk.formats.frames import Frame
from lungrisk.formats.pixels import load_block

DECODED_AT_ONCE = 2**28  # bytes of HU


def without_copies(
    places: Sequence[Sequence[Frame]], *, same_uid: bool = False
) -> tuple[list[list[Frame]], list[Frame]]:
    """The places with one frame of each content, the first by name, and the frames that were dropped.

    same_uid: only frames of one SOPInstanceUID are compared. Raises InputError as decoding does.
    """
    doubtful = [frame for place in places for frame in _doubtful(place, same_uid)]
    contents = _contents(doubtful)
    kept, dropped = [], []
    for place in places:
        seen: set[object] = set()
        one = []
        for frame in place:
            content = contents.get(id(frame))
            about = (content, frame.sop if same_uid else "")
            if content is not None and about in seen:
                dropped.append(frame)
            else:
                seen.add(about)
                one.append(frame)
        kept.append(one)
    return kept, dropped


def _doubtful(place: Sequence[Frame], same_uid: bool) -> list[Frame]:
    """The frames at one place that may be copies of each other."""
    if not same_uid:
        return list(place) if len(place) > 1 else []
    often = Counter(frame.sop for frame in place)
    return [frame for frame in place if often[frame.sop] > 1]


def _contents(frames: list[Frame]) -> dict[int, str]:
    """Hash of the HU of each frame. Each file is opened a few times at most."""
    frames = sorted(frames, key=lambda frame: (frame.item.name, frame.index))
    claim(frames)
    result = {}
    size = max((2 * f.storage.rows * f.storage.columns for f in frames), default=1)
    at_once = max(1, DECODED_AT_ONCE // size)
    for start in range(0, len(frames), at_once):
        some = frames[start : start + at_once]
        block, _ = load_block(some)
        result.update({id(frame): sha256(plane.data).hexdigest() for frame, plane in zip(some, block, strict=True)})
    return result
