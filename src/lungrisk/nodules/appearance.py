"""What the rating network sees of a nodule: planes through it and measured numbers, the same in training and in prediction.

Only the slab between the first and the last slice of the mask is looked at, for the training data ends there: what lies above
and below is never shown, the end slices are repeated instead. The height is therefore the mask's, as all of the size is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungrisk.core.geometry import Affine, Triple, apply_affine, axis_affine, shift_affine, spacing_of
from lungrisk.nodules.crops import cut_aligned

PLANE = 32  # pixels of a plane's side
FIXED_MM = 32.0  # side of the view in millimetres
SCALE = 1.6  # side of the scaled view, in widths of the nodule
SCALED_MIN_MM = 12.0
WINDOW = (-1000.0, 500.0)
MARGIN_MM = 6.0  # surroundings, in the plane, that the numbers are measured in
MAX_GRID = 96  # voxels of the widest side of the measured grid: larger masses are measured on a coarser one
_CROSS = ndimage.generate_binary_structure(3, 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slab:
    """The slices of a nodule. hu: (k, j, i) float32; mask: the same shape, 0..1 float32; affine: (4, 4) to mm."""

    hu: NDArray[np.float32]
    mask: NDArray[np.float32]
    affine: Affine

    @property
    def centre_mm(self) -> NDArray[np.float64]:
        """Centroid of the mask, LPS mm."""
        return apply_affine(self.affine, ndimage.center_of_mass(self.mask))

    @property
    def extent_mm(self) -> NDArray[np.float64]:
        """Lengths of the mask's box, mm (k, j, i)."""
        where = np.nonzero(self.mask)
        box = np.array([np.ptp(axis) + 1 for axis in where])
        lengths: NDArray[np.float64] = box * np.array(spacing_of(self.affine))
        return lengths


def cut_slab(hu: NDArray[np.generic], affine: Affine, mask: NDArray[np.bool_]) -> Slab:
    """The slices that the mask touches, with all that they hold in the plane.

    hu, mask: (k, j, i). Raises ValueError when the mask is empty or of another shape.
    """
    if mask.shape != hu.shape or not mask.any():
        raise ValueError(f"a mask of shape {mask.shape} with {int(mask.sum())} voxels for an array of shape {hu.shape}")
    touched = np.flatnonzero(mask.any(axis=(1, 2)))
    low, high = int(touched[0]), int(touched[-1]) + 1
    return Slab(
        hu=hu[low:high].astype(np.float32),
        mask=mask[low:high].astype(np.float32),
        affine=shift_affine(affine, (low, 0, 0)),
    )


def rating_inputs(
    hu: NDArray[np.generic], affine: Affine, mask: NDArray[np.bool_], shift_mm: Triple = (0.0, 0.0, 0.0)
) -> dict[str, NDArray[np.float32]]:
    """Everything that the rating network is given.

    hu, mask: (k, j, i), HU and bool on one grid; affine: (4, 4) to LPS mm. shift_mm: moves the planes (training).
    Gives `fixed` and `scaled`, (6, 32, 32): axial, coronal and sagittal plane through the centre, HU window as -0.8..1.2,
    then the mask in the same planes; and `features`, (len(FEATURES),).
    """
    slab = cut_slab(hu, affine, mask)
    centre = slab.centre_mm + np.asarray(shift_mm)
    side = max(SCALE * float(slab.extent_mm.max()), SCALED_MIN_MM)
    return {
        "fixed": _planes(slab, centre, FIXED_MM / PLANE),
        "scaled": _planes(slab, centre, side / PLANE),
        "features": np.array(list(measure_features(slab).values()), np.float32),
    }


def _planes(slab: Slab, centre_mm: NDArray[np.float64], pixel_mm: float) -> NDArray[np.float32]:
    size = np.full((3, 3), PLANE) - (PLANE - 1) * np.eye(3, dtype=int)
    spacing = (pixel_mm, pixel_mm, pixel_mm)
    low, high = WINDOW
    hu = np.clip(slab.hu, low, high)
    images = [cut_aligned(hu, slab.affine, centre_mm, tuple(n), spacing)[0].reshape(PLANE, PLANE) for n in size]
    # above and below the slab there is nodule no more, and beside the window of the training data neither
    outside = np.pad(slab.mask, 1)
    affine = shift_affine(slab.affine, (-1, -1, -1))
    masks = [cut_aligned(outside, affine, centre_mm, tuple(n), spacing)[0].reshape(PLANE, PLANE) for n in size]
    return np.stack([*[(image - low) / (high - low) * 2 - 0.8 for image in images], *masks]).astype(np.float32)


def _grid(slab: Slab) -> tuple[NDArray[np.float32], NDArray[np.bool_], Triple]:
    """The slab on cubes of about 1 mm: HU, mask, spacing."""
    spacing = np.array(spacing_of(slab.affine))
    where = np.nonzero(slab.mask)
    low = np.array([axis.min() for axis in where]) - 0.5
    high = np.array([axis.max() for axis in where]) + 0.5
    margin = MARGIN_MM / spacing * np.array([0, 1, 1])
    low, high = low - margin, high + margin
    length = (high - low) * spacing
    step = max(1.0, float(length.max()) / MAX_GRID)
    size = np.maximum(np.round(length / step), 1).astype(int)
    exact = length / size  # so that the grid fills the slab to its outer faces
    centre = apply_affine(slab.affine, (low + high) / 2)
    cells = (float(exact[0]), float(exact[1]), float(exact[2]))
    shape = (int(size[0]), int(size[1]), int(size[2]))
    hu, _ = cut_aligned(slab.hu, slab.affine, centre, shape, cells)
    mask, _ = cut_aligned(slab.mask, slab.affine, centre, shape, cells)
    inside = mask >= 0.5
    if not inside.any():  # a nodule thinner than the grid
        inside = mask >= mask.max()
    return hu, inside, cells


def measure_features(slab: Slab) -> dict[str, float]:
    """Numbers measured in the mask and in a ring around it: size, shape, density, border. Lengths in mm."""
    hu, mask, cells = _grid(slab)
    values = np.clip(hu, -1024, 1000)
    return {**_size(slab), **_shape(mask, cells), **_density(values, mask, cells), **_border(values, mask, cells)}


def _size(slab: Slab) -> dict[str, float]:
    spacing = spacing_of(slab.affine)
    volume = float(slab.mask.sum() * np.prod(spacing))
    area = float(slab.mask.sum(axis=(1, 2)).max() * spacing[1] * spacing[2])
    height, depth, width = slab.extent_mm
    return {
        "log_volume": np.log(volume),
        "diameter": float(np.cbrt(6 / np.pi * volume)),
        "area_diameter": 2 * float(np.sqrt(area / np.pi)),
        "height": float(height),
        "width": float(max(depth, width)),
        "fill": volume / float(height * depth * width),
        "flatness": float(height) / max(float(depth), float(width)),
    }


def _shape(mask: NDArray[np.bool_], cells: Triple) -> dict[str, float]:
    points = np.argwhere(mask) * np.array(cells)
    spread = np.cov(points.T) if len(points) > 1 else np.zeros((3, 3))
    axes = np.sqrt(np.sort(np.linalg.eigvalsh(spread + np.diag(np.square(cells)) / 12))[::-1])
    padded = np.pad(mask, 1)
    faces = [np.abs(np.diff(padded.astype(np.int8), axis=axis)).sum() for axis in range(3)]
    cell = float(np.prod(cells))
    surface = sum(float(face) * cell / cells[axis] for axis, face in enumerate(faces))
    slice_ = padded[int(padded.sum(axis=(1, 2)).argmax())]
    edge = sum(float(np.abs(np.diff(slice_.astype(np.int8), axis=axis)).sum()) for axis in range(2))
    volume, area = float(mask.sum()) * cell, float(slice_.sum())
    border = np.argwhere(slice_ & ~ndimage.binary_erosion(slice_))
    radii = np.linalg.norm(border - np.argwhere(slice_).mean(axis=0), axis=1)
    hull = ndimage.binary_closing(np.pad(slice_, 4), iterations=3).sum()
    return {
        "axis_2": float(axes[1] / axes[0]),
        "axis_3": float(axes[2] / axes[0]),
        "axis_32": float(axes[2] / axes[1]),
        "sphericity": float(volume ** (2 / 3) / surface),
        "compactness": float(area / edge**2),
        "radius_variation": float(radii.std() / (radii.mean() + 0.5)),
        "solidity": float(area / max(hull, 1)),
    }


def _density(hu: NDArray[np.float32], mask: NDArray[np.bool_], cells: Triple) -> dict[str, float]:
    inside = hu[mask]
    depth = ndimage.distance_transform_edt(np.pad(mask, 1), cells)[1:-1, 1:-1, 1:-1]
    core = hu[depth > max(1.0, 0.35 * float(depth.max()))] if depth.max() > 1 else hu[depth == depth.max()]
    p5, p25, p50, p75, p95, p99 = np.percentile(inside, [5, 25, 50, 75, 95, 99])
    return {
        "hu_5": float(p5),
        "hu_25": float(p25),
        "hu_50": float(p50),
        "hu_75": float(p75),
        "hu_95": float(p95),
        "hu_99": float(p99),
        "hu_mean": float(inside.mean()),
        "hu_sd": float(inside.std()),
        "core_mean": float(core.mean()),
        "core_sd": float(core.std()),
        "core_minus_all": float(np.median(core) - p50),
        "share_bone": float(np.mean(inside > 200)),
        "share_soft": float(np.mean(inside > -100)),
        "share_part": float(np.mean(inside < -300)),
        "share_ground": float(np.mean(inside < -600)),
    }


def _border(hu: NDArray[np.float32], mask: NDArray[np.bool_], cells: Triple) -> dict[str, float]:
    away = ndimage.distance_transform_edt(~mask, (1e3, cells[1], cells[2]))  # in the plane alone
    near, far = hu[(away > 1) & (away <= 3)], hu[(away > 3) & (away <= MARGIN_MM)]
    edge = mask & ~ndimage.binary_erosion(mask, np.array([_CROSS[1]]))
    slopes = np.hypot(ndimage.sobel(hu, 1) / cells[1], ndimage.sobel(hu, 2) / cells[2])[edge] / 8
    near = near if near.size else hu[~mask] if (~mask).any() else hu[mask]
    far = far if far.size else near
    return {
        "near_median": float(np.median(near)),
        "near_sd": float(near.std()),
        "near_dense": float(np.mean(near > -500)),
        "far_median": float(np.median(far)),
        "far_sd": float(far.std()),
        "far_dense": float(np.mean(far > -500)),
        "contrast": float(np.median(hu[mask]) - np.median(near)),
        "slope_mean": float(slopes.mean()),
        "slope_sd": float(slopes.std()),
    }


FEATURES = tuple(
    measure_features(
        Slab(
            hu=np.zeros((3, 3, 3), np.float32), mask=np.ones((3, 3, 3), np.float32), affine=axis_affine((1.0, 1.0, 1.0))
        )
    )
)
