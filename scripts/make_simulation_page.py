"""Draw the picture of docs/simulation.md and write the page: `python scripts/make_simulation_page.py`.

The figures of the page are computed here from the drawn patients of two cohorts; no scan is needed for them.
"""

import sys
from pathlib import Path
from string import Template

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lungrisk.core.geometry import Affine, apply_affine
from lungrisk.simulation.acquisition import scan_patient
from lungrisk.simulation.patients import BENIGN, SUSPICIOUS, Nodule, Patient, draw_patient
from lungrisk.simulation.truth import CEILING, FLOOR, MIDDLE, WIDTH, best_log_loss

ROOT = Path(__file__).parents[1]
COHORTS = ((1, 200), (2, 100))  # seed and patients
SHOWN = 3  # patient of seed 1 in the upper row
CLOSE_UP_MM, TILE, WIDE = 40.0, 200, 400
LUNG, MEDIASTINUM = (-600.0, 1500.0), (40.0, 400.0)


def main() -> int:
    """Make picture and page again. Gives the exit code."""
    cohorts = {cohort: [draw_patient(cohort[0], number) for number in range(cohort[1])] for cohort in COHORTS}
    picture = ROOT / "docs" / "pictures" / "simulated.webp"
    Image.fromarray(
        np.vstack(
            [chest(cohorts[COHORTS[0]][SHOWN]), gallery([one for patients in cohorts.values() for one in patients])]
        )
    ).save(picture, "WEBP", quality=72, method=6)
    rows = [figures_row(seed, patients) for (seed, _), patients in cohorts.items()]
    text = Template((ROOT / "scripts" / "simulation.template.md").read_text("utf-8")).substitute(
        rows="\n".join(rows), floor=FLOOR, ceiling=CEILING, middle=MIDDLE, width=WIDTH
    )
    (ROOT / "docs" / "simulation.md").write_text(text, "utf-8")
    return 0


def figures_row(seed: int, patients: list[Patient]) -> str:
    """A cohort as a row of the page's table."""
    risk = np.array([one.risk for one in patients])
    label = np.array([one.label for one in patients])
    drawn = -np.where(label == 1, np.log(risk), np.log(1 - risk))
    base = best_log_loss(np.full(len(label), label.mean()))
    above = (risk[label == 1][:, None] > risk[label == 0][None]) + 0.5 * (
        risk[label == 1][:, None] == risk[label == 0][None]
    )
    nodules = sum(len(one.nodules) for one in patients) / len(patients)
    return (
        f"| `--patients {len(patients)} --seed {seed}` | {label.sum()} | {risk.mean():.3f} | {nodules:.2f} | {best_log_loss(risk):.3f} | "
        f"{drawn.mean():.3f} | {base:.3f} | {above.mean():.3f} |"
    )


def chest(patient: Patient) -> NDArray[np.uint8]:
    """Four pictures of a patient in a row: axial and coronal in the lung window, axial in the mediastinal one, a projection."""
    hu, affine, _ = scan_patient(patient)
    k, j, _ = index_of(affine, (0.0, 10.0, -5.0))
    high, _, _ = index_of(affine, (0.0, 0.0, 40.0))
    thick = hu[::-1, j - 12 : j + 12].max(axis=1)
    tall = round(hu.shape[0] * patient.scanner.spacing_mm / patient.scanner.pixel_mm)
    planes = [
        Image.fromarray(grey(hu[high], LUNG)),
        Image.fromarray(grey(hu[k], MEDIASTINUM)),
        Image.fromarray(grey(hu[::-1, j], LUNG)).resize((hu.shape[2], tall)),
        Image.fromarray(grey(thick, LUNG)).resize((hu.shape[2], tall)),
    ]
    return np.hstack([framed(plane, WIDE) for plane in planes])


def gallery(patients: list[Patient]) -> NDArray[np.uint8]:
    """Close-ups of two nodules of each family, with size and score."""
    shown: dict[str, list[NDArray[np.uint8]]] = {family.name: [] for family in (*BENIGN, *SUSPICIOUS)}
    for patient in patients:
        wanted = [one for one in patient.nodules if len(shown[one.family]) < 2]
        if wanted:
            hu, affine, _ = scan_patient(patient)
            for nodule in wanted:
                shown[nodule.family].append(close_up(hu, affine, nodule))
    empty = np.zeros((TILE, TILE), np.uint8)
    pairs = [(*tiles, empty, empty) for tiles in shown.values()]
    return np.vstack([np.hstack([pair[row] for pair in pairs]) for row in (0, 1)])


def close_up(hu: NDArray[np.int16], affine: Affine, nodule: Nodule) -> NDArray[np.uint8]:
    k, j, i = index_of(affine, nodule.centre_mm)
    half = round(CLOSE_UP_MM / 2 / affine[0, 2])
    plane = np.pad(hu[k], half, constant_values=-1000)[j : j + 2 * half, i : i + 2 * half]
    tile = Image.fromarray(grey(plane, LUNG)).resize((TILE, TILE), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(tile)
    for top, words in ((0, nodule.family), (TILE - 15, f"{nodule.diameter_mm:.0f} mm, score {nodule.score:.1f}")):
        pen.rectangle((0, top, TILE, top + 15), fill=0)
        pen.text((5, top + 2), words, fill=255)
    return np.asarray(tile)


def index_of(affine: Affine, point: tuple[float, float, float]) -> tuple[int, int, int]:
    k, j, i = np.rint(apply_affine(np.asarray(np.linalg.inv(affine), np.float64), point)).astype(int).tolist()
    return k, j, i


def grey(hu: NDArray[np.int16], window: tuple[float, float]) -> NDArray[np.uint8]:
    low = window[0] - window[1] / 2
    return np.asarray(np.clip((hu - low) / window[1], 0, 1) * 255, np.uint8)


def framed(plane: Image.Image, size: int) -> NDArray[np.uint8]:
    plane.thumbnail((size, size), Image.Resampling.LANCZOS)
    plane = plane.resize((size, round(plane.height * size / plane.width)))
    frame = Image.new("L", (size, size))
    frame.paste(plane, (0, (size - plane.height) // 2))
    return np.asarray(frame)


if __name__ == "__main__":
    sys.exit(main())
