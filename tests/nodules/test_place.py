"""Side and third of a nodule, on two boxes for lungs."""

import numpy as np
import pytest

from lungrisk.core.records import Lungs
from lungrisk.nodules.place import place_in_lungs


@pytest.fixture(scope="module")
def boxes() -> Lungs:
    """Right lung at low i, left lung at high i; k from 10 to 69; nothing between them."""
    left, right = np.zeros((2, 80, 60, 100), bool)
    right[10:70, 10:50, 10:40] = True
    left[10:70, 10:50, 60:90] = True
    return Lungs(left=left, right=right, left_ml=1.0, right_ml=1.0, coverage=1.0)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ((12, 30, 20), ("right", "lower")),
        ((40, 30, 80), ("left", "middle")),
        ((65, 30, 80), ("left", "upper")),
        ((40, 30, 43), ("right", "middle")),  # beside the right lung, outside of it
        ((75, 30, 56), ("left", "upper")),  # above the apex
        ((5, 5, 2), ("right", "lower")),  # no lung about: the nearer one
    ],
    ids=str,
)
def test_a_place_is_named_by_the_lung_about_it(
    boxes: Lungs, index: tuple[int, int, int], expected: tuple[str, str]
) -> None:
    assert place_in_lungs(boxes, index) == expected


def test_without_lungs_there_is_still_an_answer() -> None:
    empty = np.zeros((4, 4, 4), bool)
    lungs = Lungs(left=empty, right=empty, left_ml=0, right_ml=0, coverage=0)
    assert place_in_lungs(lungs, (1, 1, 1))[1] in {"lower", "middle", "upper"}
