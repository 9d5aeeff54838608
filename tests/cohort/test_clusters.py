"""On a Dask cluster the same task gives the same results; files for SLURM say what is wrong with them."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

from lungrisk.cohort import clusters  # noqa: E402
from lungrisk.cohort.workers import Workers, run_each  # noqa: E402
from lungrisk.core.errors import EnvironmentFault, InputError, UsageFault  # noqa: E402
from lungrisk.core.findings import find  # noqa: E402


def square(item: int) -> int:
    return item * item


def shifted(item: Any) -> Any:
    if item == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if item == "refuse":
        raise InputError(find("anat.no_lung", found="none"))
    return item + 1


def test_a_scheduler_that_is_not_there_is_a_fault_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lungrisk.cohort.clusters.PATIENCE_S", 1.0)
    with pytest.raises(EnvironmentFault, match=r"coh\.start"):
        list(run_each(square, [1], Workers(kind="dask", address="tcp://127.0.0.1:9")))


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.toml", "cores = "), ("a.json", "[1]"), ("a.toml", 'queue = "long"'), ("a.json", "{")],
)
def test_a_bad_file_for_slurm_is_named(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(UsageFault, match=r"coh\.slurm"):
        clusters.read_options(tmp_path / name)


def test_a_file_for_slurm_gives_one_process_a_core(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('cores = 8\nmemory = "32GB"\nqueue = "long"\njobs = 4\n', "utf-8")
    (tmp_path / "a.json").write_text('{"cores": 8, "memory": "32GB", "queue": "long", "jobs": 4}', "utf-8")
    options = clusters.read_options(tmp_path / "a.toml")
    assert options == clusters.read_options(tmp_path / "a.json")
    assert options == {"cores": 8, "processes": 8, "memory": "32GB", "queue": "long", "jobs": 4}


def test_two_dask_workers_give_what_in_line_gives() -> None:
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), distributed.LocalCluster(**options) as cluster:
        workers = Workers(kind="dask", address=cluster.scheduler_address)
        assert sorted(run_each(square, range(30), workers)) == sorted(run_each(square, range(30)))
        results = dict(run_each(shifted, [1, "refuse", 2], workers))
        assert (results[0], results[2]) == (2, 3)
        assert results[1].findings == (find("anat.no_lung", found="none"),)  # type: ignore[union-attr]
        # alone: where no failure is allowed, what waits on the worker that dies is given up with it
        ((_, died),) = run_each(shifted, ["die"], workers)
        assert died.findings[0].code == "coh.worker"  # type: ignore[union-attr]


def test_a_scheduler_that_is_lost_ends_the_work_by_name() -> None:
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None, "processes": False}
    with distributed.LocalCluster(**options) as cluster:
        results = run_each(square, range(5000), Workers(kind="dask", address=cluster.scheduler_address))
        assert next(results)[1] in {item * item for item in range(5000)}
        cluster.close()
        with pytest.raises(EnvironmentFault, match=r"coh\.start.*lost"):
            list(results)
