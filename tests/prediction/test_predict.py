"""A likelihood for every patient: nobody lost, nothing half-written, the same wherever and however often it is made."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from made_bundles import made_cohort, made_store, patient_bundle, quick_assess

from lungrisk.cohort.workers import Workers
from lungrisk.core.errors import EnvironmentFault, InputError, UsageFault
from lungrisk.core.records import Assessment, Recipe
from lungrisk.prediction import PredictOptions, predict, predict_each
from lungrisk.prediction.journal import Asked, journal_of, open_journal

VALUES = {"b": "0.25", "a": "limited 0.5", "c": "no lungs", "d": "0.0001"}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The line replaced by a quick stand-in; the paths that it was called with."""
    calls: list[Path] = []

    def assess(path: Path) -> Any:
        calls.append(path)
        return quick_assess(path)

    monkeypatch.setattr("lungrisk.prediction.looking.assess", assess)
    return calls


def test_every_patient_of_a_cohort_has_a_row_in_the_order_of_ids(quick: list[Path], tmp_path: Path) -> None:
    rows = predict(made_cohort(tmp_path / "cohort", VALUES), output=tmp_path / "p.csv")
    assert [(row.id, row.value, row.status) for row in rows] == [
        ("a", 0.5, "limited"),
        ("b", 0.25, "assessed"),
        ("c", None, "refused"),
        ("d", pytest.approx(0.0001), "assessed"),
    ]
    assert (tmp_path / "p.csv").read_text("utf-8") == (
        "id,cancer\na,0.500000\nb,0.250000\nc,0.262696\nd,0.001000\n"  # c: 419 of 1,595
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cohort", "p.csv", "p.csv.journal"]


def test_details_add_the_interval_and_the_status(quick: list[Path], tmp_path: Path) -> None:
    options = PredictOptions(details=True)
    predict(made_cohort(tmp_path / "cohort", VALUES), output=tmp_path / "p.csv", options=options)
    assert (tmp_path / "p.csv").read_text("utf-8").splitlines()[:4] == [
        "id,cancer,low,high,status",
        "a,0.500000,0.250000,0.750000,limited",
        "b,0.250000,0.125000,0.625000,assessed",
        "c,0.262696,,,refused",
    ]


def test_refused_patients_come_with_their_reasons_and_strict_refuses_limited_ones(
    quick: list[Path], tmp_path: Path
) -> None:
    cohort = made_cohort(tmp_path / "cohort", VALUES)
    reasons = {one.prediction.id: [finding.code for finding in one.findings] for one in predict_each(cohort)}
    assert reasons == {"a": ["geo.thick"], "b": [], "c": ["anat.no_lung"], "d": []}
    strict = predict(cohort, options=PredictOptions(strict=True))
    assert [(row.id, row.status, row.value) for row in strict[:2]] == [("a", "refused", None), ("b", "assessed", 0.25)]


def test_a_path_that_is_not_there_refuses_its_patient_alone(quick: list[Path], tmp_path: Path) -> None:
    made_cohort(tmp_path, {"b": "0.25"})
    (tmp_path / "cohort.csv").write_text("id,path\na,nowhere\nb,b\n", "utf-8")
    lost, found = predict_each(tmp_path / "cohort.csv")
    assert (lost.prediction.value, lost.findings[0].code) == (None, "use.missing")
    assert found.prediction.value == 0.25


def test_what_is_no_fault_of_the_patient_is_told_and_tried_again_by_the_same_command(
    quick: list[Path], tmp_path: Path
) -> None:
    cohort = made_cohort(tmp_path / "cohort", {"a": "0.5", "b": "defect", "c": "memory"})
    output = tmp_path / "p.csv"
    first = predict_each(cohort, output=output)
    assert [one.findings[0].code for one in first[1:]] == ["int.defect", "env.memory"]
    assert first[1].findings[0].found == "ZeroDivisionError"  # not its message, which may quote a header
    (cohort / "b" / "says.txt").write_text("0.125", "utf-8")
    (cohort / "c" / "says.txt").write_text("0.0625", "utf-8")
    assert [row.value for row in predict(cohort, output=output)] == [0.5, 0.125, 0.0625]
    assert [path.name for path in quick] == ["a", "b", "c", "b", "c"]


def test_a_fault_of_the_machine_stops_the_work_and_keeps_what_was_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def assess(path: Path) -> Any:
        if path.name == "b":
            raise EnvironmentFault()
        return quick_assess(path)

    monkeypatch.setattr("lungrisk.prediction.looking.assess", assess)
    cohort, output = made_cohort(tmp_path / "cohort", VALUES), tmp_path / "p.csv"
    with pytest.raises(EnvironmentFault):
        predict(cohort, output=output)
    assert not output.exists()
    assert len(journal_of(output).read_text("utf-8").splitlines()) == 2


SCRIPT = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from made_bundles import quick_assess
import lungrisk.prediction.looking as looking
def assess(path):
    with open({log!r}, "a") as stream:
        stream.write(path.name + "\\n")
    time.sleep(0.01)
    return quick_assess(path)
looking.assess = assess
from lungrisk.prediction import predict
print("begun", flush=True)
predict(sys.argv[1], output=sys.argv[2])
"""


def test_killed_again_and_again_and_scans_replaced_between_the_end_is_that_of_the_scans_that_are_there(
    quick: list[Path], tmp_path: Path
) -> None:
    values = {f"p{number:02d}": f"0.{number + 10}" for number in range(40)}
    cohort = made_cohort(tmp_path / "cohort", values)
    log, output = tmp_path / "log", tmp_path / "killed.csv"
    script = SCRIPT.format(tests=str(Path(__file__).parent), log=str(log))
    rng, kills = random.Random(0), 0
    while not output.exists():
        words = [sys.executable, "-c", script, str(cohort), str(output)]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as run:
            assert run.stdout is not None
            run.stdout.readline()
            time.sleep(rng.uniform(0.05, 0.25))
            run.send_signal(signal.SIGKILL)
            run.wait()
        kills += run.returncode == -signal.SIGKILL
        if not output.exists():  # the first patients are done already
            (cohort / f"p{kills:02d}" / "says.txt").write_text(f"0.{kills + 60}", "utf-8")
        assert kills < 40
    assert kills >= 2
    predict(cohort, output=tmp_path / "whole.csv")
    assert output.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert len(log.read_text("utf-8").split()) <= len(values) + 2 * kills  # that under way and that replaced


def test_a_torn_line_is_done_again(quick: list[Path], tmp_path: Path) -> None:
    cohort, output = made_cohort(tmp_path / "cohort", {"a": "0.5", "b": "0.75", "c": "0.25"}), tmp_path / "p.csv"
    predict(cohort, output=output)
    table, whole = output.read_bytes(), journal_of(output).read_bytes().splitlines(keepends=True)
    output.unlink()
    journal_of(output).write_bytes(b"".join(whole[:-1])[:-5])
    quick.clear()
    predict(cohort, output=output)
    assert [path.name for path in quick] == ["c"]
    assert (output.read_bytes(), journal_of(output).read_bytes()) == (table, b"".join(whole))


def test_two_commands_do_not_write_one_output(quick: list[Path], tmp_path: Path) -> None:
    cohort, output = made_cohort(tmp_path / "cohort", VALUES), tmp_path / "p.csv"
    with (
        open_journal(output, Asked(key="k", source="s"), lambda *_: True),
        pytest.raises(EnvironmentFault, match=r"coh\.locked"),
    ):
        predict(cohort, output=output)


def test_a_store_and_its_cohort_give_the_same_and_the_store_keeps_its_reasons(
    quick: list[Path], tmp_path: Path
) -> None:
    store = made_store(tmp_path / "store", {"b": 4.0, "a": None})
    refused, judged = predict_each(store, output=tmp_path / "p.csv")
    assert (refused.prediction.id, refused.prediction.value) == ("a", None)
    assert [finding.code for finding in refused.findings] == ["cov.short"]
    cohort = made_cohort(tmp_path / "cohort", {"b": "0.2"})
    assert judged.prediction.value == predict(cohort)[0].value  # both through float32
    assert (tmp_path / "p.csv").read_text("utf-8") == "id,cancer\na,0.262696\nb,0.200000\n"


@pytest.mark.parametrize("workers", [Workers(), Workers(kind="processes", n=2)], ids=["inline", "processes"])
def test_a_network_predicts_a_store_wherever_the_work_is_done(workers: Workers, tmp_path: Path) -> None:
    store = made_store(tmp_path / "store", {"a": 1.0, "b": 3.0, "c": None, "d": 5.0})
    bundle = patient_bundle(tmp_path / "net", [1.0, 2.0, 3.0])
    predict(store, bundle, tmp_path / "p.csv", PredictOptions(workers=workers))
    # logits 2 * (rating - 3); c: the prevalence that the calibration states
    assert (tmp_path / "p.csv").read_text("utf-8") == "id,cancer\na,0.017986\nb,0.500000\nc,0.300000\nd,0.982014\n"


def test_a_store_of_another_recipe_and_a_bundle_that_judges_no_patients_are_refused(tmp_path: Path) -> None:
    store = made_store(tmp_path / "store", {"a": 1.0}, Recipe(name="2mm", spacing=(2.0, 2.0, 2.0), size=(9, 9, 9)))
    with pytest.raises(UsageFault, match=r"coh\.recipe"):
        predict(store, patient_bundle(tmp_path / "net", [1.0]))
    with pytest.raises(EnvironmentFault, match=r"bun\.kind.*malignancy"):
        predict(store, "malignancy")
    with pytest.raises(EnvironmentFault, match=r"env\.bundle"):
        predict(store, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"coh\.none"):
        predict(tmp_path / "empty")


def test_the_real_line_over_a_cohort_is_what_assess_says(chest: Path, assessed: Assessment, tmp_path: Path) -> None:
    (tmp_path / "cohort").mkdir()
    (tmp_path / "cohort" / "one").symlink_to(chest / "scan")
    (tmp_path / "cohort" / "two").mkdir()
    said: list[str] = []
    options = PredictOptions(workers=Workers(kind="processes", n=2), progress=said.append)
    one, two = predict_each(tmp_path / "cohort", options=options)
    assert assessed.likelihood is not None
    stated = (one.prediction.value, one.prediction.low, one.prediction.high)
    expected = (assessed.likelihood.value, assessed.likelihood.low, assessed.likelihood.high)
    assert stated == pytest.approx(expected, abs=1e-7)
    assert [finding.code for finding in two.findings] == ["file.none"]
    assert min(said).startswith("patient 1 of 2: ")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\tx", "'=", "a=1", "1-2"])
def test_ids_that_a_spreadsheet_would_run_are_refused_by_name_and_no_others(
    quick: list[Path], tmp_path: Path, name: str
) -> None:
    made_cohort(tmp_path, {"one": "0.5"})
    table = tmp_path / "cohort.csv"
    table.write_text(f'id,path\n"{name}",one\n', "utf-8")
    if name in {"'=", "a=1", "1-2"}:
        assert [row.id for row in predict(table)] == [name]
    else:
        with pytest.raises(InputError, match=r"coh\.formula"):
            predict(table, output=tmp_path / "p.csv")
        assert quick == []
        assert not (tmp_path / "p.csv").exists()
