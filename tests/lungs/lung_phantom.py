"""A chest of ellipsoids and tubes whose lungs are known: in LPS mm, so that any grid may be laid over it.

Lungs of 48 x 75 x 112 mm at x = +-60, a heart on the left, two domes below, trachea, main bronchi, vessels, spine.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.geometry import axis_affine
from lungrisk.core.records import Scan

Mask = NDArray[np.bool_]
AIR, LUNG, TISSUE, BONE = -1000, -860, 40, 500
SPACING = (2.5, 1.85, 1.85)
Z = (-165.0, 145.0)
HALF_FIELD = 185.0
LUNG_X, LUNG_SIZE = 60.0, (48.0, 75.0, 112.0)
TRACHEA, CARINA_Z, TRACHEA_R, BRONCHUS_R = (0.0, 10.0), 40.0, 9.0, 6.0


@dataclass(frozen=True)
class Chest:
    """balls: (x, y, z, radius, HU) laid over everything. without: sides whose lung is soft tissue."""

    spacing: tuple[float, float, float] = SPACING
    balls: tuple[tuple[float, float, float, float, int], ...] = ()
    without: tuple[str, ...] = ()
    table: bool = True
    arms: bool = True
    bowel: bool = True
    airways: bool = True
    joined: bool = False
    noise: float = 15.0


@dataclass(frozen=True)
class Made:
    scan: Scan
    left: Mask
    right: Mask
    parts: dict[str, Mask] = field(default_factory=dict)


def make(chest: Chest) -> Made:
    affine = axis_affine(chest.spacing, (-HALF_FIELD, -HALF_FIELD, Z[0]))
    counts = [round(length / step) for length, step in zip((Z[1] - Z[0], 370.0, 370.0), chest.spacing, strict=True)]
    z, y, x = np.meshgrid(
        *(start + step * np.arange(n) for start, step, n in zip((Z[0], -HALF_FIELD, -HALF_FIELD), chest.spacing, counts, strict=True)),
        indexing="ij",
        sparse=True,
    )  # fmt: skip

    def ball(cx: float, cy: float, cz: float, radius: float) -> Any:
        return (x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2 <= radius**2

    def ellipsoid(centre: tuple[float, float, float], size: tuple[float, float, float]) -> Any:
        return sum(((p - c) / s) ** 2 for p, c, s in zip((x, y, z), centre, size, strict=True)) <= 1

    hu = np.full(counts, AIR, np.float32)
    hu[np.broadcast_to((x / 130) ** 2 + (y / 100) ** 2 <= 1, counts)] = TISSUE
    heart = ellipsoid((22.0, -25.0, -35.0), (48.0, 42.0, 55.0))
    domes = ball(-60, 0, -160, 90) | ball(60, 0, -165, 85)
    lungs = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        lungs[side] = ellipsoid((sign * LUNG_X, 0.0, 0.0), LUNG_SIZE) & ~heart & ~domes
    if chest.joined:  # both reach the middle before the heart, as in emphysema
        bridge = ellipsoid((0.0, -60.0, 20.0), (25.0, 12.0, 30.0)) & ~heart
        lungs["left"] = (lungs["left"] | (bridge & (x > 0))) & ~lungs["right"]
        lungs["right"] |= bridge & (x <= 0)
    for side in ("left", "right"):
        hu[lungs[side]] = TISSUE if side in chest.without else LUNG
    vessels = np.zeros(counts, bool)
    for sign in (1.0, -1.0):
        for height in (-40.0, -10.0, 30.0, 60.0):
            tube = (y - 15) ** 2 + (z - height - 0.3 * np.abs(x)) ** 2 <= 2.0**2
            vessels |= tube & (sign * x > 20) & (sign * x < 100)
    hu[vessels & (lungs["left"] | lungs["right"])] = TISSUE
    lumen = np.zeros(counts, bool)
    if chest.airways:
        lumen |= np.broadcast_to((x - TRACHEA[0]) ** 2 + (y - TRACHEA[1]) ** 2 <= TRACHEA_R**2, counts) & (
            z >= CARINA_Z
        )
        wall = np.zeros(counts, bool)
        for sign in (1.0, -1.0):
            along = np.clip(sign * x / 32.0, 0, 1)  # from the carina to (+-32, 10, 20)
            off = (x - sign * 32 * along) ** 2 + (y - TRACHEA[1]) ** 2 + (z - (CARINA_Z - 20 * along)) ** 2
            lumen |= off <= BRONCHUS_R**2
            wall |= off <= (BRONCHUS_R + 1.5) ** 2
        hu[wall] = TISSUE
        hu[lumen] = AIR
        lungs = {side: lung & ~wall for side, lung in lungs.items()}
    hu[np.broadcast_to((x / 18) ** 2 + ((y - 78) / 18) ** 2 <= 1, counts)] = BONE
    if chest.bowel:
        hu[ball(40, -50, -125, 24)] = AIR
        hu[ball(-50, -55, -130, 22)] = -650
    if chest.table:
        hu[np.broadcast_to((np.abs(y - 125) <= 12) & (np.abs(x) <= 160), counts)] = -900  # foam
        hu[np.broadcast_to((np.abs(y - 140) <= 3) & (np.abs(x) <= 170), counts)] = 300
    if chest.arms:
        for sign in (1.0, -1.0):
            hu[np.broadcast_to((x - sign * 158) ** 2 + y**2 <= 18**2, counts)] = TISSUE
    for cx, cy, cz, radius, value in chest.balls:
        hu[ball(cx, cy, cz, radius)] = value
    hu += np.random.default_rng(0).normal(0, chest.noise, counts).astype(np.float32)
    hu_int = np.clip(np.rint(hu), -1024, 3071).astype(np.int16)
    for side in chest.without:
        lungs[side] = np.zeros(counts, bool)
    parts = {"lumen": lumen, "vessels": vessels & (lungs["left"] | lungs["right"])}
    return Made(Scan(hu=hu_int, affine=affine), lungs["left"], lungs["right"], parts)


def crop(made: Made, box: tuple[slice, slice, slice]) -> Made:
    """A part of the scan, at its place."""
    start = [side.start or 0 for side in box]
    affine = made.scan.affine.copy()
    affine[:3, 3] = made.scan.to_mm(start)
    return replace(
        made, scan=Scan(hu=made.scan.hu[box].copy(), affine=affine), left=made.left[box], right=made.right[box]
    )


def dice(one: Mask, other: Mask) -> float:
    return float(2 * (one & other).sum() / max(1, one.sum() + other.sum()))
