"""Several processes that train one network together (torchrun); one process alone is a group of one.

Every process has the same weights and takes its share of each batch; the gradients are summed before each step, so that the
result is that of one process with the whole batch, but for the order of the sums.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed

T = TypeVar("T")
Rows: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The processes. rank: of this one. size: how many there are. device: of this one."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and talks."""
        return self.rank == 0

    def share(self, items: Rows) -> Rows:
        """Those of a batch's items that this process works on.

        >>> Group(rank=1, size=2).share(np.array([1, 2, 3, 4, 5])).tolist()
        [2, 4]
        """
        return items[self.rank :: self.size]

    def add(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            distributed.all_reduce(tensor)
        return tensor

    def add_gradients(self, module: torch.nn.Module) -> None:
        """Sum the gradients over all processes: one message a step."""
        learned = [weight for weight in module.parameters() if weight.requires_grad]
        if self.size == 1:
            return
        parts = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in learned]
        together = self.add(torch.cat([part.flatten() for part in parts]))
        for weight, part in zip(learned, torch.split(together, [weight.numel() for weight in learned]), strict=True):
            weight.grad = part.view_as(weight)

    def agree(self, value: T) -> T:
        """What the first process has, in every process."""
        if self.size == 1:
            return value
        held: list[Any] = [value]
        distributed.broadcast_object_list(held)
        agreed: T = held[0]
        return agreed


@contextmanager
def join_group(device: str) -> Iterator[Group]:
    """The group that torchrun started this process in, or this process alone.

    device: "cpu" or "cuda"; every process takes the GPU of its place on its machine. gloo on processors, nccl on GPUs.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Group(device=device)
        return
    own = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if device == "cuda" else device
    distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield Group(rank=distributed.get_rank(), size=size, device=own)
    finally:
        distributed.destroy_process_group()
