"""What `lungrisk prepare` costs a patient, measured with 1 and 2 workers, and what follows for large cohorts on many cores.

    python scripts/scale.py [COHORT] [-o out/scale] [--docs]

COHORT: a folder of patients, as `lungrisk simulate cohort` writes (its stage1/); without it, 6 patients are simulated. Writes out/scale.json; --docs
puts the tables into docs/scale.md. The model: start + patients / workers x seconds a patient, rounded up to whole rounds, then
the end, in one process, and never faster than the storage delivers the scans. Its prediction for 2 workers is set beside the measurement.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pages import fill_in

LUNGRISK = [sys.executable, "-c", "from lungrisk.cli import main; main()"]
COHORTS, CORES = (1595, 100_000), (2, 64, 1000)
STORAGE_GB_S = (1.0, 10.0)  # what many readers get together: a filer, a parallel file system
BOWL_BYTES = 94e6  # of a patient's DICOM in the Bowl: 179 slices of 512 KiB
SCHEDULER_S = 0.001  # of Dask a task, as its documentation says


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: seconds by the clock, of all its processes (user, system), and the peak of the largest of them."""

    wall: float
    user: float
    system: float
    peak_mb: float

    @property
    def cpu(self) -> float:
        """Processor seconds."""
        return self.user + self.system


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Seconds: to start, a patient by one worker, a patient at the end (in one process). Bytes a patient: read, written."""

    start: float
    patient: float
    end: float
    read: float
    written: float

    def seconds(self, patients: int, workers: int, bytes_s: float = math.inf) -> float:
        """How long `workers` take, where the storage delivers `bytes_s` to all of them together."""
        work = math.ceil(patients / workers) * self.patient
        storage = patients * (self.read + self.written) / bytes_s
        return self.start + max(work, storage, patients * SCHEDULER_S if workers > 2 else 0.0) + patients * self.end


def main() -> int:
    """Measure, model, print. Gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path, nargs="?", help="a folder of patients")
    parser.add_argument("-o", "--out", type=Path, default=Path("out/scale"))
    parser.add_argument("--docs", action="store_true", help="put the tables into docs/scale.md")
    options = parser.parse_args()
    out: Path = options.out
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    cohort = options.cohort
    if cohort is None:
        subprocess.run([*LUNGRISK, "simulate", "cohort", "-o", str(out / "cohort"), "--patients", "6"], check=True)
        cohort = out / "cohort" / "stage1"
    load = os.getloadavg()[0]
    figures = measure(cohort, out)
    figures |= {"load": round(load, 1), "date": datetime.now(UTC).date().isoformat(), "cores": os.cpu_count()}
    (out / "scale.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    text = tables(figures)
    print(text)
    if options.docs:
        fill_in("scale.md", "scale", text)
    return 0


def measure(cohort: Path, out: Path) -> dict[str, Any]:
    """The runs, and the model that follows from the one with one worker."""
    (out / "nobody" / "empty").mkdir(parents=True)
    start = prepare(out / "nobody", out / "store-0", 1)
    one = prepare(cohort, out / "store-1", 1)
    again = prepare(cohort, out / "store-1", 1)  # nothing is left to do but the end
    two = prepare(cohort, out / "store-2", 2)
    patients = sorted(entry for entry in cohort.iterdir() if entry.is_dir())
    stored = [file for file in (out / "store-1" / "patients").iterdir() if file.suffix == ".npz"]
    model = Model(
        start=start.cpu,
        patient=(one.cpu - start.cpu) / len(patients),
        end=max(0.0, again.cpu - start.cpu) / len(patients),
        read=BOWL_BYTES,
        written=sum(file.stat().st_size for file in stored) / len(stored),
    )
    files = [file for one in patients for file in one.rglob("*") if file.is_file()]
    return {
        "patients": len(patients),
        "slices": len(files) / len(patients),
        "bytes": sum(file.stat().st_size for file in files) / len(patients),
        "runs": {"start": asdict(start), "1": asdict(one), "2": asdict(two)},
        "model": asdict(model),
        "predicted_2": model.seconds(len(patients), 2),
    }


def prepare(cohort: Path, store: Path, workers: int) -> Run:
    """One `lungrisk prepare`, one thread a process."""
    command = [*LUNGRISK, "prepare", str(cohort), "-o", str(store), "--workers", str(workers), "--quiet"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begin
    if process.returncode not in {0, 4}:
        raise SystemExit(f"prepare ended with {process.returncode}")
    return Run(wall=wall, user=used.ru_utime, system=used.ru_stime, peak_mb=used.ru_maxrss / 1024)


def tables(figures: dict[str, Any]) -> str:
    """What was measured, and the model, as Markdown."""
    model, n = Model(**figures["model"]), figures["patients"]
    lines = [
        f"Measured {figures['date']} on {figures['cores']} cores, load {figures['load']} when it began; {n} patients of "
        f"{figures['slices']:.0f} files and {figures['bytes'] / 1e6:.0f} MB. Where others use the cores, the clock says little and processor seconds "
        "are the figure to read.",
        "",
        "| workers | seconds by the clock | processor seconds, user + system | a patient | peak MB of a process |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, workers in (("1", 1), ("2", 2)):
        run = Run(**figures["runs"][name])
        each = (run.cpu - workers * model.start) / n
        lines.append(
            f"| {workers} | {run.wall:.1f} | {run.user:.1f} + {run.system:.1f} | {each:.1f} | {run.peak_mb:.0f} |"
        )
    two = Run(**figures["runs"]["2"])
    lines += [
        "",
        f"Start {model.start:.1f} s, {model.patient:.1f} s a patient, {1000 * model.end:.1f} ms a patient at the end (in one process), {model.written / 1e6:.1f} MB "
        f"written. The model says {figures['predicted_2']:.1f} s for {n} patients on 2 workers; measured: {two.wall:.1f} s by the clock, {two.cpu / 2:.1f} processor "
        "seconds a worker.",
        "",
        "| patients | cores | compute alone | reads | storage 1 GB/s | storage 10 GB/s | store |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for patients in COHORTS:
        for cores in CORES:
            rate = cores * (model.read + model.written) / model.patient
            by_storage = " | ".join(span(model.seconds(patients, cores, 1e9 * speed)) for speed in STORAGE_GB_S)
            size = patients * model.written
            lines.append(
                f"| {patients:,} | {cores:,} | {span(model.seconds(patients, cores))} | {rate / 1e9:.2g} GB/s | {by_storage} | "
                f"{f'{size / 1e12:.2f} TB' if size > 1e12 else f'{size / 1e9:.0f} GB'} |"
            )
    return "\n".join(lines)


def span(seconds: float) -> str:
    """Seconds as a person says them."""
    for unit, length in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
