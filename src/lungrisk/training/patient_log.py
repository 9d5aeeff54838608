"""What a training run writes down while it goes: a table, TensorBoard's files, and one line for who watches."""

import csv
import io
import logging
import time
from pathlib import Path
from typing import Any

from lungrisk.core.files import write_atomic

LOG = logging.getLogger("lungrisk.training")
COLUMNS = ("fold", "epoch", "loss", "watched", "best", "rate", "seconds")


class PatientLog:
    """The log of one training. Rows come in order; those of a resumed fold come again first.

    `log.csv`, rewritten whole after each epoch, and `tensorboard/`, where tensorboard is installed.
    """

    def __init__(self, folder: Path, net: str, n_folds: int) -> None:
        self.folder, self.net, self.n_folds = folder, net, n_folds
        self.rows: list[dict[str, Any]] = []
        self.began = time.monotonic()
        self.board = _board(folder / "tensorboard")

    def add(self, row: dict[str, Any]) -> None:
        """Take a row of `patient_loop.fit_fold`."""
        self.rows.append(row)
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomic(self.folder / "log.csv", text.getvalue())
        if self.board is not None:
            for name in ("loss", "watched", "rate"):
                self.board.add_scalar(f"{name}/fold {row['fold']}", row[name], row["epoch"])
            self.board.flush()
        LOG.info("%s", self.line(row))

    def line(self, row: dict[str, Any]) -> str:
        """One line of progress: where it is, how well it does, how long the fold may take still."""
        left = row.get("seconds", 0.0) * (row["epochs"] - row["epoch"])
        place = f"{self.net}, fold {row['fold'] + 1} of {self.n_folds}, epoch {row['epoch']} of {row['epochs']}"
        return f"{place}: loss {row['loss']:.4f}, watched {row['watched']:.4f}, best {row['best']:.4f}, {left:.0f} s left at most"

    def close(self) -> None:
        """Finish TensorBoard's files."""
        if self.board is not None:
            self.board.close()


def _board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:  # tensorboard belongs to the extra, but a training without it is as good
        return None
    return SummaryWriter(str(folder))
