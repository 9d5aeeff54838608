"""Checkpoints that survive kill -9 and broken files."""

import logging
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lungrisk.core.errors import EnvironmentFault
from lungrisk.core.findings import find

LOG = logging.getLogger("lungrisk.training")
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
        """The newest checkpoint that is whole; None when there is none.

        Raises EnvironmentFault (`trn.checkpoint`) for one that is whole and yet none of ours: work is not thrown away in silence.
        """
        for path in reversed(self.all()):
            try:
                if checksum(path) != path.stem.rpartition("-")[2]:
                    continue
            except OSError:
                continue
            try:
                state: Any = torch.load(path, map_location="cpu", weights_only=True)
            except Exception as error:  # what the loader raises on bytes of somebody else is no closed list
                raise unusable(path.name, type(error).__name__) from error
            if not isinstance(state, dict):
                raise unusable(path.name, type(state).__name__)
            return state
        if self.all():
            LOG.warning("%s: no checkpoint is whole; it begins anew", self.name)
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


def unusable(name: str, found: str) -> EnvironmentFault:
    """The fault of a checkpoint that cannot be gone on from."""
    return EnvironmentFault(find("trn.checkpoint", found=found, files=[name]))
