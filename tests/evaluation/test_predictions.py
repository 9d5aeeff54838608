"""Two tables in, an account out: figures beside the base rate, everybody counted, nothing silently dropped."""

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from lungrisk.core.cohort import Label, Prediction
from lungrisk.core.errors import InputError, UsageFault
from lungrisk.evaluation import EvaluateOptions, evaluate, subgroups
from lungrisk.evaluation.patients import headline
from lungrisk.evaluation.tables import Judged, join

QUICK = EvaluateOptions(draws=200)


def write(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def cohort(folder: Path, n: int = 200, worth: float = 2.0, seed: int = 0) -> tuple[Path, Path]:
    """predictions.csv and labels.csv of n patients; worth: how much the likelihoods say (0: nothing)."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(-1, 1.5, n)
    y = rng.random(n) < expit(logit)
    p = expit(logit if worth else rng.normal(-1, 1.5, n))
    predictions = write(folder / "p.csv", "id,cancer", [f"P{k:03d},{value:.6f}" for k, value in enumerate(p)])
    labels = write(folder / "l.csv", "id,cancer", [f"P{k:03d},{int(one)}" for k, one in enumerate(y)])
    return predictions, labels


def run(predictions: Path, labels: Path, **more: Any) -> dict[str, Any]:
    figures = evaluate(predictions, labels=labels, options=QUICK, **more)
    json.dumps(figures, allow_nan=False)
    return figures


def codes(figures: dict[str, Any]) -> dict[str, str]:
    return {one["code"]: one["severity"] for one in figures["findings"]}


def test_the_figures_of_the_contract_are_at_the_top_and_agree_with_scikit_learn(tmp_path: Path) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    predictions, labels = cohort(tmp_path)
    figures = run(predictions, labels)
    p = np.array([float(line.split(",")[1]) for line in predictions.read_text().split()[1:]])
    y = np.array([int(line.split(",")[1]) for line in labels.read_text().split()[1:]])
    assert (figures["n"], figures["n_positive"]) == (200, y.sum())
    assert figures["auc"] == pytest.approx(metrics.roc_auc_score(y, p))
    assert figures["log_loss"] == pytest.approx(metrics.log_loss(y, p))
    assert figures["log_loss_base_rate"] == pytest.approx(metrics.log_loss(y, np.full(200, y.mean())))
    assert figures["brier"] == pytest.approx(metrics.brier_score_loss(y, p))
    assert figures["ap"] == pytest.approx(metrics.average_precision_score(y, p))
    assert figures["auc_low"] < figures["auc"] < figures["auc_high"]
    assert figures["better_than_base_rate"]
    assert figures["verdict"].startswith("Better than the base rate.")
    assert figures["findings"] == []


def test_likelihoods_that_say_nothing_are_not_called_better_than_the_base_rate(tmp_path: Path) -> None:
    figures = run(*cohort(tmp_path, worth=0))
    assert figures["standing"] != "better"
    assert not figures["better_than_base_rate"]
    assert "the base rate" in figures["verdict"]
    assert not figures["verdict"].startswith("Better")


def test_the_base_rate_itself_is_neither_better_nor_worse_than_the_base_rate(tmp_path: Path) -> None:
    _, labels = cohort(tmp_path)
    share = np.mean([int(line.split(",")[1]) for line in labels.read_text().split()[1:]])
    flat = write(tmp_path / "flat.csv", "id,cancer", [f"P{k:03d},{share}" for k in range(200)])
    figures = run(flat, labels)
    assert figures["auc"] == 0.5
    assert figures["log_loss_gain"] == pytest.approx(0.0, abs=1e-12)
    assert figures["standing"] == "not shown"
    assert "they give everybody the same" in figures["verdict"]
    assert figures["slope"] is None


def test_the_same_tables_give_the_same_figures(tmp_path: Path) -> None:
    predictions, labels = cohort(tmp_path)
    assert run(predictions, labels) == run(predictions, labels)


def test_the_order_of_the_lines_does_not_matter(tmp_path: Path) -> None:
    predictions, labels = cohort(tmp_path)
    header, *rows = predictions.read_text().split()
    turned = write(tmp_path / "turned.csv", header, rows[::-1])
    first, second = run(predictions, labels), run(turned, labels)
    assert {**first, "provenance": 0, "checklist": 0} == {**second, "provenance": 0, "checklist": 0}


def test_everybody_is_counted(tmp_path: Path) -> None:
    predictions = write(
        tmp_path / "p.csv",
        "id,cancer,low,high,status",
        ["a,0.2,0.1,0.3,assessed", "b,0.7,0.5,0.9,limited", "c,0.3,,,refused", "d,,,,refused", "e,0.4,,,", "x,0.5,,,"],
    )
    labels = write(tmp_path / "l.csv", "id,cancer", ["a,0", "b,1", "c,1", "d,0", "e,", "z,1"])
    figures = run(predictions, labels)
    assert figures["counts"] == {
        "predicted": 6,
        "labelled": 5,
        "judged": 3,
        "assessed": 1,
        "limited": 1,
        "refused": 1,
        "unlabelled": 2,
        "unpredicted": 2,
    }
    assert codes(figures) == {
        "evl.unlabelled": "info",
        "evl.unpredicted": "limited",
        "evl.refused": "limited",
        "lab.few": "limited",
    }
    assert {(row["property"], row["name"]) for row in figures["subgroups"]} == {
        ("status", "assessed"),
        ("status", "limited"),
        ("status", "refused"),
    }


HOSTILE = {
    "grouped digits": ("id,cancer\na,1_0\n", "evl.value"),
    "above one": ("id,cancer\na,1.5\n", "evl.value"),
    "below nothing": ("id,cancer\na,-0.1\n", "evl.value"),
    "no number": ("id,cancer\na,nan\nb,inf\n", "evl.value"),
    "hexadecimal": ("id,cancer\na,0x1p-1\n", "evl.value"),
    "digits of another script": ("id,cancer\na,\u0660.\u0665\n", "evl.value"),
    "a likelihood that is empty": ("id,cancer\na,\n", "evl.value"),
    "twice": ("id,cancer\na,0.1\na,0.1\n", "evl.dup"),
    "no column": ("id,p\na,0.1\n", "lab.columns"),
    "a cell too many": ("id,cancer\na,0.1,2\n", "lab.cells"),
    "cut in a quote": ('id,cancer\na,"0.1', "file.corrupt"),
    "a giant cell": ("id,cancer\n" + "a" * 200_000 + ",0.1\n", "file.corrupt"),
    "nobody": ("id,cancer\n", "evl.value"),
    "nothing": ("", "lab.columns"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_table_of_predictions_that_is_none_is_refused_by_name(tmp_path: Path, name: str) -> None:
    text, code = HOSTILE[name]
    (tmp_path / "p.csv").write_text(text, "utf-8")
    with pytest.raises(InputError) as caught:
        run(tmp_path / "p.csv", write(tmp_path / "l.csv", "id,cancer", ["a,0", "b,1"]))
    assert code in [one.code for one in caught.value.findings]


def test_all_that_is_wrong_with_both_tables_is_told_at_once(tmp_path: Path) -> None:
    rows = ["a,0.1", "a,2", "b,x", "c,0.5,7", ",0.3"]
    predictions = write(tmp_path / "p.csv", "id,cancer", rows)
    labels = write(tmp_path / "l.csv", "id,cancer,age", ["a,3,50", "b,0,1_0"])
    with pytest.raises(InputError) as caught:
        run(predictions, labels)
    found = {one.code: one.found for one in caught.value.findings}
    assert found["lab.cells"] == "line 5"
    assert found["evl.value"] == "line 3, 4, 6"
    assert found["evl.dup"] == "line 3"
    assert "cancer '3'" in str(found["lab.value"])
    assert "age '1_0'" in str(found["lab.value"])


def test_a_pipe_is_no_table_and_nobody_waits_for_it(tmp_path: Path) -> None:
    predictions, _ = cohort(tmp_path, 30)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageFault, match=r"use\.missing.*pipe"):
        run(predictions, tmp_path / "pipe")


@pytest.mark.parametrize(("n", "worth"), [(1, 2.0), (3, 2.0), (30, 2.0), (200, 0.0)])
def test_the_json_of_any_evaluation_holds_no_nan(tmp_path: Path, n: int, worth: float) -> None:
    predictions, labels = cohort(tmp_path, n, worth)
    figures = run(predictions, labels, against=predictions)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_tables_of_different_patients_are_refused(tmp_path: Path) -> None:
    labels = write(tmp_path / "l.csv", "id,cancer", ["x,0", "y,1"])
    with pytest.raises(InputError, match=r"evl\.none"):
        run(write(tmp_path / "p.csv", "id,cancer", ["a,0.2", "b,0.1"]), labels)


def test_ids_that_a_spreadsheet_touched_are_matched_and_told(tmp_path: Path) -> None:
    predictions = write(tmp_path / "p.csv", "id,cancer", ["Ab,0.2", "cd,0.9"])
    figures = run(predictions, write(tmp_path / "l.csv", "id,cancer", ["ab,0", " cd,1"]))
    assert figures["counts"]["judged"] == 2
    assert codes(figures)["lab.id_form"] == "corrected"


def test_one_outcome_alone_has_no_auc_but_a_log_loss(tmp_path: Path) -> None:
    predictions, _ = cohort(tmp_path, 30)
    figures = run(predictions, write(tmp_path / "l.csv", "id,cancer", [f"P{k:03d},0" for k in range(30)]))
    assert figures["auc"] is None
    assert figures["ap"] is None
    assert figures["operating_points"] == []
    assert figures["log_loss"] > 0
    assert codes(figures) == {"lab.one_class": "limited"}
    assert not figures["better_than_base_rate"]


def test_missing_files_and_labels_are_told(tmp_path: Path) -> None:
    predictions, labels = cohort(tmp_path, 30)
    with pytest.raises(UsageFault, match=r"use\.option.*--labels"):
        evaluate(predictions)
    for missing in ((predictions, tmp_path / "none"), (tmp_path / "none", labels)):
        with pytest.raises(UsageFault, match=r"use\.missing"):
            run(*missing)
    with pytest.raises(UsageFault, match=r"use\.missing"):
        run(predictions, labels, against=tmp_path / "none")


def test_the_comparison_is_paired_and_signed(tmp_path: Path) -> None:
    predictions, labels = cohort(tmp_path)
    other = tmp_path / "q.csv"
    rng = np.random.default_rng(1)
    write(other, "id,cancer", [f"P{k:03d},{value:.4f}" for k, value in enumerate(rng.random(200))])
    there, back = (
        run(predictions, labels, against=other)["comparison"],
        run(other, labels, against=predictions)["comparison"],
    )
    assert there["name"] == "q"
    assert there["log_loss_difference"]["high"] < 0
    assert there["auc_difference"]["low"] > 0
    assert there["auc_difference"]["value"] == pytest.approx(-back["auc_difference"]["value"])
    itself = run(predictions, labels, against=predictions)["comparison"]
    assert itself["log_loss_difference"] == {"value": 0.0, "low": None, "high": None}  # no draw differs from another
    assert itself["auc_difference"]["p"] == 1.0


def test_a_comparison_rests_on_the_patients_that_both_predict(tmp_path: Path) -> None:
    predictions, labels = cohort(tmp_path)
    some = write(tmp_path / "q.csv", "id,cancer", predictions.read_text().split()[1:101])
    figures = run(predictions, labels, against=some)
    assert figures["comparison"]["n"] == 100
    assert codes(figures) == {"evl.other": "limited"}


def test_patients_of_a_group_are_drawn_together_and_the_interval_says_so(tmp_path: Path) -> None:
    predictions, labels = cohort(tmp_path)
    header, *rows = predictions.read_text().split()
    twice = write(tmp_path / "p2.csv", header, [row.replace("P", f"{copy}", 1) for copy in "abcd" for row in rows])
    rows = labels.read_text().split()[1:]
    named = [f"{row.replace('P', copy, 1)},{row.split(',')[0]}" for copy in "abcd" for row in rows]
    one, four = run(predictions, labels), run(twice, write(tmp_path / "l2.csv", "id,cancer,group", named))
    assert four["auc_interval"] == "bootstrap of groups"
    assert four["auc"] == pytest.approx(one["auc"])
    width = {
        name: figures["auc_bootstrap_high"] - figures["auc_bootstrap_low"]
        for name, figures in (("1", one), ("4", four))
    }
    assert width["4"] == pytest.approx(width["1"], rel=0.25)


def test_subgroups_add_up_to_all_and_are_in_order(tmp_path: Path) -> None:
    predictions, labels = cohort(tmp_path)
    rows = labels.read_text().split()[1:]
    rng = np.random.default_rng(2)
    more = [
        f"{row},{'FM'[k % 2]},{rng.integers(40, 90)},{('GE', 'Siemens', '')[k % 3]},{(1, 2, 3)[k % 3]}"
        for k, row in enumerate(rows)
    ]
    figures = run(predictions, write(tmp_path / "l.csv", "id,cancer,sex,age,vendor,thickness_mm", more))
    by_property: dict[str, list[dict[str, Any]]] = {}
    for row in figures["subgroups"]:
        by_property.setdefault(row["property"], []).append(row)
    assert list(by_property) == ["sex", "age", "vendor", "slice thickness"]
    for rows_of in by_property.values():
        assert sum(row["n"] for row in rows_of) == 200
        assert sum(row["n_positive"] for row in rows_of) == figures["n_positive"]
        assert sum(row["n"] * row["log_loss"] for row in rows_of) / 200 == pytest.approx(figures["log_loss"])
    assert [row["name"] for row in by_property["age"]] == [
        "under 55 years",
        "55 to under 65 years",
        "65 to under 75 years",
        "75 years and more",
    ]
    assert [row["name"] for row in by_property["vendor"]] == ["GE", "Siemens", "not known"]


def test_what_the_labels_do_not_say_of_the_scanner_a_store_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions, labels = cohort(tmp_path)
    header, *rows = labels.read_text().split()
    write(labels, f"{header},kernel", [f"{row},{'B30f' if k % 2 else ''}" for k, row in enumerate(rows)])
    scans = [
        SimpleNamespace(
            id=f"P{k:03d}",
            group=f"P{k:03d}",
            record={"scan": {"vendor": "GE", "kernel": "STANDARD", "thickness_mm": 1.0 + k % 2}},
        )
        for k in range(199)
    ]
    refused = SimpleNamespace(id="P199", group="P199", record={"scan": None})
    stored = SimpleNamespace(patients=(*scans, refused))
    monkeypatch.setattr(subgroups, "open_store", lambda path: stored)
    figures = evaluate(predictions, labels=labels, options=replace(QUICK, store=tmp_path))
    found = {(row["property"], row["name"]): row["n"] for row in figures["subgroups"]}
    assert found == {
        ("vendor", "GE"): 199,
        ("vendor", "not known"): 1,
        ("kernel", "B30f"): 100,
        ("kernel", "STANDARD"): 100,
        ("slice thickness", "under 1.5 mm"): 100,
        ("slice thickness", "1.5 to under 2.5 mm"): 99,
        ("slice thickness", "not known"): 1,
    }
    with pytest.raises(UsageFault, match=r"use\.option.*--store"):
        evaluate(predictions, labels=labels, options=replace(QUICK, nodules=labels))


def test_labels_with_times_give_survival_figures(tmp_path: Path) -> None:
    pytest.importorskip("sksurv")
    rng = np.random.default_rng(3)
    risk = rng.random(120)
    time = rng.exponential(4 * np.exp(-2 * risk))
    event = time < 3
    rows = [f"{k},{int(e)},{min(t, 3):.4f},{int(e)}" for k, (t, e) in enumerate(zip(time, event, strict=True))]
    labels = write(tmp_path / "l.csv", "id,cancer,time_years,event", rows)
    figures = run(write(tmp_path / "p.csv", "id,cancer", [f"{k},{one:.5f}" for k, one in enumerate(risk)]), labels)
    assert figures["survival"]["n_events"] == event.sum()
    assert figures["survival"]["c_index"] > 0.6
    assert [one["year"] for one in figures["survival"]["years"]] == [1, 2]


def test_without_the_extra_everything_else_is_judged_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sksurv.metrics", None)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    labels = write(tmp_path / "l.csv", "id,cancer,time_years,event", ["a,0,2,0", "b,1,0.5,1", "c,1,1,1"])
    figures = run(write(tmp_path / "p.csv", "id,cancer", ["a,0.2", "b,0.3", "c,0.5"]), labels)
    assert figures["auc"] == 1.0
    assert figures["survival"] is None
    assert codes(figures)["env.extra"] == "limited"


def test_too_few_diagnoses_with_a_time_are_told(tmp_path: Path) -> None:
    labels = write(tmp_path / "l.csv", "id,cancer,time_years,event", ["a,0,2,0", "b,0,3,0", "c,1,1,1"])
    figures = run(write(tmp_path / "p.csv", "id,cancer", ["a,0.2", "b,0.3", "c,0.5"]), labels)
    assert figures["survival"] is None
    assert codes(figures)["evl.time"] == "limited"


def numbers_in(cells: Iterable[str]) -> set[int]:
    """The items of a list that the topics name: "22, 24-27" is 22, 24, 25, 26, 27; letters are left out."""
    found: set[int] = set()
    for one in (part for cell in cells for part in cell.split(", ") if part):
        first, _, last = one.partition("-")
        start, stop = (int("".join(filter(str.isdigit, end))) for end in (first, last or first))
        found |= set(range(start, stop + 1))
    return found


def test_the_checklist_fills_in_what_is_known_and_leaves_the_rest_to_authors(tmp_path: Path) -> None:
    rows = run(*cohort(tmp_path))["checklist"]
    assert {row["part"] for row in rows} >= {
        "Title and abstract",
        "Data",
        "Sample",
        "Evaluation",
        "Results",
        "Discussion",
    }
    assert numbers_in(row["claim"] for row in rows) == set(range(1, 45))
    assert numbers_in(row["tripod"] for row in rows) == set(range(1, 28))
    filled = [row for row in rows if row["said"] is not None]
    assert 12 <= len(filled) < len(rows)
    assert any("DeLong" in row["said"] for row in filled)


@given(
    p=st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), min_size=1, max_size=12),
    seed=st.integers(0, 1000),
)
def test_small_and_odd_samples_never_fail(p: list[float], seed: int) -> None:
    y = np.random.default_rng(seed).integers(0, 2, len(p))
    judged: Judged = join(
        [Prediction(id=str(k), value=one) for k, one in enumerate(p)],
        [Label(id=str(k), cancer=int(one)) for k, one in enumerate(y)],
    )
    figures = headline(judged, EvaluateOptions(draws=20))
    assert 0 <= figures["brier"] <= 1
    assert figures["log_loss"] >= 0
