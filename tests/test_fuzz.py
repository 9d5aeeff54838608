"""Changed inputs of every kind, with fixed seeds: refused by name, said so, or the truth. `make fuzz` goes on from here for as long as it is let.

A seed and the mutations give the same bytes on any machine: the seeds of what was once found are the regression corpus.
"""

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from fuzzing import bases, judging
from fuzzing.targets import TARGETS, Target

TRIES = 150
FOUND = (Path(__file__).parents[1] / "scripts" / "fuzzing" / "found.txt").read_text("utf-8").split()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz") / "bases"
    bases.make(folder)
    return folder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TARGETS)
def test_a_changed_input_is_refused_or_named_or_the_truth(name: str, made: Path, tmp_path: Path) -> None:
    bench = judging.lay_out(name, made, tmp_path / "tries")
    outcomes = [bench.attempt(index) for index in range(TRIES)]
    assert [outcome for outcome in outcomes if outcome.fault] == []
    refused = any(outcome.kind == "refused" for outcome in outcomes)
    assert refused or not bench.target.judged, "the changes change nothing"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted({seed.rpartition(":")[0] for seed in FOUND}))
def test_what_was_once_found_is_not_found_again(name: str, made: Path, tmp_path: Path) -> None:
    bench = judging.lay_out(name, made, tmp_path / "tries")
    seeds = [int(seed.rpartition(":")[2]) for seed in FOUND if seed.startswith(f"{name}:")]
    assert [outcome for outcome in map(bench.attempt, seeds) if outcome.fault] == []


def shifted(path: Path) -> Any:
    """A reader that is silently wrong."""
    hu = np.roll(bases.volume(), 1, axis=2)
    return SimpleNamespace(hu=hu, affine=bases.affine(), findings=())


def failing(path: Path) -> Any:
    raise KeyError(path.name)


def hanging(path: Path) -> Any:
    time.sleep(5)


@pytest.mark.parametrize(("read", "kind"), [(shifted, "silent"), (failing, "untyped"), (hanging, "hang")])
def test_the_fuzzer_sees_a_reader_that_fails(
    read: Any, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    monkeypatch.setattr(judging, "MOST_SECONDS", 0.05)
    monkeypatch.setattr(judging, "check", lambda scan: ())
    target = Target(base="", move=lambda content, chance: (content[::-1], "reversed"), read=read)
    bench = judging.Bench(name="made", target=target, folder=tmp_path, files={"a": b"0123456789"})
    outcome = bench.attempt(0)
    assert (outcome.kind, outcome.fault) == (kind, True)
    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_a_seed_gives_the_same_change_every_time(made: Path, tmp_path: Path) -> None:
    bench = judging.lay_out("labels", made, tmp_path / "tries")
    assert [bench.attempt(n).change for n in range(20)] == [bench.attempt(n).change for n in range(20)]
