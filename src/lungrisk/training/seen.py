"""What the shipped network sees of the nodules of every patient: computed once and kept beside the store."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.bundle import open_bundle
from lungrisk.core.errors import EnvironmentFault
from lungrisk.core.files import write_atomic
from lungrisk.training.patient_set import PatientSet
from lungrisk.training.plans import see_nodules


def add_seen(patients: PatientSet) -> None:
    """Give the patients their array "seen", (n, 8, e), out of the file beside the store or into it.

    The file `STORE.seen-HASH.npz` holds ids and array for one network; it is made anew when patients are lacking. A place that cannot be
    written costs the computation alone.
    """
    path = place_of(patients)
    kept = _kept(path, patients)
    if kept is not None:
        patients.made["seen"] = kept
        return
    patients.made["seen"] = see_nodules(patients)
    held = io.BytesIO()
    np.savez(held, ids=np.array(patients.ids), store=np.array(patients.store.hash), seen=patients.made["seen"])
    try:
        write_atomic(path, held.getvalue())
    except EnvironmentFault:  # a store on a disk that is read only
        return


def _kept(path: Path, patients: PatientSet) -> NDArray[np.float32] | None:
    """What the file holds for these patients; None where it is of another store, or cannot be read: it is made anew then."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            rows = {name: row for row, name in enumerate(kept["ids"].tolist())}
            if str(kept["store"]) != patients.store.hash or not set(patients.ids) <= set(rows):
                return None
            seen: NDArray[np.float32] = kept["seen"][[rows[name] for name in patients.ids]]
            return seen if seen.ndim == 3 and seen.dtype == np.float32 else None
    except MemoryError:
        raise
    except Exception:  # of parsers of strange bytes no list is closed
        return None


def place_of(patients: PatientSet) -> Path:
    """Where the file of the shipped network is."""
    store = Path(patients.store.path)
    return store.with_name(f"{store.name}.seen-{open_bundle('malignancy', 'malignancy').sha256[:8]}.npz")
