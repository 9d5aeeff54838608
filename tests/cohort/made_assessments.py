"""Small assessments made of a number, in place of the line: a cohort of them is prepared in a moment.

Run as a program it prepares such a cohort, so that a test can kill it: made_assessments.py COHORT STORE SECONDS_A_PATIENT.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lungrisk.core.findings import find
from lungrisk.core.geometry import axis_affine
from lungrisk.core.records import (
    Assessment,
    Estimate,
    Header,
    Likelihood,
    Lungs,
    Nodule,
    Rating,
    Scan,
    Source,
)

SPACING = (5.0, 4.0, 4.0)
SHAPE = (56, 64, 80)
FIRST = (-160.0, -128.0, -140.0)  # x, y, z


def made(seed: int, *, n_nodules: int = 2, limited: bool = False, noise: float = 0.0) -> Assessment:
    """A chest of two boxes of lung with vessels of its own, of seed; noise changes the voxels, not the lungs."""
    rng = np.random.default_rng(seed)
    hu = np.full(SHAPE, 40.0)
    left, right = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    left[8:48, 14:50, 44:70], right[8:48, 14:50, 10:36] = True, True
    hu[left | right] = -860 + 300 * (rng.random(int((left | right).sum())) > 0.85)
    hu += noise * np.random.default_rng(1).normal(size=SHAPE)
    affine = axis_affine(SPACING, FIRST)
    scan = Scan(
        hu=hu.astype(np.int16),
        affine=affine,
        header=Header(vendor=f"maker {seed % 2}"),
        source=Source(format="array", series_hash=f"{seed}-{noise}"),
    )
    nodules = tuple(_nodule(scan, place, rng) for place in range(n_nodules))
    return Assessment(
        status="limited" if limited else "assessed",
        scan=scan,
        lungs=Lungs(left=left, right=right, left_ml=3000.0, right_ml=3000.0, coverage=1.0),
        nodules=nodules,
        likelihood=Likelihood(value=0.2, low=0.1, high=0.4, floor=0.05, prevalence=0.263, basis="made"),
        findings=(find("geo.thick"),) if limited else (),
        provenance={"seconds": {"read": time.time()}, "date": time.ctime()},  # must not reach a store
    )


def _nodule(scan: Scan, place: int, rng: np.random.Generator) -> Nodule:
    index = np.array([12 + 4 * place, 20 + 3 * place, 50])
    affine = scan.affine.copy()
    affine[:3, 3] = scan.to_mm(index - 1)
    x, y, z = scan.to_mm(index).tolist()
    mean = float(rng.uniform(1, 5))
    return Nodule(
        id=f"n{place + 1}",
        centre_mm=(x, y, z),
        mask=np.ones((3, 3, 3), bool),
        affine=affine,
        side="left",
        third="upper",
        diameter_mm=12.0 + place,
        long_mm=13.0,
        short_mm=11.0,
        max_3d_mm=14.0,
        volume_mm3=Estimate(value=900.0, low=700.0, high=1100.0),
        mean_hu=-20.0,
        type="solid",
        nodule_probability=0.9,
        malignancy=Rating(mean=mean, sd=0.5, low=mean - 1, high=mean + 1),
        accepted=place == 0,
        slice_index=int(index[0]),
        contribution=0.1,
    )


def assess_made(path: Path) -> Assessment:
    """In place of `assess`: the file `scan` of a patient's folder says what comes of him."""
    words = (path / "scan").read_text("utf-8").split()
    match words[0]:
        case "crash":
            raise ZeroDivisionError("a name that no file may hold")
        case "memory":
            raise MemoryError
        case "refuse":
            findings = (find("anat.no_lung"),)
            return Assessment(
                status="refused",
                scan=None,
                lungs=None,
                nodules=(),
                likelihood=None,
                findings=findings,
                provenance={},
            )
        case "limit":
            return made(int(words[1]), limited=True)
        case "noisy":
            return made(int(words[1]), noise=20.0)
        case number:
            return made(int(number))


def cohort(folder: Path, **patients: str) -> Path:
    """A cohort that `assess_made` reads: id to the words of the scan."""
    for name, words in patients.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "scan").write_text(words, "utf-8")
    return folder


def contents(store: Path) -> dict[str, bytes]:
    """Every file of a store but its lock."""
    files = [file for file in sorted(store.rglob("*")) if file.is_file() and file.name != ".lock"]
    return {file.relative_to(store).as_posix(): file.read_bytes() for file in files}


def main() -> None:
    """Prepare a made cohort, so slowly that it can be killed."""
    from lungrisk.cohort import preparing

    source, out, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])

    def slowly(path: Path) -> Assessment:
        time.sleep(seconds)
        return assess_made(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparing, "assess", slowly)
        preparing.prepare_cohort(source, out)


if __name__ == "__main__":
    main()
