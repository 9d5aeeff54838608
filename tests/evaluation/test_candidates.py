"""Figures of "nodule or not"."""

import numpy as np
import pytest

from lungrisk.evaluation.candidates import auc, auc_interval, average_precision, evaluate_candidates, patient_key

sklearn_metrics = pytest.importorskip("sklearn.metrics")


@pytest.mark.parametrize("seed", range(3))
def test_auc_and_average_precision_are_those_of_scikit_learn_with_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = (rng.random(200) < 0.3).astype(int)
    scores = np.round(labels * 0.5 + rng.normal(size=200), 1)
    assert auc(scores, labels) == pytest.approx(sklearn_metrics.roc_auc_score(labels, scores))
    expected = sklearn_metrics.average_precision_score(labels, scores)
    assert average_precision(scores, labels) == pytest.approx(expected)


def test_auc_of_one_class_is_no_number() -> None:
    assert np.isnan(auc(np.array([0.1, 0.2]), np.array([1, 1])))


def test_the_interval_holds_the_auc_and_is_wider_when_groups_are_few() -> None:
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], 100)
    shift = np.repeat(rng.normal(size=10), 20)
    scores = labels + shift + rng.normal(size=200)
    one_each = auc_interval(scores, labels, [str(i) for i in range(200)])
    grouped = auc_interval(scores, labels, [str(i // 20) for i in range(200)])
    assert one_each[0] < auc(scores, labels) < one_each[1]
    assert grouped[1] > grouped[0]


@pytest.mark.shared
def test_the_shipped_bundle_reaches_what_its_card_says(shared_data, tmp_path, monkeypatch) -> None:
    from lungrisk.core.bundle import open_bundle
    from lungrisk.evaluation import candidates

    monkeypatch.setattr(candidates, "_hard", lambda folder, bundle: {})
    figures = evaluate_candidates(shared_data / "nodules", open_bundle("candidate", "candidate"))
    assert figures["n_new"] == 0
    assert 0.955 <= figures["auc"] <= 0.985
    assert figures["auc"] > figures["auc_rings"] > figures["auc_centre"]
    assert (
        f"{figures['auc']:.3f}"
        in (candidates.Path(candidates.__file__).parents[1] / "bundles" / "candidate" / "CARD.md").read_text()
    )


def test_patients_are_named_by_hash() -> None:
    assert patient_key("abc") == "ba7816bf8f01"
