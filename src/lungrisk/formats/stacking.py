"""Where slices lie: order along the normal, the spacing between them, and what is wrong with it. Positions alone decide."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find

# tolerances, mm unless said otherwise
UNIT_WITHIN = 1e-3  # length and right angle of the direction cosines (also the DICOM toolkit's usual tolerance)
UNIT_MENDED = 1e-2  # a length this far from 1 is a rounded one; beyond, the cosines mean something else
EVEN_WITHIN, EVEN_SHARE = (
    0.05,
    0.02,
)  # a slice this far from its even place is where it should be: mm, share of the spacing
JITTER_SHARE = 0.25  # scatter up to this share of the spacing is jitter; beyond it the spacing is uneven
STRAIGHT_WITHIN = 0.1  # sideways run over the whole stack that is rounding, not tilt
STEEPEST = 1.0  # sideways per mm along: 45 degrees; gantries tilt by 30
DRIFT_WITHIN = 0.5  # sideways scatter that no straight line explains
LARGEST_GAP = 10.0  # a hole that can hide a nodule of 10 mm is not filled
LIMITED_GAP = 5.0
SPACING_BETWEEN = (0.1, 2.0)  # of pixels
STEP_BETWEEN = (0.1, 20.0)  # of slices
MOST_FINER = 4  # an uneven stack is not resampled to more slices than so many times its own
POSITION_TAG, ORIENTATION_TAG = "(0020,0032) ImagePositionPatient", "(0020,0037) ImageOrientationPatient"


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Slices in order along their normal.

    row, column: (3,) unit vectors, LPS, along increasing column index i and row index j. normal = row x column.
    spacing: mm (j, i). positions: (n, 3) LPS mm of the first pixel of each slice. shape: pixels (j, i).
    even: they lie evenly on a straight line.
    step: mm between the slices of the even grid that the stack has or will be given.
    """

    row: NDArray[np.float64]
    column: NDArray[np.float64]
    spacing: tuple[float, float]
    positions: NDArray[np.float64]
    shape: tuple[int, int]
    even: bool
    step: float

    @property
    def normal(self) -> NDArray[np.float64]:
        """(3,) unit vector along which the slices are ordered."""
        return np.cross(self.row, self.column)

    @property
    def heights(self) -> NDArray[np.float64]:
        """(n,) mm along the normal, ascending."""
        return self.positions @ self.normal

    @property
    def shear(self) -> NDArray[np.float64]:
        """(2,) sideways run along row and column per mm along the normal; zero when the stack stands upright."""
        along = self.heights - self.heights.mean()
        sideways = self.positions @ np.stack([self.row, self.column], axis=1)
        slope: NDArray[np.float64] = along @ (sideways - sideways.mean(axis=0)) / (along @ along)
        extent = along[-1] - along[0]
        return np.where(np.abs(slope) * extent < STRAIGHT_WITHIN, 0.0, slope)


def unit_directions(
    orientation: tuple[float, ...],
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[Finding, ...]]:
    """Row and column direction, (3,) unit vectors, out of ImageOrientationPatient.

    Raises InputError: `geo.no_orientation` (absent, not six numbers, zeros), `geo.iop_skew`.
    """
    values = np.asarray(orientation, np.float64)
    if values.shape != (6,) or not np.isfinite(values).all():
        raise InputError(
            find("geo.no_orientation", found=f"{len(orientation)} numbers", expected="6", tag=ORIENTATION_TAG)
        )
    row, column = values[:3], values[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if min(lengths) < 0.1:
        raise InputError(find("geo.no_orientation", found="a direction of no length", tag=ORIENTATION_TAG))
    row, column = row / lengths[0], column / lengths[1]
    skew = float(row @ column)
    if abs(skew) > UNIT_WITHIN:
        raise InputError(find("geo.iop_skew", found=f"{skew:.4f}", expected="a product of 0", tag=ORIENTATION_TAG))
    off = max(abs(length - 1) for length in lengths)
    findings: tuple[Finding, ...] = ()
    if off > UNIT_WITHIN:
        if off > UNIT_MENDED:
            raise InputError(
                find(
                    "geo.iop_skew",
                    found=f"lengths {lengths[0]:.3f}, {lengths[1]:.3f}",
                    expected="1",
                    tag=ORIENTATION_TAG,
                )
            )
        findings = (
            find("geo.iop_norm", found=f"{lengths[0]:.4f}, {lengths[1]:.4f}", expected="1", tag=ORIENTATION_TAG),
        )
    column = column - (row @ column) * row  # exactly at right angles, so that what follows has no shear of its own
    return row, column / np.linalg.norm(column), findings


def build_stack(
    row: NDArray[np.float64],
    column: NDArray[np.float64],
    spacing: tuple[float, float],
    positions: NDArray[np.float64],
    shape: tuple[int, int],
) -> tuple[Stack, tuple[Finding, ...]]:
    """The stack of slices at ordered positions (n, 3), and what was found out about its spacing.

    Findings: `geo.hole`, `geo.jitter`, `geo.uneven`, `geo.tilt`. Raises InputError: `geo.hole_large`, `geo.drift`, `geo.spacing_bad`.
    """
    normal = np.cross(row, column)
    even, step, findings = _spacing_along(positions @ normal)
    low, high = STEP_BETWEEN
    if not low <= step <= high:
        raise InputError(
            find(
                "geo.spacing_bad", found=f"{step:g} mm between slices", expected=f"{low} to {high} mm", tag=POSITION_TAG
            )
        )
    stack = Stack(row, column, spacing, positions, shape, even, step)
    return stack, (*findings, *_sideways(stack))


def _spacing_along(heights: NDArray[np.float64]) -> tuple[bool, float, tuple[Finding, ...]]:
    gaps = np.diff(heights)
    n = len(gaps)
    mean = float(heights[-1] - heights[0]) / n
    fit = np.polyfit(np.arange(n + 1), heights, 1)
    scatter = float(np.abs(heights - np.polyval(fit, np.arange(n + 1))).max())
    if scatter <= max(EVEN_WITHIN, EVEN_SHARE * mean):
        return True, mean, ()
    usual = _usual_gap(gaps)
    within = max(EVEN_WITHIN, EVEN_SHARE * usual)
    widest = int(np.argmax(gaps))
    found = f"{gaps[widest]:.2f} mm after slice {widest}, {usual:.2f} mm elsewhere"
    multiples = np.maximum(np.round(gaps / usual), 1)
    wide = np.flatnonzero(multiples > 1)
    if len(wide) and np.abs(gaps - multiples * usual).max() <= 2 * within and len(wide) <= 0.1 * n + 1:
        if gaps.max() > LARGEST_GAP:
            raise InputError(
                find("geo.hole_large", found=found, expected=f"at most {LARGEST_GAP:g} mm", tag=POSITION_TAG)
            )
        step = float(heights[-1] - heights[0]) / float(multiples.sum())
        hole = find(
            "geo.hole", found=found, tag=POSITION_TAG, slices=wide.tolist(), effect=f"{gaps.max():.1f} mm unseen"
        )
        return False, step, (hole,)
    if scatter <= JITTER_SHARE * mean and gaps.min() > 0.3 * mean:
        jitter = find("geo.jitter", found=f"{scatter:.2f} mm", expected=f"at most {within:.2f} mm", tag=POSITION_TAG)
        return False, mean, (jitter,)
    if gaps.max() > LARGEST_GAP:
        raise InputError(find("geo.hole_large", found=found, expected=f"at most {LARGEST_GAP:g} mm", tag=POSITION_TAG))
    severity: Literal["corrected", "limited"] = "limited" if gaps.max() > LIMITED_GAP else "corrected"
    found = f"{gaps.min():.2f} to {gaps.max():.2f} mm"
    return False, _finest_gap(gaps), (find("geo.uneven", severity=severity, found=found, tag=POSITION_TAG),)


def _usual_gap(gaps: NDArray[np.float64]) -> float:
    """The most frequent gap (to 0.05 mm, the smaller of equals), as the mean of those near it."""
    rounded, counts = np.unique(np.round(gaps / EVEN_WITHIN), return_counts=True)
    mode = rounded[np.argmax(counts)] * EVEN_WITHIN
    return float(gaps[np.abs(gaps - mode) <= max(2 * EVEN_WITHIN, EVEN_SHARE * mode)].mean())


def _finest_gap(gaps: NDArray[np.float64]) -> float:
    """The gap that a tenth of the slices keep to: the even grid shall not lose what the finer part shows."""
    return float(max(np.quantile(gaps, 0.1), gaps.mean() / MOST_FINER))


def _sideways(stack: Stack) -> tuple[Finding, ...]:
    """Tilt where the slices run sideways along a straight line. Raises InputError (`geo.drift`) where no line explains it."""
    heights = stack.heights
    sideways = stack.positions @ np.stack([stack.row, stack.column], axis=1)
    design = np.stack([heights - heights[0], np.ones_like(heights)], axis=1)
    line = np.linalg.lstsq(design, sideways, rcond=None)[0]
    scatter = float(np.abs(sideways - design @ line).max())
    if scatter > DRIFT_WITHIN:
        raise InputError(
            find("geo.drift", found=f"{scatter:.2f} mm", expected=f"at most {DRIFT_WITHIN} mm", tag=POSITION_TAG)
        )
    shear = stack.shear
    if not shear.any():
        return ()
    degrees = np.degrees(np.arctan(np.linalg.norm(shear)))
    if np.linalg.norm(shear) > STEEPEST:
        found, expected = f"slices run off at {degrees:.1f} degrees", f"at most {np.degrees(np.arctan(STEEPEST)):.0f}"
        raise InputError(find("geo.drift", found=found, expected=expected, tag=POSITION_TAG))
    return (
        find(
            "geo.tilt",
            found=f"{degrees:.1f} degrees",
            expected="slices at right angles to their direction",
            tag=POSITION_TAG,
        ),
    )


def judged_spacing(spacing: tuple[float, ...]) -> tuple[tuple[float, float], tuple[Finding, ...]]:
    """Pixel spacing, mm (j, i). Raises InputError: `geo.no_spacing`, `geo.spacing_bad`; may limit with `geo.nonsquare`."""
    tag = "(0028,0030) PixelSpacing"
    if not spacing:
        raise InputError(find("geo.no_spacing", found="nothing", tag=tag))
    low, high = SPACING_BETWEEN
    if len(spacing) != 2 or not all(low <= value <= high for value in spacing):
        found = ", ".join(f"{value:g}" for value in spacing)
        raise InputError(find("geo.spacing_bad", found=found, expected=f"two values of {low} to {high} mm", tag=tag))
    j, i = spacing
    findings = (find("geo.nonsquare", found=f"{j:g} x {i:g} mm", tag=tag),) if abs(j / i - 1) > 0.01 else ()
    return (j, i), findings
