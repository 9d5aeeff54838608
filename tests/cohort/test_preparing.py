"""A cohort becomes a store: the same bytes whatever happened on the way, and nobody is lost."""

import errno
import fcntl
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import made_assessments
import pytest
from made_assessments import assess_made, cohort, contents

from lungrisk.cohort import preparing
from lungrisk.cohort.preparing import PrepareOptions, prepare_cohort
from lungrisk.cohort.store import file_name, open_store
from lungrisk.cohort.workers import Workers
from lungrisk.core.errors import EnvironmentFault, InputError, LungriskError, UsageFault
from lungrisk.core.records import Recipe

FOUR = {"a": "1", "b": "2", "c": "refuse", "d": "limit 4"}


@pytest.fixture(autouse=True)
def _made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "assess", assess_made)


def code_of(error: pytest.ExceptionInfo[LungriskError]) -> list[str]:
    return [finding.code for finding in error.value.findings]


def labels(file: Path, **known: int) -> Path:
    file.write_text("id,cancer\n" + "".join(f"{name},{value}\n" for name, value in known.items()), "utf-8")
    return file


def test_every_patient_is_in_the_store_with_status_and_reasons(tmp_path: Path) -> None:
    store = prepare_cohort(cohort(tmp_path / "cohort", **FOUR), tmp_path / "store")
    assert [(one.id, one.status, one.codes) for one in store.patients] == [
        ("a", "assessed", ()),
        ("b", "assessed", ()),
        ("c", "refused", ("anat.no_lung",)),
        ("d", "limited", ("geo.thick",)),
    ]
    assert [one.id for one in store.usable] == ["a", "b", "d"]
    assert store.patients[2].findings[0].remedy == "give a chest CT"
    assert store.patients[0].record["likelihood"]["value"] == 0.2


def test_strictly_a_limited_patient_counts_as_refused(tmp_path: Path) -> None:
    source = cohort(tmp_path / "cohort", **FOUR)
    store = prepare_cohort(source, tmp_path / "store", PrepareOptions(strict=True))
    assert [one.id for one in store.usable] == ["a", "b"]
    assert [one.id for one in prepare_cohort(source, tmp_path / "store").usable] == ["a", "b", "d"]


def test_the_bytes_depend_neither_on_order_nor_place_nor_time_nor_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = cohort(tmp_path / "cohort", **FOUR)
    prepare_cohort(source, tmp_path / "whole")
    whole = contents(tmp_path / "whole")
    assert set(whole) == {"store.json", "patients.csv", *(f"patients/{name}.npz" for name in FOUR)}

    shutil.copytree(tmp_path / "whole", tmp_path / "half")
    for name in ("b", "c"):
        (tmp_path / "half" / "patients" / f"{name}.npz").unlink()
    (tmp_path / "half" / "patients.csv").unlink()
    (tmp_path / "half" / "patients" / ".a.npz.x1").write_bytes(b"half a file")
    (tmp_path / "half" / ".store.json.x2").write_bytes(b"{")
    prepare_cohort(source, tmp_path / "half")
    assert contents(tmp_path / "half") == whole

    def backwards(task: Any, items: list[Any], workers: Any) -> Iterator[tuple[int, Any]]:
        for place in reversed(range(len(items))):
            yield place, task(items[place])

    monkeypatch.setattr(preparing, "run_each", backwards)
    shutil.copytree(source, tmp_path / "elsewhere" / "moved")
    prepare_cohort(tmp_path / "elsewhere" / "moved", tmp_path / "backwards")
    assert contents(tmp_path / "backwards") == whole


def test_processes_give_the_same_bytes(tmp_path: Path) -> None:
    """With scans that the line itself refuses, as other processes know nothing of made ones."""
    source = tmp_path / "cohort"
    for name in ("a", "b", "c"):
        (source / name).mkdir(parents=True)
    (source / "b" / "note.txt").write_text("no scan", "utf-8")
    prepare_cohort(source, tmp_path / "two", PrepareOptions(workers=Workers(kind="processes", n=2)))
    with pytest.MonkeyPatch.context() as patch:
        from lungrisk.assessment import assess

        patch.setattr(preparing, "assess", assess)
        store = prepare_cohort(source, tmp_path / "one")
    assert contents(tmp_path / "two") == contents(tmp_path / "one")
    assert {one.status for one in store.patients} == {"refused"}


def test_killed_at_random_moments_and_scans_replaced_between_the_store_is_that_of_the_scans_that_are_there(
    tmp_path: Path,
) -> None:
    source = cohort(tmp_path / "cohort", **{f"p{number}": str(number) for number in range(5)})
    draw = random.Random(8)
    command = [sys.executable, "-B", str(Path(made_assessments.__file__)), str(source), str(tmp_path / "store"), "0.1"]
    for kill in range(4):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not (tmp_path / "store" / "store.json").is_file() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(draw.uniform(0.0, 0.8))
        process.send_signal(signal.SIGKILL)
        process.wait()
        (source / f"p{kill}" / "scan").write_text(str(kill + 5), "utf-8")
    prepare_cohort(source, tmp_path / "store")
    prepare_cohort(source, tmp_path / "whole")
    assert contents(tmp_path / "store") == contents(tmp_path / "whole")


def test_what_is_done_is_not_done_again_unless_the_scan_or_the_file_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = cohort(tmp_path / "cohort", **FOUR)
    prepare_cohort(source, tmp_path / "store")
    asked: list[str] = []
    monkeypatch.setattr(preparing, "assess", lambda path: (asked.append(path.name), assess_made(path))[1])
    prepare_cohort(source, tmp_path / "store")
    assert asked == []
    (source / "a" / "scan").write_text("11", "utf-8")
    damaged = tmp_path / "store" / "patients" / "b.npz"
    damaged.write_bytes(damaged.read_bytes()[:2000])
    prepare_cohort(source, tmp_path / "store")
    assert asked == ["a", "b"]


@pytest.mark.parametrize(("words", "code"), [("crash", "coh.crash"), ("memory", "env.memory")])
def test_a_failure_at_one_patient_is_named_and_the_others_go_on(tmp_path: Path, words: str, code: str) -> None:
    source = cohort(tmp_path / "cohort", a="1", b=words, c="3")
    store = prepare_cohort(source, tmp_path / "store")
    assert [(one.id, one.status, one.codes) for one in store.patients] == [
        ("a", "assessed", ()),
        ("b", "refused", (code,)),
        ("c", "assessed", ()),
    ]
    assert [(one.code, one.found) for one in store.findings] == [("coh.lost", f"b ({code})")]
    assert b"no file may hold" not in b"".join(contents(tmp_path / "store").values())
    (source / "b" / "scan").write_text("2", "utf-8")
    assert prepare_cohort(source, tmp_path / "store").patients[1].status == "assessed"


def test_a_missing_scan_of_a_table_is_a_refused_patient(tmp_path: Path) -> None:
    cohort(tmp_path / "cohort", a="1")
    (tmp_path / "cohort.csv").write_text("id,path\n1,cohort/a\n2,cohort/b\n", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparing, "assess", lambda path: assess_made(path) if path.exists() else _missing())
        store = prepare_cohort(tmp_path / "cohort.csv", tmp_path / "store")
    assert [(one.id, one.status, one.codes) for one in store.patients] == [
        ("1", "assessed", ()),
        ("2", "refused", ("use.missing",)),
    ]
    assert "coh.path" in {finding.code for finding in store.findings}


def _missing() -> None:
    from lungrisk.assessment import assess

    assess("nowhere")


def test_the_same_scan_twice_is_told_and_stays_in_one_fold(tmp_path: Path) -> None:
    source = cohort(tmp_path / "cohort", a="1", b="2", c="3", d="2", e="noisy 3", f="6")
    store = prepare_cohort(source, tmp_path / "store")
    assert [one.found for one in store.findings if one.code == "coh.same_scan"] == ["b and d, c and e"]
    where = {one.id: (one.group, one.fold) for one in store.patients}
    assert where["b"] == where["d"]
    assert where["c"] == where["e"]
    assert len({group for group, _ in where.values()}) == 4


def test_labels_are_kept_and_their_groups_stay_together(tmp_path: Path) -> None:
    names = [f"p{number:02d}" for number in range(12)]
    source = cohort(tmp_path / "cohort", **{name: str(place) for place, name in enumerate(names)})
    table = tmp_path / "labels.csv"
    rows = [f"{name},{place % 3 == 0:d},site {place // 2 if place < 4 else name}" for place, name in enumerate(names)]
    table.write_text("id,cancer,group\n" + "\n".join(rows) + "\n", "utf-8")
    store = prepare_cohort(source, tmp_path / "store", PrepareOptions(labels=table, folds=2))
    assert [one.label.cancer for one in store.patients if one.label] == [int(n % 3 == 0) for n in range(12)]
    folds = {one.id: one.fold for one in store.patients}
    assert folds["p00"] == folds["p01"]
    assert folds["p02"] == folds["p03"]
    assert [sum(folds[name] == fold for name in names[::3]) for fold in (0, 1)] == [2, 2]
    again = open_store(tmp_path / "store")
    assert [one.label for one in again.patients] == [one.label for one in store.patients]


def test_labels_without_patients_are_refused_unless_allowed(tmp_path: Path) -> None:
    source = cohort(tmp_path / "cohort", a="1", b="2", c="3")
    table = labels(tmp_path / "labels.csv", a=1, b=0)
    with pytest.raises(InputError) as error:
        prepare_cohort(source, tmp_path / "store", PrepareOptions(labels=table))
    assert "lab.no_label" in code_of(error)
    assert not (tmp_path / "store").exists()
    store = prepare_cohort(source, tmp_path / "store", PrepareOptions(labels=table, allow_missing=True))
    assert [one.label is None for one in store.patients] == [False, False, True]


def test_a_store_of_another_recipe_is_refused_by_name(tmp_path: Path) -> None:
    source = cohort(tmp_path / "cohort", a="1")
    prepare_cohort(source, tmp_path / "store")
    before = contents(tmp_path / "store")
    other = Recipe(name="small", spacing=(6.0, 6.0, 6.0), size=(56, 48, 64))
    with pytest.raises(EnvironmentFault) as error:
        prepare_cohort(source, tmp_path / "store", PrepareOptions(recipe=other))
    assert code_of(error) == ["coh.other_store"]
    assert "recipe" in str(error.value.findings[0].found)
    assert contents(tmp_path / "store") == before
    assert prepare_cohort(source, tmp_path / "small", PrepareOptions(recipe=other)).recipe == other


def test_networks_calibrated_otherwise_make_another_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's hash stays when only its limits or spreads are fitted anew; the records change all the same."""
    source = cohort(tmp_path / "cohort", a="1")
    prepare_cohort(source, tmp_path / "store")
    true_open = preparing.open_bundle

    def recalibrated(place: str, task: str) -> Any:
        bundle = true_open(place, task)
        return replace(bundle, settings={**bundle.settings, "calibration": {"accept": 0.5}})

    monkeypatch.setattr(preparing, "open_bundle", recalibrated)
    with pytest.raises(EnvironmentFault) as error:
        prepare_cohort(source, tmp_path / "store")
    assert code_of(error) == ["coh.other_store"]
    assert "calibrations" in str(error.value.findings[0].found)


def test_a_folder_with_other_files_is_not_made_a_store(tmp_path: Path) -> None:
    source = cohort(tmp_path / "cohort", a="1")
    with pytest.raises(EnvironmentFault) as error:
        prepare_cohort(source, source)
    assert code_of(error) == ["coh.store"]


@pytest.mark.parametrize("recipe", ["unheard of", "1mm", "seed-view"])
def test_a_recipe_without_a_size_is_misuse(tmp_path: Path, recipe: Recipe | str) -> None:
    with pytest.raises(UsageFault) as error:
        prepare_cohort(cohort(tmp_path / "cohort", a="1"), tmp_path / "store", PrepareOptions(recipe=recipe))
    assert code_of(error) == ["use.option"]


def test_two_do_not_work_on_one_store(tmp_path: Path) -> None:
    source = cohort(tmp_path / "cohort", a="1")
    (tmp_path / "store").mkdir()
    with (tmp_path / "store" / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(EnvironmentFault) as error:
            prepare_cohort(source, tmp_path / "store")
    assert code_of(error) == ["coh.locked"]
    assert prepare_cohort(source, tmp_path / "store").patients


def test_too_little_space_is_told_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = cohort(tmp_path / "cohort", a="1", b="2")
    one = prepare_cohort(cohort(tmp_path / "single", a="1"), tmp_path / "measured").path / "patients" / file_name("a")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=int(1.5 * one.stat().st_size)))
    with pytest.raises(EnvironmentFault) as error:
        prepare_cohort(source, tmp_path / "store")
    assert code_of(error) == ["env.disk"]
    assert error.value.exit_code == 5
    assert not list((tmp_path / "store").rglob("*.npz"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=int(2.2 * one.stat().st_size)))
    assert prepare_cohort(source, tmp_path / "store").usable


def test_a_disk_that_fills_up_keeps_what_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = cohort(tmp_path / "cohort", **FOUR)
    prepare_cohort(source, tmp_path / "whole")
    from lungrisk.core import files

    true_fsync, calls = files.os.fsync, iter(range(100))

    def full(descriptor: int) -> None:
        if next(calls) == 3:  # store.json, a, b, then
            raise OSError(errno.ENOSPC, "No space left on device")
        true_fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        with pytest.raises(EnvironmentFault) as error:
            prepare_cohort(source, tmp_path / "store")
    assert code_of(error) == ["env.disk"]
    assert error.value.exit_code == 5
    assert sorted(file.name for file in (tmp_path / "store").rglob("*.npz*")) == ["a.npz", "b.npz"]
    with pytest.raises(EnvironmentFault) as unfinished:
        open_store(tmp_path / "store")
    assert code_of(unfinished) == ["coh.unfinished"]
    prepare_cohort(source, tmp_path / "store")
    assert contents(tmp_path / "store") == contents(tmp_path / "whole")
