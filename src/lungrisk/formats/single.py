"""What the formats of one file for one volume share: from stored voxels and their affine to a Scan."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find
from lungrisk.core.geometry import Affine
from lungrisk.core.records import Header, Scan, Source
from lungrisk.formats.finishing import finish
from lungrisk.formats.items import Item
from lungrisk.formats.series import Series
from lungrisk.formats.stacking import SPACING_BETWEEN, UNIT_WITHIN, Stack, build_stack, judged_spacing, unit_directions
from lungrisk.formats.terms import said
from lungrisk.formats.upright import canonical, plane_of, upright
from lungrisk.formats.voxels import AIR, Stored, check_claim, hu_of

FEWEST_SLICES = 10
FARTHEST_MM = 10_000.0  # from the origin of the world
LEAST_UPRIGHT = 0.7  # volume of the three unit directions: 0.7 is a lean of 45 degrees, a gantry's is at most 30
MOST_SKEW = 0.1  # of rows against columns; what is more is no rounding and no slip of a registration
LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def to_scan(form: str, names: tuple[str, ...], stored: Stored, affine: Affine, notes: Iterable[Finding]) -> Scan:
    """A Scan of one volume. names: its files. affine: (4, 4), (k, j, i, 1) of the stored array to LPS mm.

    Where it lies is judged before its voxels are read. Raises InputError: `geo.*` as for slices, those of `hu_of`.
    """
    check_claim(stored)
    plane = plane_of(affine[:3, 0] / np.linalg.norm(affine[:3, 0]))
    outline, straight = _as_slices(np.broadcast_to(np.int16(0), stored.shape), affine)
    straight, width, shift = _squared(straight, outline.shape)
    stack, about = stack_of(straight, (*outline.shape[:2], width))
    skewed = (find("geo.skew", found=f"{skew_of(affine):.4f}", expected="a product of 0"),) if shift.any() else ()
    block, counted = hu_of(stored)
    block = _as_slices(block, affine)[0]
    if skewed:
        block = _shifted_rows(block, width, shift)
    hu, upright_affine, turned = upright(block, stack)
    source = Source(format=form, files=names, orientation=plane)
    findings = (*notes, *skewed, *about, *counted, *turned)
    return finish(hu, upright_affine, Header(), source, (said(finding, form, names[:1]) for finding in findings))


def stack_of(affine: Affine, shape: tuple[int, ...]) -> tuple[Stack, tuple[Finding, ...]]:
    """An array of this shape (k, j, i) in canonical order as a stack: a sheared affine is then treated as a tilted series."""
    if min(shape) < FEWEST_SLICES:
        raise InputError(
            find("geo.too_few", found=" x ".join(map(str, shape)), expected=f"at least {FEWEST_SLICES} slices")
        )
    j, i = (float(length) for length in np.linalg.norm(affine[:3, 1:3], axis=0))
    about = judged_spacing((j, i))[1]
    row, column, notes = unit_directions((*affine[:3, 2] / i, *affine[:3, 1] / j))
    step = affine[:3, 0]
    if not 0.05 <= float(step @ np.cross(row, column)) <= 50:
        raise InputError(find("geo.spacing_bad", found=f"{np.linalg.norm(step):g} mm between slices"))
    positions = affine[:3, 3] + np.arange(shape[0])[:, None] * step
    stack, found = build_stack(row, column, (j, i), positions, (shape[1], shape[2]))
    return stack, (*about, *notes, *found)


def checked_affine(affine: Affine, code: str) -> Affine:
    """The affine if it places a volume. Raises InputError: `code` where it has no volume or numbers that are none, `geo.no_position`
    far out of any scanner, `geo.iop_skew` where its axes lean.
    """
    if not np.isfinite(affine).all() or not np.linalg.norm(affine[:3, :3], axis=0).all():
        raise InputError(find(code, found="an affine of no volume"))
    lean = upright_share(affine)
    if lean < 1e-9:
        raise InputError(find(code, found="an affine of no volume"))
    if lean < LEAST_UPRIGHT:
        found = f"axes that lean by {math.degrees(math.acos(lean)):.0f} degrees"
        raise InputError(find("geo.iop_skew", found=found, expected="at most 45 degrees"))
    if np.abs(affine[:3, 3]).max() > FARTHEST_MM:
        found = f"an origin {np.abs(affine[:3, 3]).max() / 1000:.3g} m away"
        raise InputError(find("geo.no_position", found=found, expected="at most 10 m"))
    return affine


def upright_share(affine: Affine) -> float:
    """Volume of the three unit directions: 1 at right angles, 0 in one plane."""
    return float(abs(np.linalg.det(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))))


def skew_of(affine: Affine) -> float:
    """Product of the unit directions of rows and columns, the axes of the array in any order: 0 at right angles."""
    return _product(_as_slices(np.broadcast_to(np.int16(0), (1, 1, 1)), affine)[1])


def _product(affine: Affine) -> float:
    row, column = (affine[:3, axis] / np.linalg.norm(affine[:3, axis]) for axis in (2, 1))
    return float(row @ column)


def _as_slices(block: NDArray[np.int16], affine: Affine) -> tuple[NDArray[np.int16], Affine]:
    """A view whose first axis runs over slices: axial ones, or those that lie too far apart to be the pixels of a slice."""
    block, straight = canonical(block, affine)
    lengths = np.linalg.norm(straight[:3, :3], axis=0)
    first = int(np.argmax(lengths))
    if lengths[first] <= SPACING_BETWEEN[1]:
        first = 0
    order = [first, (first + 1) % 3, (first + 2) % 3]  # in turn, so that rows x columns runs as the slices do
    return block.transpose(order), straight[:, [*order, 3]]


def _squared(affine: Affine, shape: tuple[int, ...]) -> tuple[Affine, int, NDArray[np.float64]]:
    """Rows and columns at right angles: the affine, the voxels in a row, and how far each row j moves, voxels (zero: as it is).

    Raises InputError (`geo.iop_skew`).
    """
    skew = _product(affine)
    row, column = affine[:3, 2], affine[:3, 1]
    if abs(skew) <= UNIT_WITHIN:
        return affine, shape[2], np.zeros(shape[1])
    if abs(skew) > MOST_SKEW:
        raise InputError(find("geo.iop_skew", found=f"{skew:.4f}", expected=f"at most {MOST_SKEW:g}"))
    along = float(column @ row / (row @ row))  # voxels of a row that each next row has slipped
    slip = along * np.arange(shape[1])
    first = math.floor(slip.min())
    square = affine.copy()
    square[:3, 1] = column - along * row
    square[:3, 3] += first * row
    return square, shape[2] + math.ceil(slip.max()) - first, slip - first


def _shifted_rows(block: NDArray[np.int16], width: int, shift: NDArray[np.float64]) -> NDArray[np.int16]:
    """Each row moved by its shift, blended linearly; outside is air."""
    out = np.full((*block.shape[:2], width), AIR, np.int16)
    n = block.shape[2]
    for j, to in enumerate(shift):
        whole, part = int(to), np.float32(to - int(to))
        wide = np.full((block.shape[0], n + 2), AIR, np.float32)
        wide[:, 1 : n + 1] = block[:, j]
        blend = np.rint(wide[:, 1:] * (1 - part) + wide[:, :-1] * part)
        end = min(whole + n + 1, width)
        out[:, j, whole:end] = blend[:, : end - whole]
    return out


def row_of(format_name: str, item: Item, shape: tuple[int, ...], affine: Affine) -> Series:
    """The survey's row of a file that holds one volume. shape and affine: (k, j, i)."""
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    return Series(
        format=format_name,
        description=item.name,
        modality="",
        kind=plane_of(affine[:3, 0] / lengths[0]),
        uid="",
        n_files=1,
        n_slices=shape[0],
        matrix=(shape[1], shape[2]),
        spacing=(float(lengths[0]), float(lengths[1]), float(lengths[2])),
        chosen=True,
        why="the only volume",
    )
