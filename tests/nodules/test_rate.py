from pathlib import Path

import nibabel
import numpy as np
import pytest

from lungrisk.core.bundle import Bundle, open_bundle
from lungrisk.core.geometry import axis_affine
from lungrisk.nodules.rate import nodule_type, rate, rating_of

SPACING = (1.5, 0.8, 0.8)


def lesion(diameter_mm: float, hu: float, ragged: float = 0.0, seed: int = 0):
    """A ball, or a ragged one, in lung: (hu, affine, mask)."""
    rng = np.random.default_rng(seed)
    size = [int((diameter_mm + 24) / step) for step in SPACING]
    grid = (np.indices(size) - (np.array(size)[:, None, None, None] - 1) / 2) * np.array(SPACING)[:, None, None, None]
    angle = np.arctan2(grid[1], grid[2])
    radius = diameter_mm / 2 * (1 + ragged * np.sin(7 * angle + grid[0] / 3))
    mask = np.linalg.norm(grid, axis=0) <= radius
    noise = rng.normal(0, 25, size)
    return (np.where(mask, hu, -860) + noise).astype(np.float32), axis_affine(SPACING), mask


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return open_bundle("malignancy", "malignancy")


def test_a_rating_is_a_distribution_on_the_scale_of_the_readers(bundle: Bundle) -> None:
    nodules = [lesion(size, 30, seed=n) for n, size in enumerate((4, 9, 25))]
    for rating in rate(nodules, bundle):
        assert 1 <= rating.low <= rating.mean <= rating.high <= 5
        assert 0.2 < rating.sd < 1


def test_larger_and_ragged_is_worse_and_calcified_is_harmless(bundle: Bundle) -> None:
    tiny, large, mass, stone = rate([lesion(4, 30), lesion(24, 20, 0.15), lesion(60, 20, 0.15), lesion(7, 700)], bundle)
    assert tiny.mean < 2.9 < large.mean
    assert mass.mean > 4
    assert stone.mean < 2


def test_mirrored_nodules_get_nearly_the_same_rating(bundle: Bundle) -> None:
    hu, affine, mask = lesion(14, 0, 0.2)
    mirrored = [(hu[:, :, ::-1], affine, mask[:, :, ::-1]), (hu[:, ::-1], affine, mask[:, ::-1])]
    plain, *others = rate([(hu, affine, mask), *mirrored], bundle)
    assert all(abs(other.mean - plain.mean) < 0.25 for other in others)


def test_the_place_in_the_list_and_the_company_change_nothing(bundle: Bundle) -> None:
    nodules = [lesion(5 + n, 0, seed=n) for n in range(3)]
    together = rate(nodules, bundle)
    assert [rate([nodule], bundle)[0].mean for nodule in nodules] == pytest.approx([r.mean for r in together], abs=1e-5)
    assert rate([], bundle) == ()


def test_the_interval_is_that_of_the_spread_at_the_rating() -> None:
    spread = {"calibration": {"at": [2.0, 4.0], "sd": [0.2, 0.6]}}
    bundle = Bundle(name="x", task="malignancy", model=b"", sha256="", settings=spread)
    rating = rating_of(3.0, bundle)
    assert rating.sd == pytest.approx(0.4)
    assert rating.high - rating.low == pytest.approx(2 * 1.96 * 0.4, abs=1e-3)
    assert rating_of(7.0, bundle).mean == rating_of(7.0, bundle).high == 5


@pytest.mark.parametrize(
    ("hu", "kind"), [(40, "solid"), (600, "calcified"), (-700, "ground-glass"), (-420, "part-solid")]
)
def test_a_ball_has_the_type_of_its_density(hu: float, kind: str) -> None:
    assert nodule_type(*lesion(10, hu)) == kind


def test_an_empty_mask_is_refused(bundle: Bundle) -> None:
    hu, affine, mask = lesion(6, 0)
    with pytest.raises(ValueError, match="0 voxels"):
        rate([(hu, affine, np.zeros_like(mask))], bundle)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["lsc-0028", "lsc-0049", "lsc-0064", "lung-01-0007", "lung-01-0013"])
def test_real_masses_of_a_cancer_collection_are_rated_high(shared_data: Path, bundle: Bundle, name: str) -> None:
    lesions = shared_data / "scans" / "lesions"
    ct, readings = (nibabel.load(lesions / f"qin-{name}-{part}.nii.gz") for part in ("ct", "readings"))
    hu, count = (np.asarray(image.dataobj).transpose(2, 1, 0) for image in (ct, readings))
    affine = (
        np.diag([-1.0, -1.0, 1.0, 1.0]) @ ct.affine @ np.eye(4)[[2, 1, 0, 3]]
    )  # RAS of (i, j, k) to LPS of (k, j, i)
    (rating,) = rate([(hu, affine, count >= 5)], bundle)
    assert rating.mean > 4.2
