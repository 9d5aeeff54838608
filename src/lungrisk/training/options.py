"""What a training run may be told. Needs no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to train. None takes the network's own default.

    output: the bundle's folder. work: folder for checkpoints and logs (None: beside the bundle, `NAME.training`); the
    checkpoints of a patient network are removed when its bundle is written. folds: of the cross-validation; 1 holds one of
    the store's folds out. What an interrupted run with the same options left is gone on with; resume says the same once more.
    overwrite: replace what lies at `output` although other data or options made it, and drop an unfinished training there.

    For patient networks alone: patience: epochs without gain on the patients that are watched, after which to stop.
    balanced: both classes weigh the same in the loss. augmented: turn and change what is shown. precision: "auto" computes in
    half precision where the device has it. years: hazards of so many years from `time_years` and `event` (0: the label
    `cancer`). test: a CSV with a column `id` of patients that must not be learnt from.
    """

    output: Path = Path("out/bundle")
    work: Path | None = None
    epochs: int | None = None
    learning_rate: float | None = None
    batch: int | None = None
    folds: int = 5
    seed: int = 0
    threads: int = 2
    device: str = "cpu"
    resume: bool = False
    overwrite: bool = False
    patience: int | None = None
    balanced: bool = False
    augmented: bool = True
    precision: Literal["auto", "full"] = "auto"
    years: int = 0
    test: Path | None = None

    @property
    def folder(self) -> Path:
        """Where checkpoints and logs are."""
        return self.work or self.output.with_name(self.output.name + ".training")
