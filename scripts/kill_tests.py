"""Commands killed at random moments and started again: what they leave in the end is what an uninterrupted run leaves, to the bit.

    python scripts/kill_tests.py prepare COHORT [-o out/kill-tests] [--kills 20] [--seed 0] [--workers 2]
    python scripts/kill_tests.py train STORE

A run is killed (kill -9; every second time with all its processes, else the parent alone) after a random share of the time that the whole
takes, started again, and so on; whenever it comes to its end first, its files are compared with the uninterrupted run's and it begins
anew. A further command is a row in SUBJECTS. Exit code 1 when anything differs.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

LUNGRISK = [sys.executable, "-c", "from lungrisk.cli import main; main()"]
DONE = (0, 4)
PATIENCE_S = 30.0  # for processes whose parent was killed


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """command: the words that make a folder. files: those of it that are compared."""

    command: Callable[[Path], list[str]]
    files: Callable[[Path], list[Path]]


def prepare(options: argparse.Namespace) -> Subject:
    """`lungrisk prepare`: every file of the store but its lock."""
    words = ["prepare", str(options.source), "--workers", str(options.workers), "--quiet"]
    return Subject(
        command=lambda out: [*LUNGRISK, *words, "-o", str(out)],
        files=lambda out: [file for file in sorted(out.rglob("*")) if file.is_file() and file.name != ".lock"],
    )


def train(options: argparse.Namespace) -> Subject:
    """`lungrisk train`, with a checkpoint after every step: the bundle, but for the seconds in its log."""
    often = "import lungrisk.training.patient_loop as loop; loop.CHECKPOINT_SECONDS = 0.0; "
    command = [LUNGRISK[0], "-c", often + LUNGRISK[2]]
    words = ["train", str(options.source), "--net", "nodules", "--folds", "2", "--epochs", "4", "--resume", "--quiet"]
    return Subject(
        command=lambda out: [*command, *words, "-o", str(out)],
        files=lambda out: [file for file in sorted(out.glob("*")) if file.name != "log.csv"],
    )


SUBJECTS = {"prepare": prepare, "train": train}


def main() -> int:
    """Kill and compare. Gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subject", choices=sorted(SUBJECTS))
    parser.add_argument("source", type=Path, help="what the command reads: a cohort, say")
    parser.add_argument("-o", "--out", type=Path, default=Path("out/kill-tests"))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    subject = SUBJECTS[options.subject](options)
    whole, broken = options.out / f"{options.subject}-whole", options.out / f"{options.subject}-broken"
    for folder in (whole, broken):
        shutil.rmtree(folder, ignore_errors=True)
    start = time.monotonic()
    if subprocess.run(subject.command(whole), check=False, stdout=subprocess.DEVNULL).returncode not in DONE:
        print("the uninterrupted run failed")
        return 1
    seconds = time.monotonic() - start
    expected = digests(subject, whole)
    print(f"uninterrupted: {seconds:.1f} s, {len(expected)} files", flush=True)
    draw, kills, ends, differing = random.Random(options.seed), 0, 0, 0
    whole_again = False  # the last thing to happen is an end
    while kills < options.kills or not whole_again:
        moment = draw.uniform(0.0, seconds) if kills < options.kills else float("inf")
        code = run_and_kill(subject.command(broken), moment, everybody=kills % 2 == 0)
        whole_again = code is not None
        if code is None:
            kills += 1
            print(f"kill {kills}: after {moment:.1f} s, {len(digests(subject, broken))} files there", flush=True)
            continue
        ends += 1
        found = digests(subject, broken)
        other = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
        differing += bool(other) or code not in DONE
        print(f"end {ends}: exit code {code}, {f'other: {other}' if other else 'the same to the bit'}", flush=True)
        shutil.rmtree(broken)
    print(f"{options.subject}: {kills} kills, {ends} ends, {differing} of them differ from the uninterrupted run")
    return 1 if differing else 0


def run_and_kill(command: list[str], moment: float, *, everybody: bool) -> int | None:
    """The exit code of a run that came to its end, None for one that was killed after `moment` seconds."""
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        return process.wait(timeout=None if moment == float("inf") else moment)
    except subprocess.TimeoutExpired:
        if everybody:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        return None


def digests(subject: Subject, folder: Path) -> dict[str, str]:
    """Name to SHA-256 of the files to compare; waits for orphans to end, whose files come and go meanwhile."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            files = subject.files(folder)
            return {file.relative_to(folder).as_posix(): sha256(file.read_bytes()).hexdigest() for file in files}
        except FileNotFoundError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
