"""Figures of "nodule or not"."""

import numpy as np
import pytest

from lungrisk.evaluation.candidates import average_precision, evaluate_candidates, patient_key

sklearn_metrics = pytest.importorskip("sklearn.metrics")


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_that_of_scikit_learn_with_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = (rng.random(200) < 0.3).astype(int)
    scores = np.round(labels * 0.5 + rng.normal(size=200), 1)
    expected = sklearn_metrics.average_precision_score(labels, scores)
    assert average_precision(scores, labels) == pytest.approx(expected)


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
