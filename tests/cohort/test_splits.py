"""Folds keep a patient together and do not depend on order."""

import hashlib
import time
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lungrisk.cohort.splits import KEYS, fold_in, fold_of, patient_key, slow_key, split_hash, stratified_fold_of

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


PATIENTS = st.lists(st.tuples(st.sampled_from([f"g{n}" for n in range(12)]), st.booleans()), min_size=1, max_size=40)


@given(PATIENTS, st.integers(2, 5), st.randoms(use_true_random=False))
def test_stratified_folds_keep_groups_whole_and_do_not_depend_on_order(
    patients: list[tuple[str, bool]], n_folds: int, shuffler: Random
) -> None:
    folds = stratified_fold_of(*zip(*patients, strict=True), n_folds).tolist()
    for group in {group for group, _ in patients}:
        assert len({fold for fold, (name, _) in zip(folds, patients, strict=True) if name == group}) == 1
    order = list(range(len(patients)))
    shuffler.shuffle(order)
    shuffled = stratified_fold_of(*zip(*[patients[place] for place in order], strict=True), n_folds).tolist()
    assert shuffled == [folds[place] for place in order]


@given(st.lists(st.booleans(), min_size=1, max_size=120), st.integers(2, 7), st.integers(0, 3))
def test_without_groups_the_classes_of_folds_differ_by_one_patient(labels: list[bool], n_folds: int, seed: int) -> None:
    names = [f"patient {place}" for place in range(len(labels))]
    folds = stratified_fold_of(names, labels, n_folds, seed)
    for chosen in (np.array(labels), ~np.array(labels), np.ones(len(labels), bool)):
        counts = np.bincount(folds[chosen], minlength=n_folds)
        assert counts.max() - counts.min() <= 1


def test_another_seed_gives_other_stratified_folds() -> None:
    names, labels = [f"patient {place}" for place in range(50)], [place % 4 == 0 for place in range(50)]
    first, second = (stratified_fold_of(names, labels, seed=seed).tolist() for seed in (0, 1))
    assert first != second


def test_a_slow_key_is_scrypt_of_the_id_with_the_bundles_salt() -> None:
    begun = time.process_time()
    key = slow_key("123456", "salt")
    assert time.process_time() - begun > 0.004  # a million ids: more than an hour
    assert key == hashlib.scrypt(b"123456", salt=b"salt", n=8192, r=8, p=1, dklen=64).hex()[:24]
    assert slow_key("123456", "pepper") != key


def test_old_bundles_and_new_ones_know_their_patients() -> None:
    new = {"patient_keys": {"scheme": KEYS, "salt": "s"}, "fold_of_patient": {slow_key("a", "s"): 2}}
    assert (fold_in(new, "a"), fold_in(new, "b")) == (2, None)
    old = {"fold_of_patient": {patient_key("a"): 1}}
    assert (fold_in(old, "a"), fold_in(old, "b"), fold_in({}, "a")) == (1, None, None)
