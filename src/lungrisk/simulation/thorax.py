"""The chest of a simulated patient: what differs from one to another, and where its lungs and organs end.

Places are LPS mm about the middle of the chest. Sizes are those of adults, rounded: good enough for lungs and nodules to be
sought in, not a model of a population.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from lungrisk.core.geometry import Triple
from lungrisk.simulation.shapes import Floats, ellipsoid

Tube: TypeAlias = tuple[Triple, Triple, float]
Ball: TypeAlias = tuple[Triple, Triple]  # centre and radii of an ellipsoid, mm
APEX_Z, BASE_Z, WIDEST_Z = 118.0, -125.0, -10.0
SPINE_Y, SPINE_R = 58.0, 17.0
TOPS_X = 42.0  # the tops of the lungs are this far from the middle
LUNG_X = 66.0  # the middle of each dome of the diaphragm
AORTA: Ball = ((21.0, 38.0, 0.0), (12.0, 12.0, 1.0))
KNOB: Ball = ((16.0, 12.0, 52.0), (17.0, 32.0, 13.0))
CAVA: Ball = ((-20.0, -6.0, 40.0), (10.0, 10.0, 60.0))
HILA: tuple[Ball, ...] = (((-28.0, 6.0, 2.0), (11.0, 14.0, 22.0)), ((27.0, 8.0, 8.0), (11.0, 14.0, 22.0)))
HEART: tuple[Ball, ...] = (((26.0, -28.0, -58.0), (54.0, 44.0, 52.0)), ((-10.0, -18.0, -48.0), (38.0, 36.0, 46.0)))
ADVENTITIA_MM = 3.0  # fat between organs and lung


@dataclass(frozen=True, slots=True, kw_only=True)
class Thorax:
    """size, heart: factors on the lungs' height and on the heart. half_width_mm, half_depth_mm: of the inside of the ribs.

    fat_mm: under the skin. dome_mm: height of the right diaphragm. lung_hu: of the middle of the lungs. emphysema: 0..1.
    """

    size: float
    half_width_mm: float
    half_depth_mm: float
    fat_mm: float
    breasts: bool
    dome_mm: float
    heart: float
    lung_hu: float
    emphysema: float
    vessels: tuple[Tube, ...] = ()
    airways: tuple[Tube, ...] = ()


def draw_thorax(rng: np.random.Generator) -> Thorax:
    """Draw a chest, its vessels not yet grown."""
    return Thorax(
        size=float(rng.uniform(0.90, 1.10)),
        half_width_mm=float(rng.uniform(118.0, 136.0)),
        half_depth_mm=float(rng.uniform(80.0, 98.0)),
        fat_mm=float(rng.uniform(5.0, 26.0)),
        breasts=bool(rng.random() < 0.45),
        dome_mm=float(rng.uniform(36.0, 60.0)),
        heart=float(rng.uniform(0.88, 1.08)),
        lung_hu=float(rng.uniform(-885.0, -835.0)),
        emphysema=float(max(0.0, rng.uniform(-1.0, 1.0))),
    )


def cage_distance(thorax: Thorax, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Floats:
    """Signed distance to the inside of the ribs, mm, negative inside; open downwards, with two tops."""
    x, z = np.asarray(x, np.float32), np.asarray(z, np.float32)
    height = APEX_Z * thorax.size - WIDEST_Z
    above = np.maximum(z - WIDEST_Z, 0.0)
    aside = TOPS_X * np.minimum(above / height, 1.0) ** 2
    wide = thorax.half_width_mm
    across = (np.abs(x) - aside) * (wide / (wide - aside))
    return ellipsoid((across, y, above), (0.0, 0.0, 0.0), (wide, thorax.half_depth_mm, height))


def floor_height(thorax: Thorax, x: ArrayLike, y: ArrayLike) -> Floats:
    """Height of the diaphragm, mm; the right dome is the higher one."""
    x, y = np.asarray(x, np.float32), np.asarray(y, np.float32)
    dome = np.where(x < 0, thorax.dome_mm, thorax.dome_mm - 10.0)
    across = ((np.abs(x) - LUNG_X) / 62.0) ** 2
    along = ((y + 6.0) / (thorax.half_depth_mm * 0.95)) ** 2
    return np.asarray(BASE_Z * thorax.size + dome * np.maximum(1.0 - across - along, -0.1), np.float32)


def organ_distance(thorax: Thorax, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Floats:
    """Signed distance to heart, great vessels and hila."""
    points = np.asarray(x, np.float32), np.asarray(y, np.float32), np.asarray(z, np.float32)
    balls = [
        *(((x0, y0, z0), (rx * thorax.heart, ry * thorax.heart, rz)) for (x0, y0, z0), (rx, ry, rz) in HEART),
        KNOB,
        CAVA,
        *HILA,
    ]
    nearest = ellipsoid(points[:2], AORTA[0][:2], AORTA[1][:2])
    for centre, radii in balls:
        nearest = np.minimum(nearest, ellipsoid(points, centre, radii))
    return nearest


def lung_limits(thorax: Thorax, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Floats:
    """Signed distance to what bounds the lungs inside the ribs: diaphragm, spine, mediastinum; negative in the lungs."""
    x, y, z = np.asarray(x, np.float32), np.asarray(y, np.float32), np.asarray(z, np.float32)
    lungs = np.asarray(0.75 * (floor_height(thorax, x, y) - z), np.float32)
    lungs = np.maximum(lungs, 4.0 - ellipsoid((x, y), (0.0, SPINE_Y), (SPINE_R, SPINE_R)))
    lungs = np.maximum(lungs, -ellipsoid((x, y), (0.0, 0.0), (22.0, thorax.half_depth_mm + 6.0)))
    return np.asarray(np.maximum(lungs, ADVENTITIA_MM - organ_distance(thorax, x, y, z)), np.float32)


def lung_distance(thorax: Thorax, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Floats:
    """Signed distance to the lungs, mm, negative inside; about right within a centimetre of their surface."""
    return np.asarray(np.maximum(cage_distance(thorax, x, y, z), lung_limits(thorax, x, y, z)), np.float32)


def lung_depth(thorax: Thorax, x: float, y: float, z: float) -> float:
    """How deep a point lies in the lungs, mm; negative outside."""
    return -float(lung_distance(thorax, x, y, z))


def third_of(thorax: Thorax, z: float) -> str:
    """The third of the lungs' height in which z lies: upper, middle or lower."""
    low, high = lung_heights(thorax)
    share = (z - low) / (high - low)
    return "upper" if share > 2 / 3 else "middle" if share > 1 / 3 else "lower"


def lung_heights(thorax: Thorax, third: str = "") -> tuple[float, float]:
    """Lowest and highest z of the lungs, or of a third of them, mm."""
    low, high = BASE_Z * thorax.size, APEX_Z * thorax.size
    step = (high - low) / 3
    row = {"lower": 0, "middle": 1, "upper": 2}.get(third)
    return (low, high) if row is None else (low + row * step, low + (row + 1) * step)
