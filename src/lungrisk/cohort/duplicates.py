"""One scan under two ids, and who else belongs together: they stay in one fold, or the figures flatter."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

# correlation of patterns. The same scan cut, with other noise or another field of view: above 0.94; different patients: below 0.2
# where they are real, below 0.65 where simulated (docs/decisions/0010)
ALIKE = 0.85
MOST = 5000  # patients whose patterns are compared with each other; above, only exact copies are found
BLOCK = 256
COARSE = 4  # voxels of 3 mm along a side of a block
PATTERN = (28, 24, 32)
WINDOW_HU = (-1000, 200)
Pair = tuple[str, str]


def same_scans(hashes: Mapping[str, str]) -> tuple[Pair, ...]:
    """Pairs of ids whose scans have the same hash of voxels and geometry.

    >>> same_scans({"a": "x", "b": "y", "c": "x"})
    (('a', 'c'),)
    """
    by_hash: dict[str, list[str]] = defaultdict(list)
    for one in sorted(hashes):
        if hashes[one]:
            by_hash[hashes[one]].append(one)
    return tuple(sorted(pair for ids in by_hash.values() for pair in combinations(ids, 2)))


def lung_pattern(volume: NDArray[np.int16], sides: NDArray[np.uint8]) -> NDArray[np.int16]:
    """What tells one lung from another: HU of its blocks of 12 mm less those about them, (28, 24, 32) int16, 0 outside of it.

    volume, sides: (112, 96, 128) at 3 mm about the lungs' centre. The shape of a chest, which many share, is not in it.
    """
    inside = sides > 0
    share = _blocks(inside.astype(np.float32))
    total = _blocks(np.where(inside, np.clip(volume, *WINDOW_HU), 0).astype(np.float32))
    about = gaussian_filter(total, 1.0) / np.maximum(gaussian_filter(share, 1.0), 1e-3)
    pattern = np.where(share > 0.5, total / np.maximum(share, 1e-3) - about, 0)
    return np.round(pattern).astype(np.int16)


def _blocks(array: NDArray[np.float32]) -> NDArray[np.float32]:
    k, j, i = PATTERN
    parts: NDArray[np.float32] = array.reshape(k, COARSE, j, COARSE, i, COARSE).mean(axis=(1, 3, 5))
    return parts


def like_scans(ids: Sequence[str], patterns: NDArray[np.generic]) -> tuple[Pair, ...]:
    """Pairs of ids whose lungs look the same: the correlation of their patterns, (n, ...), is above 0.85."""
    flat = patterns.reshape(len(ids), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    pairs = []
    for start in range(0, len(ids), BLOCK):
        alike = flat[start : start + BLOCK] @ flat.T > ALIKE
        pairs += [(ids[start + one], ids[other]) for one, other in np.argwhere(alike) if start + one < other]
    return tuple(sorted((min(pair), max(pair)) for pair in pairs))


def group_patients(ids: Sequence[str], given: Mapping[str, Iterable[str]], pairs: Iterable[Pair]) -> dict[str, str]:
    """The group of each id: whoever shares a given group or is a pair belongs together, and so do their companions.

    given: id to the names of its groups. A group goes by the first of its given names, else by its first id.

    >>> group_patients(["a", "b", "c"], {"a": ["site 1"]}, [("a", "c")])
    {'a': 'site 1', 'b': 'b', 'c': 'site 1'}
    """
    parent = {one: one for one in ids}

    def root(one: str) -> str:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    members: dict[str, list[str]] = defaultdict(list)
    for one in ids:
        for name in given.get(one, ()):
            members[name].append(one)
    links = [(together[0], other) for together in members.values() for other in together[1:]]
    for one, other in (*links, *pairs):
        parent[root(one)] = root(other)
    together = defaultdict(list)
    for one in sorted(ids):
        together[root(one)].append(one)
    groups: dict[str, str] = {}
    for companions in together.values():
        names = sorted({name for one in companions for name in given.get(one, ())})
        groups |= dict.fromkeys(companions, names[0] if names else companions[0])
    return {one: groups[one] for one in ids}
