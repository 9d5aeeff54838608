"""Whose a bundle and the folder of its training are: an unfinished training goes on, a finished bundle stays. Needs no torch."""

import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lungrisk
from lungrisk.core.errors import UsageFault
from lungrisk.core.files import write_atomic
from lungrisk.core.findings import find
from lungrisk.core.locks import locked
from lungrisk.core.outputs import key_of, state_of
from lungrisk.core.parsing import parse_json
from lungrisk.training.options import Options

LOG = logging.getLogger("lungrisk.training")
MARK = "training.json"
NEEDS = ("bundle.json", "model.onnx", "CARD.md")
MOST_BYTES = 100_000  # of the mark


@contextmanager
def claimed(options: Options, parts: Mapping[str, Any]) -> Iterator[str | None]:
    """The bundle's folder and that of the training, held for one training; gives the key of the bundle, None when it is done already.

    parts: everything that a training depends on, plain values. The same parts go on from what an interrupted run left.
    Raises UsageFault: `use.output` when the bundle is of another training, `trn.other` when the unfinished training is;
    EnvironmentFault (`trn.locked`, `env.disk`).
    """
    told = {"lungrisk": lungrisk.__version__, "torch": version("torch").partition("+")[0], **parts}
    key = key_of(**told)
    state = state_of(options.output, "train", key, needs=NEEDS, overwrite=options.overwrite)
    if state == "done":
        LOG.info("%s is done already by this very command; --overwrite makes it anew", options.output.name)
        yield None
        return
    with locked(options.folder / ".lock", "trn.locked"):
        begin(options.folder, told, overwrite=options.overwrite)
        yield key
        forget(options.folder)


def begin(folder: Path, told: Mapping[str, Any], *, overwrite: bool = False) -> None:
    """Make a folder that of a training; one of the same parts keeps its checkpoints. Raises UsageFault (`trn.other`)."""
    parts = json.loads(json.dumps(told, default=str))
    known = _read(folder / MARK)
    left = sorted(path.name for path in folder.glob("*.pt"))
    if known == parts:
        LOG.info("goes on from %s", ", ".join(left) or "the beginning: the interrupted run came to no checkpoint")
        return
    if left and not overwrite:
        other = sorted(name for name in {*parts, *(known or {})} if (known or {}).get(name) != parts.get(name))
        raise UsageFault(find("trn.other", found="another " + ", ".join(other), files=[folder.name]))
    forget(folder)
    shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    write_atomic(folder / MARK, json.dumps(parts, indent=1, sort_keys=True) + "\n")


def forget(folder: Path) -> None:
    """Remove the mark and the checkpoints: nothing is to be gone on with. Logs stay."""
    for path in (folder / MARK, folder / "training.txt", *folder.glob("*.pt")):
        path.unlink(missing_ok=True)


def _read(mark: Path) -> dict[str, Any] | None:
    try:
        with mark.open("rb") as stream:
            known = parse_json(stream.read(MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return known if isinstance(known, dict) else None
