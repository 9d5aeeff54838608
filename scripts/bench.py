"""Seconds and peak memory of each room, beside a floor or a peer for the same job in the same run: `make bench`.

    python scripts/bench.py [--no-install] [--docs]

Every job runs in processes of its own on the demo's scan (133 slices of 512 x 512), or on a simulated one without a network. The best of
three is taken, so that other load disturbs least. Writes out/bench.json; --docs puts the table into docs/performance.md.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pages import fill_in

REPEATS = 3
OUT = Path("out/bench.json")


def main() -> int:
    """Measure everything, print and keep it. Gives the exit code."""
    parser = argparse.ArgumentParser(description="seconds and peak memory of each room")
    parser.add_argument("--no-install", action="store_true", help="do not measure the size of a fresh install")
    parser.add_argument("--docs", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--job", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        run_job(options.job[0], Path(options.job[1]))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        figures = measure(Path(scratch))
        if not options.no_install:
            figures["install_mb"] = install_mb(Path(scratch) / "install")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    text = table(figures)
    print(text)
    if options.docs:
        fill_in("performance.md", "bench", text)
    return 0


def measure(scratch: Path) -> dict[str, Any]:
    """All rooms and their peers, with what was measured on what."""
    from lungrisk.simulation.demo_scan import fetch_demo

    source = fetch_demo(scratch)
    (scratch / "place.txt").write_text(str(source.folder))
    start(["--job", "keep", str(scratch)])
    rows: dict[str, Any] = {}
    for name in JOBS:
        if name != "keep":
            runs = [start(["--job", name, str(scratch)]) for _ in range(REPEATS)]
            rows[name] = {
                "seconds": min(run["seconds"] for run in runs),
                "peak_mb": max(run["peak_mb"] for run in runs),
            }
    rows["lungrisk --help"] = process(["-c", "from lungrisk.cli import main; main()", "--help"])
    rows["import numpy"] = process(["-c", "import numpy"])
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "load": round(os.getloadavg()[0], 2),
        "scan": "simulated" if source.findings else "LIDC-IDRI-0001, 133 x 512 x 512",
        "rows": rows,
    }


def start(words: list[str]) -> dict[str, float]:
    """Run this script on one job in a fresh process."""
    run = subprocess.run([sys.executable, __file__, *words], stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return result


def process(words: list[str]) -> dict[str, float]:
    """Wall time of a whole Python process, best of five."""
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - begin)
    return {"seconds": min(times)}


def run_job(name: str, scratch: Path) -> None:
    """One job: load what it needs, time it, print the figures as JSON."""
    job = JOBS[name](scratch)
    begin = time.perf_counter()
    job()
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": round(seconds, 3), "peak_mb": round(peak_mb())}))


def peak_mb() -> float:
    """Peak memory of this process, MB."""
    status = Path("/proc/self/status")
    if status.is_file():  # ru_maxrss of Linux holds the peak of the process that started this one
        (line,) = [one for one in status.read_text().splitlines() if one.startswith("VmHWM:")]
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def folder_of(scratch: Path) -> Path:
    """The DICOM series that is measured on."""
    return Path((scratch / "place.txt").read_text())


def scan_of(scratch: Path) -> Any:
    """The scan, loaded without the reader."""
    import numpy as np

    from lungrisk.core.records import Scan

    return Scan(hu=np.load(scratch / "hu.npy"), affine=np.load(scratch / "affine.npy"))


def keep(scratch: Path) -> Callable[[], Any]:
    """Read once and keep the arrays for the other jobs."""
    import numpy as np

    from lungrisk.formats import read

    def job() -> None:
        scan = read(folder_of(scratch))
        np.save(scratch / "hu.npy", scan.hu)
        np.save(scratch / "affine.npy", scan.affine)

    return job


def read_ours(scratch: Path) -> Callable[[], Any]:
    """The reader, with the import of pydicom in it."""
    from lungrisk.formats import read

    return lambda: read(folder_of(scratch))


def read_floor(scratch: Path) -> Callable[[], Any]:
    """Every file's bytes into one block, the offset known: no header is looked at."""
    import numpy as np

    files = sorted(folder_of(scratch).glob("*.dcm"))
    side = np.load(scratch / "hu.npy", mmap_mode="r").shape[1:]

    def job() -> None:
        block = np.empty((len(files), *side), np.int16)
        for index, file in enumerate(files):
            block[index] = np.frombuffer(file.read_bytes()[-block[0].nbytes :], np.int16).reshape(side)

    return job


def check_ours(scratch: Path) -> Callable[[], Any]:
    """The judgement of the scan."""
    from lungrisk.quality import check

    scan = scan_of(scratch)
    return lambda: check(scan)


def check_floor(scratch: Path) -> Callable[[], Any]:
    """One pass over the voxels."""
    scan = scan_of(scratch)
    return lambda: (scan.hu.min(), scan.hu.max())


def prepare_ours(scratch: Path) -> Callable[[], Any]:
    """Resampling to 1 mm, antialiased."""
    from lungrisk.preparation import prepare

    scan = scan_of(scratch)
    return lambda: prepare(scan, "1mm")


def prepare_peer(scratch: Path) -> Callable[[], Any]:
    """scipy's linear zoom to the same spacing, not antialiased."""
    import numpy as np
    from scipy import ndimage

    scan = scan_of(scratch)
    return lambda: ndimage.zoom(scan.hu.astype(np.float32), scan.spacing, order=1)


def lungs_ours(scratch: Path) -> Callable[[], Any]:
    """Left and right lung."""
    from lungrisk.lungs import segment_lungs

    scan = scan_of(scratch)
    return lambda: segment_lungs(scan)


def lungs_peer(scratch: Path) -> Callable[[], Any]:
    """A threshold and one labelling by scipy: what any lung mask starts with."""
    from scipy import ndimage

    scan = scan_of(scratch)
    return lambda: ndimage.label(scan.hu < -400)


def nodules_ours(scratch: Path) -> Callable[[], Any]:
    """Nodules found, outlined, measured and rated."""
    from lungrisk.lungs import segment_lungs
    from lungrisk.nodules import find_nodules

    scan = scan_of(scratch)
    lungs = segment_lungs(scan)
    return lambda: find_nodules(scan, lungs)


def report_ours(scratch: Path) -> Callable[[], Any]:
    """Page, JSON and pictures of an assessment."""
    from lungrisk.assessment import assess

    result = assess(scan_of(scratch))
    return lambda: result.write(scratch / "report")


def line_ours(scratch: Path) -> Callable[[], Any]:
    """The whole line from the folder to the files, as `lungrisk assess -o`, imports included."""

    def job() -> None:
        import lungrisk

        lungrisk.assess(folder_of(scratch)).write(scratch / "line")

    return job


JOBS: dict[str, Callable[[Path], Callable[[], Any]]] = {
    "keep": keep,
    "read": read_ours,
    "read, floor: bytes into an array": read_floor,
    "check": check_ours,
    "check, floor: one pass": check_floor,
    "prepare 1 mm": prepare_ours,
    "prepare, peer: scipy zoom, linear": prepare_peer,
    "lungs": lungs_ours,
    "lungs, floor: threshold and one labelling": lungs_peer,
    "nodules": nodules_ours,
    "report": report_ours,
    "the whole line, report included": line_ours,
}


def install_mb(folder: Path) -> dict[str, float]:
    """Size of the plain install in a fresh environment, MB: all of it, and without pip and setuptools."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    root = Path(__file__).parents[1]
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", str(root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    parts: dict[str, float] = {}
    for file in (folder / "lib").rglob("*"):
        if file.is_file() and not file.is_symlink():
            name = file.relative_to(folder).parts[3] if len(file.relative_to(folder).parts) > 3 else "-"
            parts[name] = parts.get(name, 0.0) + file.stat().st_size / 1e6
    whole = sum(parts.values())
    tools = sum(
        size for name, size in parts.items() if name.startswith(("pip", "setuptools", "_distutils", "pkg_resources"))
    )
    largest = dict(sorted(parts.items(), key=lambda one: -one[1])[:6])
    return {
        "all": round(whole),
        "without_pip": round(whole - tools),
        **{name: round(size) for name, size in largest.items()},
    }


def table(figures: dict[str, Any]) -> str:
    """The figures as a table, each room with its ratio to the line below it."""
    rows = figures["rows"]
    lines = [
        f"Measured {figures['date']} on {figures['machine']}; load {figures['load']} when it began; scan: {figures['scan']}.",
        "",
        "| job | seconds | peak MB | x the floor or peer |",
        "| --- | --- | --- | --- |",
    ]
    for name, row in rows.items():
        base = next((other for other in rows if other.startswith(f"{name.split()[0]}, ") and name in BASED), None)
        base = "import numpy" if name == "lungrisk --help" else base
        ratio = f"{row['seconds'] / max(rows[base]['seconds'], 1e-3):.1f}" if base else ""
        lines.append(f"| {name} | {row['seconds']:.2f} | {row.get('peak_mb', '')} | {ratio} |")
    if "install_mb" in figures:
        size = figures["install_mb"]
        lines += ["", f"The plain install takes {size['all']} MB, {size['without_pip']} MB without pip and setuptools."]
    return "\n".join(lines)


BASED = ("read", "check", "prepare 1 mm", "lungs")

if __name__ == "__main__":
    sys.exit(main())
