"""A store follows its cohort: what was replaced is prepared again, who left is gone, what is of another cohort is not lost."""

import os
import shutil
from pathlib import Path

import pytest
from made_assessments import assess_made, cohort, contents

from lungrisk.cohort import preparing
from lungrisk.cohort.preparing import PrepareOptions, prepare_cohort
from lungrisk.cohort.store import open_store
from lungrisk.core import extents
from lungrisk.core.errors import EnvironmentFault, InputError, UsageFault
from lungrisk.core.records import Recipe

THREE = {"a": "1", "b": "2", "c": "3"}
SMALL = Recipe(name="small", spacing=(6.0, 6.0, 6.0), size=(56, 48, 64))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The patients that were assessed."""
    names: list[str] = []
    monkeypatch.setattr(preparing, "assess", lambda path: (names.append(path.name), assess_made(path))[1])
    return names


def fresh(source: Path, folder: Path) -> dict[str, bytes]:
    shutil.rmtree(folder / "fresh", ignore_errors=True)
    prepare_cohort(source, folder / "fresh")
    return contents(folder / "fresh")


@pytest.mark.parametrize("settled", [True, False])
def test_a_scan_of_the_same_size_and_time_is_prepared_again(
    asked: list[str], tmp_path: Path, settled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extents, "SETTLED_S", -1.0 if settled else 1e9)
    source, store = cohort(tmp_path / "cohort", **THREE), tmp_path / "store"
    prepare_cohort(source, store)
    file = source / "b" / "scan"
    before = file.stat()
    file.write_text("7", "utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    asked.clear()
    prepare_cohort(source, store)
    assert asked == ["b"]
    assert contents(store) == fresh(source, tmp_path)


def test_nothing_is_read_again_where_the_stat_tells_that_nothing_changed(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extents, "SETTLED_S", -1.0)
    source = cohort(tmp_path / "cohort", **THREE)
    prepare_cohort(source, tmp_path / "store")
    monkeypatch.setattr(extents, "_digest", lambda file: pytest.fail("a scan was read"))
    said: list[str] = []
    prepare_cohort(source, tmp_path / "store", progress=said.append)
    assert said == ["every patient is done already: no scan has changed since"]


def test_who_left_the_cohort_is_in_the_store_no_longer(asked: list[str], tmp_path: Path) -> None:
    source, store = cohort(tmp_path / "cohort", **THREE), tmp_path / "store"
    prepare_cohort(source, store)
    shutil.rmtree(source / "b")
    cohort(source, d="4")
    assert [one.id for one in prepare_cohort(source, store).patients] == ["a", "c", "d"]
    assert contents(store) == fresh(source, tmp_path)
    with pytest.raises(InputError, match=r"coh\.unknown"):
        open_store(store).load("b")


def test_a_scan_that_was_replaced_by_one_that_fails_leaves_no_old_answer(asked: list[str], tmp_path: Path) -> None:
    source, store = cohort(tmp_path / "cohort", **THREE), tmp_path / "store"
    prepare_cohort(source, store)
    (source / "b" / "scan").write_text("crash", "utf-8")
    assert [one.status for one in prepare_cohort(source, store).patients] == ["assessed", "refused", "assessed"]
    with pytest.raises(InputError, match=r"coh\.unknown"):
        open_store(store).load("b")


def test_a_scan_that_changes_while_it_is_prepared_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, store = cohort(tmp_path / "cohort", **THREE), tmp_path / "store"

    def copied_meanwhile(path: Path) -> object:
        assessment = assess_made(path)
        if path.name == "b":
            (path / "scan").write_text("22", "utf-8")
        return assessment

    monkeypatch.setattr(preparing, "assess", copied_meanwhile)
    assert prepare_cohort(source, store).patients[1].codes == ("coh.changed",)
    monkeypatch.setattr(preparing, "assess", assess_made)
    prepare_cohort(source, store)
    assert contents(store) == fresh(source, tmp_path)


def test_another_cohort_does_not_replace_what_was_prepared_unless_it_may(asked: list[str], tmp_path: Path) -> None:
    source, store = cohort(tmp_path / "cohort", **THREE), tmp_path / "store"
    other = cohort(tmp_path / "other", a="9", d="4")
    prepare_cohort(source, store)
    before = contents(store)
    with pytest.raises(UsageFault, match=r"use\.output.*another cohort"):
        prepare_cohort(other, store)
    assert contents(store) == before
    prepare_cohort(source, store)  # still its own
    prepare_cohort(other, store, PrepareOptions(overwrite=True))
    assert contents(store) == fresh(other, tmp_path)


def test_a_cohort_that_moved_goes_on(asked: list[str], tmp_path: Path) -> None:
    source, store = cohort(tmp_path / "cohort", **THREE), tmp_path / "store"
    prepare_cohort(source, store)
    before = contents(store)
    asked.clear()
    moved = source.rename(tmp_path / "elsewhere")
    prepare_cohort(moved, store)
    prepare_cohort(moved, store)
    assert asked == []
    assert contents(store) == before


@pytest.mark.parametrize("harm", ["recipe", "cut"])
def test_a_store_of_another_recipe_or_a_broken_one_is_made_anew_when_it_may(
    asked: list[str], tmp_path: Path, harm: str
) -> None:
    source, store = cohort(tmp_path / "cohort", **THREE), tmp_path / "store"
    prepare_cohort(source, store, PrepareOptions(recipe=SMALL))
    if harm == "cut":
        (store / "store.json").write_bytes((store / "store.json").read_bytes()[:50])
    with pytest.raises(EnvironmentFault, match=r"coh\.(other_)?store"):
        prepare_cohort(source, store)
    prepare_cohort(source, store, PrepareOptions(overwrite=True))
    assert contents(store) == fresh(source, tmp_path)


@pytest.mark.parametrize("harm", [b"\xff\xfe\n", b"{\n", b"[" * 70_000 + b"\n", b'{"id": 3, "stat": []}\n', b"torn"])
def test_notes_that_cannot_be_read_cost_nothing_but_time(asked: list[str], tmp_path: Path, harm: bytes) -> None:
    source, store = cohort(tmp_path / "cohort", **THREE), tmp_path / "store"
    prepare_cohort(source, store)
    (store / ".lock").write_bytes(harm + (store / ".lock").read_bytes() + harm)
    asked.clear()
    prepare_cohort(source, store)
    assert asked == []


def test_few_cancers_are_told_when_the_labels_are_read_before_the_work(asked: list[str], tmp_path: Path) -> None:
    source, table = cohort(tmp_path / "cohort", **THREE), tmp_path / "labels.csv"
    table.write_text("id,cancer\na,1\nb,0\nc,0\n", "utf-8")
    said: list[str] = []
    store = prepare_cohort(source, tmp_path / "store", PrepareOptions(labels=table), said.append)
    assert "lab.few" in said[0]
    assert "1 with and 2 without cancer" in said[0]
    assert [(one.code, one.severity) for one in store.findings if one.code == "lab.few"] == [("lab.few", "limited")]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("id,cancer,colour\na,maybe,red\na,1,red\nb,0\nz,0,blue\n", "lab.columns lab.cells lab.value lab.dup_conflict"),
        ("id,cancer,age\nx,maybe,old\nx,1,60\ny,0,\n", "lab.value lab.dup_conflict lab.match"),
        ("id,cancer\na,2\n,1\nb,0\n", "lab.value lab.id lab.no_label lab.no_patient"),
        ("id,cancer,time_years,event\na,1,,0\nb,0,x,\n", "lab.event lab.value lab.no_label"),
    ],
)
def test_everything_that_is_wrong_with_labels_is_told_at_once(
    asked: list[str], tmp_path: Path, text: str, codes: str
) -> None:
    source, table = cohort(tmp_path / "cohort", **THREE), tmp_path / "labels.csv"
    table.write_text(text, "utf-8")
    with pytest.raises(InputError) as error:
        prepare_cohort(source, tmp_path / "store", PrepareOptions(labels=table))
    assert {one.code for one in error.value.findings if one.severity == "refused"} == set(codes.split())
    assert asked == []


def test_ids_that_a_spreadsheet_would_run_are_refused_before_the_work(asked: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"coh\.formula.*'=1'"):
        prepare_cohort(cohort(tmp_path / "cohort", **{"=1": "1", "b": "2"}), tmp_path / "store")
    assert asked == []
