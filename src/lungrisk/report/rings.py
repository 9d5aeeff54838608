"""Nodules as rings on a plane, each with its name beside it where no other name is."""

from collections.abc import Sequence
from typing import Any

from lungrisk.core.records import Nodule, Scan
from lungrisk.report.sampling import project

ROOM_MM, LEAST_MM = 3.0, 6.0  # between nodule and ring; least radius of a ring
LETTER_MM, LINE_MM = 6.5, 11.0  # width of a letter and height of a line of the names
CORNERS = (
    (0.8, -0.8),
    (0.8, 1.6),
    (-2.2, -0.8),
    (-2.2, 1.6),
    (1.6, 0.4),
)  # where a name begins, in radii from the middle


def rings_on(scan: Scan, nodules: Sequence[Nodule], axis: int) -> list[dict[str, Any]]:
    """The nodules projected along an axis: see `rings_at`."""
    return rings_at([(nodule, project(scan, nodule.centre_mm, axis)) for nodule in nodules])


def rings_at(
    places: Sequence[tuple[Nodule, tuple[float, float]]], letter_mm: float = LETTER_MM, line_mm: float = LINE_MM
) -> list[dict[str, Any]]:
    """Nodules at (across, down) mm: `id`, `accepted`, `x`, `y`, `r`, and `label`, where the name's base line begins; mm.

    Names keep off those before them as far as five places allow. letter_mm, line_mm: width of a letter and height of a line.
    """
    rings: list[dict[str, Any]] = []
    for nodule, (x, y) in places:
        r = max(nodule.long_mm / 2 + ROOM_MM, LEAST_MM)
        width = letter_mm * len(nodule.id)
        corners = [(x + right * r, y + down * r) for right, down in CORNERS]
        label = min(corners, key=lambda place: sum(_covered(place, width, line_mm, ring) for ring in rings))
        figures = {"x": round(x, 2), "y": round(y, 2), "r": round(r, 2)}
        corner = (round(label[0], 2), round(label[1], 2))
        rings.append({"id": nodule.id, "accepted": nodule.accepted, **figures, "label": corner, "width": width})
    return rings


def _covered(place: tuple[float, float], width: float, height: float, ring: dict[str, Any]) -> float:
    """mm2 that a name at a place shares with the name of a ring."""
    left, line = ring["label"]
    across: float = min(place[0] + width, left + ring["width"]) - max(place[0], left)
    down: float = height - abs(place[1] - line)
    return max(0.0, across) * max(0.0, down)
