"""Training: labelled data in, a bundle out. Needs the extra [train]."""

from importlib import import_module
from pathlib import Path

from lungrisk.core.errors import UsageFault
from lungrisk.core.extras import need
from lungrisk.core.findings import find
from lungrisk.networks import NETWORKS, PATIENT_NETWORKS
from lungrisk.training.options import Options

__all__ = ["Options", "train"]


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
        folder = import_module(f"lungrisk.training.{net}").train(Path(source), chosen)
    return folder
