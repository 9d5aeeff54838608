"""What was finished of a prediction, a line a patient beside the output: a command that was killed goes on from there."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from lungrisk.core.cohort import Prediction
from lungrisk.core.errors import EnvironmentFault
from lungrisk.core.findings import Finding, find, read_finding
from lungrisk.core.locks import locked


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a patient: the prediction and the findings that go with it."""

    prediction: Prediction
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True, eq=False)
class Journal:
    """done: what earlier runs of the same command finished, by id. stream: None keeps nothing."""

    done: dict[str, Outcome]
    stream: TextIOWrapper | None = None

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome: on the disk when this returns. Raises EnvironmentFault (`env.disk`)."""
        self.done[outcome.prediction.id] = outcome
        if self.stream is None:
            return
        try:
            self.stream.write(json.dumps(asdict(outcome)) + "\n")
            self.stream.flush()
            os.fsync(self.stream.fileno())
        except OSError as error:
            raise EnvironmentFault(find("env.disk", found=error.strerror)) from error


def journal_of(output: Path) -> Path:
    """Where the journal of an output lies.

    >>> journal_of(Path("a/predictions.csv")).name
    'predictions.csv.journal'
    """
    return output.with_name(f"{output.name}.journal")


@contextmanager
def open_journal(output: Path | None, key: str) -> Iterator[Journal]:
    """The journal beside an output; one of another key (other patients, another model) is begun anew.

    Raises EnvironmentFault: `coh.locked` when another process is writing it, `env.disk`.
    """
    if output is None:
        yield Journal({})
        return
    with locked(journal_of(output), "coh.locked") as stream:
        yield Journal(_read(stream, key), stream)


def _read(stream: TextIOWrapper, key: str) -> dict[str, Outcome]:
    """The whole lines; what a kill left behind them is cut off."""
    stream.seek(0)
    lines = stream.read().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    done: dict[str, Outcome] = {}
    if whole and whole[0] == json.dumps({"key": key}) + "\n":
        stream.truncate(sum(len(line.encode()) for line in whole))
        for line in whole[1:]:
            outcome = _outcome(json.loads(line))
            done[outcome.prediction.id] = outcome
    else:
        stream.truncate(0)
        stream.write(json.dumps({"key": key}) + "\n")
        stream.flush()
    return done


def _outcome(values: dict[str, Any]) -> Outcome:
    prediction = {**values["prediction"], "years": tuple(values["prediction"]["years"])}
    return Outcome(prediction=Prediction(**prediction), findings=tuple(map(read_finding, values["findings"])))
