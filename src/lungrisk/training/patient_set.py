"""The patients of a store as a set to learn from: who, with which answers, in which fold."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.cohort.labels import check_classes
from lungrisk.cohort.splits import stratified_fold_of
from lungrisk.cohort.store import Store
from lungrisk.cohort.tables import read_table
from lungrisk.core.cohort import Label
from lungrisk.core.errors import InputError, UsageFault, refusals
from lungrisk.core.findings import find
from lungrisk.training.options import Options
from lungrisk.training.survival import questions

IN_MEMORY = 2**30  # bytes of arrays that are kept between epochs; the rest is read again


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatientSet:
    """n patients with labels. answers, asked: (n, heads), see `survival.questions`. fold: (n,), -1 in no fold's held-out part.

    made: further arrays by name, (n, ...), that were computed from the store's. left_out: how many patients and why.
    """

    store: Store
    ids: tuple[str, ...]
    groups: tuple[str, ...]
    answers: NDArray[np.float32]
    asked: NDArray[np.float32]
    fold: NDArray[np.int64]
    n_folds: int
    left_out: dict[str, int]
    made: dict[str, NDArray[Any]] = field(default_factory=dict)
    kept: dict[tuple[int, str], NDArray[Any]] = field(default_factory=dict)

    @property
    def positive(self) -> NDArray[np.bool_]:
        """Who is known to have, or to get, cancer, (n,)."""
        known: NDArray[np.bool_] = np.any(self.answers * self.asked > 0, axis=1)
        return known

    def arrays(self, row: int, names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The arrays of one patient, from memory or from the store."""
        found = {name: self.made[name][row] for name in names if name in self.made}
        found |= {name: self.kept[row, name] for name in names if (row, name) in self.kept}
        wanted = [name for name in names if name not in found]
        if wanted:
            read = self.store.load(self.ids[row], wanted)
            size = sum(array.nbytes for array in read.values())
            if size * len(self.ids) <= IN_MEMORY:
                self.kept.update({(row, name): np.array(array) for name, array in read.items()})
            found |= read
        return {name: found[name] for name in names}

    def split(
        self, fold: int, seed: int, watched: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Rows to learn from, to watch for the end of the training, and held out, for one fold.

        The held-out patients are seen by no step of the training; those that are watched are a stratified `watched` share of
        the others, groups kept together.
        """
        held_out = np.flatnonzero(self.fold == fold)
        others = np.flatnonzero(self.fold != fold)
        if not watched:
            return others, others[:0], held_out
        groups = [self.groups[row] for row in others]
        part = stratified_fold_of(groups, self.positive[others].tolist(), max(2, round(1 / watched)), seed)
        return others[part != 0], others[part == 0], held_out

    @property
    def split_hash(self) -> str:
        """First 16 hex digits of the SHA-256 over ids and folds."""
        lines = [f"{one} {fold}" for one, fold in zip(self.ids, self.fold, strict=True)]
        return sha256("\n".join(lines).encode()).hexdigest()[:16]

    @property
    def hash(self) -> str:
        """First 16 hex digits of the SHA-256 over everything that a training learns from."""
        parts = [self.store.hash, self.split_hash, self.answers.tobytes().hex(), self.asked.tobytes().hex()]
        return sha256("\n".join(parts).encode()).hexdigest()[:16]


def gather(store: Store, options: Options) -> PatientSet:
    """The patients that can be learnt from: not refused, with a label.

    Raises InputError (`lab.one_class`, `lab.few`, `lab.columns`, `trn.folds`), UsageFault (`trn.test`, `use.missing`).
    """
    labelled = [one for one in store.patients if one.status != "refused" and one.label is not None]
    labels = [one.label or Label(id=one.id) for one in labelled]
    answers, asked = questions(labels, options.years)
    known: NDArray[np.bool_] = np.any(asked > 0, axis=1)
    chosen = [one for one, there in zip(labelled, known, strict=True) if there]
    n_refused = sum(one.status == "refused" for one in store.patients)
    left_out = {"refused": n_refused, "without a label": len(store.patients) - n_refused - len(chosen)}
    answers, asked = answers[known], asked[known]
    positive: NDArray[np.bool_] = np.any(answers * asked > 0, axis=1)
    stand_ins = [Label(id=one.id, cancer=int(yes)) for one, yes in zip(chosen, positive, strict=True)]
    faults = refusals(check_classes(stand_ins, fitting=True))
    if faults:
        raise InputError(*faults)
    _refuse_test([one.id for one in chosen], options.test)
    groups = tuple(one.group for one in chosen)
    stored = np.array([one.fold for one in chosen], np.int64)
    n_stored = 1 + max(one.fold for one in store.patients)
    fits = options.folds in (1, n_stored)
    fold = stored if fits else stratified_fold_of(groups, positive.tolist(), options.folds, options.seed)
    _check_folds(fold, positive, options.folds)
    return PatientSet(
        store=store,
        ids=tuple(one.id for one in chosen),
        groups=groups,
        answers=answers,
        asked=asked,
        fold=fold,
        n_folds=options.folds,
        left_out=left_out,
    )


def _check_folds(fold: NDArray[np.int64], positive: NDArray[np.bool_], n_folds: int) -> None:
    """Every fold needs patients with and without cancer in it, and outside of it."""
    for number in range(max(n_folds, 1)):
        for part in (positive[fold == number], positive[fold != number]):
            if not part.any() or part.all():
                raise InputError(find("trn.folds", found=f"fold {number}: {int(part.sum())} of {len(part)} patients"))


def _refuse_test(ids: Sequence[str], test: Path | None) -> None:
    if test is None:
        return
    kept = {row["id"].strip().casefold() for _, row in read_table(test, (), ("id",)).rows}
    both = sorted(one for one in ids if one.strip().casefold() in kept)
    if both:
        raise UsageFault(find("trn.test", found=f"{len(both)} of them, {', '.join(both[:5])}", files=[test.name]))
