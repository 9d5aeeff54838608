"""Scans whose values were cut to a window before: what was above or below lies on the window's edge."""

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.findings import Finding, find

FLOOR = -950  # a cut at or below it takes nothing from the lungs
CEILING = 2900  # the scale's own end is at 3071 or above; metal and dense bone are cut there by the scanner
BESIDE = 30  # HU next to the edge that are compared with it
SPIKE = 20  # times as many voxels on the edge as on each of the values beside it
LEAST = 1e-4  # of the voxels


def clipped(hu: NDArray[np.int16]) -> tuple[Finding, ...]:
    """`px.clipped` where the highest values of (k, j, i) are piled up below the scale's end, or the lowest above air."""
    sample = hu[::2, ::2, ::2]
    low, high = int(hu.min()), int(hu.max())
    cut_low = low > FLOOR and _piled_up(sample, low)
    cut_high = high < CEILING and _piled_up(sample, high)
    if not (cut_low or cut_high):
        return ()
    return (find("px.clipped", found=f"nothing beyond {low} to {high} HU", expected="-1024 to 3071 HU or more"),)


def _piled_up(sample: NDArray[np.int16], edge: int) -> bool:
    """Whether far more voxels lie on the edge than on each of the values beside it, of which there are some."""
    near = np.abs(sample.astype(np.int32) - edge)
    on = int(np.count_nonzero(near == 0))
    beside = np.count_nonzero((near > 0) & (near <= BESIDE)) / BESIDE
    return bool(beside > 0) and on >= max(LEAST * sample.size, SPIKE * beside)
