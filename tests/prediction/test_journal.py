"""What a table of predictions was made of: a scan that was replaced is looked at again, whatever others made is not lost."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from made_bundles import calibration_bundle, made_cohort, made_store, patient_bundle, quick_assess

from lungrisk.core import extents
from lungrisk.core.calibration import Calibration
from lungrisk.core.errors import UsageFault
from lungrisk.prediction import PredictOptions, predict, predict_each
from lungrisk.prediction.journal import journal_of

VALUES = {"a": "0.5", "b": "limited 0.25", "c": "no lungs"}
LABELLED = Calibration(method="prior", parameters=(0.0,), prevalence=0.3)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The line replaced by a quick stand-in; the patients that it was called with."""
    calls: list[str] = []

    def assess(path: Path) -> Any:
        calls.append(path.name)
        return quick_assess(path)

    monkeypatch.setattr("lungrisk.prediction.looking.assess", assess)
    return calls


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    return made_cohort(tmp_path / "cohort", VALUES)


def replace_scan(cohort: Path, name: str, value: str, *, same_time: bool = False) -> None:
    file = cohort / name / "says.txt"
    before = file.stat()
    file.write_text(value, "utf-8")
    if same_time:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def fresh(cohort: Path, folder: Path, **options: Any) -> bytes:
    predict(cohort, output=folder / "fresh.csv", options=PredictOptions(**options))
    content = (folder / "fresh.csv").read_bytes()
    for name in ("fresh.csv", "fresh.csv.journal"):
        (folder / name).unlink()
    return content


def killed(cohort: Path, output: Path) -> None:
    """As a kill after the last patient leaves it: all outcomes in the journal, no table."""
    predict(cohort, output=output)
    output.unlink()


@pytest.mark.parametrize("same_time", [True, False])
@pytest.mark.parametrize("finished", [True, False])
def test_a_scan_that_was_replaced_is_looked_at_again_and_only_it(
    quick: list[str], cohort: Path, tmp_path: Path, finished: bool, same_time: bool
) -> None:
    """Of the same size, in the same file, with the same time of change: the answer is that of the scan that is there now."""
    output = tmp_path / "p.csv"
    (predict(cohort, output=output) and None) if finished else killed(cohort, output)
    replace_scan(cohort, "a", "0.7", same_time=same_time)
    quick.clear()
    predict(cohort, output=output)
    assert quick == ["a"]
    assert output.read_bytes() == fresh(cohort, tmp_path)
    assert b"a,0.700000" in output.read_bytes()


@pytest.mark.parametrize("settled", [True, False])
def test_what_is_done_is_told_to_be_done_without_any_work(
    quick: list[str], cohort: Path, tmp_path: Path, settled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extents, "SETTLED_S", -1.0 if settled else 1e9)
    predict(cohort, output=tmp_path / "p.csv")
    if settled:
        monkeypatch.setattr(extents, "_digest", lambda file: pytest.fail("a scan was read"))
    quick.clear()
    said: list[str] = []
    predict(cohort, output=tmp_path / "p.csv", options=PredictOptions(progress=said.append))
    assert quick == []
    assert said == ["p.csv is done already: no scan has changed since"]


def test_patients_come_and_go(quick: list[str], cohort: Path, tmp_path: Path) -> None:
    predict(cohort, output=tmp_path / "p.csv")
    made_cohort(cohort, {"d": "0.125"})
    (cohort / "b" / "says.txt").unlink()
    (cohort / "b").rmdir()
    quick.clear()
    predict(cohort, output=tmp_path / "p.csv")
    assert quick == ["d"]
    assert (tmp_path / "p.csv").read_bytes() == fresh(cohort, tmp_path)


def test_a_cohort_that_was_moved_is_the_same_one(quick: list[str], cohort: Path, tmp_path: Path) -> None:
    killed(cohort, tmp_path / "p.csv")
    quick.clear()
    predict(cohort.rename(tmp_path / "elsewhere"), output=tmp_path / "p.csv")
    predict(tmp_path / "elsewhere", output=tmp_path / "p.csv")
    assert quick == []


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("other", ["cohort", "bundle", "version", "details", "strict"])
def test_what_is_of_something_else_is_refused_and_stays_unless_it_may_be_replaced(
    quick: list[str], cohort: Path, tmp_path: Path, finished: bool, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "p.csv"
    (predict(cohort, output=output) and None) if finished else killed(cohort, output)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("p.csv*")}
    source: Path = made_cohort(tmp_path / "other", {"a": "0.1"}) if other == "cohort" else cohort
    bundle = calibration_bundle(tmp_path / "map", LABELLED) if other == "bundle" else None
    if other == "version":
        monkeypatch.setattr("lungrisk.__version__", "9")
    form = {other: True} if other in {"details", "strict"} else {}
    if form and not finished:  # outcomes are the same whatever the table shows of them
        predict(source, bundle, output, PredictOptions(**form))
        return
    with pytest.raises(UsageFault, match=r"use\.output"):
        predict(source, bundle, output, PredictOptions(**form))
    assert {path.name: path.read_bytes() for path in tmp_path.glob("p.csv*")} == before
    quick.clear()
    predict(source, bundle, output, PredictOptions(**form, overwrite=True))
    assert bool(quick) != bool(form)  # another form of the table costs no work
    found = output.read_bytes()
    output.unlink()
    journal_of(output).unlink()
    predict(source, bundle, output, PredictOptions(**form))
    assert found == output.read_bytes()


def test_a_table_that_predict_did_not_write_is_not_touched(quick: list[str], cohort: Path, tmp_path: Path) -> None:
    output = tmp_path / "p.csv"
    output.write_text("id,cancer\nmine,0.5\n", "utf-8")
    with pytest.raises(UsageFault, match=r"use\.output"):
        predict(cohort, output=output)
    assert not journal_of(output).exists()
    assert quick == []
    output.unlink()
    predict(cohort, output=output)
    output.write_text(output.read_text("utf-8") + "# a note\n", "utf-8")
    with pytest.raises(UsageFault, match=r"changed since"):
        predict(cohort, output=output)


HOSTILE: dict[str, Any] = {
    "not utf-8": b"\xff\xfe\x00\n",
    "no json": b"{\n",
    "no object": b"[1]\n",
    "empty": b"\n",
    "deep": b"[" * 100_000 + b"\n",
    "long": b'"' + b"x" * 3_000_000 + b'"\n',
    "number": b'{"version": 2, "id": 3}\n',
    "lone surrogate": b'{"id": "\\ud800", "table": "x", "form": 3}\n',
}


@pytest.mark.parametrize("what", [*HOSTILE, "every one of them"])
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_line_that_cannot_be_read_is_dropped(
    quick: list[str], cohort: Path, tmp_path: Path, what: str, place: str
) -> None:
    output = tmp_path / "p.csv"
    killed(cohort, output)
    lines = journal_of(output).read_bytes().splitlines(keepends=True)
    harm = HOSTILE.get(what, b"".join(HOSTILE.values()))
    lines.insert({"first": 0, "middle": 2, "last": len(lines)}[place], harm)
    journal_of(output).write_bytes(b"".join(lines))
    quick.clear()
    predict(cohort, output=output)
    assert len(quick) == (3 if place == "first" and what != "long" else 0)  # without its head nobody knows whose it is
    assert output.read_bytes() == fresh(cohort, tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("value", 2.0), ("value", None), ("value", "0.5"), ("value", True), ("low", float("nan")), ("status", "fine"),
     ("status", "refused"), ("years", 3), ("years", ["x"]), ("id", "b"), ("id", 3), ("more", 1)],
)  # fmt: skip
def test_a_line_that_says_what_cannot_be_is_dropped(
    quick: list[str], cohort: Path, tmp_path: Path, name: str, value: object
) -> None:
    output = tmp_path / "p.csv"
    killed(cohort, output)
    lines = [json.loads(line) for line in journal_of(output).read_text("utf-8").splitlines()]
    lines[1]["prediction"][name] = value
    journal_of(output).write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    quick.clear()
    predict(cohort, output=output)
    assert quick == ([] if name == "more" else ["a"])
    assert output.read_bytes() == fresh(cohort, tmp_path)


def test_a_patient_of_a_store_that_was_prepared_anew_is_looked_at_again(tmp_path: Path) -> None:
    store, bundle = made_store(tmp_path / "store", {"a": 1.0, "b": 3.0}), patient_bundle(tmp_path / "net", [1.0])
    before = [one.prediction.value for one in predict_each(store, bundle, tmp_path / "p.csv")]
    (tmp_path / "other").mkdir()
    again = made_store(tmp_path / "other" / "store", {"a": 1.0, "b": 5.0})
    (again / "patients" / "b.npz").replace(store / "patients" / "b.npz")
    after = [one.prediction.value for one in predict_each(store, bundle, tmp_path / "p.csv")]
    assert before[0] == after[0]
    assert before[1] != after[1]
