"""Who belongs together: the same scan under two ids, and the companions of companions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lungrisk.cohort.duplicates import PATTERN, group_patients, like_scans, lung_pattern, same_scans

IDS = [f"p{number}" for number in range(8)]
PAIRS = st.lists(st.tuples(st.sampled_from(IDS), st.sampled_from(IDS)), max_size=8)
GIVEN = st.dictionaries(st.sampled_from(IDS), st.lists(st.sampled_from(["x", "y", "z"]), max_size=2))


@given(GIVEN, PAIRS, st.randoms(use_true_random=False))
def test_groups_are_the_connected_parts(
    given_groups: dict[str, list[str]], pairs: list[tuple[str, str]], order: object
) -> None:
    together = np.eye(len(IDS), dtype=bool)  # the oracle: reachability by powers of the matrix of who knows whom
    for one, first in enumerate(IDS):
        for other, second in enumerate(IDS):
            shared = set(given_groups.get(first, ())) & set(given_groups.get(second, ()))
            together[one, other] |= bool(shared) or (first, second) in pairs or (second, first) in pairs
    reachable = np.linalg.matrix_power(together.astype(np.int64), len(IDS)) > 0
    groups = group_patients(IDS, given_groups, pairs)
    for one, first in enumerate(IDS):
        for other, second in enumerate(IDS):
            assert (groups[first] == groups[second]) == reachable[one, other]
    assert group_patients(IDS, given_groups, reversed(pairs)) == groups
    assert group_patients(IDS[::-1], given_groups, pairs) == groups


def test_equal_hashes_are_pairs_and_empty_ones_are_not() -> None:
    assert same_scans({"c": "1", "a": "1", "b": "2", "d": "1", "e": "", "f": ""}) == (
        ("a", "c"),
        ("a", "d"),
        ("c", "d"),
    )


def lung(seed: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """A box of lung with its own structure."""
    rng = np.random.default_rng(seed)
    sides = np.zeros((112, 96, 128), np.uint8)
    sides[16:96, 16:80, 12:56], sides[16:96, 16:80, 72:116] = 2, 1
    volume = np.full(sides.shape, 40, np.int16)
    vessels = np.repeat(np.repeat(np.repeat(rng.random((28, 24, 32)) > 0.8, 4, 0), 4, 1), 4, 2)
    volume[sides > 0] = -850
    volume[(sides > 0) & vessels] = -400
    return volume, sides


def test_the_pattern_keeps_the_structure_and_not_the_chest() -> None:
    volume, sides = lung(0)
    pattern = lung_pattern(volume, sides)
    assert pattern.shape == PATTERN
    assert not pattern[sides[::4, ::4, ::4] == 0].any()
    outside = np.where(sides > 0, volume, -1024).astype(np.int16)  # all but the lungs taken away
    assert np.array_equal(lung_pattern(outside, sides), pattern)
    brighter = np.where(sides > 0, volume + 50, volume).astype(np.int16)
    assert np.abs(lung_pattern(brighter, sides) - pattern).max() <= 1


def test_the_same_lung_is_found_behind_noise_and_another_is_not() -> None:
    noise = np.random.default_rng(9).normal(0, 60, (112, 96, 128))
    again = [((lung(seed)[0] + noise).astype(np.int16), lung(seed)[1]) for seed in (0, 1)]
    scans = [lung(0), lung(1), lung(2), *again]
    patterns = np.stack([lung_pattern(*scan) for scan in scans])
    assert like_scans(["a", "b", "c", "z", "0"], patterns) == (("0", "b"), ("a", "z"))


def test_empty_patterns_are_like_nothing() -> None:
    assert like_scans(["a", "b"], np.zeros((2, *PATTERN), np.int16)) == ()
