import numpy as np
import pytest
from lungrisk.evaluation.metrics import auc, bootstrap, dice, mean_absolute_error

sklearn_metrics = pytest.importorskip("sklearn.metrics")


@pytest.mark.parametrize("seed", range(5))
def test_auc_and_error_are_those_of_scikit_learn_ties_included(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 60)
    scores = np.round(rng.normal(size=60) + labels, 1)
    assert auc(scores, labels) == pytest.approx(sklearn_metrics.roc_auc_score(labels, scores))
    assert mean_absolute_error(scores, labels) == pytest.approx(sklearn_metrics.mean_absolute_error(labels, scores))


def test_dice_is_the_f1_score_of_the_voxels() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.random((2, 4, 5, 6)) < 0.4
    assert dice(one, other) == pytest.approx(sklearn_metrics.f1_score(one.ravel(), other.ravel()))


def test_what_does_not_exist_is_nan() -> None:
    assert np.isnan(auc(np.array([0.1, 0.2]), np.array([1, 1])))
    assert np.isnan(mean_absolute_error(np.array([]), np.array([])))
    assert np.isnan(bootstrap(lambda rows: 1.0, [])).all()
    assert dice(np.zeros(3, bool), np.zeros(3, bool)) == 1.0


def test_the_interval_of_a_mean_is_that_of_the_normal_law() -> None:
    values = np.random.default_rng(1).normal(size=400)
    low, high = bootstrap(lambda rows: float(values[rows].mean()), [str(n) for n in range(400)], draws=4000)
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_items_of_one_patient_are_drawn_together() -> None:
    values = np.repeat(np.random.default_rng(2).normal(size=50), 8)
    alone = bootstrap(lambda rows: float(values[rows].mean()), [str(n) for n in range(400)])
    together = bootstrap(lambda rows: float(values[rows].mean()), [str(n // 8) for n in range(400)])
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])
