"""What a training run may be told. Needs no torch."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to train. None takes the network's own default.

    output: the bundle's folder. work: folder for checkpoints (of no use afterwards). folds: of the cross-validation.
    resume: go on from the checkpoints of an interrupted run with the same options.
    """

    output: Path = Path("out/bundle")
    work: Path = Path("out/training")
    epochs: int | None = None
    learning_rate: float | None = None
    batch: int | None = None
    folds: int = 5
    seed: int = 0
    threads: int = 2
    device: str = "cpu"
    resume: bool = False
