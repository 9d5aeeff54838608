from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lungrisk.core.errors import EnvironmentFault, UsageFault
from lungrisk.training import Options, train
from lungrisk.training.checkpoints import Keeper
from lungrisk.training.loop import Batch, Schedule, fit

torch.set_num_threads(1)
X = torch.linspace(-1, 1, 40)[:, None]


def draw(items: np.ndarray, rng: np.random.Generator) -> Batch:
    return X[items], 3 * X[items] + 1


def loss(module: torch.nn.Module, batch: Batch) -> torch.Tensor:
    return ((module(batch[0]) - batch[1]) ** 2).mean()


def line(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Dropout(0.0))


SCHEDULE = Schedule(epochs=30, learning_rate=0.3, batch=8, threads=1, weight_decay=0.0)


def test_it_finds_the_line_that_the_data_lie_on() -> None:
    module = fit(line(), 40, draw, loss, SCHEDULE)
    assert not module.training
    assert module(torch.tensor([[0.0], [1.0]])).flatten().tolist() == pytest.approx([1.0, 4.0], abs=0.02)


def test_one_seed_gives_one_result() -> None:
    one, other = (fit(line(), 40, draw, loss, replace(SCHEDULE, epochs=2))(X) for _ in range(2))
    assert torch.equal(one, other)


def test_an_interrupted_run_that_goes_on_ends_where_a_whole_one_does(tmp_path: Path) -> None:
    schedule = replace(SCHEDULE, epochs=6, keeper=Keeper(folder=tmp_path, name="line"))
    whole = fit(line(), 40, draw, loss, replace(schedule, keeper=None))(X)
    calls = []

    def stop(module: torch.nn.Module, batch: Batch) -> torch.Tensor:
        calls.append(1)
        if len(calls) > 13:  # in the third epoch of five steps
            raise KeyboardInterrupt
        return loss(module, batch)

    with pytest.raises(KeyboardInterrupt):
        fit(line(), 40, draw, stop, schedule)
    resumed = fit(line(5), 40, draw, loss, schedule)(X)
    assert torch.equal(whole, resumed)


def test_a_checkpoint_of_another_network_is_named(tmp_path: Path) -> None:
    schedule = replace(SCHEDULE, epochs=1, keeper=Keeper(folder=tmp_path, name="line"))
    fit(torch.nn.Linear(1, 2), 40, draw, loss, schedule)
    with pytest.raises(EnvironmentFault, match=r"trn\.checkpoint") as caught:
        fit(line(), 40, draw, loss, schedule)
    assert caught.value.findings[0].files == ("line",)


def test_every_item_is_seen_once_an_epoch() -> None:
    seen = []

    def watch(items: np.ndarray, rng: np.random.Generator) -> Batch:
        seen.extend(items.tolist())
        return draw(items, rng)

    fit(line(), 40, watch, loss, replace(SCHEDULE, epochs=1))
    assert sorted(seen) == list(range(40))


def test_options_come_before_the_defaults_of_the_network() -> None:
    schedule = Schedule.of(Options(epochs=3, work=Path("w")), "net", epochs=20, batch=16, seed=4)
    assert (schedule.epochs, schedule.batch, schedule.seed) == (3, 16, 4)
    assert schedule.keeper == Keeper(folder=Path("w"), name="net")


def test_a_network_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=r"use\.option.*malignancy"):
        train(tmp_path, "nothing")
