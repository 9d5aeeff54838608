"""The training loop of patient networks: one fold, from a built module to its best weights."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find
from lungrisk.training.checkpoints import Keeper, unusable
from lungrisk.training.patient_batches import Fold, Rows, load_batch
from lungrisk.training.plans import Plan, rating_of
from lungrisk.training.processes import Group
from lungrisk.training.survival import loss_of

Tell: TypeAlias = Callable[[dict[str, Any]], None]
CHECKPOINT_SECONDS = 20.0  # the most work that a kill can cost, beside one step
GRADIENT_NORM = 5.0  # longer gradients are shortened to it
NAMED = 32  # ids in a finding
LOOKED_AT = 16  # patients that are predicted at once


@dataclass(slots=True)
class Progress:
    """How far a fold is: what a checkpoint holds beside weights, optimiser and schedule."""

    epoch: int = 0
    step: int = 0
    total: float = 0.0
    best_loss: float = float("inf")
    best_epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


def fit_fold(network: nn.Module, fold: Fold, keeper: Keeper, tell: Tell) -> nn.Module:
    """Train one fold; gives the network in evaluation mode with the weights of its best epoch (0: as it started).

    tell: is given a row of the log after every epoch. An interrupted run goes on from its last checkpoint and ends with the same
    weights, bit for bit. Raises EnvironmentFault (`trn.checkpoint`), InputError (`trn.nan`) at the first loss or gradient that is
    no number; no step is taken then.
    """
    plan, group = fold.plan, fold.group
    network.to(group.device)
    parts = _parts(network, fold)
    progress, best = _restore(parts, keeper, group)
    if best is None:
        progress.best_loss = watch(network, fold) if len(fold.watched) else float("inf")
        best = _copy(network)
    saved, begun = time.monotonic(), progress.epoch
    for row in progress.history:
        tell(row)
    while progress.epoch < plan.epochs and progress.epoch - progress.best_epoch <= plan.patience:
        began = time.monotonic()
        batches = _batches(fold, progress.epoch)
        while progress.step < len(batches):
            progress.total += train_step(parts, fold, batches[progress.step], progress)
            progress.step += 1
            if group.first and time.monotonic() - saved > CHECKPOINT_SECONDS:
                _save(parts, keeper, progress, best, len(batches))
                saved = time.monotonic()
        best = _end_epoch(parts, fold, progress, best)
        progress.history[-1]["seconds"] = round(time.monotonic() - began, 2)
        tell(progress.history[-1])
    if group.first and progress.epoch > begun:  # of a fold that is done nothing is learnt twice
        _save(parts, keeper, progress, best, len(_batches(fold, 0)))
    network.load_state_dict(best)
    return network.eval()


def train_step(parts: dict[str, Any], fold: Fold, rows: Rows, progress: Progress) -> float:
    """One step on a batch of patients; gives its loss. The batch is shared out over the processes."""
    network, group, plan = parts["network"], fold.group, fold.plan
    network.train()
    own = group.share(rows)
    torch.manual_seed(hash_seed(fold.seed(progress.epoch, progress.step, group.rank)))
    parts["optimiser"].zero_grad(set_to_none=True)
    value, wrong = torch.zeros(1), rows[:0]
    if len(own):
        batch = load_batch(fold, own, progress.epoch if fold.options.augmented else None)
        with torch.autocast(group.device.partition(":")[0], enabled=parts["half"]):
            each = patient_losses(network, plan, batch)
        wrong = own[~torch.isfinite(each.detach()).cpu().numpy()]
        weights = torch.from_numpy(fold.weights[own]).to(group.device)
        loss = (each.float() * weights).sum() / len(rows)
        if group.first and plan.priors:  # one share of the whole, whatever the batch
            loss = loss + prior_loss(network, parts["starts"], plan.priors) / len(fold.learnt)
        parts["scaler"].scale(loss).backward()
        value = loss.detach().cpu().reshape(1)
    group.add_gradients(network)
    total = float(group.add(value.to(group.device)).item())
    parts["scaler"].unscale_(parts["optimiser"])
    norm = float(nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM))
    rate = parts["schedule"].get_last_lr()[0]
    # in half precision a gradient may overflow once in a while: the scaler leaves that step out
    if not np.isfinite(total) or (not parts["half"] and not np.isfinite(norm)):
        ids = named(fold, [*wrong.tolist(), *(row for row in rows.tolist() if row not in wrong)])
        where = f"loss {total} in fold {fold.number}, epoch {progress.epoch + 1}, step {progress.step + 1}"
        raise InputError(find("trn.nan", found=f"{where}; rate {rate:.2g}; gradient {norm:.3g}; patients {ids}"))
    parts["scaler"].step(parts["optimiser"])
    parts["scaler"].update()
    parts["schedule"].step()
    return total


def patient_losses(network: nn.Module, plan: Plan, batch: dict[str, Tensor]) -> Tensor:
    """The loss of each patient of a batch, (n,): of the label, and of the line's rating where the plan has it learnt too."""
    inputs = [batch[name] for name in plan.inputs]
    if not plan.auxiliary:
        return loss_of(network(*inputs), batch["answers"], batch["asked"])
    logits, rating = network.both(*inputs)  # type: ignore[operator]
    beside: Tensor = plan.auxiliary * (rating - rating_of(batch["line"])) ** 2
    return loss_of(logits, batch["answers"], batch["asked"]) + beside


def look(network: nn.Module, fold: Fold, rows: Rows) -> NDArray[np.float64]:
    """Logits of patients, (n, heads), in evaluation mode; shared out over the processes."""
    network.eval()
    found = torch.zeros(len(rows), fold.patients.answers.shape[1], dtype=torch.float64)
    places = fold.group.share(np.arange(len(rows)))
    with torch.no_grad():
        for start in range(0, len(places), LOOKED_AT):
            part = places[start : start + LOOKED_AT]
            batch = load_batch(fold, rows[part], None)
            found[torch.from_numpy(part)] = network(*(batch[name] for name in fold.plan.inputs)).double().cpu()
    logits: NDArray[np.float64] = fold.group.add(found.to(fold.group.device)).cpu().numpy()
    wrong = rows[~np.isfinite(logits).all(axis=1)]
    if len(wrong):
        ids = named(fold, wrong.tolist())
        raise InputError(find("trn.nan", found=f"what the network of fold {fold.number} says of patients {ids}"))
    return logits


def named(fold: Fold, rows: Sequence[int]) -> str:
    """The ids of patients, those of a batch of usual size."""
    return ", ".join(fold.patients.ids[row] for row in rows[:NAMED])


def watch(network: nn.Module, fold: Fold) -> float:
    """Mean loss of the label over the patients that are watched."""
    rows = fold.watched
    answers, asked = (torch.from_numpy(array[rows]).double() for array in (fold.patients.answers, fold.patients.asked))
    each = loss_of(torch.from_numpy(look(network, fold, rows)), answers, asked)
    return float(each.mean())


def hash_seed(places: list[int]) -> int:
    """One seed out of several numbers."""
    return int(np.random.SeedSequence(places).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _batches(fold: Fold, epoch: int) -> list[Rows]:
    """The patients in an order of this epoch, in batches of about one size."""
    order = np.random.default_rng(fold.seed(epoch)).permutation(fold.learnt)
    return np.array_split(order, max(1, round(len(order) / fold.plan.batch)))


def _parts(network: nn.Module, fold: Fold) -> dict[str, Any]:
    """Everything that a step changes, by name."""
    plan, device = fold.plan, fold.group.device.partition(":")[0]
    slow: list[Tensor] = []
    fast: list[Tensor] = []
    for name, weight in network.named_parameters():
        (slow if plan.slow and name.startswith(plan.slow) else fast).append(weight)
    rates = [plan.learning_rate, plan.learning_rate * plan.slowly][: 1 + bool(slow)]
    groups = [{"params": part, "lr": rate} for part, rate in zip((fast, slow), rates, strict=False)]
    optimiser = torch.optim.AdamW(groups, lr=plan.learning_rate, weight_decay=plan.decay)
    steps = max(plan.epochs * len(_batches(fold, 0)), 2)
    half = fold.options.precision == "auto" and device == "cuda"
    return {
        "network": network,
        "optimiser": optimiser,
        "schedule": torch.optim.lr_scheduler.OneCycleLR(optimiser, rates, total_steps=steps, pct_start=0.2),
        "scaler": torch.amp.GradScaler(device, enabled=half),
        "half": half,
        "starts": {name: weight.detach().clone() for name, weight in network.named_parameters()},
    }


def prior_loss(network: nn.Module, starts: dict[str, Tensor], priors: Sequence[tuple[str, float]]) -> Tensor:
    """Half the squared distance of the weights from where they started, in standard deviations of their normal priors."""
    total = torch.zeros(1)
    for name, weight in network.named_parameters():
        for beginning, spread in priors:
            if name.startswith(beginning):
                total = total.to(weight.device) + ((weight - starts[name]) ** 2).sum() / (2 * spread**2)
    return total[0]


def _end_epoch(parts: dict[str, Any], fold: Fold, progress: Progress, best: dict[str, Tensor]) -> dict[str, Tensor]:
    """Close an epoch: its row of the log, and its weights if they are the best so far."""
    learnt = progress.total / max(progress.step, 1)
    watched = watch(parts["network"], fold) if len(fold.watched) else learnt
    progress.epoch += 1
    if watched < progress.best_loss or not len(
        fold.watched
    ):  # nobody watched: the schedule decides, the last is the best
        progress.best_loss, progress.best_epoch = watched, progress.epoch
        best = _copy(parts["network"])
    row = {
        "fold": fold.number,
        "epoch": progress.epoch,
        "epochs": fold.plan.epochs,
        "loss": learnt,
        "watched": watched,
        "best": progress.best_loss,
        "rate": parts["schedule"].get_last_lr()[0],
    }
    progress.history.append(row)
    progress.step, progress.total = 0, 0.0
    return best


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}


STATEFUL = ("network", "optimiser", "schedule", "scaler")


def _save(parts: dict[str, Any], keeper: Keeper, progress: Progress, best: dict[str, Tensor], steps: int) -> None:
    state = {name: parts[name].state_dict() for name in STATEFUL}
    keeper.save({**state, "progress": asdict(progress), "best": best}, progress.epoch * steps + progress.step)


def _restore(parts: dict[str, Any], keeper: Keeper, group: Group) -> tuple[Progress, dict[str, Tensor] | None]:
    """Go on from the newest whole checkpoint; all processes from the first one's. Raises EnvironmentFault (`trn.checkpoint`)."""
    state = group.agree(keeper.load() if group.first else None)
    if state is None:
        return Progress(), None
    try:
        for name in STATEFUL:
            parts[name].load_state_dict(state[name])
        parts["network"].load_state_dict(state["best"])  # of the same shapes
        parts["network"].load_state_dict(state["network"])
        progress = Progress(**state["progress"])
        if not all(isinstance(getattr(progress, name), int) for name in ("epoch", "step", "best_epoch")):
            raise TypeError("progress")
        return progress, state["best"]
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise unusable(keeper.name, type(error).__name__) from error
