"""What the headers alone say of the label is found where it is there, and rarely where it is not."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungrisk.cohort.leaks import find_leaks, header_aucs


def headers(rng: np.random.Generator, n: int, **columns: Any) -> list[dict[str, Any]]:
    plain = {
        "slices": rng.integers(100, 400, n).tolist(),
        "matrix": [[512, 512]] * n,
        "spacing_mm": [[float(z), 0.7, 0.7] for z in rng.choice([1.0, 1.25, 2.5], n)],
        "vendor": rng.choice(["GE", "SIEMENS", "PHILIPS"], n).tolist(),
        "kvp": [120.0] * n,
        "series_hash": [f"{value}" for value in rng.random(n)],
    }
    table = {**plain, **columns}
    return [{name: values[place] for name, values in table.items()} for place in range(n)]


def ids(rng: np.random.Generator, n: int) -> list[str]:
    return [f"{value:08x}" for value in rng.permutation(n) * 7919]


@pytest.mark.parametrize("leak", ["slices", "vendor", "thickness_mm", "spacing_mm 0", "place of the id", "missing"])
def test_a_leak_is_found_by_name(leak: str) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    names = ids(rng, 200)
    columns: dict[str, Any] = {}
    if leak == "slices":
        columns["slices"] = (300 - 100 * y).tolist()  # fewer slices with cancer: either direction counts
    elif leak == "vendor":
        columns["vendor"] = np.where(y == 1, "GE", "CANON").tolist()
    elif leak == "thickness_mm":
        columns["thickness_mm"] = (1.0 + y + rng.normal(0, 0.5, 200)).tolist()
    elif leak == "spacing_mm 0":
        columns["spacing_mm"] = [[1.0 + value, 0.7, 0.7] for value in y.tolist()]
    elif leak == "place of the id":
        names = [f"{value}-{place:03d}" for place, value in enumerate(y.tolist())]
    else:
        columns["kvp"] = [None if value else 120.0 for value in y.tolist()]
    (finding,) = find_leaks(names, headers(rng, 200, **columns), y.tolist())
    assert (finding.code, finding.severity) == ("lab.leak", "limited")
    assert str(finding.found).startswith("kvp" if leak == "missing" else leak)


def test_headers_that_say_nothing_are_rarely_called_a_leak() -> None:
    called = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        y = (rng.random(120) < 0.26).astype(int).tolist()
        called += bool(find_leaks(ids(rng, 120), headers(rng, 120), y))
    assert called <= 8  # four columns, each called one time in a hundred


def test_numbers_give_the_auc_that_scikit_learn_gives() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 50)
    slices = rng.integers(0, 9, 50)  # with ties
    area = sklearn.roc_auc_score(y, slices)
    assert header_aucs(ids(rng, 50), headers(rng, 50, slices=slices.tolist()), y.tolist())["slices"] == pytest.approx(
        max(area, 1 - area)
    )


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3)), max_size=30))
def test_an_auc_is_at_least_a_half_for_numbers_and_one_class_has_none(rows: list[tuple[int, int]]) -> None:
    names = [f"{place}" for place in range(len(rows))]
    aucs = header_aucs(names, [{"slices": value} for _, value in rows], [y for y, _ in rows])
    assert all(0.5 <= value <= 1 for value in aucs.values())
    assert bool(aucs) == (len({y for y, _ in rows}) == 2)
