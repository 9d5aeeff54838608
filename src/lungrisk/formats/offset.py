"""Scans whose values are off by the usual 1024: air at 0 HU and soft tissue at 1024."""

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.findings import Finding, find

OFFSET = 1024
AROUND = 150  # HU about a peak
SHARE = 0.10  # of the voxels that air and soft tissue each make up at least, in any scan of a chest
HARDLY_ANY = 0.001


def mend_offset(hu: NDArray[np.int16]) -> tuple[Finding, ...]:
    """Take 1024 from all voxels of (k, j, i), in place, where air lies at 0 and tissue at 1024: `px.offset`."""
    sample = hu[::3, ::4, ::4]
    if np.mean(sample < -AROUND) > HARDLY_ANY:
        return ()
    air, tissue = np.mean(np.abs(sample) < AROUND), np.mean(np.abs(sample - OFFSET) < AROUND)
    if air < SHARE or tissue < SHARE:
        return ()
    hu -= OFFSET
    return (find("px.offset", found="air near 0 HU, soft tissue near 1024 HU", expected="air near -1000 HU"),)
