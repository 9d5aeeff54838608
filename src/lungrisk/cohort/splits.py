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
