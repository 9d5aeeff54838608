import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from lungrisk.core.errors import UsageFault
from lungrisk.core.geometry import apply_affine, axis_affine, spacing_of
from lungrisk.core.records import Recipe, Scan, Volume
from lungrisk.preparation import RECIPES, axis_weights, prepare, resample

AFFINE = axis_affine((2.5, 0.7, 0.9), (-10.0, 5.0, 3.0))
SHAPE = (25, 40, 50)


def points_of(volume: Volume) -> np.ndarray:
    return apply_affine(volume.affine, np.stack(np.indices(volume.array.shape), -1))


def linear(points: np.ndarray) -> np.ndarray:
    return -500 + points @ np.array([1.0, 2.0, 3.0])


def scan_of(hu: np.ndarray) -> Scan:
    return Scan(hu=np.ascontiguousarray(hu, np.int16), affine=AFFINE)


FIELD = linear(apply_affine(AFFINE, np.stack(np.indices(SHAPE), -1))).astype(np.float32)


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(name="finer and coarser"),
        Recipe(name="odd", spacing=(3.1, 2.2, 1.7)),
        Recipe(name="no antialias", spacing=(3.1, 2.2, 1.7), antialias=False),
        Recipe(name="size", spacing=None, size=(20, 15, 13)),
        Recipe(name="inside", spacing=(2.0, 1.0, 1.0), size=(20, 15, 30)),
    ],
    ids=lambda recipe: recipe.name,
)
def test_a_linear_field_stays_itself_at_every_new_voxel(recipe: Recipe) -> None:
    volume = resample(FIELD, AFFINE, recipe)
    points = points_of(volume)
    index = apply_affine(np.linalg.inv(AFFINE), points)
    between = ((index >= 0) & (index <= np.array(SHAPE) - 1)).all(-1)  # beyond the outer centres a field is not known
    assert between.mean() > 0.8
    assert np.abs(volume.array - linear(points))[between].max() < 1e-3


@given(st.integers(2, 60), st.integers(1, 90), st.booleans())
def test_weights_sum_to_one_and_none_is_negative(n_old: int, n: int, antialias: bool) -> None:
    ratio = n_old / n
    centres = ratio / 2 - 0.5 + ratio * np.arange(n)
    weights = axis_weights(n_old, centres, max(1.0, ratio) if antialias else 1.0)
    assert weights.sum(1) == pytest.approx(1)
    assert weights.toarray().min() >= -1e-9


def test_without_antialias_it_is_the_linear_interpolation_of_scipy() -> None:
    random = np.random.default_rng(0).normal(0, 300, SHAPE).astype(np.float32)
    volume = resample(random, AFFINE, Recipe(name="plain", spacing=(2.0, 1.1, 1.3), antialias=False))
    index = apply_affine(np.linalg.inv(AFFINE), points_of(volume))
    expected = ndimage.map_coordinates(random, np.moveaxis(index, -1, 0), order=1, mode="nearest")
    assert np.abs(volume.array - expected).max() < 1e-2


def test_halving_is_the_dense_formula_of_a_widened_triangle() -> None:
    random = np.random.default_rng(0).normal(0, 1, (1, 1, 40)).astype(np.float32)
    recipe = Recipe(name="half", spacing=None, size=(1, 1, 20))
    found = resample(random, np.eye(4), recipe).array[0, 0]
    taps = np.maximum(0, 1 - np.abs(np.arange(40)[None] - (0.5 + 2 * np.arange(20))[:, None]) / 2)
    dense = taps / taps.sum(1, keepdims=True) @ random[0, 0]
    assert found[2:-2] == pytest.approx(dense[2:-2], abs=1e-5)


@pytest.mark.parametrize("recipe", [Recipe(name="a"), Recipe(name="b", spacing=(1.0, 1.0, 1.0), size=(80, 60, 44))])
def test_a_marked_cuboid_stays_at_its_place(recipe: Recipe) -> None:
    hu = np.full(SHAPE, -1000, np.int16)
    hu[8:14, 12:26, 20:32] = 400
    volume = prepare(scan_of(hu), recipe)
    weight = volume.array + 1000
    weight[weight < 0] = 0
    centre = np.average(points_of(volume).reshape(-1, 3), axis=0, weights=weight.ravel())
    assert centre == pytest.approx(apply_affine(AFFINE, (10.5, 18.5, 25.5)), abs=0.06)
    mass = weight.sum() * np.prod(spacing_of(volume.affine))
    assert mass == pytest.approx(1400 * 6 * 14 * 12 * 2.5 * 0.7 * 0.9, rel=0.02)


def test_the_first_edges_coincide_and_the_extent_stays() -> None:
    volume = prepare(scan_of(np.zeros(SHAPE)), "1mm")
    old = apply_affine(AFFINE, (-0.5, -0.5, -0.5))
    assert apply_affine(volume.affine, (-0.5, -0.5, -0.5)) == pytest.approx(old)
    assert spacing_of(volume.affine) == pytest.approx((1.0, 1.0, 1.0))
    assert np.abs(np.array(volume.array.shape) - np.array(SHAPE) * (2.5, 0.7, 0.9)).max() <= 0.5


def test_there_and_back_again_a_smooth_field_returns() -> None:
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).normal(0, 4000, SHAPE), (2, 5, 5)).astype(np.float32)
    there = resample(smooth, AFFINE, Recipe(name="finer", spacing=(1.25, 0.35, 0.45)))
    back = resample(there.array, there.affine, Recipe(name="back", spacing=(2.5, 0.7, 0.9)))
    assert back.array.shape == SHAPE
    assert back.affine == pytest.approx(AFFINE)
    assert np.sqrt(np.mean((back.array - smooth)[2:-2, 2:-2, 2:-2] ** 2)) < 0.1 * smooth.std()


def test_cropping_and_filling_are_about_the_centre() -> None:
    hu = np.full(SHAPE, 40, np.int16)
    recipe = Recipe(name="both", spacing=(2.5, 0.7, 0.9), size=(31, 30, 50), fill=-1024.0)
    volume = prepare(scan_of(hu), recipe)
    assert apply_affine(volume.affine, (15, 14.5, 24.5)) == pytest.approx(apply_affine(AFFINE, (12, 19.5, 24.5)))
    assert (volume.array[:3] == -1024).all()
    assert (volume.array[-3:] == -1024).all()
    assert volume.array[3:-3] == pytest.approx(40)


def test_a_field_that_is_wholly_outside_is_fill() -> None:
    far = Recipe(name="even", spacing=(500.0, 1.0, 1.0), size=(2, 4, 4), fill=7.0)
    assert (prepare(scan_of(np.zeros(SHAPE)), far).array == 7).all()


@pytest.mark.parametrize("n", [20, 21, 59, 61, 68, 81, 85, 101, 102, 133, 195, 541])
def test_the_seeds_recipe_gives_its_size_for_any_number_of_slices(n: int) -> None:
    scan = Scan(hu=np.zeros((n, 64, 60), np.int16), affine=AFFINE)
    assert prepare(scan, "seed").array.shape == (20, 50, 50)
    assert prepare(scan, "seed-view").array.shape == (n, 150, 150)


def test_a_dark_and_a_bright_export_of_one_scan_give_the_same_array() -> None:
    body = np.random.default_rng(0).integers(-1000, 1500, (40, 64, 64)).astype(np.int16)
    bright, dark = body.copy(), body.copy()
    bright[:, :10], dark[:, :10] = -1000, -1024  # air of one export, padding of the other
    one, other = (prepare(Scan(hu=hu, affine=AFFINE), "seed").array for hu in (bright, dark))
    assert np.array_equal(one, other)
    assert 0 <= one.min() < one.max() <= 1


@given(st.integers(0, 1000))
def test_a_windowed_recipe_stays_between_0_and_1(seed: int) -> None:
    hu = np.random.default_rng(seed).integers(-1024, 3071, (21, 33, 37)).astype(np.int16)
    array = prepare(Scan(hu=hu, affine=AFFINE), "seed").array
    assert array.dtype == np.float32
    assert 0 <= array.min() <= array.max() <= 1


def test_as_is_is_the_scans_own_array_and_read_only() -> None:
    scan = scan_of(np.zeros(SHAPE))
    volume = prepare(scan, "as-is")
    assert np.shares_memory(volume.array, scan.hu)
    assert not volume.array.flags.writeable
    assert np.array_equal(volume.affine, scan.affine)


def test_a_mask_keeps_its_kind_and_place_by_the_nearest_voxel() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[8:14, 12:26, 20:32] = True
    recipe = Recipe(name="mask", interpolation="nearest", fill=0.0)
    volume = resample(mask, AFFINE, recipe)
    assert volume.array.dtype == bool
    index = np.rint(apply_affine(np.linalg.inv(AFFINE), points_of(volume)[::3, ::5, ::5]) - 1e-9).astype(int)
    index = np.clip(index, 0, np.array(SHAPE) - 1)
    agree = volume.array[::3, ::5, ::5] == mask[tuple(np.moveaxis(index, -1, 0))]
    assert agree.mean() > 0.99  # ties between two voxels aside


def test_the_hash_follows_every_field_but_the_name() -> None:
    hashes = {recipe.hash for recipe in RECIPES.values()}
    assert len(hashes) == len(RECIPES)
    assert Recipe(name="other").hash == RECIPES["1mm"].hash
    assert Recipe(name="1mm", antialias=False).hash != RECIPES["1mm"].hash
    assert prepare(scan_of(np.zeros(SHAPE)), "1mm").recipe_hash == RECIPES["1mm"].hash


@pytest.mark.parametrize(
    "recipe",
    [
        "no such recipe",
        Recipe(name="zero", spacing=(0.0, 1.0, 1.0)),
        Recipe(name="nan", spacing=(float("nan"), 1.0, 1.0)),
        Recipe(name="negative", size=(-1, 5, 5)),
        Recipe(name="huge", spacing=(0.001, 0.001, 0.001)),
        Recipe(name="window", window=(400.0, -1000.0)),
    ],
    ids=str,
)
def test_an_impossible_recipe_is_a_usage_fault(recipe: Recipe | str) -> None:
    with pytest.raises(UsageFault) as caught:
        prepare(scan_of(np.zeros(SHAPE)), recipe)
    assert caught.value.findings[0].code == "use.option"
