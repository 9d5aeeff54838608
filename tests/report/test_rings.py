"""The nodules as rings: where they lie, and names that can be read."""

from dataclasses import replace

import numpy as np
import pytest

from lungrisk.core.records import Assessment
from lungrisk.report.pictures import canvas
from lungrisk.report.rings import LETTER_MM, LINE_MM, rings_on


def test_a_ring_lies_about_its_nodule_and_is_as_wide(assessment: Assessment) -> None:
    scan, nodule = assessment.scan, assessment.nodules[0]
    assert scan is not None
    (ring,) = rings_on(scan, [nodule], 1)
    k, _, i = scan.to_index(nodule.centre_mm)
    assert ring["x"] == pytest.approx((i + 0.5) * scan.spacing[2], abs=0.6)
    assert ring["y"] == pytest.approx((scan.hu.shape[0] - 0.5 - k) * scan.spacing[0], abs=1.5)
    assert ring["r"] >= nodule.long_mm / 2


def test_names_of_nodules_at_one_place_do_not_cover_each_other(assessment: Assessment) -> None:
    scan, nodule = assessment.scan, replace(assessment.nodules[0], long_mm=30.0)
    assert scan is not None
    rings = rings_on(scan, [replace(nodule, id=f"n{number}") for number in range(1, 6)], 1)
    boxes = [(*ring["label"], ring["label"][0] + LETTER_MM * 2, ring["label"][1] + LINE_MM) for ring in rings]
    for number, (x, y, right, below) in enumerate(boxes):
        for left, top, end, bottom in boxes[:number]:
            assert right <= left + 0.1 or end <= x + 0.1 or below <= top + 0.1 or bottom <= y + 0.1


def test_names_drawn_on_a_picture_do_not_cover_each_other(assessment: Assessment) -> None:
    nodule = replace(assessment.nodules[0], long_mm=24.0)
    figure = canvas.sheet(500, 500, "a picture")
    axes = canvas.panel(figure, (10, 40, 440, 440))
    canvas.show(axes, np.zeros((300, 300), np.uint8), (300.0, 300.0))
    canvas.rings(axes, [(replace(nodule, id=f"n{number}"), (150.0, 150.0)) for number in range(1, 5)])
    canvas.save(figure)
    boxes = [text.get_window_extent().shrunk(0.9, 0.7) for text in axes.texts]  # letters, not the air about them
    assert len(boxes) == 4
    assert not any(one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[:number])
