"""The records: what is in them cannot be changed, and a wrong array is not accepted."""

import dataclasses

import numpy as np
import pytest

from lungrisk.core.geometry import axis_affine
from lungrisk.core.records import Lungs, Recipe, Scan, Volume


def a_scan() -> Scan:
    return Scan(hu=np.zeros((3, 4, 5), np.int16), affine=axis_affine((2.5, 0.7, 0.8), (-10.0, 20.0, 30.0)))


def test_an_array_in_a_record_is_read_only() -> None:
    scan = a_scan()
    with pytest.raises(ValueError, match="read-only"):
        scan.hu[0, 0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        scan.affine[0, 0] = 1


def test_a_record_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        a_scan().hu = np.ones((1, 1, 1), np.int16)  # type: ignore[misc]


@pytest.mark.parametrize("hu", [np.zeros((3, 4), np.int16), np.zeros((3, 4, 5), np.float32)], ids=["flat", "float"])
def test_a_scan_is_three_dimensional_int16(hu: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected"):
        Scan(hu=hu, affine=np.eye(4))


def test_a_scan_knows_spacing_volume_and_places() -> None:
    scan = a_scan()
    assert scan.spacing == pytest.approx((2.5, 0.7, 0.8))
    assert scan.voxel_mm3 == pytest.approx(1.4)
    assert scan.to_mm([2, 1, 3]).tolist() == pytest.approx([-10 + 3 * 0.8, 20 + 0.7, 35.0])
    assert scan.to_index(scan.to_mm([2, 1, 3])).tolist() == pytest.approx([2, 1, 3])


def test_a_recipes_hash_is_of_what_it_does_and_not_of_its_name() -> None:
    assert Recipe(name="a").hash == Recipe(name="b").hash
    assert Recipe(name="a").hash != Recipe(name="a", fill=0.0).hash
    assert len(Recipe(name="a").hash) == 16


def test_both_lungs_are_one_mask() -> None:
    left, right = np.zeros((2, 2, 2), bool), np.zeros((2, 2, 2), bool)
    left[0], right[1, 0] = True, True
    lungs = Lungs(left=left, right=right, left_ml=1.0, right_ml=1.0, coverage=1.0)
    assert lungs.mask.sum() == 6


def test_a_volume_keeps_its_place() -> None:
    volume = Volume(array=np.zeros((1, 1, 1), np.float32), affine=np.eye(4), recipe_hash="0")
    assert not volume.array.flags.writeable
