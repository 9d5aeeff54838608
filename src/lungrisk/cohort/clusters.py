"""The same tasks on a Dask cluster: one that runs already, or one whose workers SLURM starts."""

import subprocess
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import distributed
from distributed.scheduler import KilledWorker

from lungrisk.core.errors import EnvironmentFault, InputError, UsageFault
from lungrisk.core.extras import need
from lungrisk.core.findings import find
from lungrisk.core.parsing import parse_json

if TYPE_CHECKING:
    from lungrisk.cohort.workers import Workers

AHEAD = 1000  # tasks that the scheduler knows at a time: enough for any cluster, little for its memory
PATIENCE_S = 20.0  # to reach the scheduler
OURS = {"jobs": 1}  # options of the file that are not SLURMCluster's, with their defaults


def on_cluster(
    task: Callable[[Any], Any], items: Sequence[Any], workers: "Workers"
) -> Iterator[tuple[int, Any | Exception]]:
    """`workers.run_each` on Dask. One future a patient, nothing tried twice when it raised.

    A worker that is lost (a node that went down, memory) gives its patients to others, as Dask does by its setting
    `allowed-failures`; the patient at which worker after worker dies gets an InputError (`coh.worker`).
    Raises EnvironmentFault (`coh.start`) when the scheduler cannot be reached or is lost.
    """
    with ExitStack() as stack:
        client = stack.enter_context(_client(stack, workers))
        places: dict[str, int] = {}
        todo = iter(enumerate(items))

        def submit() -> Any:
            upcoming = next(todo, None)
            if upcoming is None:
                return None
            place, item = upcoming
            future = client.submit(task, item, pure=False, retries=0)
            places[future.key] = place
            return future

        started = [future for _ in range(min(AHEAD, len(items))) if (future := submit()) is not None]
        under_way: Any = distributed.as_completed(started)  # type: ignore[no-untyped-call]
        del started  # a future that nobody holds is forgotten by the cluster: when its iterator is done with it
        for future in under_way:
            answer = _outcome(future)
            following = submit()
            if following is not None:
                under_way.add(following)
            yield places.pop(future.key), answer


def _outcome(future: Any) -> Any:
    if future.status == "cancelled":  # nobody here cancels
        raise EnvironmentFault(find("coh.start", found="the connection to the scheduler was lost"))
    if future.status != "error":
        return future.result()
    error = future.exception()
    if isinstance(error, KilledWorker):
        return InputError(find("coh.worker", found="several workers of the cluster died at it"))
    return error


def _client(stack: ExitStack, workers: "Workers") -> Any:
    address: Any = workers.address
    if workers.file is not None and workers.kind == "slurm":
        address = stack.enter_context(_slurm_cluster(read_options(workers.file)))
    try:
        return distributed.Client(address, timeout=PATIENCE_S)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as error:
        raise EnvironmentFault(
            find("coh.start", found=f"no Dask scheduler at {workers.address}", expected="tcp://host:8786, say")
        ) from error


@contextmanager
def _slurm_cluster(options: dict[str, Any]) -> Iterator[Any]:
    """A scheduler in this process, and the jobs submitted; they may wait in SLURM's queue as long as they must."""
    jobs = options.pop("jobs")
    slurm = need("dask_jobqueue", extra="dask").SLURMCluster
    try:
        cluster = slurm(**options)
    except (TypeError, ValueError) as error:
        raise UsageFault(find("coh.slurm", found=str(error).partition("\n")[0])) from error
    with cluster:
        _try_job(cluster.job_script())
        cluster.scale(jobs=jobs)
        yield cluster


def _try_job(script: str) -> None:
    """Ask SLURM whether it would take the job. One that it refuses later would be waited for in vain."""
    with NamedTemporaryFile("w", suffix=".sh", encoding="utf-8") as file:
        file.write(script)
        file.flush()
        try:
            tried = subprocess.run(["sbatch", "--test-only", file.name], capture_output=True, text=True, check=False)
        except OSError as error:
            raise EnvironmentFault(find("coh.start", found=f"sbatch: {error.strerror}", expected="SLURM")) from error
    if tried.returncode != 0:
        raise EnvironmentFault(find("coh.start", found=" ".join(tried.stderr.split())[:300]))


def read_options(file: Path) -> dict[str, Any]:
    """What a SLURM file says, TOML or JSON: options of dask_jobqueue.SLURMCluster, and `jobs`, how many are asked for.

    `processes` is the number of `cores` unless the file says otherwise: one patient, one process, one thread.
    Raises UsageFault (`use.missing`, `coh.slurm`) when it cannot be read, or lacks cores or memory.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageFault(find("use.missing", found=str(file), expected="a TOML or JSON file for SLURM")) from error
    try:
        options = parse_json(text) if file.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise UsageFault(find("coh.slurm", found=str(error), files=[file.name])) from error
    if not isinstance(options, dict) or not {"cores", "memory"} <= set(options):
        raise UsageFault(find("coh.slurm", found=sorted(options), expected="cores and memory", files=[file.name]))
    return {**OURS, "processes": options["cores"], **options}
