"""A small store with a planted signal, in the shapes of the contract; volumes as small as the networks take."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lungrisk.cohort.store import KIND, VERSION, Store, StoredPatient, file_name, open_store, pack, write_patients
from lungrisk.core.cohort import Label
from lungrisk.core.records import Recipe
from lungrisk.nodules.appearance import FEATURES

TOP_K = 8
VOLUME = (32, 32, 32)
RECIPE = Recipe(name="cohort", spacing=(3.0, 3.0, 3.0), size=VOLUME)


def arrays_of(rng: np.random.Generator, suspicion: float) -> dict[str, np.ndarray[Any, Any]]:
    """A patient whose first nodule is rated `suspicion`, 1..5, and looks the brighter for it; up to two harmless ones."""
    n = int(rng.integers(1, 4))
    numbers = np.zeros((TOP_K, 10), np.float32)
    for place in range(n):
        rating = suspicion if place == 0 else rng.uniform(1.2, 2.4)
        diameter = max(3 * rating + rng.normal(), 2.0)
        volume = np.pi / 6 * diameter**3
        numbers[place] = [rating, 0.5, 0.9, 1, diameter, volume, -100, rng.random(), 0.1, 1]
    planes = rng.normal(0, 0.1, (2, TOP_K, 6, 32, 32)).astype(np.float32)
    planes[:, 0] += (suspicion - 3) / 2
    planes[:, n:] = 0
    hu = rng.normal(-850, 20, VOLUME)
    lungs = np.zeros(VOLUME, np.uint8)
    lungs[4:28, 4:28, 3:15], lungs[4:28, 4:28, 17:29] = 2, 1
    k, j, i = rng.integers(6, 22, 3)
    hu[k : k + 4, j : j + 4, i : i + 4] += 200 * max(suspicion - 2, 0)
    grid = np.indices((32, 32, 32)) - 15.5
    masks = np.stack([((grid**2).sum(0) <= (numbers[place, 4] / 2) ** 2) & (place < n) for place in range(TOP_K)])
    return {
        "crops": np.where(masks, 40, -830).astype(np.int16),
        "masks": masks.astype(np.uint8),
        "volume": hu.astype(np.int16),
        "lungs": lungs,
        "seed": np.clip(rng.normal(0.3 + 0.05 * suspicion, 0.05, (20, 50, 50)), 0, 1).astype(np.float32),
        "fixed": planes[0],
        "scaled": planes[1],
        "features": (rng.normal(size=(TOP_K, len(FEATURES))) * (np.arange(TOP_K) < n)[:, None]).astype(np.float32),
        "numbers": numbers,
        "line": np.array([0.2, 0.1, 0.3, suspicion], np.float32),
    }


def make_store(path: Path, n: int = 48, seed: int = 0, folds: int = 3, spoil: str = "") -> Store:
    """n patients, 40 % with cancer, who are rated higher on the whole; all with times. The last two: refused, without a label.

    spoil: name of an array that is not a number in one patient, p004.
    """
    rng = np.random.default_rng(seed)
    (path / "patients").mkdir(parents=True)
    patients = []
    for number in range(n + 2):
        cancer = int(number % 5 in (1, 3))
        name = f"p{number:03d}"
        arrays = arrays_of(rng, float(np.clip(rng.normal(3.9 if cancer else 2.4, 0.9), 1, 5)))
        if spoil and name == "p004":
            arrays[spoil] = np.full_like(arrays[spoil], np.nan)
        time = float(rng.uniform(0.2, 2.8)) if cancer else float(rng.uniform(1.5, 4.0))
        label = Label(id=name, cancer=cancer, time_years=time, event=cancer) if number != n + 1 else None
        status = "refused" if number == n else "assessed"
        file = path / "patients" / file_name(name)
        if status == "assessed":
            file.write_bytes(pack({"status": status, "findings": []}, arrays))
        patients.append(
            StoredPatient(
                id=name, status=status, codes=(), label=label, group=name, fold=number // 5 % folds, file=file
            )
        )
    write_patients(path, patients)
    about = {"kind": KIND, "version": VERSION, "recipe": asdict(RECIPE), "hash": f"made {n} {seed} {spoil}"}
    (path / "store.json").write_text(json.dumps(about), "utf-8")
    return open_store(path)
