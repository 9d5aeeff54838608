"""The training loop of nodule networks: AdamW, one cycle of the learning rate, a checkpoint and a log line an epoch."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from lungrisk.training.checkpoints import Keeper, unusable
from lungrisk.training.options import Options

LOG = logging.getLogger("lungrisk.training")
Batch: TypeAlias = tuple[torch.Tensor, ...]
Draw: TypeAlias = Callable[[NDArray[np.int64], np.random.Generator], Batch]
Loss: TypeAlias = Callable[[torch.nn.Module, Batch], torch.Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One fit: how long, how fast, from which seed."""

    epochs: int
    learning_rate: float = 2e-3
    batch: int = 32
    weight_decay: float = 0.01
    seed: int = 0
    threads: int = 2
    device: str = "cpu"
    keeper: Keeper | None = None

    @classmethod
    def of(cls, options: Options, name: str, **defaults: Any) -> "Schedule":
        """The schedule that the options ask for, the network's defaults where they leave it open; checkpoints `folder/name-*.pt`."""
        chosen = {
            key: getattr(options, key)
            for key in ("epochs", "learning_rate", "batch")
            if getattr(options, key) is not None
        }
        common = {key: getattr(options, key) for key in ("seed", "threads", "device")}
        return cls(**{**common, **defaults, **chosen, "keeper": Keeper(folder=options.folder, name=name)})


def fit(module: torch.nn.Module, n_items: int, draw: Draw, loss: Loss, schedule: Schedule) -> torch.nn.Module:
    """Train a module; gives it in evaluation mode.

    draw: (indices, random generator) to a batch of tensors: cuts and augments the items. loss: (module, batch) to a scalar.
    An epoch sees every item once in random order; a last incomplete batch is dropped. Every epoch has its own seed, so that
    a run that was interrupted and resumed gives what an uninterrupted one gives.
    """
    torch.set_num_threads(schedule.threads)
    module.to(schedule.device)
    batch = min(schedule.batch, n_items)
    steps = n_items // batch
    optimiser = torch.optim.AdamW(module.parameters(), schedule.learning_rate, weight_decay=schedule.weight_decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, schedule.learning_rate, total_steps=max(schedule.epochs * steps, 2)
    )
    parts = {"module": module, "optimiser": optimiser, "cycle": cycle}
    for epoch in range(_restore(parts, schedule), schedule.epochs):
        began, total = time.monotonic(), 0.0
        torch.manual_seed(schedule.seed * 10_000 + epoch)
        rng = np.random.default_rng([schedule.seed, epoch])
        order = rng.permutation(n_items)
        module.train()
        for step in range(steps):
            items = draw(order[step * batch : (step + 1) * batch], rng)
            optimiser.zero_grad()
            value = loss(module, tuple(tensor.to(schedule.device) for tensor in items))
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            cycle.step()
            total += value.item()
        _save(parts, schedule, epoch + 1)
        name = schedule.keeper.name if schedule.keeper else "fit"
        seconds = time.monotonic() - began
        LOG.info("%s epoch %d/%d loss %.4f, %.1f s", name, epoch + 1, schedule.epochs, total / steps, seconds)
    return module.eval()


def _save(parts: dict[str, Any], schedule: Schedule, epoch: int) -> None:
    if schedule.keeper is not None:
        schedule.keeper.folder.mkdir(parents=True, exist_ok=True)
        schedule.keeper.save({"epoch": epoch, **{name: part.state_dict() for name, part in parts.items()}}, epoch)


def _restore(parts: dict[str, Any], schedule: Schedule) -> int:
    """The epoch to go on from; 0 without a checkpoint. Raises EnvironmentFault (`trn.checkpoint`)."""
    state = None if schedule.keeper is None else schedule.keeper.load()
    if state is None or schedule.keeper is None:
        return 0
    try:
        for name, part in parts.items():
            part.load_state_dict(state[name])
        return int(state["epoch"])
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise unusable(schedule.keeper.name, type(error).__name__) from error
