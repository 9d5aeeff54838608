"""Running an exported network without torch."""

import os
from functools import lru_cache
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from lungrisk.core.bundle import Bundle
from lungrisk.core.errors import EnvironmentFault
from lungrisk.core.findings import find

MAX_THREADS = 8  # more gain nothing on crops of this size


def threads() -> int:
    """How many threads a network gets: OMP_NUM_THREADS, which onnxruntime does not read itself, or all processors.

    Several workers on one machine have one thread each, and Dask's and SLURM's have what they were given.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return min(MAX_THREADS, int(wanted))
    return min(MAX_THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)


@lru_cache(maxsize=8)
def _session(sha256: str, model: bytes, n_threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own, undocumented, classes
        raise EnvironmentFault(find("bun.kind", found=str(error)[:200], expected="an ONNX model")) from error


def run(bundle: Bundle, *, batch: int = 64, **arrays: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
    """Run a bundle's network on arrays that share their first axis, `batch` items at a time.

    arrays: name to (n, ...) as the bundle's inputs; cast to float32. Gives name to (n, ...) float32.
    Raises EnvironmentFault (`bun.kind`) when the model cannot be loaded.
    """
    session = _session(bundle.sha256, bundle.model, threads())
    names = [output.name for output in session.get_outputs()]
    n = len(next(iter(arrays.values())))
    parts = []
    for start in range(0, max(n, 1), batch):
        feed = {name: np.ascontiguousarray(array[start : start + batch], np.float32) for name, array in arrays.items()}
        parts.append(session.run(names, feed))
    return {name: np.concatenate([part[index] for part in parts]) for index, name in enumerate(names)}
