"""Bones of the simulated chest: ribs with their cartilage, breastbone, spine, shoulder blades; a shell with marrow inside."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from lungrisk.simulation.shapes import Floats, ellipsoid
from lungrisk.simulation.thorax import SPINE_R, SPINE_Y

Lay: TypeAlias = Callable[[Floats, Floats | float], None]  # paints a value where a signed distance is negative
MARROW, CORTEX, CARTILAGE, DISC, NERVE = 190.0, 620.0, 110.0, 70.0, 30.0
RIBS_MM = 27.0  # from rib to rib
VERTEBRA_MM, DISC_MM = 25.0, 5.5


def lay_ribs(lay: Lay, cage: Floats, x: Floats, y: Floats, z: float) -> None:
    """Ribs and breastbone of one slice. cage: signed distance to the inside of the ribs, mm."""
    half = RIBS_MM / 2
    height = np.abs((z + np.float32(0.42) * y + np.float32(9.0)) % np.float32(RIBS_MM) - np.float32(half)) - 5.0
    rib = np.maximum(np.maximum(np.abs(cage - 6.0) - 3.8, 0.85 * height), 22.0 - np.abs(x))
    front = np.clip((-y - 40.0) / 12.0, 0.0, 1.0)  # towards the breastbone ribs are cartilage
    lay(rib, CORTEX + np.float32(CARTILAGE - CORTEX) * front)
    lay(rib + 1.9, MARROW + np.float32(CARTILAGE - MARROW) * front)
    if -70.0 < z < 95.0:
        front_only = np.abs(x) - np.where(y < 0, np.float32(17.0), np.float32(-99.0))
        breastbone = np.maximum(np.abs(cage - 7.0) - 5.0, front_only).astype(np.float32)
        lay(breastbone, CORTEX - 200.0)
        lay(breastbone + 1.6, MARROW - 60.0)


def lay_spine(lay: Lay, x: Floats, y: Floats, z: float) -> None:
    """The vertebra or the disc of one slice, with arch, processes and canal."""
    disc = (z % VERTEBRA_MM) < DISC_MM
    body = ellipsoid((x, y), (0.0, SPINE_Y), (SPINE_R, SPINE_R - 2.0))
    lay(body, DISC if disc else CORTEX)
    lay(body + 2.0, DISC if disc else MARROW)
    if not disc:
        arch = ellipsoid((np.abs(x), y), (12.0, SPINE_Y + 24.0), (22.0, 7.0))
        arch = np.minimum(arch, ellipsoid((x, y), (0.0, SPINE_Y + 38.0), (3.5, 14.0)))
        lay(arch, CORTEX)
        lay(arch + 2.2, MARROW)
    lay(ellipsoid((x, y), (0.0, SPINE_Y + 22.0), (9.0, 8.0)), NERVE)


def lay_shoulders(lay: Lay, cage: tuple[float, float], place: tuple[Floats, Floats, float]) -> None:
    """Shoulder blades of one slice: thin plates behind the ribs. cage: half width and half depth of the chest, mm."""
    x, y, z = place
    size = 1.0 - abs(z - 55.0) / 70.0
    if size <= 0.0:
        return
    middle = (0.80 * cage[0] + 6.0, 0.60 * cage[1] + 16.0)
    across = (np.abs(x) - middle[0]) * np.float32(0.62) - (y - middle[1]) * np.float32(0.78)
    through = (np.abs(x) - middle[0]) * np.float32(0.78) + (y - middle[1]) * np.float32(0.62)
    plate = ellipsoid((across, through), (0.0, 0.0), (12.0 + 26.0 * size, 4.2))
    lay(plate, CORTEX)
    lay(plate + 2.0, MARROW)
