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
    except MemoryError:
        raise
    except Exception as error:  # onnxruntime raises its own, undocumented, classes
        if "alloc" in str(error):
            raise MemoryError from error
        raise EnvironmentFault(
            find("bun.kind", found="a model that does not load", expected="an ONNX model")
        ) from error


def run(bundle: Bundle, *, batch: int = 64, **arrays: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
    """Run a bundle's network on arrays that share their first axis, `batch` items at a time.

    arrays: name to (n, ...) as the bundle's inputs; cast to float32. Gives name to (n, ...) float32.
    Raises EnvironmentFault (`bun.kind`) when the model cannot be loaded or has other inputs.
    """
    session = _session(bundle.sha256, bundle.model, threads())
    inputs = {one.name for one in session.get_inputs()}
    if inputs != set(arrays):
        raise _unfit(bundle, f"inputs {', '.join(sorted(inputs))}", ", ".join(sorted(arrays)))
    names = [output.name for output in session.get_outputs()]
    n = len(next(iter(arrays.values())))
    parts = []
    for start in range(0, max(n, 1), batch):
        feed = {name: np.ascontiguousarray(array[start : start + batch], np.float32) for name, array in arrays.items()}
        parts.append(_fed(session, names, feed, bundle))
    return Answer({name: np.concatenate([part[index] for part in parts]) for index, name in enumerate(names)}, bundle)


class Answer(dict[str, NDArray[np.float32]]):
    """What a network gave, by name; a name that it did not give says so. Raises EnvironmentFault (`bun.kind`)."""

    def __init__(self, arrays: dict[str, NDArray[np.float32]], bundle: Bundle) -> None:
        super().__init__(arrays)
        self.bundle = bundle

    def __missing__(self, name: str) -> NDArray[np.float32]:
        raise _unfit(self.bundle, f"outputs {', '.join(sorted(self))}", name)


def _fed(session: Any, names: list[str], feed: dict[str, Any], bundle: Bundle) -> list[NDArray[np.float32]]:
    try:
        answer = session.run(names, feed)
        if any(len(one) != len(next(iter(feed.values()))) for one in answer):
            raise ValueError("items")
    except MemoryError:
        raise
    except Exception as error:  # as above
        if "alloc" in str(error):
            raise MemoryError from error
        shapes = " and ".join(f"{name} {' x '.join(map(str, value.shape))}" for name, value in feed.items())
        raise _unfit(bundle, "a network that does not take them", shapes) from error
    return list(answer)


def _unfit(bundle: Bundle, found: str, expected: str) -> EnvironmentFault:
    return EnvironmentFault(find("bun.kind", found=f"{bundle.name}: {found}", expected=expected))
