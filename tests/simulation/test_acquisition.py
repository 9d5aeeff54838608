"""A simulated patient's scan: what the reader, the checks and the lungs make of it, and noise of the stated size and texture."""

import math
from pathlib import Path

import numpy as np
import pytest

from lungrisk.core.geometry import axis_affine
from lungrisk.core.records import Scan
from lungrisk.lungs import segment_lungs
from lungrisk.quality import check
from lungrisk.simulation.acquisition import drawn_lungs, paint_thread, scan_patient
from lungrisk.simulation.patients import draw_patient


@pytest.mark.parametrize("number", [1, 12])
def test_the_line_takes_it_for_a_chest_and_finds_both_lungs(number: int) -> None:
    patient = draw_patient(6, number)
    hu, affine, _ = scan_patient(patient)
    scan = Scan(hu=hu, affine=affine)
    assert [finding for finding in check(scan) if finding.severity in ("limited", "refused")] == []
    lungs = segment_lungs(scan)
    assert [finding for finding in lungs.findings if finding.severity == "refused"] == []
    drawn = drawn_lungs(patient)
    for side, found in ((1, lungs.left), (2, lungs.right)):
        truth = drawn == side
        assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.95
        assert 1.0 < truth.sum() * abs(np.linalg.det(affine[:3, :3])) / 1e6 < 4.5  # litres


def neighbours(noise: np.ndarray) -> float:
    return float(np.corrcoef(noise[:, :, 1:].ravel(), noise[:, :, :-1].ravel())[0, 1])


@pytest.mark.parametrize(("number", "sharp"), [(0, False), (1, True)])
def test_the_noise_has_the_stated_size_and_the_kernels_texture(number: int, sharp: bool) -> None:
    patient = draw_patient(6, number)
    assert patient.scanner.sharp == sharp
    hu, affine, _ = scan_patient(patient)
    k, j, i = np.rint(np.linalg.inv(affine) @ [26.0, -28.0, -58.0, 1.0]).astype(int)[:3]
    heart = hu[k - 2 : k + 3, j - 12 : j + 13, i - 12 : i + 13].astype(float)
    noise = heart - heart.mean()
    assert noise.std() == pytest.approx(1.2 * patient.scanner.noise_hu, rel=0.12)  # the middle is noisier than the mean
    assert neighbours(noise) == pytest.approx(-0.4 if sharp else 0.67, abs=0.08)


@pytest.mark.parametrize("radius", [0.4, 0.8, 1.5])
@pytest.mark.parametrize("way", [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.6, 0.5, 0.62)])
def test_a_thin_vessel_holds_the_tissue_of_its_cylinder(radius: float, way: tuple[float, float, float]) -> None:
    hu = np.full((40, 80, 80), -1000.0, np.float32)
    affine = axis_affine((2.0, 1.0, 1.0), (-40.0, -40.0, -40.0))
    end = np.array(way) / np.linalg.norm(way) * 25.0
    off = np.array(
        [0.25, 0.25, 0.5]
    )  # a quarter of a voxel: in the middle of one, samples of a narrow profile miss some
    tube = (tuple((off - end).tolist()), tuple((off + end).tolist()), radius)
    paint_thread(hu, affine, tube, (0.75, 0.6), 0.0)
    volume = (hu + 1000.0).sum() / 1000.0 * 2.0
    assert volume == pytest.approx(math.pi * radius**2 * 50.0, rel=0.12)


def test_the_circle_is_filled_and_nothing_lies_outside(tmp_path: Path) -> None:
    hu, _, circle = scan_patient(draw_patient(6, 4))
    assert (hu[:, ~circle] == -1024).all()
    assert 0.75 < circle.mean() < 0.8
    assert hu.min() == -1024
    assert hu.max() > 500
