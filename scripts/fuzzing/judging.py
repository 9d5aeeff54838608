"""What became of a changed input: refused by name, the truth, something else with a word, or a fault.

Faults: an exception that is not typed, more than 10 s, more than 2 GB, other voxels or another place without a finding that the unchanged
input has not. What no reader could see is no fault and is counted by its reason: see `hidden`.
"""

import gc
import random
import resource
import shutil
import signal
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from fuzzing import bases
from fuzzing.targets import TARGETS, Target
from lungrisk.core.errors import LungriskError
from lungrisk.core.findings import Finding
from lungrisk.quality import check

MOST_SECONDS, MOST_BYTES = 10, 2 * 2**30
FEW_VOXELS, RUN_OF_VOXELS = 64, 257
DEFECTS = ("int.defect", "file.unforeseen")  # typed for the user, and all the same a fault of ours
SAME_HU, SAME_MM = 1, 1e-3
PLAUSIBLE_HU = 60


class Hang(BaseException):
    """It took too long: no `except Exception` may stop it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """kind: "refused", "same", "noted", "hidden", or a fault: "untyped", "hang", "memory", "silent"."""

    seed: str
    kind: str
    change: str
    about: str = ""
    seconds: float = 0.0

    @property
    def fault(self) -> bool:
        """It must not be."""
        return self.kind in ("untyped", "hang", "memory", "silent")


@dataclass(slots=True)
class Bench:
    """One target's base laid out for trying: each try changes some of its files and puts them back.

    usual: what is said of it unchanged. blurred: the last change touched packed pixels. changed: files of it.
    """

    name: str
    target: Target
    folder: Path
    files: dict[str, bytes]
    usual: set[str] = field(default_factory=set)
    blurred: bool = False
    changed: int = 1

    @property
    def path(self) -> Path:
        """What is read."""
        return self.folder / self.target.file if self.target.file else self.folder

    def attempt(self, index: int) -> Outcome:
        """One try. The same name and index give the same change on any machine."""
        seed = f"{self.name}:{index}"
        chance = random.Random(seed)
        names = sorted(self.files)
        scope = chance.choice(["one", "one", "several", "all"])
        picked = (
            [self.target.file]
            if self.target.file
            else names
            if scope == "all"
            else chance.sample(names, 1 if scope == "one" else min(len(names), chance.randrange(2, 7)))
        )
        alike, said, self.blurred = chance.random() < 0.5, "", False
        self.changed = len(picked)
        for name in picked:
            new, said = self.target.move(self.files[name], random.Random(f"{seed}:{'' if alike else name}"))
            (self.folder / name).write_bytes(new)
            if self.target.unchecked is not None:
                start = self.target.unchecked(self.files[name])
                self.blurred |= new[start:] != self.files[name][start:]
        change = f"{len(picked)} of {len(names)} files, {picked[0]}: {said}"[:240]
        try:
            return self._outcome(seed, change)
        finally:
            for name in picked:
                (self.folder / name).write_bytes(self.files[name])

    def _outcome(self, seed: str, change: str) -> Outcome:
        start, before = time.perf_counter(), _most_memory()
        kind, about = "same", ""
        try:
            with _within(MOST_SECONDS):
                result = self.target.read(self.path)
                if self.target.judged:
                    kind, about = self._held_against_truth(result)
        except LungriskError as error:
            defect = not error.findings or any(finding.code in DEFECTS for finding in error.findings)
            kind, about = ("untyped" if defect else "refused"), ", ".join(finding.code for finding in error.findings)
        except Hang:
            kind, about = "hang", ""
        except Exception as error:  # it is what is looked for
            frames = [
                f"{Path(one.filename).name}:{one.lineno}"
                for one in traceback.extract_tb(error.__traceback__)
                if "lungrisk" in one.filename
            ]
            kind, about = "untyped", f"{type(error).__name__}: {str(error)[:100]} at {' '.join(frames[-3:])}"
        if _most_memory() - before > MOST_BYTES:
            kind = "memory"
            gc.collect()
        return Outcome(seed=seed, kind=kind, change=change, about=about, seconds=round(time.perf_counter() - start, 2))

    def _held_against_truth(self, scan: Any) -> tuple[str, str]:
        findings = (*scan.findings, *check(scan))
        if any(finding.severity == "refused" for finding in findings):
            return "refused", ", ".join(finding.code for finding in findings if finding.severity == "refused")
        alike = scan.hu.shape == TRUTH.shape
        off = np.abs(scan.hu.astype(np.int32) - TRUTH) if alike else None
        moved = float(np.abs(scan.affine - PLACE).max())
        if off is not None and off.max() <= SAME_HU and moved <= SAME_MM:
            return "same", ""
        loud = sorted(
            said(finding) for finding in findings if finding.severity != "info" and said(finding) not in self.usual
        )
        n, most = (int((off > SAME_HU).sum()), int(off.max())) if off is not None else (-1, -1)
        about = f"shape {scan.hu.shape}, {n} voxels off by up to {most} HU, moved {moved:.3g} mm"
        if loud:
            return "noted", f"{about}: {', '.join(loud)}"
        reason = hidden(scan.hu, off, moved, self.blurred, self.changed) or turned(scan.hu)
        return ("hidden", reason) if reason else ("silent", about)


TRUTH = bases.volume().astype(np.int32)
PLACE = bases.affine()


def said(finding: Finding) -> str:
    """A finding as it is compared."""
    return f"{finding.code}:{finding.severity}"


def hidden(hu: Any, off: Any, moved: float, blurred: bool, files: int) -> str:
    """Why no reader could have seen it; empty where one could.

    A few voxels a file, or half a kilobyte of them overwritten, without a checksum over them; a packed stream without one (blurred); a number that is as plausible as the one that it
    replaces: where the whole scan lies, how large its voxels are, what a rescale of all adds or multiplies.
    """
    if off is None:
        return ""
    n = int((off > SAME_HU).sum())
    slope, intercept = np.polyfit(TRUTH.ravel(), hu.ravel(), 1)
    linear = bool(np.abs(slope * TRUTH + intercept - hu).max() <= SAME_HU)
    if n == 0 and moved > SAME_MM:
        return "a plausible place or spacing"
    if n <= FEW_VOXELS * files:
        return "few voxels"
    if n <= RUN_OF_VOXELS * files:
        return "a run of voxels overwritten"
    if blurred:
        return "a packed stream without a checksum"
    if int(off.max()) <= PLAUSIBLE_HU or linear:
        return "a plausible rescale"
    return ""


def turned(hu: Any) -> str:
    """The truth with axes turned about, as another space or a sign in a matrix gives it: for the anatomy to tell, and this chest has none."""
    if sorted(hu.shape) != sorted(TRUTH.shape):
        return ""
    turns = (np.flip(TRUTH, axes) for axes in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)))
    return "a plausible orientation" if any(turn.shape == hu.shape and (turn == hu).all() for turn in turns) else ""


def lay_out(name: str, made: Path, folder: Path) -> Bench:
    """A target's base, copied, and what is said of it unchanged."""
    target = TARGETS[name]
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(made / target.base, folder)
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
    bench = Bench(name=name, target=target, folder=folder, files=files)
    result = target.read(bench.path)
    if target.judged:
        bench.usual = {said(finding) for finding in (*result.findings, *check(result))}
        off = np.abs(result.hu.astype(np.int32) - TRUTH).max()
        if off > SAME_HU or np.abs(result.affine - PLACE).max() > SAME_MM:
            raise SystemExit(f"{name}: the unchanged input is not read as the truth")
    return bench


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    def ring(_: int, __: FrameType | None) -> None:
        raise Hang

    old = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def _most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
