"""What a grid upright may grow to is bounded by what the slices hold."""

import numpy as np
import pytest

from lungrisk.core.errors import InputError
from lungrisk.formats.stacking import Stack
from lungrisk.formats.upright import MOST_GROWN, upright


def sheared(sideways: float, n: int = 200, side: int = 300) -> Stack:
    positions = np.stack([np.zeros(n), np.arange(n) * sideways, np.arange(n, dtype=float)], axis=1)
    row, column = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])
    return Stack(row, column, (1.0, 1.0), positions, (side, side), True, 1.0)


def test_a_grid_of_many_times_the_slices_is_refused_before_it_is_made() -> None:
    stack = sheared(300 * MOST_GROWN / 200 * 1.2)
    with pytest.raises(InputError) as caught:
        upright(np.broadcast_to(np.int16(0), (200, 300, 300)), stack)
    assert caught.value.findings[0].code == "geo.drift"


def test_a_tilt_of_45_degrees_is_brought_upright() -> None:
    hu, _, _ = upright(np.zeros((20, 30, 30), np.int16), sheared(1.0, 20, 30))
    assert hu.shape == (20, 30 + 19, 30)
