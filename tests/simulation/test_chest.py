"""The simulated chest against its own truth: what was drawn is in the scan, where it was said to be."""

import csv
import json
from pathlib import Path

import numpy as np
import pydicom
import pytest

from lungrisk.core.geometry import apply_affine
from lungrisk.simulation.chest import NODULE_HU, draw, render


@pytest.fixture(scope="module")
def rendered() -> tuple[np.ndarray, np.ndarray]:
    return render(draw(0))


def test_the_same_seed_gives_the_same_voxels(rendered: tuple[np.ndarray, np.ndarray]) -> None:
    hu, _ = render(draw(0))
    assert (hu == rendered[0]).all()


def test_the_scan_is_of_a_chest_with_air_lung_soft_tissue_and_bone(rendered: tuple[np.ndarray, np.ndarray]) -> None:
    hu, _ = rendered
    assert hu.dtype == np.int16
    assert hu.min() == -1024
    body = np.histogram(hu, [-1100, -960, -700, -200, 0, 150, 3000])[0] / hu.size
    outside, lung, _partial, fat, tissue, bone = body
    assert outside > 0.3
    assert 0.05 < lung < 0.2
    assert fat > 0.03
    assert tissue > 0.15
    assert 0.005 < bone < 0.05


def test_the_lungs_hold_between_three_and_seven_litres(rendered: tuple[np.ndarray, np.ndarray]) -> None:
    hu, affine = rendered
    lung = (hu[:, 60:260, 30:290] < -700) & (hu[:, 60:260, 30:290] > -960)
    litres = lung.sum() * abs(np.linalg.det(affine[:3, :3])) / 1e6
    assert 3.0 < litres < 7.0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_nodule_lies_where_the_truth_says_with_its_own_density(seed: int) -> None:
    chest = draw(seed)
    hu, affine = render(chest)
    for lesion in chest.lesions:
        k, j, i = np.rint(apply_affine(np.linalg.inv(affine), lesion.centre_mm)).astype(int)
        assert hu[k, j - 1 : j + 2, i - 1 : i + 2].mean() == pytest.approx(NODULE_HU[lesion.type], abs=60)
        reach = lesion.diameter_mm / 2 + 4.0
        rim = [hu[k, j, i + round(side * reach / 1.1)] for side in (-1, 1)]
        assert min(rim) < -600


def test_a_simulated_scan_is_a_series_with_its_truth_beside_it(chest: Path) -> None:
    slices = sorted((chest / "scan").glob("*.dcm"))
    first = pydicom.dcmread(slices[0])
    assert len(slices) == 120
    assert first.Modality == "CT"
    assert first.PatientName == "SIMULATED"
    truth = json.loads((chest / "truth.json").read_text())
    rows = list(csv.DictReader((chest / "nodules.csv").read_text().splitlines()))
    assert [float(row["z_mm"]) for row in rows] == [one["centre_mm"][2] for one in truth["lesions"]]
