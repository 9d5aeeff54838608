from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from lungrisk.core.geometry import axis_affine
from lungrisk.core.records import Lungs, Scan
from lungrisk.report.strips import KNOTS_HU, KNOTS_LEVEL, MOST_SLICES, WIDEST_PX, levels, strip


def test_the_curve_and_its_inverse_agree_within_half_a_level() -> None:
    hu = np.arange(-1024, 1300)
    back = np.interp(levels()[hu + 1024], KNOTS_LEVEL, KNOTS_HU)
    error = np.abs(back - hu)
    assert error[hu < -160].max() <= 5.3
    assert error[(hu >= -160) & (hu < 240)].max() <= 2.0
    assert error.max() <= 8.6


def test_a_slice_comes_back_as_hounsfield_units(scan: Scan, lungs: Lungs) -> None:
    slices = strip(scan, lungs)
    place = slices.indices.index(32)
    picture = np.asarray(Image.open(BytesIO(b64decode(slices.pictures[place]))))
    assert picture.shape == (slices.height, slices.width)
    j, i = slices.corner
    hu = scan.hu[32, j : j + slices.height, i : i + slices.width]
    back = np.interp(picture, KNOTS_LEVEL, KNOTS_HU)
    assert np.median(np.abs(back - hu)) < 12
    assert slices.pixel_mm == pytest.approx(3.5)


def test_a_long_wide_scan_is_thinned_and_shrunk() -> None:
    hu = np.zeros((400, 40, 600), np.int16)
    slices = strip(Scan(hu=hu, affine=axis_affine((1.0, 0.6, 0.6))), None)
    assert slices.indices == list(range(0, 400, 3))
    assert len(slices.indices) <= MOST_SLICES
    assert slices.width == WIDEST_PX
    assert slices.width * slices.pixel_mm == pytest.approx(360.0)
