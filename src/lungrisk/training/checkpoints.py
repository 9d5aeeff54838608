"""Checkpoints that survive kill -9 and broken files."""

import os
import pickle
import shutil
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lungrisk.core.errors import EnvironmentFault, UsageFault
from lungrisk.core.files import write_atomic
from lungrisk.core.findings import find

KEPT = 2  # checkpoints of a fold: the newest and the one before, should the newest be broken
PIECE = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Writes and reads the checkpoints of one fold.

    A checkpoint is one file, `NAME-STEP-CRC.pt`: written beside, synced, renamed; the checksum in its name tells whether it is whole.
    """

    folder: Path
    name: str

    def save(self, state: dict[str, Any], step: int) -> Path:
        """Write a checkpoint and remove all but the last two. Raises EnvironmentFault (`env.disk`); the last ones stay."""
        beside = self.folder / f".{self.name}.part"
        try:
            with beside.open("wb") as stream:
                torch.save(state, stream)
                stream.flush()
                os.fsync(stream.fileno())
            target = self.folder / f"{self.name}-{step:07d}-{checksum(beside)}.pt"
            beside.replace(target)
            sync_folder(self.folder)
        except (OSError, RuntimeError) as error:  # torch says RuntimeError of a disk that is full
            beside.unlink(missing_ok=True)
            raise EnvironmentFault(find("env.disk", found=str(error)[:200], files=[beside.name])) from error
        for old in self.all()[:-KEPT]:
            old.unlink()
        return target

    def all(self) -> list[Path]:
        """The checkpoints of this fold, oldest first."""
        return sorted(self.folder.glob(f"{self.name}-*.pt"))

    def load(self) -> dict[str, Any] | None:
        """The newest checkpoint that is whole; None when there is none."""
        for path in reversed(self.all()):
            try:
                if checksum(path) == path.stem.rpartition("-")[2]:
                    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
                    return state
            except (OSError, RuntimeError, EOFError, zipfile.BadZipFile, pickle.UnpicklingError):
                continue
        return None

    def forget(self) -> None:
        """Remove the checkpoints of this fold."""
        for path in self.all():
            path.unlink()


def checksum(path: Path) -> str:
    """CRC-32 of a file, eight hex digits."""
    value = 0
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            value = zlib.crc32(piece, value)
    return f"{value:08x}"


def sync_folder(folder: Path) -> None:
    """Make the renames in a folder last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def claim(folder: Path, key: str, resume: bool) -> None:
    """Make a folder that of the training `key`: a hash of data and options.

    Without `resume`, or with nothing there, what an earlier training left is removed. Raises UsageFault (`trn.other`) when the
    checkpoints there are of another training.
    """
    marked = folder / "training.txt"
    if resume and marked.is_file():
        if marked.read_text("utf-8").strip() != key:
            raise UsageFault(find("trn.other", found=folder.name))
        return
    for path in folder.glob("*.pt"):
        path.unlink()
    shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    write_atomic(marked, key + "\n")
