"""Finding real nodules in whole scans: nodules of known place are pasted into lungs that do not have them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungrisk.cohort.nodule_folder import DEMO_PATIENT, NoduleStack, read_nodules
from lungrisk.core.bundle import Bundle
from lungrisk.core.geometry import spacing_of
from lungrisk.core.records import Lungs, Scan
from lungrisk.evaluation.candidates import patient_key
from lungrisk.nodules.find import find_candidates

AT_ONCE = 20  # nodules in a copy of the scan
APART_MM = 45.0
FULL_MM, NOTHING_MM = 1.0, 3.0  # from the outlines: the stack's own HU up to here, the scan's from there on
LEAST_READERS = 3
SIZES_MM = (3.0, 5.0, 6.0, 8.0, 12.0, 20.0, 40.0)  # drawn as often in each class
WALL_MM = 4.0
CLEAR_HU, CLEAR_98TH_HU = -780.0, -500.0  # mean and 98th percentile of lung that has nothing in it
TRIES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Pasted:
    """One nodule and what the finder made of it. rank: 0 is the best candidate of the scan; None with probability 0: not found."""

    nodule_id: str
    diameter_mm: float
    texture: float
    rank: int | None
    probability: float


def paste_and_find(
    folder: str | Path, scan: Scan, lungs: Lungs, bundle: Bundle, *, copies: int = 5, seed: int = 0
) -> list[Pasted]:
    """Paste nodules of a folder into copies of a scan, find candidates, and look whether they are among them.

    Nodules with at least three readers go to clear places in the lungs, 20 a copy. Each copy is judged by one network of the
    bundle, and holds nodules of patients that this network did not see (all networks, where the bundle knows none of them).
    """
    rng = np.random.default_rng(seed)
    stacks = [s for s in read_nodules(folder) if s.patient != DEMO_PATIENT and s.row["truncated"] == "0"]
    stacks = [s for s in stacks if s.n_readers >= LEAST_READERS and s.consensus.any()]
    room = ndimage.distance_transform_edt(lungs.mask, sampling=scan.spacing)
    unseen = [set(names.split()) for names in bundle.settings["patients_unseen_by_fold"]]
    results = []
    for copy in range(copies):
        fold = copy % len(unseen)
        pool = [s for s in stacks if patient_key(s.patient) in unseen[fold]] or stacks
        hu, placed = _fill(scan, room, _drawn(pool, rng), rng)
        settings = {**bundle.settings, "use_folds": [fold] if pool is not stacks else None}
        found = find_candidates(replace(scan, hu=hu), lungs, replace(bundle, settings=settings))
        for stack, place in placed:
            reach = max(5.0, stack.diameter_mm / 2)
            near = [r for r, c in enumerate(found) if np.linalg.norm(np.array(c.centre_mm) - place) < reach]
            results.append(
                Pasted(
                    nodule_id=stack.id,
                    diameter_mm=stack.diameter_mm,
                    texture=float(stack.ratings["texture"].mean()),
                    rank=near[0] if near else None,
                    probability=found[near[0]].probability if near else 0.0,
                )
            )
    return results


def _drawn(pool: Sequence[NoduleStack], rng: np.random.Generator) -> Iterator[NoduleStack]:
    """AT_ONCE nodules, each class of size as likely."""
    sizes = np.digitize([stack.diameter_mm for stack in pool], SIZES_MM)
    chance = 1.0 / np.bincount(sizes)[sizes]
    chosen = rng.choice(len(pool), min(AT_ONCE, len(pool)), replace=False, p=chance / chance.sum())
    return (pool[index] for index in chosen)


def _fill(
    scan: Scan, room: NDArray[np.float64], stacks: Iterator[NoduleStack], rng: np.random.Generator
) -> tuple[NDArray[np.int16], list[tuple[NoduleStack, NDArray[np.float64]]]]:
    """A copy of the scan with the stacks in it, and where they are; a stack for which no place is found is left out."""
    hu = scan.hu.copy()
    placed: list[tuple[NoduleStack, NDArray[np.float64]]] = []
    for stack in stacks:
        free = np.argwhere(room > stack.diameter_mm / 2 + WALL_MM)
        for _ in range(TRIES if len(free) else 0):
            voxel = free[rng.integers(len(free))]
            place = scan.to_mm(voxel)
            if all(np.linalg.norm(place - other) > APART_MM for _, other in placed) and _clear(scan, voxel, stack):
                _paste(hu, scan, voxel, stack)
                placed.append((stack, place))
                break
    return hu, placed


def _clear(scan: Scan, voxel: NDArray[np.int64], stack: NoduleStack) -> bool:
    reach = np.ceil((stack.diameter_mm / 2 + 2) / np.array(scan.spacing)).astype(int)
    low, high = np.maximum(voxel - reach, 0), voxel + reach + 1
    block = scan.hu[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    return bool(block.mean() < CLEAR_HU and np.percentile(block, 98) < CLEAR_98TH_HU)


def _paste(hu: NDArray[np.int16], scan: Scan, voxel: NDArray[np.int64], stack: NoduleStack) -> None:
    """Write a stack into hu, its consensus centred on a voxel, fading into the scan outside the outlines."""
    step, own = np.array(scan.spacing), np.array(spacing_of(stack.affine))
    reach = np.ceil(24.0 / step).astype(int)
    low, high = np.maximum(voxel - reach, 0), np.minimum(voxel + reach + 1, hu.shape)
    centre = np.array(ndimage.center_of_mass(stack.consensus))
    index = (np.moveaxis(np.indices(tuple(high - low)), 0, -1) + low - voxel) * step / own + centre
    source = np.moveaxis(index, -1, 0)
    ends = ((2, 2), (0, 0), (0, 0))
    away = ndimage.distance_transform_edt(~np.pad(stack.readers.any(axis=0), ends), sampling=own)[2:-2]
    share = np.clip((NOTHING_MM - away) / (NOTHING_MM - FULL_MM), 0, 1)
    weight = ndimage.map_coordinates(share, source, order=1, mode="constant")
    value = ndimage.map_coordinates(stack.hu, source, order=1, mode="nearest")
    box = hu[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    box[:] = np.round(weight * value + (1 - weight) * box).astype(np.int16)
