"""The lung closed at its pleura: vessels, small bronchi, and nodules that sit on chest wall, mediastinum or diaphragm."""

import numpy as np

from lungrisk.core.geometry import Triple
from lungrisk.lungs.coarse import Coarse
from lungrisk.lungs.shapes import Mask, box_of, chosen_pieces, close, dilate, double, fill, halve, opened, pieces_from

CLOSING_MM = 10.0  # vessels and nodules to about 16 mm, whatever they look like
WIDE_MM = 25.0  # nodules and masses, of which only those are kept that look so:
OPENING_MM, MASS_OPENING_MM = 3.0, 4.0  # thicker than a vessel, than the strands between mass and hilum
SURROUNDED = (
    0.66  # share of the surface on lung; hila have 0.3 to 0.63, balls at the chest wall 0.67 and more (measured)
)
LARGE_SURROUNDED, MASS_SURROUNDED, MASS_MM = 0.6, 0.52, 30.0  # the larger the less; hila of that much are not round
ROUND = 0.6  # shortest by longest axis
SMALL_ML, SMALL_SURROUNDED, VERY_ROUND = 5.0, 0.45, 0.7  # a small ball is coarse: less of it is seen on lung
BASE_MM, MASS_BASE_MM = 4.0, 6.0  # a ball of WIDE_MM enters their bases this far
LARGE_ML = 14.0  # a ball of 30 mm


def close_pleura(coarse: Coarse, lung: Mask, not_lung: Mask) -> tuple[Mask, Mask, Mask]:
    """The lung with what belongs to it; of that the pieces that are larger than a nodule; all that the wide ball closes.

    lung: its air, airways out. not_lung: the other lung, trachea and main bronchi.
    """
    closed, large, hull = (np.zeros_like(lung) for _ in range(3))
    if not lung.any():
        return closed, large, hull
    box = box_of(lung, int(2 * MASS_BASE_MM / min(coarse.spacing)))
    air, free = lung[box], ~not_lung[box]
    simple = close(air, CLOSING_MM, coarse.spacing) & free
    half = (coarse.spacing[0], 2 * coarse.spacing[1], 2 * coarse.spacing[2])
    small, room = halve(air), halve(free)
    wide = close(small, WIDE_MM, half) & room
    nodules = chosen_pieces(opened(wide & ~small, OPENING_MM, half), small, half, _is_nodule)
    filled = halve(simple)
    masses = chosen_pieces(opened(wide & ~filled, MASS_OPENING_MM, half), filled, half, _is_mass)
    bulges = dilate(nodules, BASE_MM, half) | dilate(masses, MASS_BASE_MM, half)
    closed[box] = fill(simple | double(bulges, air.shape)) & free
    large[box] = double(pieces_from(masses, LARGE_ML, half), air.shape) & ~air
    hull[box] = double(wide, air.shape)
    return closed, large, hull


def _is_nodule(piece: Mask, surrounded: float, spacing: Triple) -> bool:
    short, long = _axes_mm(piece, spacing)
    ml = float(piece.sum() * np.prod(spacing)) / 1000
    if ml < SMALL_ML and short >= VERY_ROUND * long:
        return surrounded >= SMALL_SURROUNDED
    return surrounded >= SURROUNDED and short >= ROUND * long and ml < LARGE_ML


def _is_mass(piece: Mask, surrounded: float, spacing: Triple) -> bool:
    short, long = _axes_mm(piece, spacing)
    round_ = short >= ROUND * long
    return round_ and surrounded >= (MASS_SURROUNDED if short >= MASS_MM else LARGE_SURROUNDED)


def _axes_mm(piece: Mask, spacing: Triple) -> tuple[float, float]:
    """Four standard deviations along the shortest and the longest principal axis: 0.9 of the diameter for a ball."""
    points = np.argwhere(piece) * np.array(spacing)
    if len(points) < 4:
        return 0.0, float(max(spacing))
    spread = 4 * np.sqrt(np.maximum(0.0, np.linalg.eigvalsh(np.cov(points.T))))
    return float(spread[0]), float(spread[-1])
