"""Curves and AUCs against scikit-learn; DeLong against its definition, patient by patient, and against how often it holds."""

import numpy as np
import pytest
from numpy.typing import NDArray

from lungrisk.evaluation.discrimination import (
    confusion,
    delong_covariance,
    delong_difference,
    delong_interval,
    find_threshold,
    operating_point,
    roc_curve,
    wilson,
)
from lungrisk.evaluation.metrics import auc, average_precision_of_draws, draw_counts

sklearn_metrics = pytest.importorskip("sklearn.metrics")


def a_sample(seed: int, n: int = 60) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    shared = rng.normal(size=n)
    return np.round(shared + labels, 1), np.round(shared + rng.normal(size=n) + 0.6 * labels, 1), labels


def by_definition(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n_positive, n_negative): 1 where the positive scores above, half at ties."""
    positive, negative = scores[labels == 1], scores[labels == 0]
    return np.array([[1.0 if a > b else 0.5 if a == b else 0.0 for b in negative] for a in positive])


@pytest.mark.parametrize("seed", range(4))
def test_delongs_covariance_is_its_definition_with_ties(seed: int) -> None:
    one, other, labels = a_sample(seed)
    values, covariance = delong_covariance(np.stack([one, other]), labels)
    wins = [by_definition(scores, labels) for scores in (one, other)]
    assert values == pytest.approx([table.mean() for table in wins])
    m, n = wins[0].shape
    for r in range(2):
        for s in range(2):
            rows = sum((wins[r][i].mean() - values[r]) * (wins[s][i].mean() - values[s]) for i in range(m)) / (m - 1)
            columns = sum((wins[r][:, j].mean() - values[r]) * (wins[s][:, j].mean() - values[s]) for j in range(n)) / (
                n - 1
            )
            assert covariance[r, s] == pytest.approx(rows / m + columns / n)


def test_delongs_variance_is_near_that_of_the_bootstrap() -> None:
    scores, _, labels = a_sample(1, 400)
    low, high = delong_interval(scores, labels)
    rows = np.random.default_rng(0).integers(0, 400, (1000, 400))
    drawn = [auc(scores[row], labels[row]) for row in rows]
    assert (high - low) / (2 * 1.96) == pytest.approx(np.std(drawn), rel=0.1)


def test_delongs_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    truth, held = 0.7602, 0  # of two normal laws one sd apart
    for _ in range(600):
        labels = np.repeat([0, 1], [80, 50])
        low, high = delong_interval(rng.normal(size=130) + labels, labels)
        held += low <= truth <= high
    assert 0.92 < held / 600 < 0.975


def test_a_difference_of_nothing_has_p_one_and_p_is_uniform_where_both_are_alike() -> None:
    one, _, labels = a_sample(0)
    assert delong_difference(one, one, labels).p == 1.0
    rng = np.random.default_rng(2)
    ps = []
    for _ in range(400):
        labels = np.repeat([0, 1], [60, 40])
        shared = rng.normal(size=100) + labels
        ps.append(delong_difference(shared + rng.normal(size=100), shared + rng.normal(size=100), labels).p)
    assert np.mean(np.array(ps) < 0.05) == pytest.approx(0.05, abs=0.03)
    assert np.mean(ps) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("seed", range(4))
def test_the_curves_are_those_of_scikit_learn(seed: int) -> None:
    scores, _, labels = a_sample(seed)
    found = roc_curve(scores, labels)
    false, true, threshold = sklearn_metrics.roc_curve(labels, scores, drop_intermediate=False)
    assert found["sensitivity"] == pytest.approx(true)
    assert 1 - found["specificity"] == pytest.approx(false)
    assert found["threshold"] == pytest.approx(threshold)
    precision, recall, _ = sklearn_metrics.precision_recall_curve(labels, scores)
    assert found["precision"][::-1] == pytest.approx(precision)
    assert found["sensitivity"][::-1] == pytest.approx(recall)


def test_the_average_precision_of_a_drawn_sample_is_that_of_its_items_repeated() -> None:
    scores, _, labels = a_sample(3)
    counts = draw_counts([str(n) for n in range(60)], draws=20)
    for row, found in zip(counts, average_precision_of_draws(scores, labels, counts), strict=True):
        items = np.repeat(np.arange(60), row.astype(int))
        assert found == pytest.approx(sklearn_metrics.average_precision_score(labels[items], scores[items]))


@pytest.mark.parametrize("aim", ["sensitivity", "specificity"])
@pytest.mark.parametrize("least", [0.0, 0.5, 0.9, 1.0])
def test_a_threshold_reaches_its_aim_and_no_other_does_so_with_more_of_the_rest(aim: str, least: float) -> None:
    scores, _, labels = a_sample(7)
    chosen = operating_point(scores, labels, find_threshold(scores, labels, aim, least))  # type: ignore[arg-type]
    other = {"sensitivity": "specificity", "specificity": "sensitivity"}[aim]
    assert chosen[aim] >= least
    for threshold in [*scores, np.inf]:
        point = operating_point(scores, labels, threshold)
        assert point[aim] < least or point[other] <= chosen[other] + 1e-12


def test_youdens_threshold_has_the_largest_sum() -> None:
    scores, _, labels = a_sample(8)
    sums = []
    for threshold in [*scores, np.inf]:
        point = operating_point(scores, labels, threshold)
        sums.append(point["sensitivity"] + point["specificity"])
    point = operating_point(scores, labels, find_threshold(scores, labels, "youden"))
    assert point["sensitivity"] + point["specificity"] == pytest.approx(max(sums))


def test_the_confusion_is_that_of_scikit_learn() -> None:
    scores, _, labels = a_sample(9)
    table = confusion(scores, labels, 0.5)
    expected = sklearn_metrics.confusion_matrix(labels, scores >= 0.5)
    assert [table["true_negative"], table["false_positive"]] == expected[0].tolist()
    assert [table["false_negative"], table["true_positive"]] == expected[1].tolist()
    point = operating_point(scores, labels, 0.5)
    assert point["ppv"] == pytest.approx(sklearn_metrics.precision_score(labels, scores >= 0.5))
    assert point["called"] == pytest.approx((scores >= 0.5).mean())


def test_wilsons_interval_is_the_published_example_and_that_of_scipy() -> None:
    """Newcombe, Statistics in Medicine 1998;17:857-872, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    published = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (hits, n), ends in published.items():
        assert wilson(hits, n) == pytest.approx(ends, abs=5e-5)
    assert np.isnan(wilson(0, 0)).all()


def test_what_does_not_exist_is_nan() -> None:
    scores, one_class = np.array([0.1, 0.2, 0.3]), np.array([1, 1, 1])
    assert np.isnan(delong_interval(scores, one_class)).all()
    assert np.isnan(delong_difference(scores, scores[::-1], one_class).p)
    assert np.isnan(find_threshold(scores, one_class, "youden"))
    assert np.isnan(delong_interval(scores, np.array([0, 1, 1]))).all()  # one negative has no variance
    assert np.isnan(operating_point(scores, one_class, 0.2)["specificity"])


def test_an_interval_of_a_share_holds_the_share() -> None:
    for n in range(1, 60):
        for hits in range(n + 1):
            low, high = wilson(hits, n)
            assert 0.0 <= low <= hits / n <= high <= 1.0
