"""The outline of a nodule from a point inside it, by a network that sees cubes in mm about the point."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import binary_dilation, label

from lungrisk.core.bundle import Bundle
from lungrisk.core.findings import Finding, find
from lungrisk.core.geometry import Affine, apply_affine, shift_affine, spacing_of
from lungrisk.engine import run
from lungrisk.nodules.crops import axis_weights, cut_aligned

CUBE = (25, 32, 32)  # voxels (k, j, i)
SPACING = (1.0, 0.7, 0.7)  # mm (k, j, i) of the finest cube; each coarser one has twice that
LEVELS = 3
WINDOW_HU = (-1000.0, 400.0)
ROOM = 1.1  # a cube is at least so much wider than the nodule that is expected in it
INSIDE = 0.5  # probability from which a voxel belongs to the nodule
SHARPEN = 4.0  # from probability to share of a voxel; with 4 the diameters of unseen nodules have no bias
CERTAIN = 0.99  # probability from which a voxel is wholly nodule; with less, balls in thick slices come out too large
FAINT = 0.15  # probability from which a voxel outside of the outline may hold some of the nodule
LUNG_BELOW_HU = -500.0
LEAST_CONTRAST_HU = 300.0  # between nodule and lung, for partial volumes to be told from noise
FITS = 0.85  # share of a cube beyond which an outline is drawn again at the next coarser level
FITS_FINER = 0.3  # and below which, where a larger cube was asked for, it is drawn again at the next finer one
OFF_CENTRE_MM = 2.0  # an outline whose middle lies farther from the point is drawn again from there
LARGEST_MM = 45.0  # outlines longer than this lie outside of what the network was trained on
NEXT_TO = 4.0  # voxels: what lies farther from the point is something else
FALLBACK_MM = 2.0  # radius of the ball that stands in for a missing outline


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outline:
    """An outlined nodule, twice: as shares on a fine grid of its own, and as a mask on the grid of the scan.

    field: (k, j, i) float32, 0..1, how much of each voxel is this nodule; field_affine to LPS mm; hu: the HU on the same grid:
    what `measure` reads. mask: (k, j, i) bool, cropped to the nodule and one voxel about it, affine places it.
    """

    mask: NDArray[np.bool_]
    affine: Affine
    field: NDArray[np.float32]
    field_affine: Affine
    hu: NDArray[np.float32]
    findings: tuple[Finding, ...] = ()


def spacing_at(level: int) -> tuple[float, float, float]:
    """Voxel spacing, mm (k, j, i), of the cube of a level.

    >>> spacing_at(1)
    (2.0, 1.4, 1.4)
    """
    return SPACING[0] * 2**level, SPACING[1] * 2**level, SPACING[2] * 2**level


def level_of(size_mm: float) -> int:
    """The finest level whose cube holds a nodule of this size with some room about it.

    >>> level_of(8.0), level_of(30.0), level_of(70.0)
    (0, 1, 2)
    """
    return next((n for n in range(LEVELS) if spacing_at(n)[1] * CUBE[1] >= ROOM * size_mm), LEVELS - 1)


def normalise(hu: NDArray[np.generic]) -> NDArray[np.float32]:
    """HU to about -0.8..1.2, clipped to the window: what the network reads.

    >>> [round(value, 3) for value in normalise(np.array([-1000.0, 400.0])).tolist()]
    [-0.8, 1.2]
    """
    low, high = WINDOW_HU
    share = (np.clip(hu, low, high).astype(np.float32) - low) / (high - low)
    return np.asarray((share - 0.4) * 2, np.float32)


def outline(
    hu: NDArray[np.generic], affine: Affine, centre_mm: ArrayLike, bundle: Bundle, *, fold: int | None = None
) -> Outline:
    """Outline one nodule; see `outline_many`."""
    return outline_many(hu, affine, [centre_mm], bundle, fold=fold)[0]


def outline_many(
    hu: NDArray[np.generic],
    affine: Affine,
    centres_mm: Sequence[ArrayLike],
    bundle: Bundle,
    *,
    fold: int | None = None,
    sizes_mm: Sequence[float] | None = None,
) -> list[Outline]:
    """Outline the nodules at some points of a scan, in a few calls of the engine for all of them.

    hu: (k, j, i) HU. affine: (4, 4) to LPS mm. centres_mm: points in the nodules, LPS mm (x, y, z). fold: the network that
    has not seen the patients of this fold; None takes the mean of all. Beyond the array its border is taken to go on.
    sizes_mm: about how large each nodule is, where that is known: the first cube holds it (in the middle of a mass a small cube
    shows nothing but mass). An outline that fills its cube is drawn again on one of twice the size, one that is small in it on
    one of half the size, one that lies off its point again from its middle.
    Findings of an outline: `nod.outline` (nothing was outlined: a small ball stands in), `nod.mass` (it fills the largest cube).
    """
    sizes = sizes_mm or [0.0] * len(centres_mm)
    jobs = [
        _Job(np.asarray(centre, float), np.asarray(centre, float), level_of(size))
        for centre, size in zip(centres_mm, sizes, strict=True)
    ]
    done: dict[int, Outline] = {}
    pending = list(range(len(jobs)))
    while pending:
        cuts = [cut_aligned(hu, affine, jobs[n].centre_mm, CUBE, spacing_at(jobs[n].level)) for n in pending]
        fields = _probabilities(bundle, np.stack([normalise(cube) for cube, _ in cuts]), fold)
        again = []
        for n, (cube, cube_affine), field in zip(pending, cuts, fields, strict=True):
            part = _part_at(field, cube_affine, jobs[n].point_mm)
            following = _next(jobs[n], part, cube_affine)
            if following is None:
                done[n] = _finish(part, cube, cube_affine, jobs[n], (affine, hu.shape))
            else:
                jobs[n] = following
                again.append(n)
        pending = again
    return [done[n] for n in range(len(jobs))]


@dataclass(frozen=True, slots=True)
class _Job:
    """A nodule under way: the point that was given, the middle of the next cube, its level, what was done to the cube."""

    point_mm: NDArray[np.float64]
    centre_mm: NDArray[np.float64]
    level: int
    moved: bool = False
    risen: bool = False


def _probabilities(bundle: Bundle, cubes: NDArray[np.float32], fold: int | None) -> NDArray[np.float32]:
    """(n, k, j, i) normalised cubes to probabilities of one network or the mean of all."""
    each = run(bundle, cube=cubes)["probability"]
    chosen: NDArray[np.float32] = each.mean(axis=1) if fold is None else each[:, fold]
    return chosen


def _part_at(field: NDArray[np.float32], affine: Affine, point_mm: NDArray[np.float64]) -> NDArray[np.float32]:
    """The field without everything but the connected part at the point, or next to it; 0 where there is none."""
    parts, n = label(field >= INSIDE)
    if not n:
        return np.zeros_like(field)
    places = np.argwhere(parts)
    apart = np.linalg.norm(apply_affine(affine, places) - point_mm, axis=1)
    if apart.min() > NEXT_TO * spacing_of(affine)[1]:
        return np.zeros_like(field)
    chosen = parts == parts[tuple(places[apart.argmin()])]
    others = (parts > 0) & ~chosen
    # the faint rim about the part belongs to its sub-voxel surface; what other parts are made of does not
    return np.where(binary_dilation(chosen, iterations=2) & ~others, field, 0).astype(np.float32)


def _next(job: _Job, part: NDArray[np.float32], affine: Affine) -> _Job | None:
    """What is to be drawn again, or None when the outline stands."""
    places = np.argwhere(part >= INSIDE)
    if not len(places):  # within a mass the finest cube shows nothing but tissue
        return _Job(job.point_mm, job.point_mm, job.level + 1, risen=True) if job.level + 1 < LEVELS else None
    middle = apply_affine(affine, places.mean(axis=0))
    edge = (places.min(axis=0) == 0).any() or (places.max(axis=0) == np.array(part.shape) - 1).any()
    share = float(((np.ptp(places, axis=0) + 1) / CUBE).max())
    if job.level + 1 < LEVELS and (edge or share > FITS):
        return _Job(job.point_mm, middle, job.level + 1, risen=True)
    if job.level and not job.risen and share < FITS_FINER:
        return _Job(job.point_mm, middle, job.level - 1)
    if not job.moved and np.linalg.norm(middle - job.centre_mm) > OFF_CENTRE_MM * 2**job.level:
        return _Job(job.point_mm, middle, job.level, moved=True, risen=job.risen)
    return None


def _finish(
    part: NDArray[np.float32],
    cube: NDArray[np.float32],
    cube_affine: Affine,
    job: _Job,
    grid: tuple[Affine, tuple[int, ...]],
) -> Outline:
    findings: list[Finding] = []
    inside = part >= INSIDE
    if not inside.any():
        apart = np.linalg.norm(
            apply_affine(cube_affine, np.moveaxis(np.indices(part.shape), 0, -1)) - job.point_mm, axis=-1
        )
        part = np.clip(FALLBACK_MM + 0.5 - apart, 0, 1).astype(np.float32)
        findings.append(find("nod.outline", found="nothing at the point", effect="size unknown"))
    elif np.ptp(np.argwhere(inside) * spacing_of(cube_affine), axis=0).max() > LARGEST_MM or _touches(inside):
        findings.append(
            find("nod.mass", found="an outline that fills what was looked at", effect="size at least as given")
        )
    mask, affine = _on_grid(part, cube_affine, *grid)
    part = _shares(part, cube)
    return Outline(mask=mask, affine=affine, field=part, field_affine=cube_affine, hu=cube, findings=tuple(findings))


def _shares(part: NDArray[np.float32], hu: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much of each voxel is nodule.

    At a border to lung the HU say it: partial volume between the nodule's and the lung's. Elsewhere, and where nodule
    and surroundings differ little, the probability does.
    """
    sharp = np.clip((part - INSIDE) * SHARPEN + 0.5, 0, 1)
    core = part >= CERTAIN if (part >= CERTAIN).sum() >= 8 else part >= min(CERTAIN, float(part.max()))
    shell = (part < FAINT) & binary_dilation(part >= INSIDE, iterations=3)
    lung = shell & (hu < LUNG_BELOW_HU)
    if not lung.any() or not core.any():
        return np.asarray(sharp, np.float32)
    inside_hu, outside_hu = float(np.median(hu[core])), float(np.median(hu[lung]))
    if inside_hu - outside_hu < LEAST_CONTRAST_HU:
        return np.asarray(sharp, np.float32)
    dense = np.clip((hu - outside_hu) / (inside_hu - outside_hu), 0, 1)
    # outside of the outline what is dense is chest wall or vessel, what is half lung may be half nodule
    border = np.where((part >= INSIDE) | ((part >= FAINT) & (dense < 0.5)), dense, sharp)
    return np.where(part >= CERTAIN, 1, border).astype(np.float32)


def _touches(inside: NDArray[np.bool_]) -> bool:
    shell = np.ones_like(inside)
    shell[1:-1, 1:-1, 1:-1] = False
    return bool((inside & shell).any())


def _on_grid(
    field: NDArray[np.float32], field_affine: Affine, affine: Affine, shape: tuple[int, ...]
) -> tuple[NDArray[np.bool_], Affine]:
    """The field's inside on the grid of the scan, cropped to itself and a voxel about it; never empty."""
    to_scan = np.linalg.inv(affine) @ field_affine
    steps = np.diag(to_scan)[:3]
    origin = to_scan[:3, 3]
    first = np.clip(np.ceil(origin).astype(int), 0, np.array(shape) - 1)
    last = np.clip(np.floor(origin + (np.array(field.shape) - 1) * steps).astype(int), first, np.array(shape) - 1)
    fine = field
    for axis in range(3):
        size = int(last[axis] - first[axis] + 1)
        middle = ((first[axis] + last[axis]) / 2 - origin[axis]) / steps[axis]
        weights = axis_weights(field.shape[axis], middle, 1 / steps[axis], size)
        fine = np.moveaxis(np.tensordot(weights, fine, (1, axis)), 0, axis)
    inside = fine >= INSIDE
    if not inside.any():
        inside = fine == fine.max()
    places = np.argwhere(inside)
    low = np.maximum(places.min(axis=0) - 1, 0)
    high = np.minimum(places.max(axis=0) + 2, inside.shape)
    return inside[tuple(map(slice, low, high))], shift_affine(affine, first + low)
