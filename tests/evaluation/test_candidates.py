"""Figures of "nodule or not"."""

from pathlib import Path

import numpy as np
import pytest

from lungrisk.cohort.nodule_folder import NoduleStack, read_patches
from lungrisk.core.bundle import open_bundle
from lungrisk.core.geometry import axis_affine
from lungrisk.core.records import Scan
from lungrisk.evaluation import candidates, pasted
from lungrisk.evaluation.candidates import evaluate_candidates, patient_key
from lungrisk.evaluation.metrics import average_precision

sklearn_metrics = pytest.importorskip("sklearn.metrics")


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_that_of_scikit_learn_with_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = (rng.random(200) < 0.3).astype(int)
    scores = np.round(labels * 0.5 + rng.normal(size=200), 1)
    expected = sklearn_metrics.average_precision_score(labels, scores)
    assert average_precision(scores, labels) == pytest.approx(expected)


@pytest.mark.shared
def test_the_shipped_bundle_does_better_than_rings_on_patches_that_its_networks_did_not_see(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hu, labels, table = read_patches(shared_data / "nodules")
    some = np.flatnonzero([int(row["group"]) % 6 == 0 for row in table])
    monkeypatch.setattr(candidates, "read_patches", lambda _: (hu[some], labels[some], [table[row] for row in some]))
    monkeypatch.setattr(candidates, "_hard", lambda *_: {})
    figures = evaluate_candidates(shared_data / "nodules", open_bundle("candidate", "candidate"))
    assert figures["n"] > 300
    assert figures["n_new"] == 0
    assert 0.95 <= figures["auc"] <= 0.995
    assert figures["auc"] > figures["auc_rings"] > 0.75


def test_patients_are_named_by_hash() -> None:
    assert patient_key("abc") == "ba7816bf8f01"


def test_a_pasted_nodule_is_the_stack_inside_its_outline_and_the_scan_away_from_it() -> None:
    stack_hu = np.full((5, 64, 64), 100.0, np.float32)
    readers = np.zeros((3, 5, 64, 64), bool)
    readers[:, :, 26:38, 26:38] = True
    stack = NoduleStack(
        id="n",
        patient="p",
        hu=stack_hu,
        readers=readers,
        ratings={},
        affine=axis_affine((2.0, 0.7, 0.7)),
        hu_quality=3,
        row={"diameter_eq_mm": "8"},
    )
    scan = Scan(hu=np.full((40, 80, 80), -850, np.int16), affine=axis_affine((2.5, 0.8, 0.8)))
    hu, voxel = scan.hu.copy(), np.array([20, 40, 40])
    pasted._paste(hu, scan, voxel, stack)
    assert (hu[19:22, 36:45, 36:45] == 100).all()
    changed = np.argwhere(hu != -850)
    assert (np.abs(changed - voxel) * scan.spacing).max() < 5 + pasted.NOTHING_MM
