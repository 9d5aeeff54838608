"""The same cohort prepared in line, on processes, on two Dask workers and on a one-node SLURM: the same bytes (`make cluster-test`).

    python scripts/cluster_test.py [-o out/cluster-test] [--patients 3] [--without slurm]

Simulates a few patients, adds one that cannot be read, prepares them in each way, compares the stores file by file, and compares what
`predict` says of the cohort (on Dask) with what it says of the store. Nothing is installed and nothing of the system is changed: SLURM's and
munge's files lie in a temporary folder, their daemons end with the script. They need root and Debian's `slurm-wlm` and `munge`.
Last, the test that trains under torchrun with two processes.
Exit code 1 when anything differs or a way is not there.
"""

import argparse
import filecmp
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

LUNGRISK = [sys.executable, "-c", "from lungrisk.cli import main; main()"]
DAEMONS = ("munged", "slurmctld", "slurmd")
TORCHRUN = "tests/training/test_patient_training.py::test_two_processes_give_the_weights_of_one"
PATIENCE_S = 60.0
CORES = 2
MEMORY_MB = 4096  # dask_jobqueue asks for whole GB

SLURM_CONF = """\
ClusterName=test
SlurmctldHost={host}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
NodeName={host} CPUs={cores} RealMemory={memory} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
SLURM_TOML = """\
# options of dask_jobqueue.SLURMCluster, and how many jobs
jobs = 1
queue = "all"
cores = {cores}
memory = "{memory}MB"
walltime = "00:30:00"
interface = "lo"
log_directory = "{folder}/jobs"
local_directory = "{folder}/jobs"
"""


def main() -> int:
    """Run every way and compare. Gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, default=Path("out/cluster-test"))
    parser.add_argument("--patients", type=int, default=3)
    parser.add_argument("--without", action="append", default=[], choices=["dask", "slurm", "torchrun"])
    options = parser.parse_args()
    out: Path = options.out
    shutil.rmtree(out, ignore_errors=True)
    cohort = simulate(out, options.patients)
    stores = [prepare(cohort, out / "in-line"), prepare(cohort, out / "processes", "--workers", "2")]
    failures = 0
    table = out / "of-the-cohort.csv"
    if "dask" not in options.without:
        with dask_workers() as address:
            stores.append(prepare(cohort, out / "dask", "--dask", address))
            lungrisk("predict", cohort, "-o", table, "--dask", address, "--quiet", may_end=4)
        lungrisk("predict", stores[0], "-o", out / "of-the-store.csv", "--quiet", may_end=4)
        failures += tell(
            filecmp.cmp(table, out / "of-the-store.csv", shallow=False),
            "predict: the cohort on Dask and its store agree",
        )
    if "slurm" not in options.without:
        lacking = [name for name in DAEMONS if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None]
        if lacking or os.geteuid() != 0:
            why = f"no {', '.join(lacking)}: apt-get install slurm-wlm munge" if lacking else "its daemons need root"
            failures += tell(False, f"SLURM: {why} (or --without slurm)")
        else:
            with one_node_slurm() as (file, environment):
                stores.append(prepare(cohort, out / "slurm", "--slurm", file, environment=environment))
    for store in stores[1:]:
        differing = differences(stores[0], store)
        failures += tell(
            not differing, f"{store.name}: the store is that of {stores[0].name}, byte for byte", differing
        )
    if "torchrun" not in options.without:
        failures += tell(pytest_holds(TORCHRUN), "train: two processes under torchrun (gloo) give the weights of one")
    return 1 if failures else 0


def pytest_holds(test: str) -> bool:
    """Whether a test passes: it makes a store of its own, large enough to learn from."""
    root = Path(__file__).parents[1]
    return subprocess.run([sys.executable, "-m", "pytest", "-q", test], cwd=root, check=False).returncode == 0


def simulate(out: Path, patients: int) -> Path:
    """A small cohort, and beside the simulated patients one of whom nothing can be read."""
    lungrisk("simulate", "cohort", "-o", out / "cohort", "--patients", str(patients), "--seed", "5", "--quiet")
    cohort = out / "cohort" / "stage1"
    (cohort / "unreadable").mkdir()
    (cohort / "unreadable" / "1.dcm").write_bytes(b"no slice")
    return cohort


def prepare(cohort: Path, store: Path, *words: str | Path, environment: dict[str, str] | None = None) -> Path:
    """Prepare the cohort into a store; 4: some patients were refused, as is meant."""
    begun = time.monotonic()
    lungrisk("prepare", cohort, "-o", store, *words, "--quiet", may_end=4, environment=environment)
    print(f"    {store.name}: {time.monotonic() - begun:.0f} s", flush=True)
    return store


def lungrisk(*words: str | Path, may_end: int = 0, environment: dict[str, str] | None = None) -> None:
    """Run a command; one that ends otherwise than it may ends the test."""
    print(f"lungrisk {' '.join(map(str, words))}", flush=True)
    code = subprocess.run(
        [*LUNGRISK, *map(str, words)], env={**os.environ, **(environment or {})}, check=False
    ).returncode
    if code != may_end:
        sys.exit(f"ended with {code}, not {may_end}")


def tell(holds: bool, claim: str, names: Sequence[str] = ()) -> int:
    """Print whether a claim holds; gives 1 when it does not."""
    print(f"{'yes' if holds else 'NO '} {claim}" + "".join(f"\n      {name}" for name in names), flush=True)
    return int(not holds)


def differences(one: Path, other: Path) -> list[str]:
    """Names of the files that are not in both or not the same in both."""
    names = {path.relative_to(store) for store in (one, other) for path in store.rglob("*") if path.is_file()}
    same = [name for name in names if all((store / name).is_file() for store in (one, other))]
    _, differ, faulty = filecmp.cmpfiles(one, other, [str(name) for name in same], shallow=False)
    return sorted({*map(str, names - set(same)), *differ, *faulty})


@contextmanager
def daemon(*words: str | Path, environment: dict[str, str] | None = None) -> Iterator[None]:
    """A process that runs meanwhile."""
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            [*map(str, words)], env={**os.environ, **(environment or {})}, stdout=said, stderr=said
        ) as process,
    ):
        try:
            yield
            if process.poll() is not None:
                said.seek(0)
                print(f"{words[0]} ended with {process.returncode}: {said.read().decode(errors='replace')[-1000:]}")
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def dask_workers() -> Iterator[str]:
    """A scheduler and two workers of one thread each; gives the scheduler's address."""
    address = f"tcp://127.0.0.1:{free_ports(1)[0]}"
    python = [sys.executable, "-m", "distributed.cli"]
    with ExitStack() as stack:
        scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
        stack.enter_context(daemon(*scheduler, "--host", address, "--no-dashboard", "--no-jupyter"))
        for _ in range(2):
            worker = [f"{python[0]}", "-m", "distributed.cli.dask_worker", address, "--nthreads", "1"]
            stack.enter_context(daemon(*worker, "--no-dashboard", "--local-directory", tempfile.gettempdir()))
        yield address


@contextmanager
def one_node_slurm() -> Iterator[tuple[Path, dict[str, str]]]:
    """munge, the controller and one node; gives the file for --slurm and the environment that finds them."""
    with tempfile.TemporaryDirectory(prefix="slurm-") as name, ExitStack() as stack:
        folder, host = Path(name), socket.gethostname().partition(".")[0]
        for part in ("state", "spool", "jobs"):
            (folder / part).mkdir()
        values = {"folder": folder, "host": host, "cores": CORES, "memory": MEMORY_MB, "ports": free_ports(2)}
        (folder / "slurm.conf").write_text(SLURM_CONF.format(**values), "utf-8")
        (folder / "slurm.toml").write_text(SLURM_TOML.format(**values), "utf-8")
        key = folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{os.environ['PATH']}:/usr/sbin"}
        files = [f"--{one}-file={folder}/munge.{one}" for one in ("pid", "log", "seed")]
        munged = ["/usr/sbin/munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket"]
        stack.enter_context(daemon(*munged, *files))
        stack.enter_context(daemon("/usr/sbin/slurmctld", "-D", environment=environment))
        stack.enter_context(daemon("/usr/sbin/slurmd", "-D", "-N", host, environment=environment))
        wait_for_node(environment, folder)
        yield folder / "slurm.toml", environment


def wait_for_node(environment: dict[str, str], folder: Path) -> None:
    """Until the node says that it is idle; ends the test with the daemons' logs when it never does."""
    state, deadline = "", time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        words = ["sinfo", "--noheader", "--format=%T"]
        state = subprocess.run(
            words, env={**os.environ, **environment}, capture_output=True, text=True, check=False
        ).stdout.strip()
        if state == "idle":
            return
        time.sleep(0.5)
    for log in folder.glob("*.log"):
        print(f"{log.name}:\n{log.read_text('utf-8', errors='replace')[-2000:]}")
    sys.exit(f"the node of SLURM did not come up: {state or 'no answer'}")


def free_ports(n: int) -> list[int]:
    """Ports that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


if __name__ == "__main__":
    sys.exit(main())
