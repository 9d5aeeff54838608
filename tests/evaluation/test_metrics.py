import numpy as np
import pytest

from lungrisk.evaluation.metrics import (
    auc,
    auc_of_draws,
    dice,
    draw_counts,
    interval,
    mean_absolute_error,
    mean_of_draws,
)

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
    assert np.isnan(auc(np.array([]), np.array([])))
    assert np.isnan(interval(mean_of_draws(np.array([]), draw_counts([])))).all()
    assert dice(np.zeros(3, bool), np.zeros(3, bool)) == 1.0


def test_a_drawn_sample_has_the_figures_of_its_items_repeated() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 40)
    scores = np.round(rng.normal(size=40), 1)
    counts = draw_counts([str(n // 2) for n in range(40)], draws=20)
    for row, found, mean in zip(
        counts, auc_of_draws(scores, labels, counts), mean_of_draws(scores, counts), strict=True
    ):
        items = np.repeat(np.arange(40), row.astype(int))
        assert found == pytest.approx(sklearn_metrics.roc_auc_score(labels[items], scores[items]))
        assert mean == pytest.approx(scores[items].mean())


def interval_of_mean(values: np.ndarray, groups: list[str]) -> tuple[float, float]:
    return interval(mean_of_draws(values, draw_counts(groups, draws=4000)))


def test_the_interval_of_a_mean_is_that_of_the_normal_law() -> None:
    values = np.random.default_rng(1).normal(size=400)
    low, high = interval_of_mean(values, [str(n) for n in range(400)])
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_items_of_one_patient_are_drawn_together() -> None:
    values = np.repeat(np.random.default_rng(2).normal(size=50), 8)
    alone = interval_of_mean(values, [str(n) for n in range(400)])
    together = interval_of_mean(values, [str(n // 8) for n in range(400)])
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])
