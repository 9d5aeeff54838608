"""Which input is changed, how, and what reads it."""

import gzip
import io
import random
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fuzzing import bases
from fuzzing import mutations as change

Move = Callable[[bytes, random.Random], change.Change]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """base: its folder among the bases. move: what happens to a file. read: what is done with the folder or file.

    unchecked: where in a file a packed stream begins that has no checksum, so that no reader can see a changed byte.
    file: of the base, the one that is changed and read by itself; None: the folder is read, and any of its files changed. judged: what
    `read` gives is a scan that can be held against the truth.
    """

    base: str
    move: Move
    read: Callable[[Path], Any]
    file: str | None = None
    judged: bool = True
    unchecked: Callable[[bytes], int] | None = None


def _pixels(content: bytes) -> int:
    """Where the pixel element begins."""
    return content.rfind(b"\xe0\x7f\x10\x00")


def _body(content: bytes) -> int:
    """Where the meta header ends."""
    return 144 + int.from_bytes(content[140:144], "little")


def _scan(path: Path) -> Any:
    from lungrisk.formats import read

    return read(path)


def _bundle(path: Path) -> Any:
    from lungrisk.core.bundle import open_bundle
    from lungrisk.prediction.models import open_model

    open_bundle(path)
    return open_model(str(path))


def _store(path: Path) -> Any:
    from lungrisk.cohort.store import open_store

    store = open_store(path)
    for patient in store.patients:
        _ = patient.record, patient.findings
        if patient.status != "refused":
            store.load(patient.id)
    return store.recipe


def _labels(path: Path) -> Any:
    from lungrisk.cohort.labels import read_labels

    return read_labels(path)


def _predictions(path: Path) -> Any:
    from lungrisk.evaluation.tables import read_predictions

    return read_predictions(path)


def _info(path: Path) -> Any:
    from lungrisk.cli.info import info

    with redirect_stdout(io.StringIO()) as told:
        info(str(path), None, quiet=True)
    return told.getvalue()


def _journal(path: Path) -> Any:
    from lungrisk.prediction.journal import open_journal

    with open_journal(path / "predictions.csv", bases.ASKED, lambda *_: True, overwrite=True) as journal:
        return dict(journal.entries)


def _checkpoint(path: Path) -> Any:
    """A checkpoint whose checksum was made to fit its bytes: it is not what keeps them out."""
    from lungrisk.training.checkpoints import Keeper, checksum

    for file in sorted(path.glob("fold-*.pt")):
        fitting = path / "fitting" / f"fold-0000001-{checksum(file)}.pt"
        fitting.parent.mkdir(exist_ok=True)
        try:
            fitting.write_bytes(file.read_bytes())
            return Keeper(folder=fitting.parent, name="fold").load()
        finally:
            fitting.unlink()
    return None


def _either(knowing: Move) -> Move:
    return change.either(knowing, knowing, change.blind)


def _targets() -> dict[str, Target]:
    rows: dict[str, Target] = {}
    for syntax in ("explicit", "implicit", "big"):
        rows[f"bytes-{syntax}"] = Target(base=syntax, move=change.blind, read=_scan)
    for syntax in ("deflated", "rle", "j2k", "jls", "jpegll"):
        start = _body if syntax == "deflated" else _pixels
        rows[f"bytes-{syntax}"] = Target(base=syntax, move=change.blind, read=_scan, unchecked=start)
    for syntax in ("explicit", "jls", "enhanced"):
        rows[f"elements-{syntax}"] = Target(base=syntax, move=change.elements, read=_scan)
    rows["bytes-enhanced"] = Target(base="enhanced", move=change.blind, read=_scan)
    packed = change.inside(gzip.decompress, lambda content: gzip.compress(content, 1, mtime=0), change.elements)
    rows["elements-gz"] = Target(base="gz", move=packed, read=_scan)
    for name in ("dz", "ds", "db", "dl"):
        rows[f"zip-{name}"] = Target(base=name, move=_either(change.zip_tables), read=_scan, file="scan.zip")
    rows["disc"] = Target(base="disc", move=change.blind, read=_scan, file="DICOMDIR")
    rows["bytes-gz"] = Target(base="gz", move=change.blind, read=_scan)
    rows["nifti-n1.nii"] = Target(base="n1.nii", move=_either(change.nifti_fields), read=_scan, file="n1.nii")
    fields = change.inside(
        gzip.decompress, lambda content: gzip.compress(content, 1, mtime=0), _either(change.nifti_fields)
    )
    rows["nifti-n1.nii.gz"] = Target(base="n1.nii.gz", move=fields, read=_scan, file="n1.nii.gz")
    for name in ("n2.nii", "n2.nii.gz"):
        rows[f"nifti-{name}"] = Target(base=name, move=change.blind, read=_scan, file=name)
    for name in ("raw.nrrd", "gzip.nrrd", "det.nhdr", "a.mha", "z.mha", "d.mhd"):
        rows[f"lines-{name}"] = Target(base=name, move=_either(change.header_lines), read=_scan, file=name)
    rows["bundle"] = Target(base="bundle", move=change.json_text, read=_bundle, judged=False)
    rows["store"] = Target(
        base="store", move=change.either(change.json_text, change.csv_text), read=_store, judged=False
    )
    rows["labels"] = Target(base="tables", move=change.csv_text, read=_labels, file="labels.csv", judged=False)
    rows["predictions"] = Target(
        base="tables", move=change.csv_text, read=_predictions, file="predictions.csv", judged=False
    )
    rows["info"] = Target(base="assessment", move=change.json_text, read=_info, judged=False)
    rows["journal"] = Target(base="journal", move=change.json_text, read=_journal, judged=False)
    if find_spec("torch"):
        rows["checkpoint"] = Target(base="checkpoint", move=change.blind, read=_checkpoint, judged=False)
    return rows


# a row a kind of input
TARGETS: dict[str, Target] = _targets()

__all__ = ["TARGETS", "Target"]
