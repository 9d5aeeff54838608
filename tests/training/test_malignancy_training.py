"""The whole way from a folder of nodules to a bundle with its figures, on made-up nodules."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lungrisk.cohort.nodule_folder import RATINGS, read_nodules
from lungrisk.core.bundle import open_bundle
from lungrisk.core.geometry import spacing_of
from lungrisk.evaluation.candidates import patient_key
from lungrisk.evaluation.nodules import Rated, evaluate_nodules
from lungrisk.training import Options, malignancy, train
from lungrisk.training.malignancy import calibrate, turn_planes
from lungrisk.training.variants import draw_variant, jitter_mask

N = 20


@pytest.fixture(scope="module")
def nodules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the layout of the development data: balls that are rated by their size."""
    folder = tmp_path_factory.mktemp("nodules")
    rng = np.random.default_rng(0)
    rows, images, masks, start = [], [], [], 0
    for number in range(N):
        radius = rng.uniform(3, 12)
        grid = np.indices((int(2 * radius), 64, 64)) - np.array([radius - 0.5, 32, 32])[:, None, None, None]
        inside = (grid**2).sum(axis=0) <= radius**2
        inside = inside[inside.any(axis=(1, 2))]
        images.append((np.where(inside, 120, 20) + rng.normal(0, 4, inside.shape)).astype(np.uint8))
        masks.append(inside.astype(np.uint8) * 7)  # three readers who agree
        rating = str(int(np.clip(round(radius / 2.4), 1, 5)))
        row = {
            name: ";".join(3 * ["5" if name == "texture" else "6" if name == "calcification" else rating])
            for name in RATINGS
        }
        row |= {"nodule_id": f"P{number // 2}_n{number}", "patient": f"P{number // 2}", "n_slices": str(len(inside))}
        row |= {
            "pixel_spacing_mm": "0.8",
            "slice_spacing_mm": "0.8",
            "hu_quality": "3",
            "shard": "0",
            "start": str(start),
        }
        row |= {"diameter_eq_mm": str(1.6 * radius), "series_uid": f"1.{number}", "n_readers": "3"}
        rows.append(row)
        start += len(inside)
    with (folder / "lidc-slices.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    hu = {"hu_lo": np.full(start, -1000, np.float32), "hu_gain": np.full(start, 8, np.float32)}
    np.savez(folder / "lidc-slices-0.npz", image=np.concatenate(images), mask=np.concatenate(masks), **hu)
    return folder


@pytest.fixture(scope="module")
def trained(nodules: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundle")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(malignancy, "VARIANTS", 1)
        patch.setattr(malignancy, "list_bundles", list)  # without the shipped outlines
        return train(
            nodules, "malignancy", Options(output=out / "b", work=out / "w", epochs=1, batch=8, folds=2, threads=1)
        )


def test_the_bundle_opens_and_holds_what_evaluation_needs(trained: Path, nodules: Path) -> None:
    bundle = open_bundle(trained, "malignancy")
    assert set(bundle.settings["fold_of_patient"].values()) == {0, 1}
    assert len(bundle.settings["fold_of_patient"]) == N // 2
    assert bundle.settings["calibration"]["outlines"] == "readers"
    assert "CC BY 3.0" in (trained / "CARD.md").read_text()
    figures = evaluate_nodules(nodules, bundle)
    assert figures["n_rated"] == N
    assert figures["n_unseen"] == 0
    assert figures["auc_diameter"] == 1.0
    json.dumps(figures, allow_nan=False)


def test_calibrated_again_on_the_same_outlines_it_is_the_same(
    trained: Path, nodules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(malignancy, "list_bundles", list)
    again = malignancy.recalibrate(nodules, open_bundle(trained), tmp_path)
    for name in ("bundle.json", "CARD.md"):
        assert (again / name).read_bytes() == (trained / name).read_bytes()


def test_a_known_patient_is_rated_by_the_fold_that_has_not_seen_it(trained: Path, nodules: Path) -> None:
    from dataclasses import replace

    from lungrisk.evaluation.nodules import outline_of, rate_by_fold, rate_stacks, rating_inputs

    bundle = open_bundle(trained, "malignancy")
    stacks = read_nodules(nodules)
    masks = [outline_of(stack) for stack in stacks]
    by_fold = rate_by_fold([rating_inputs(s.hu, s.affine, m) for s, m in zip(stacks, masks, strict=True)], bundle)
    fold = [bundle.settings["fold_of_patient"][patient_key(stack.patient)] for stack in stacks]
    own = rate_stacks(stacks, masks, bundle).predicted
    np.testing.assert_allclose(own, by_fold[np.arange(N), fold], atol=1e-5)
    strangers = [replace(stack, patient="somebody " + stack.patient) for stack in stacks]
    np.testing.assert_allclose(rate_stacks(strangers, masks, bundle).predicted, by_fold.mean(axis=1), atol=1e-5)


def test_jittered_outlines_stay_near_and_never_vanish(nodules: Path) -> None:
    rng = np.random.default_rng(0)
    for stack in read_nodules(nodules)[:8]:
        mask = stack.readers[0]
        for _ in range(4):
            other = jitter_mask(mask, spacing_of(stack.affine), rng)
            assert 2 * (mask & other).sum() / (mask.sum() + other.sum()) > 0.5


def test_a_variant_is_no_copy_and_only_suspected_nodules_grow(nodules: Path) -> None:
    rng = np.random.default_rng(0)
    for stack in read_nodules(nodules):
        ratings = {draw_variant(stack, rng)[1] for _ in range(6)}
        if stack.malignancy < 3.5 or stack.diameter_mm < 10:
            assert ratings == {stack.malignancy}
        assert ratings <= {stack.malignancy, 4.6}


def test_turned_planes_are_the_planes_of_the_turned_nodule() -> None:
    cube = torch.randn(9, 9, 9)

    def planes(volume: torch.Tensor) -> torch.Tensor:
        three = [volume[4], volume[:, 4], volume[:, :, 4]]
        return torch.stack([*three, *three])[None]

    torch.testing.assert_close(turn_planes(planes(cube)), planes(cube.transpose(1, 2)))


def test_the_spread_is_that_of_the_errors_at_a_rating() -> None:
    rng = np.random.default_rng(0)
    rating = rng.uniform(1, 5, 20000)
    sd = np.where(rating < 3, 0.3, 0.6)
    rated = Rated(
        patients=["p"] * len(rating),
        predicted=rating,
        rating=rating + sd * rng.normal(size=len(rating)),
        diameter_mm=rating,
        n_readers=np.full(len(rating), 3),
        calcified=np.zeros(len(rating), bool),
    )
    found = calibrate(rated)
    assert found["sd"][0] == pytest.approx(0.3, abs=0.02)
    assert found["sd"][-1] == pytest.approx(0.6, abs=0.03)
