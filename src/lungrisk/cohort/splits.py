"""Folds that keep a patient together."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray


def fold_of(groups: Sequence[str], n_folds: int = 5, seed: int = 0) -> NDArray[np.int64]:
    """Fold of each item, from its group (patient) alone: groups are shuffled by hash and dealt out in turn.

    Gives (n,) int64 in 0..n_folds-1. The same groups give the same folds on any machine, in any order.

    >>> fold_of(["a", "b", "a"], 2).tolist()[0] == fold_of(["a", "b", "a"], 2).tolist()[2]
    True
    """
    order = sorted(set(groups), key=lambda group: sha256(f"{seed}:{group}".encode()).hexdigest())
    place = {group: rank % n_folds for rank, group in enumerate(order)}
    return np.array([place[group] for group in groups], np.int64)


def split_hash(groups: Iterable[str]) -> str:
    """First 16 hex digits of the SHA-256 of the sorted groups that a bundle was trained on.

    >>> split_hash(["b", "a", "a"]) == split_hash(["a", "b"])
    True
    """
    return sha256("\n".join(sorted(set(groups))).encode()).hexdigest()[:16]


def patient_key(patient: str) -> str:
    """How a bundle names a patient: the first 12 hex digits of the SHA-256.

    >>> patient_key("abc")
    'ba7816bf8f01'
    """
    return sha256(patient.encode()).hexdigest()[:12]


def stratified_fold_of(
    groups: Sequence[str], positive: Sequence[bool], n_folds: int = 5, seed: int = 0
) -> NDArray[np.int64]:
    """Fold of each item so that groups stay whole and the folds hold about the same share of positive ones.

    positive: (n,); a group is as positive as its most positive member. Groups are dealt out in the order of their hash, first
    those with positive members, the largest first, each to the fold that holds the fewest positive items so far, then the
    others to the fold with the fewest items: without groups, neither class differs by more than one between folds. Gives (n,)
    int64; the same groups give the same folds on any machine, in any order.

    >>> folds = stratified_fold_of(["a", "b", "c", "d"], [True, True, False, False], 2)
    >>> sorted(zip(folds.tolist(), [True, True, False, False]))
    [(0, False), (0, True), (1, False), (1, True)]
    """
    n_positive: dict[str, int] = {}
    n_items: dict[str, int] = {}
    for group, is_positive in zip(groups, positive, strict=True):
        n_positive[group] = n_positive.get(group, 0) + bool(is_positive)
        n_items[group] = n_items.get(group, 0) + 1
    drawn = sorted(n_items, key=lambda group: sha256(f"{seed}:{group}".encode()).hexdigest())
    order = sorted(drawn, key=lambda group: (-n_positive[group], -n_items[group]))
    held = [[0, 0, fold] for fold in range(n_folds)]  # positive items, items, number of the fold
    place = {}
    for group in order:
        fewest = min(held) if n_positive[group] else min(held, key=lambda fold: (fold[1], -fold[0], fold[2]))
        fewest[0] += n_positive[group]
        fewest[1] += n_items[group]
        place[group] = fewest[2]
    return np.array([place[group] for group in groups], np.int64)
