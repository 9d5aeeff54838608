"""Training: labelled data in, a bundle out. Needs the extra [train]."""

from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from lungrisk.core.errors import UsageFault
from lungrisk.core.extents import extent_of
from lungrisk.core.extras import need
from lungrisk.core.findings import find
from lungrisk.core.outputs import written
from lungrisk.networks import NETWORKS, PATIENT_NETWORKS
from lungrisk.training.claims import claimed
from lungrisk.training.options import Options

__all__ = ["Options", "train"]

TUNED = ("epochs", "learning_rate", "batch", "folds", "seed")  # options of nodule networks


def train(source: str | Path, net: str, options: Options | None = None) -> Path:
    """Train one of the networks and write its bundle to `options.output`; gives that folder.

    source: a store (patient networks) or a folder of nodules. net: a row of `networks.NETWORKS`. Patient networks are trained by
    `patients.py`; each nodule network has a file of its name in this room, with `train(folder, options) -> Path`. Raises
    UsageFault (`use.option`, `use.missing`) or EnvironmentFault (`env.extra`), and what the network's file names.
    """
    if net not in NETWORKS:
        raise UsageFault(find("use.option", found=f"--net {net}", expected=" or ".join(NETWORKS)))
    need("torch", extra="train")
    chosen = options or Options()
    if net in PATIENT_NETWORKS:
        folder: Path = import_module("lungrisk.training.patients").train(Path(source), net, chosen)
    else:
        folder = _train_on_nodules(Path(source), net, chosen)
    return folder


def _train_on_nodules(source: Path, net: str, options: Options) -> Path:
    """Claim the bundle's folder, then hand over to the network's file."""
    if not source.is_dir():
        raise UsageFault(find("use.missing", found=str(source), expected="a folder of nodules (docs: nodules)"))
    told = {name: value for name, value in asdict(options).items() if name in TUNED}
    with claimed(options, {"net": net, "options": told, "data": extent_of(source).content}) as key:
        if key is not None:
            with written(options.output, "train", key):
                import_module(f"lungrisk.training.{net}").train(source, options)
    return options.output
