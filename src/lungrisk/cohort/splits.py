"""Folds that keep a patient together."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import scrypt, sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

KEYS = "scrypt 2^13 8 1"  # how `slow_key` is made


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
    """How a bundle of public patients names one: the first 12 hex digits of the SHA-256. Whoever can guess an id can test it.

    >>> patient_key("abc")
    'ba7816bf8f01'
    """
    return sha256(patient.encode()).hexdigest()[:12]


@lru_cache(maxsize=4096)
def slow_key(patient: str, salt: str) -> str:
    """How a bundle of patients names one: scrypt of the id with the bundle's salt, 24 hex digits.

    It takes some 22 ms and 8 MB: 36 s for 1,600 patients, 6 hours for a million ids that somebody tries, for each bundle anew.
    """
    return scrypt(patient.encode("utf-8", "surrogatepass"), salt=salt.encode(), n=2**13, r=8, p=1, dklen=12).hex()


def fold_in(settings: Mapping[str, Any], patient: str) -> int | None:
    """The fold that held a patient out, by a bundle's settings; None for a patient from whom it did not learn.

    `patient_keys` of the settings says how patients are named; bundles of the first days do not have it and use `patient_key`.
    """
    known: Mapping[str, int] = settings.get("fold_of_patient", {})
    about = settings.get("patient_keys")
    return (
        known.get(patient_key(patient) if about is None else slow_key(patient, str(about["salt"]))) if known else None
    )


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
