"""Folds keep a patient together and do not depend on order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lungrisk.cohort.splits import fold_of, split_hash

GROUPS = st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=40)


@given(GROUPS, st.integers(2, 5))
def test_a_patient_is_in_one_fold(groups: list[str], n_folds: int) -> None:
    folds = fold_of(groups, n_folds)
    for group in set(groups):
        assert len({fold for fold, name in zip(folds.tolist(), groups, strict=True) if name == group}) == 1


@given(GROUPS)
def test_the_order_of_the_items_does_not_matter(groups: list[str]) -> None:
    order = np.random.default_rng(0).permutation(len(groups))
    shuffled = [groups[place] for place in order]
    assert fold_of(shuffled).tolist() == fold_of(groups)[order].tolist()
    assert split_hash(shuffled) == split_hash(groups)


def test_folds_are_of_equal_size() -> None:
    counts = np.bincount(fold_of([f"patient {place}" for place in range(103)], 5))
    assert counts.max() - counts.min() <= 1


def test_another_seed_gives_other_folds() -> None:
    names = [f"patient {place}" for place in range(50)]
    assert fold_of(names, seed=0).tolist() != fold_of(names, seed=1).tolist()
