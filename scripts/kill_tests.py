"""Commands killed at random moments, their scans replaced meanwhile, and started again: what they leave is what an uninterrupted run leaves.

    python scripts/kill_tests.py [prepare predict train assess] [-o out/kill-tests] [--kills 25] [--seed 0] [--workers 1]

Everything that is read is made here: small patients whose scans the whole line reads, and a store for training. A run is killed (kill -9;
every second time with all its processes, else the parent alone) after a random share of the time that the whole takes, started again, and
so on. After every third kill of `prepare` and `predict` a scan is replaced by another of the same size and time. Whenever a run comes to its
end, its files are compared, to the bit, with those of an uninterrupted run on the scans that are there then, and it begins anew; of
`assess` but for the date, its clock stopped. Exit code 1 when anything differs.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np

LUNGRISK = [sys.executable, "-c", "from lungrisk.cli import main; main()"]
OFTEN = (
    "import lungrisk.training.patient_loop as loop; loop.CHECKPOINT_SECONDS = 0.0; "  # a checkpoint after every step
)
STOPPED = "import time; time.perf_counter = lambda: 0.0; "  # so that a report says the same of its seconds
DONE = (0, 4)
PATIENCE_S = 30.0  # for processes whose parent was killed
PATIENTS = 2
SHAPE, SPACING = (80, 120, 176), (3.0, 2.0, 2.0)  # voxels, mm (k, j, i)
TIMES = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """words: of the command. out: what it writes, in a folder of its own. files: of these, relative, what is compared.

    cohort: whose scans may be replaced between; None: nothing changes.
    """

    words: list[str]
    out: str
    skipped: frozenset[str] = frozenset()
    cohort: Path | None = None
    python: list[str] = field(default_factory=lambda: LUNGRISK)

    def command(self, folder: Path) -> list[str]:
        """The command whose output lies in the folder."""
        return [*self.python, *self.words, "-o", str(folder / self.out), "--quiet"]

    def digests(self, folder: Path) -> dict[str, str]:
        """Name to SHA-256 of the files to compare; waits for orphans to end, whose files come and go meanwhile."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                files = [one for one in sorted(folder.rglob("*")) if one.is_file() and not self.skips(one)]
                return {
                    one.relative_to(folder).as_posix(): sha256(TIMES.sub(b"", one.read_bytes())).hexdigest()
                    for one in files
                }
            except FileNotFoundError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def skips(self, file: Path) -> bool:
        """Whether a file is none of the results: locks, journals, what trainings keep."""
        return file.name in self.skipped or any(
            part.endswith((".lock", ".journal", ".training")) for part in file.parts
        )


def scan(path: Path, seed: int) -> None:
    """Write a small chest: two ellipsoids of lung in one of tissue, with a ball of its own place and size. The whole line reads it."""
    draw = np.random.default_rng(seed)
    z, y, x = (
        axis * spacing for axis, spacing in zip(np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]], SPACING, strict=True)
    )
    middle = [size * spacing / 2 for size, spacing in zip(SHAPE, SPACING, strict=True)]
    body = ((y - middle[1]) / 110) ** 2 + ((x - middle[2]) / 160) ** 2 < 1
    hu = np.where(body, 40.0, -1000.0) + np.zeros(SHAPE)
    for side in (-1, 1):
        centre = middle[2] + side * 70
        hu[((z - middle[0]) / 110) ** 2 + ((y - middle[1]) / 75) ** 2 + ((x - centre) / 52) ** 2 < 1] = -850
    place = middle + draw.uniform(-25, 25, 3) + (0, 0, draw.choice((-70, 70)))
    hu[(z - place[0]) ** 2 + (y - place[1]) ** 2 + (x - place[2]) ** 2 < draw.uniform(5, 12) ** 2] = 30
    hu += draw.normal(0, 15, SHAPE)
    header = (
        f"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = False\n"
        f"TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\nAnatomicalOrientation = RAI\n"
        f"ElementSpacing = {SPACING[2]} {SPACING[1]} {SPACING[0]}\nDimSize = {SHAPE[2]} {SHAPE[1]} {SHAPE[0]}\n"
        "ElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    )
    before = path.stat() if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header.encode() + np.round(hu).astype("<i2").tobytes())
    if before is not None:  # what a glance at size and time does not tell
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def make(folder: Path) -> Path:
    """A cohort of such patients."""
    for number in range(PATIENTS):
        scan(folder / f"p{number}" / "scan.mha", number)
    return folder


def subject(name: str, folder: Path, workers: int) -> Subject:
    """What is killed."""
    if name == "train":
        sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "training"))
        from made_store import make_store  # type: ignore[import-not-found]  # of the tests

        store = make_store(folder / "store").path
        words = ["train", str(store), "--net", "backbone", "--folds", "2", "--epochs", "6", "--threads", "1"]
        python = [LUNGRISK[0], "-c", OFTEN + LUNGRISK[2]]
        return Subject(words=words, out="bundle", skipped=frozenset({"log.csv"}), python=python)
    if name == "assess":
        scan(folder / "scan.mha", 0)
        python = [LUNGRISK[0], "-c", STOPPED + LUNGRISK[2]]
        return Subject(words=["assess", str(folder / "scan.mha")], out="report", python=python)
    cohort = make(folder / "cohort")
    words = [name, str(cohort), "--workers", str(workers)]
    return Subject(words=words, out={"prepare": "store", "predict": "p.csv"}[name], cohort=cohort)


def whole_run(one: Subject, folder: Path) -> tuple[dict[str, str], float]:
    """The files of an uninterrupted run, and its seconds."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    start = time.monotonic()
    if subprocess.run(one.command(folder), check=False, stdout=subprocess.DEVNULL).returncode not in DONE:
        raise SystemExit("the uninterrupted run failed")
    return one.digests(folder), time.monotonic() - start


def run_and_kill(command: list[str], moment: float, *, everybody: bool) -> int | None:
    """The exit code of a run that came to its end, None for one that was killed after `moment` seconds."""
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return process.wait(timeout=None if moment == float("inf") else moment)
    except subprocess.TimeoutExpired:
        if everybody:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        return None


def kill(name: str, options: argparse.Namespace, tell: Callable[[str], None]) -> dict[str, int]:
    """Kill one command again and again; gives how often, how often a scan was replaced, how often an end differed."""
    base = options.out / name
    shutil.rmtree(base, ignore_errors=True)
    one = subject(name, base, options.workers)
    broken = base / "broken"
    broken.mkdir()
    expected, seconds = whole_run(one, base / "whole")
    tell(f"{name}: uninterrupted {seconds:.1f} s, {len(expected)} files")
    draw = random.Random(f"{name} {options.seed}")
    count = {"kills": 0, "replaced": 0, "ends": 0, "differing": 0}
    ended, stale = False, False
    while count["kills"] < options.kills or not ended:
        last = count["kills"] >= options.kills
        moment = float("inf") if last else draw.uniform(0.0, 1.05 * seconds)
        code = run_and_kill(one.command(broken), moment, everybody=count["kills"] % 2 == 0)
        ended = code is not None
        if code is None:
            count["kills"] += 1
            tell(f"{name}: kill {count['kills']} after {moment:.1f} s")
            if one.cohort is not None and count["kills"] % 3 == 0:
                scan(one.cohort / f"p{draw.randrange(PATIENTS)}" / "scan.mha", 1000 + count["kills"])
                count["replaced"] += 1
                stale = True
            continue
        count["ends"] += 1
        if stale:
            expected, _ = whole_run(one, base / "whole")
            stale = False
        found = one.digests(broken)
        other = sorted(file for file in {*expected, *found} if expected.get(file) != found.get(file))
        count["differing"] += bool(other) or code not in DONE
        if other or code not in DONE:
            tell(f"{name}: exit code {code}, other: {other}")
            shutil.copytree(broken, base / f"differs-{count['ends']}")
        shutil.rmtree(broken)
        broken.mkdir()
    tell(f"{name}: {json.dumps(count)}")
    return count


SUBJECTS = ("prepare", "predict", "train", "assess")


def main() -> int:
    """Kill and compare. Gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subjects", nargs="*", default=SUBJECTS, help="of prepare, predict, train, assess")
    parser.add_argument("-o", "--out", type=Path, default=Path("out/kill-tests"))
    parser.add_argument("--kills", type=int, default=25, help="of each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    start = time.monotonic()
    counts = [kill(name, options, lambda text: print(text, flush=True)) for name in options.subjects]
    total = {key: sum(count[key] for count in counts) for key in counts[0]}
    print(f"all: {json.dumps(total)}, {time.monotonic() - start:.0f} s")
    return 1 if total["differing"] else 0


if __name__ == "__main__":
    sys.exit(main())
