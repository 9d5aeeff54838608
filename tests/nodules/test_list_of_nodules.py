"""The nodules of a simulated chest: what was put in is found, outlined, measured and ranked."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lungrisk.core.geometry import axis_affine
from lungrisk.core.records import Header, Lungs, Nodule, Scan
from lungrisk.formats import read
from lungrisk.lungs import segment_lungs
from lungrisk.nodules import MOST_LISTED, Found, find_nodules, least_mm, listed, part_overlaps, suspicion
from lungrisk.nodules.find import Candidate
from lungrisk.nodules.measure import measure
from lungrisk.nodules.segment import Outline


@pytest.fixture(scope="module")
def nodules_of_a_chest(chest: Path) -> tuple[Scan, Lungs, tuple[Nodule, ...]]:
    scan = read(chest / "scan")
    lungs = segment_lungs(scan)
    return scan, lungs, find_nodules(scan, lungs)


def truth_of(chest: Path) -> list[dict[str, str]]:
    with (chest / "nodules.csv").open(newline="") as stream:
        return sorted(csv.DictReader(stream), key=lambda row: -float(row["diameter_mm"]))


def test_the_largest_nodule_leads_the_list_with_its_place_and_size(
    chest: Path, nodules_of_a_chest: tuple[Scan, Lungs, tuple[Nodule, ...]]
) -> None:
    largest, first = truth_of(chest)[0], nodules_of_a_chest[2][0]
    place = [float(largest[name]) for name in ("x_mm", "y_mm", "z_mm")]
    assert np.linalg.norm(np.array(first.centre_mm) - place) < 4
    assert first.diameter_mm == pytest.approx(float(largest["diameter_mm"]), rel=0.25)
    assert first.side == ("left" if place[0] > 0 else "right")
    assert first.accepted


def test_accepted_nodules_come_first_then_the_most_suspicious(
    nodules_of_a_chest: tuple[Scan, Lungs, tuple[Nodule, ...]],
) -> None:
    nodules = nodules_of_a_chest[2]
    keys = [(not nodule.accepted, -suspicion(nodule)) for nodule in nodules]
    assert keys == sorted(keys)
    assert len(nodules) <= MOST_LISTED
    assert [nodule.id for nodule in nodules] == [f"n{rank}" for rank in range(1, len(nodules) + 1)]


def test_masks_lie_where_the_centres_are(nodules_of_a_chest: tuple[Scan, Lungs, tuple[Nodule, ...]]) -> None:
    scan, _, nodules = nodules_of_a_chest
    for nodule in nodules:
        middle = np.argwhere(nodule.mask).mean(axis=0)
        x, y, z = (nodule.affine @ [*middle, 1])[:3]
        assert np.linalg.norm(np.array(nodule.centre_mm) - (x, y, z)) < 2.5
        assert nodule.slice_index == round(float(scan.to_index(nodule.centre_mm)[0]))


@pytest.mark.parametrize(
    ("step", "thickness", "least"), [(2.5, None, 3), (2.5, 2.5, 3), (5.0, None, 10), (2.5, 5.0, 10), (5.0, 1.0, 10)]
)
def test_thickness_counts_beside_spacing_for_the_smallest_nodule(
    step: float, thickness: float | None, least: float
) -> None:
    hu = np.zeros((2, 2, 2), np.int16)
    scan = Scan(hu=hu, affine=axis_affine((step, 1.0, 1.0)), header=Header(thickness_mm=thickness))
    assert least_mm(scan) == least


def test_without_lungs_there_are_no_nodules(nodules_of_a_chest: tuple[Scan, Lungs, tuple[Nodule, ...]]) -> None:
    empty = np.zeros(nodules_of_a_chest[0].hu.shape, bool)
    assert find_nodules(nodules_of_a_chest[0], Lungs(left=empty, right=empty, left_ml=0, right_ml=0, coverage=0)) == ()


def found(probability: float, start: tuple[int, int, int], size: int) -> Found:
    mask = np.ones((size, size, size), bool)
    share, affine = mask.astype(np.float32), axis_affine((1.0, 1.0, 1.0))
    return Found(
        candidate=Candidate(
            centre_mm=(0, 0, 0),
            diameter_mm=size,
            probability=probability,
            response_hu=100,
            roundness=1,
            thickness_mm=0,
            logit=0,
            lowest_logit=0,
        ),
        outline=Outline(mask=mask, affine=affine, field=share, field_affine=affine, hu=share),
        measured=measure(share, affine, share),
        start=np.array(start),
    )


def test_of_two_outlines_that_are_one_the_more_probable_stays() -> None:
    strong, inside, beside = found(0.9, (0, 0, 0), 6), found(0.5, (2, 2, 2), 3), found(0.3, (0, 0, 6), 4)
    assert part_overlaps([beside, inside, strong]) == [strong, beside]


def test_outlines_that_only_touch_stay_two() -> None:
    one, other = found(0.9, (0, 0, 0), 6), found(0.5, (5, 5, 5), 6)
    assert len(part_overlaps([one, other])) == 2


def test_a_list_that_has_room_for_all_says_nothing(nodules_of_a_chest: tuple[Scan, Lungs, tuple[Nodule, ...]]) -> None:
    nodule = replace(nodules_of_a_chest[2][0], findings=())
    refused = replace(nodule, accepted=False)
    assert [one.findings for one in listed([nodule, *[refused] * 30])] == [()] * MOST_LISTED


@pytest.mark.parametrize(
    ("n_accepted", "n_unseen", "left_out"), [(MOST_LISTED + 3, 0, 3), (2, 4, 4), (MOST_LISTED + 1, 1, 2)]
)
def test_probable_nodules_without_room_are_counted_in_a_finding(
    n_accepted: int, n_unseen: int, left_out: int, nodules_of_a_chest: tuple[Scan, Lungs, tuple[Nodule, ...]]
) -> None:
    kept = listed([replace(nodules_of_a_chest[2][0], findings=())] * n_accepted, n_unseen)
    assert len(kept) == min(n_accepted, MOST_LISTED)
    (finding,) = [finding for nodule in kept for finding in nodule.findings]
    assert (finding.code, finding.severity, finding.found) == ("nod.many", "limited", f"{left_out} more")
