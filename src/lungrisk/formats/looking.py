"""A look at a few slices of a series, where headers leave open which of several shows the lungs."""

from collections.abc import Sequence

import numpy as np

from lungrisk.core.errors import LungriskError
from lungrisk.formats.claims import claim
from lungrisk.formats.frames import Frame
from lungrisk.formats.pixels import load_block

LOOKED_AT = (0.2, 0.35, 0.5, 0.65, 0.8)  # of the way through the stack
LUNG_HU = (-930, -600)
LEAST_SHARE = 0.15  # of a slice; chests have 0.23 to 0.41 in one of these, a head in its holder at most 0.11
BLOCK = 8  # pixels


def shows_lungs(frames: Sequence[Frame]) -> bool:
    """Whether one of a few slices, in order along the body, has air as lungs have it; False where they cannot be decoded."""
    some = [frames[round(share * (len(frames) - 1))] for share in LOOKED_AT]
    try:
        claim(some)
        block, _ = load_block(some)
    except LungriskError:
        return False
    n, rows, columns = block.shape
    cut = block[:, : rows // BLOCK * BLOCK, : columns // BLOCK * BLOCK]
    means = cut.reshape(n, rows // BLOCK, BLOCK, columns // BLOCK, BLOCK).mean((2, 4), dtype=np.float32)
    shares = ((means > LUNG_HU[0]) & (means < LUNG_HU[1])).mean((1, 2))
    return bool(shares.max() >= LEAST_SHARE)
