"""What is no accepted nodule is named; what is one is not named twice."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from lungrisk.core.geometry import axis_affine
from lungrisk.core.records import Estimate, Nodule, Rating
from lungrisk.core.regions import Region
from lungrisk.nodules import name_unexplained


def ball(radius: float) -> np.ndarray:
    k, j, i = np.indices((int(2 * radius) + 1,) * 3) - int(radius)
    return k**2 + j**2 + i**2 <= radius**2


def region(kind: Literal["dense", "hazy"] = "dense", radius: float = 10.0) -> Region:
    mask = ball(radius)
    origin = (50.0 - radius, 20.0 - radius, 30.0 - radius)
    return Region(
        kind=kind,
        side="left",
        third="upper",
        centre_mm=(50.0, 20.0, 30.0),
        ml=mask.sum() / 1000,
        slice_index=7,
        mask=mask,
        affine=axis_affine((1.0, 1.0, 1.0), origin),
    )


def nodule(
    x: float, radius: float, accepted: bool, probability: float = 0.9, third: Literal["upper", "lower"] = "upper"
) -> Nodule:
    rating = Rating(mean=3.0, sd=0.5, low=2.0, high=4.0)
    return Nodule(
        id="n1",
        centre_mm=(x, 20.0, 30.0),
        mask=ball(radius),
        affine=axis_affine((1.0, 1.0, 1.0), (x - radius, 20.0 - radius, 30.0 - radius)),
        side="left",
        third=third,
        diameter_mm=2 * radius,
        long_mm=2 * radius,
        short_mm=2 * radius,
        max_3d_mm=2 * radius,
        volume_mm3=Estimate(value=1.0, low=1.0, high=1.0),
        mean_hu=0.0,
        type="solid",
        nodule_probability=probability,
        malignancy=rating,
        accepted=accepted,
        slice_index=9,
    )


def said(*args: object) -> list[str]:
    return [finding.code for finding in name_unexplained(*args)]  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "code"), [("dense", "nod.unexplained"), ("hazy", "nod.hazy")])
def test_a_region_is_named_with_size_place_and_slice(kind: Literal["dense", "hazy"], code: str) -> None:
    (finding,) = name_unexplained([region(kind)], [])
    assert (finding.code, finding.severity, finding.slices) == (code, "limited", (7,))
    assert finding.found == "about 20 mm, 4.2 ml, at (50, 20, 30) mm, left lung, upper third"


def test_an_accepted_nodule_explains_its_own_place_alone() -> None:
    assert said([region()], [nodule(50.0, 10.0, True)]) == []
    assert said([region()], [nodule(50.0, 3.0, True)]) == ["nod.unexplained"]  # it fills too little of it
    assert said([region()], [nodule(80.0, 10.0, True)]) == ["nod.unexplained"]


def test_a_candidate_that_was_not_accepted_explains_nothing_and_is_not_named_beside_its_region() -> None:
    assert said([region()], [nodule(50.0, 10.0, False)]) == ["nod.unexplained"]


def test_a_large_candidate_that_may_be_a_nodule_is_named() -> None:
    (finding,) = name_unexplained([], [nodule(50.0, 6.0, False, 0.4)])
    assert (finding.code, finding.slices) == ("nod.doubtful", (9,))
    assert finding.found == "n1, 12 mm at (50, 20, 30) mm, left lung, upper third, probability 0.40"
    for other in (nodule(50.0, 6.0, True), nodule(50.0, 4.0, False, 0.4), nodule(50.0, 6.0, False, 0.1)):
        assert said([], [replace(other)]) == []
