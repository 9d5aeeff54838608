"""Training: labelled data in, a bundle out. Needs the extra [train]."""

from importlib import import_module
from pathlib import Path

from lungrisk.core.errors import UsageFault
from lungrisk.core.extras import need
from lungrisk.core.findings import find
from lungrisk.networks import NETWORKS
from lungrisk.training.options import Options

__all__ = ["Options", "train"]


def train(source: str | Path, net: str, options: Options | None = None) -> Path:
    """Train one of the networks and write its bundle to `options.output`; gives that folder.

    source: a folder of nodules. net: a row of `networks.NETWORKS`. Each network has a file of its name in this room, with
    `train(folder, options) -> Path`. Raises UsageFault (`use.option`, `use.missing`)
    or EnvironmentFault (`env.extra`).
    """
    if net not in NETWORKS:
        raise UsageFault(find("use.option", found=f"--net {net}", expected=" or ".join(NETWORKS)))
    need("torch", extra="train")
    folder: Path = import_module(f"lungrisk.training.{net}").train(Path(source), options or Options())
    return folder
