"""Draw the documentation's pictures and write docs/walk.md: `make docs-pictures`.

One real scan (the demo's) goes down the line; the pictures are those of `view` and of the report in a browser, made smaller, and the
numbers on the page are those of this very run.
"""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from string import Template
from typing import Any

from PIL import Image

from lungrisk.assessment import assess
from lungrisk.report import to_json
from lungrisk.simulation.demo_scan import fetch_demo

ROOT = Path(__file__).parents[1]
WORK = ROOT / "out" / "walk"
PICTURES = ROOT / "docs" / "pictures"
WIDEST, QUALITY = 1100, 78
NAMES = ("slices", "planes", "mip", "surface", "histogram", "report")


def main() -> int:
    """Make everything again. Gives the exit code."""
    source = fetch_demo(WORK / "scan")
    if source.findings:
        print(f"{source.findings[0].sentence()}\nthe pictures show the real scan only", file=sys.stderr)
        return 1
    result = assess(source.folder)
    result.write(WORK / "report")
    record = to_json(replace(result))
    shot = subprocess.run(
        [ROOT / "scripts" / "screenshot.sh", WORK / "report" / "report.html", WORK / "report" / "report.png"],
        check=False,
    )
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        picture = WORK / "report" / f"{name}.png"
        if picture.is_file():
            shrink(picture, PICTURES / f"{name}.webp")
    (ROOT / "docs" / "walk.md").write_text(page(record), "utf-8")
    return 0 if shot.returncode == 0 else 5


def shrink(picture: Path, target: Path) -> None:
    """A picture as WebP, no wider than the page."""
    with Image.open(picture) as image:
        small = image.convert("RGB")
        small.thumbnail((WIDEST, 4 * WIDEST), Image.Resampling.LANCZOS)
        small.save(target, "WEBP", quality=QUALITY, method=6)


def page(record: dict[str, Any]) -> str:
    """docs/walk.md with the numbers of an assessment."""
    scan, lungs, likelihood = record["scan"], record["lungs"], record["likelihood"]
    accepted = [nodule for nodule in record["nodules"] if nodule["accepted"]]
    values = {
        "slices": scan["slices"],
        "matrix": f"{scan['matrix'][0]} x {scan['matrix'][1]}",
        "spacing": " x ".join(f"{length:.3g}" for length in scan["spacing_mm"]),
        "left": f"{lungs['left_ml'] / 1000:.2f}",
        "right": f"{lungs['right_ml'] / 1000:.2f}",
        "n_listed": len(record["nodules"]),
        "n_accepted": len(accepted),
        "nodules": "\n".join(nodule_row(one) for one in accepted[:5]),
        "value": f"{likelihood['value']:.2f}",
        "low": f"{likelihood['low']:.2f}",
        "high": f"{likelihood['high']:.2f}",
        "prevalence": f"{likelihood['prevalence']:.3g}",
        "basis": likelihood["basis"],
        "status": record["status"],
        "findings": findings_table(record["findings"]),
    }
    return Template((ROOT / "scripts" / "walk.template.md").read_text("utf-8")).substitute(values)


def findings_table(findings: list[dict[str, Any]]) -> str:
    """The findings as a table, or a sentence where there are none."""
    if not findings:
        return "None: nothing was mended and nothing limits what was judged. [The table of findings](findings.md)."
    rows = [f"| `{one['code']}` | {one['severity']} | {one['message']} | {one['found'] or ''} |" for one in findings]
    return "\n".join(["| code | severity | what | found |", "| --- | --- | --- | --- |", *rows])


def nodule_row(nodule: dict[str, Any]) -> str:
    """A nodule as a row of the page's table."""
    x, y, z = nodule["centre_mm"]
    rating, volume = nodule["malignancy"], nodule["volume_mm3"]
    return (
        f"| {nodule['id']} | {nodule['side']} {nodule['lobe_or_third']} | {x:.1f}, {y:.1f}, {z:.1f} | {nodule['diameter_mm']['mean']:.1f} | "
        f"{volume['value']:.0f} ({volume['low']:.0f} to {volume['high']:.0f}) | {nodule['type']} | "
        f"{rating['mean']:.1f} ({rating['low']:.1f} to {rating['high']:.1f}) | {nodule['contribution']:.2f} |"
    )


if __name__ == "__main__":
    sys.exit(main())
