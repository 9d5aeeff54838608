"""A folder of nodules with readers' outlines and ratings: `lidc-slices.csv` with its arrays, `luna16-patches.*`.

Stacks of native axial slices around a nodule that end where the nodule ends; patches are single slices around a candidate.
"""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.errors import InputError, LungriskError, UsageFault
from lungrisk.core.findings import find
from lungrisk.core.geometry import Affine, axis_affine

RATINGS = (
    "subtlety",
    "internalStructure",
    "calcification",
    "sphericity",
    "margin",
    "lobulation",
    "spiculation",
    "texture",
    "malignancy",
)
DEMO_PATIENT = "LIDC-IDRI-0001"  # the public demo's scan: never in the training of what is shipped


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NoduleStack:
    """One nodule.

    hu: (k, j, i) float32 HU, k ascending towards the head. readers: (r, k, j, i) bool, one outline a reader.
    ratings: name to (r,) float. affine: (4, 4) to mm, voxel (0, 0, 0) at the origin. row: the row of the table as text.
    """

    id: str
    patient: str
    hu: NDArray[np.float32]
    readers: NDArray[np.bool_]
    ratings: dict[str, NDArray[np.float64]]
    affine: Affine
    hu_quality: int
    row: dict[str, str]

    @property
    def n_readers(self) -> int:
        """How many readers outlined it."""
        return len(self.readers)

    @property
    def consensus(self) -> NDArray[np.bool_]:
        """(k, j, i) bool: inside the outline of at least half of the readers."""
        inside: NDArray[np.bool_] = 2 * self.readers.sum(axis=0) >= self.n_readers
        return inside

    @property
    def malignancy(self) -> float:
        """Mean of the readers' ratings, 1..5."""
        return float(self.ratings["malignancy"].mean())

    @property
    def diameter_mm(self) -> float:
        """Mean over readers of the diameter of the sphere of the outline's volume."""
        return float(self.row["diameter_eq_mm"])

    @property
    def calcified(self) -> bool:
        """Most readers call it calcified (6 = no calcification)."""
        return bool(np.mean(self.ratings["calcification"] < 6) > 0.5)


@contextmanager
def _typed(folder: Path) -> Iterator[None]:
    """What tables and arrays of somebody else raise, as a finding. Raises InputError (`coh.nodules`)."""
    try:
        yield
    except (LungriskError, MemoryError):
        raise
    except Exception as error:  # of parsers of strange bytes no list is closed
        raise InputError(find("coh.nodules", found=type(error).__name__, files=[folder.name])) from error


def _read_table(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise UsageFault(find("use.missing", found=str(path), expected="a folder laid out as the documentation says"))
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream, strict=True))


def read_nodules(folder: str | Path) -> list[NoduleStack]:
    """All nodules of a folder, in the order of its table; those whose masks are empty (outside the window) are left out.

    Raises UsageFault (`use.missing`) when the table or an array file is not there, InputError (`coh.nodules`) when they cannot be read.
    """
    with _typed(Path(folder)):
        return _stacks(Path(folder))


def _stacks(folder: Path) -> list[NoduleStack]:
    shards: dict[str, dict[str, NDArray[Any]]] = {}
    stacks = []
    for row in _read_table(folder / "lidc-slices.csv"):
        shard = row["shard"]
        if shard not in shards:
            with _shard_path(folder, shard).open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
                shards[shard] = {name: arrays[name] for name in ("image", "mask", "hu_lo", "hu_gain")}
        part = slice(int(row["start"]), int(row["start"]) + int(row["n_slices"]))
        arrays = shards[shard]
        hu = arrays["hu_lo"][part, None, None] + arrays["hu_gain"][part, None, None] * arrays["image"][part]
        # all four bits are looked at: in some stacks the bits in use are not 0..n-1
        readers = np.stack([(arrays["mask"][part] >> bit) & 1 for bit in range(4)]).astype(bool)
        readers = readers[readers.any(axis=(1, 2, 3))]
        if not len(readers):
            continue
        if readers.shape[1:] != hu.shape:
            raise ValueError("masks of another shape")
        spacing = float(row["slice_spacing_mm"]), float(row["pixel_spacing_mm"]), float(row["pixel_spacing_mm"])
        stacks.append(
            NoduleStack(
                id=row["nodule_id"],
                patient=row["patient"],
                hu=np.clip(hu, -1024, None).astype(np.float32),
                readers=readers,
                ratings={name: np.array([float(v) for v in row[name].split(";") if v]) for name in RATINGS},
                affine=axis_affine(spacing),
                hu_quality=int(row["hu_quality"]),
                row=row,
            )
        )
    return stacks


def _shard_path(folder: Path, shard: str) -> Path:
    path = folder / (shard if shard.endswith(".npz") else f"lidc-slices-{shard}.npz")
    if path.parent != folder:
        raise ValueError("a path in the table")
    if not path.is_file():
        raise UsageFault(find("use.missing", found=str(path)))
    return path


def read_patches(folder: str | Path) -> tuple[NDArray[np.float32], NDArray[np.int64], list[dict[str, str]]]:
    """All candidate patches: (n, 50, 50) float32 HU, (n,) label (1 = nodule), and the rows of the table (`group` parts the folds).

    Raises as `read_nodules`.
    """
    folder = Path(folder)
    with _typed(folder):
        rows = _read_table(folder / "luna16-patches.csv")
        with (folder / "luna16-patches.npz").open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            hu = (-1000 + arrays["image"].astype(np.float32) / 255 * 1400).astype(np.float32)
            label = arrays["label"].astype(np.int64)
        if hu.ndim != 3 or not len(hu) == len(rows) == len(label):
            raise ValueError("shapes")
        return hu, label, rows
