"""A simulated cohort in the Bowl's layout: stage1/<id>/*.dcm, stage1_labels.csv, and the truth beside it."""

import csv
import io
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from lungrisk.core.errors import EnvironmentFault, UsageFault
from lungrisk.core.files import write_atomic
from lungrisk.core.findings import find
from lungrisk.core.parsing import parse_json
from lungrisk.simulation.acquisition import in_scan, scan_patient
from lungrisk.simulation.bowl_series import slice_files
from lungrisk.simulation.patients import Patient, draw_patient
from lungrisk.simulation.thorax_slices import scan_affine
from lungrisk.simulation.truth import best_log_loss

FEW_POSITIVE = 10  # as training asks for
KIND, VERSION = "lungrisk-simulated-cohort", 2
TRUTH_COLUMNS = (
    *("id", "risk", "nodules", "highest_score", "largest_mm"),
    *("vendor", "kernel", "sharp", "bare_header", "stored", "rising"),
    *("thickness_mm", "spacing_mm", "pixel_mm", "slices", "noise_hu"),
    *("size", "half_width_mm", "half_depth_mm", "lung_hu", "emphysema"),
)
NODULE_COLUMNS = (
    *("id", "nodule", "x_mm", "y_mm", "z_mm", "diameter_mm", "type", "family", "solid_share", "hu"),
    *("spiculation", "lobulation", "side", "third", "score"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortOptions:
    """patients: how many. unlabelled: of those, how many of the last have no row in the labels. workers: processes.

    overwrite: a simulated cohort of another seed, or of more patients, at the place is made anew.
    """

    patients: int
    seed: int = 0
    unlabelled: int = 0
    workers: int = 1
    overwrite: bool = False


def simulate_cohort(out: Path, options: CohortOptions, progress: Callable[[str], None] | None = None) -> Path:
    """Write a cohort; the same options give the same bytes for any number of workers. Gives the folder.

    A patient's folder is whole or absent: what an interrupted run finished is kept, and more patients may be asked for later.
    progress: is told each patient as it is done. Raises UsageFault (`use.option`, `use.output`), EnvironmentFault (`env.disk`, `coh.worker`).
    """
    _claim(out, options)
    rows: dict[int, tuple[dict[str, Any], list[dict[str, Any]]]] = {}
    for number, truth, nodules in _each(out, options):
        rows[number] = truth, nodules
        if progress is not None:
            progress(f"patient {len(rows)} of {options.patients}")
    shutil.rmtree(out / "partial", ignore_errors=True)
    truths = [rows[number][0] for number in sorted(rows)]
    labelled = truths[: options.patients - options.unlabelled]
    nodules = [one for number in sorted(rows) for one in rows[number][1]]
    write_atomic(out / "stage1_labels.csv", _table(("id", "cancer"), labelled))
    write_atomic(out / "nodules.csv", _table(NODULE_COLUMNS, nodules))
    write_atomic(out / "truth.csv", _table(TRUTH_COLUMNS, truths))
    return out


def best_possible(folder: Path) -> float:
    """The best log loss that can be expected on a simulated cohort, from the risks in its truth.csv.

    Raises UsageFault (`use.missing`) where there is no truth.
    """
    path = folder / "truth.csv"
    if not path.is_file():
        raise UsageFault(find("use.missing", found=str(path)))
    with path.open(newline="", encoding="utf-8") as file:
        return best_log_loss(np.array([float(row["risk"]) for row in csv.DictReader(file)]))


def _claim(out: Path, options: CohortOptions) -> None:
    """Mark the folder as this cohort's; refuse one that holds anything else: simulated patients are never mixed with others."""
    if options.patients < 1 or not 0 <= options.unlabelled <= options.patients or options.workers < 1:
        found = f"{options.patients} patients, {options.unlabelled} unlabelled, {options.workers} workers"
        raise UsageFault(find("use.option", found=found, expected="at least one patient and one worker"))
    mark, own = out / "cohort.json", {"kind": KIND, "version": VERSION, "seed": options.seed}
    if mark.is_file() or (out / "stage1").exists():
        there = _read_mark(mark)
        fits = {key: there.get(key) for key in own} == own and there.get("patients", 0) <= options.patients
        if not fits and options.overwrite and there.get("kind") == KIND:
            for part in ("stage1", "partial"):
                shutil.rmtree(out / part, ignore_errors=True)
        elif not fits:
            expected = f"an empty folder, or one with a simulated cohort of seed {options.seed} and no more patients"
            raise UsageFault(find("use.output", found=str(out), expected=expected))
    if len(_rows(out / "truth.csv")) != options.patients:
        (out / "truth.csv").unlink(missing_ok=True)  # it is written last, when everything is there
    own |= {"patients": options.patients, "unlabelled": options.unlabelled}
    write_atomic(mark, json.dumps(own, indent=1) + "\n")


def _read_mark(mark: Path) -> dict[str, Any]:
    """What cohort.json says; nothing where it cannot be read."""
    try:
        there = parse_json(mark.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    whole = isinstance(there, dict) and isinstance(there.get("patients"), int)
    return there if whole else {}


def few_positive(folder: Path) -> bool:
    """Whether fewer than 10 of a cohort's labels are cancer: no network is trained on that."""
    return sum(row.endswith(",1") for row in _rows(folder / "stage1_labels.csv")) < FEW_POSITIVE


def _rows(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()[1:] if path.is_file() else []


def _each(out: Path, options: CohortOptions) -> Iterator[tuple[int, dict[str, Any], list[dict[str, Any]]]]:
    if options.workers == 1:
        for number in range(options.patients):
            yield number, *write_patient(out, options.seed, number)
        return
    todo = list(range(options.patients))
    for attempt in (1, 2):  # a process that was killed stops all of a pool: what is not there yet is tried once more
        with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
            pending = {pool.submit(write_patient, out, options.seed, number): number for number in todo}
            try:
                for done in as_completed(pending):
                    result = done.result()
                    todo.remove(pending[done])
                    yield pending[done], *result
                return
            except BrokenProcessPool as error:
                if attempt == 2:
                    raise EnvironmentFault(find("coh.worker")) from error
            finally:
                pool.shutdown(cancel_futures=True)


def write_patient(out: Path, seed: int, number: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Write a patient's folder unless it is there; gives the row of truth.csv (with the label) and the rows of nodules.csv."""
    patient = draw_patient(seed, number)
    folder = out / "stage1" / patient.id
    if not folder.is_dir():
        partial = out / "partial" / patient.id
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir(parents=True)
            folder.parent.mkdir(parents=True, exist_ok=True)
            hu, affine, circle = scan_patient(patient)
            placed = affine.copy()
            placed[:3, 3] += patient.origin_mm
            for name, content in slice_files(patient, hu, placed, circle):
                (partial / name).write_bytes(content)
            partial.rename(folder)
        except OSError as error:
            raise EnvironmentFault(find("env.disk", found=error.strerror, files=[folder.name])) from error
    return _truth(patient), [_nodule_row(patient, row) for row in range(len(patient.nodules))]


def _truth(patient: Patient) -> dict[str, Any]:
    scanner, thorax = patient.scanner, patient.thorax
    slices, _ = scan_affine(thorax, scanner)
    return {
        "id": patient.id,
        "risk": f"{patient.risk:.6f}",
        "cancer": patient.label,
        "nodules": len(patient.nodules),
        "highest_score": f"{max((one.score for one in patient.nodules), default=0.0):.3f}",
        "largest_mm": f"{max((one.diameter_mm for one in patient.nodules), default=0.0):.2f}",
        "vendor": scanner.vendor.name,
        "kernel": scanner.kernel,
        "sharp": int(scanner.sharp),
        "bare_header": int(scanner.bare),
        "stored": scanner.storing,
        "rising": int(scanner.rising),
        "thickness_mm": scanner.thickness_mm,
        "spacing_mm": scanner.spacing_mm,
        "pixel_mm": scanner.pixel_mm,
        "slices": slices,
        "noise_hu": f"{scanner.noise_hu:.1f}",
        "size": f"{thorax.size:.3f}",
        "half_width_mm": f"{thorax.half_width_mm:.1f}",
        "half_depth_mm": f"{thorax.half_depth_mm:.1f}",
        "lung_hu": f"{thorax.lung_hu:.0f}",
        "emphysema": f"{thorax.emphysema:.2f}",
    }


def _nodule_row(patient: Patient, row: int) -> dict[str, Any]:
    nodule = patient.nodules[row]
    x, y, z = in_scan(patient, nodule.centre_mm)
    return {
        "id": patient.id,
        "nodule": row + 1,
        "x_mm": x,
        "y_mm": y,
        "z_mm": z,
        "diameter_mm": nodule.diameter_mm,
        "type": nodule.kind,
        "family": nodule.family,
        "solid_share": nodule.solid_share,
        "hu": nodule.hu,
        "spiculation": nodule.spiculation,
        "lobulation": nodule.lobulation,
        "side": nodule.side,
        "third": nodule.third,
        "score": f"{nodule.score:.3f}",
    }


def _table(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
