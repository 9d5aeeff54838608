"""The arrays of a patient: where they lie, what they hold, and that they are those of `assess`."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_assessments import made

from lungrisk.assessment import assess
from lungrisk.cohort import preparing
from lungrisk.cohort.arrays import CUBE, NUMBERS, RECIPE, TOP_K, array_table, arrays_of
from lungrisk.core.bundle import open_bundle
from lungrisk.core.errors import InputError
from lungrisk.core.records import Assessment, Recipe
from lungrisk.engine import run
from lungrisk.nodules import TASKS
from lungrisk.nodules.appearance import FEATURES
from lungrisk.preparation import RECIPES


def test_every_array_is_as_the_table_says() -> None:
    other = Recipe(name="other", spacing=(6.0, 5.0, 4.0), size=(60, 62, 64))
    for recipe in (RECIPE, other, RECIPES["seed"]):
        for assessment in (made(0, n_nodules=0), made(1, n_nodules=3), made(2, n_nodules=11)):
            arrays = arrays_of(assessment, recipe)
            table = array_table(recipe)
            assert {name: (list(one.shape), str(one.dtype)) for name, one in arrays.items()} == {
                name: (one["shape"], one["dtype"]) for name, one in table.items()
            }


def test_by_the_seeds_recipe_the_volume_is_the_notebooks_array_with_the_lungs_on_its_grid() -> None:
    assessment = made(5)
    arrays = arrays_of(assessment, RECIPES["seed"])
    assert np.array_equal(arrays["volume"], arrays["seed"])
    assert arrays["volume"][arrays["lungs"] > 0].mean() < arrays["volume"][arrays["lungs"] == 0].mean()


def test_volume_and_lungs_lie_about_the_centre_of_the_lungs() -> None:
    """On a ramp of HU along each axis, every voxel says where it lies."""
    assessment = made(3)
    scan, lungs = assessment.scan, assessment.lungs
    assert scan is not None
    assert lungs is not None
    places = np.argwhere(lungs.mask)
    middle_mm = scan.to_mm((places.min(axis=0) + places.max(axis=0)) / 2)
    for axis, along in enumerate((2, 1, 0)):  # k, j, i run along z, y, x
        line_mm = np.array([scan.to_mm(index) for index in np.eye(3)[axis] * np.arange(scan.hu.shape[axis])[:, None]])
        ramp = np.moveaxis(
            np.broadcast_to(line_mm[:, along], (*np.delete(scan.hu.shape, axis), len(line_mm))), -1, axis
        )
        arrays = arrays_of(replace(assessment, scan=replace(scan, hu=np.round(2 * ramp).astype(np.int16))), RECIPE)
        centres = (np.arange(RECIPE.size[axis]) - (RECIPE.size[axis] - 1) / 2) * 3.0 + middle_mm[along]  # type: ignore[index]
        inside = arrays["lungs"] > 0
        expected = np.moveaxis(np.broadcast_to(2 * centres, (*np.delete(RECIPE.size, axis), len(centres))), -1, axis)  # type: ignore[arg-type]
        assert np.abs(arrays["volume"] - expected)[inside].max() <= 1.5


def test_lungs_keep_their_volume_and_side() -> None:
    assessment = made(4)
    assert assessment.scan is not None
    assert assessment.lungs is not None
    sides = arrays_of(assessment)["lungs"]
    for value, mask in ((1, assessment.lungs.left), (2, assessment.lungs.right)):
        assert (sides == value).sum() * 27.0 == pytest.approx(mask.sum() * assessment.scan.voxel_mm3, rel=0.03)
    k, j, i = np.argwhere(sides == 1).mean(axis=0) - np.argwhere(sides == 2).mean(axis=0)
    assert i > 30  # the left lung lies at higher x
    assert abs(k) < 1
    assert abs(j) < 1


def test_outside_of_the_scan_is_air() -> None:
    assessment = made(5)
    scan = assessment.scan
    assert scan is not None
    volume = arrays_of(assessment)["volume"]
    field_mm = np.array(scan.hu.shape) * scan.spacing
    held = np.minimum(field_mm, np.array(RECIPE.size) * 3.0)
    assert held.prod() / 27.0 == pytest.approx((volume > -1024).sum(), rel=0.08)
    assert (volume[0] == -1024).all()


def test_crops_and_masks_are_centred_on_the_nodules_and_the_rest_is_zero() -> None:
    assessment = made(6, n_nodules=2)
    scan = assessment.scan
    assert scan is not None
    arrays = arrays_of(assessment)
    for place, nodule in enumerate(assessment.nodules):
        index = np.round(scan.to_index(nodule.centre_mm)).astype(int)
        k, j, i = index
        middle = CUBE // 2
        near = arrays["crops"][place, middle - 1 : middle + 1, middle - 1 : middle + 1, middle - 1 : middle + 1]
        assert near.mean() == pytest.approx(float(scan.hu[k, j, i]), abs=45)  # half a millimetre off the centre
        volume_mm3 = nodule.mask.sum() * scan.voxel_mm3
        assert arrays["masks"][place].sum() == pytest.approx(volume_mm3, rel=0.35)  # the blocky edge of 4 mm voxels
        middle_of_mask = np.argwhere(arrays["masks"][place]).mean(axis=0)
        assert np.abs(middle_of_mask - (CUBE - 1) / 2).max() < 1
    for name in ("crops", "masks", "fixed", "scaled", "features", "numbers"):
        assert arrays[name][:2].any(axis=tuple(range(1, arrays[name].ndim))).all()
        assert not arrays[name][2:].any()


def test_numbers_are_those_of_the_nodules() -> None:
    assessment = made(7, n_nodules=2)
    numbers = dict(zip(NUMBERS, arrays_of(assessment)["numbers"].T, strict=True))
    first, second = assessment.nodules
    assert numbers["present"].tolist() == [1, 1, *[0] * (TOP_K - 2)]
    assert numbers["accepted"][:2].tolist() == [1, 0]
    assert numbers["malignancy_mean"][:2] == pytest.approx([first.malignancy.mean, second.malignancy.mean])
    assert numbers["diameter_mm"][:2].tolist() == [12, 13]
    assert numbers["volume_mm3"][0] == 900
    assert numbers["height"][:2] == pytest.approx([4 / 39, 8 / 39])  # slices 12 and 16 of lungs from 8 to 47


def test_the_line_keeps_the_highest_rating_of_accepted_nodules_alone() -> None:
    assessment = made(8, n_nodules=2)
    assert arrays_of(assessment)["line"] == pytest.approx([0.2, 0.1, 0.4, assessment.nodules[0].malignancy.mean])
    assert arrays_of(made(8, n_nodules=0))["line"].tolist()[3] == 0


def test_a_scan_that_is_the_same_everywhere_is_refused() -> None:
    assessment = made(9)
    assert assessment.scan is not None
    flat = replace(assessment, scan=replace(assessment.scan, hu=np.full_like(assessment.scan.hu, -1024)))
    with pytest.raises(InputError) as error:
        arrays_of(flat)
    assert [finding.code for finding in error.value.findings] == ["coh.constant"]


def test_a_store_holds_what_assess_gives(chest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One path: a cohort asks `assess` for the whole patient and keeps its arrays to the bit."""
    table = tmp_path / "cohort.csv"
    table.write_text(f"id,path\nchest,{chest / 'scan'}\n", "utf-8")
    given: list[Assessment] = []
    monkeypatch.setattr(preparing, "assess", lambda path: given.append(assess(path)) or given[0])
    store = preparing.prepare_cohort(table, tmp_path / "store")
    [assessment] = given
    arrays, held = arrays_of(assessment), store.load("chest")
    assert set(held) == set(arrays)
    for name, array in arrays.items():
        assert np.array_equal(held[name], array), name
    n = int(held["numbers"][:, NUMBERS.index("present")].sum())
    seen = {name: held[name][:n] for name in ("fixed", "scaled", "features")}
    rated = run(open_bundle("malignancy", "malignancy"), **seen)["rating"].mean(axis=1)
    assert rated == pytest.approx(held["numbers"][:n, 0], abs=1e-4)  # the planes of a store are those that were rated
    assert assessment.likelihood is not None
    record = store.patients[0].record
    assert record["likelihood"]["value"] == pytest.approx(assessment.likelihood.value, abs=1e-7)
    assert len(record["nodules"]) == len(assessment.nodules)
    assert set(store.about["bundles"]) == set(TASKS)
    assert arrays["features"].shape[1] == len(FEATURES)
