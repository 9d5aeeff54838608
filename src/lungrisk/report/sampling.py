"""Grey pictures out of a scan: fixed windows, planes in the radiological view, true proportions.

In every picture the patient's right is on the left, the head on top; in sagittal ones the front is on the left.
"""

from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from lungrisk.core.geometry import Triple, apply_affine
from lungrisk.core.records import Lungs, Nodule, Scan

Grey = NDArray[np.uint8]


class Window(NamedTuple):
    """A display window in HU: black at low, white at high."""

    name: str
    low: int
    high: int


LUNG = Window("lung", -1350, 150)  # level -600, width 1500
MEDIASTINUM = Window("mediastinum", -160, 240)  # level 40, width 400
BONE = Window("bone", -500, 1300)  # level 400, width 1800


class Box(NamedTuple):
    """A part of a scan: first and one past the last index of each axis."""

    k: slice
    j: slice
    i: slice


def grey(hu: NDArray[Any], window: Window) -> Grey:
    """HU to 8 bits: black at the window's low end and below, white at its high end and above.

    >>> grey(np.array([-2000, -600, 3000]), LUNG).tolist()
    [0, 127, 255]
    """
    scaled = (hu.astype(np.float32) - window.low) * np.float32(255.0 / (window.high - window.low))
    levels: Grey = np.clip(scaled, 0.0, 255.0).astype(np.uint8)
    return levels


def section(hu: NDArray[Any], axis: int, index: int) -> NDArray[Any]:
    """One plane of a (k, j, i) array as it is looked at: axis 0 axial (j, i), 1 coronal (k, i), 2 sagittal (k, j)."""
    plane: NDArray[Any] = np.take(hu, index, axis=axis)
    return plane if axis == 0 else plane[::-1]


def steps(spacing: Triple, axis: int) -> tuple[float, float]:
    """Pixel size in mm (down, across) of a section along `axis`.

    >>> steps((2.5, 0.7, 0.6), 1)
    (2.5, 0.6)
    """
    down, across = (step for at, step in enumerate(spacing) if at != axis)
    return down, across


def size_mm(picture: NDArray[Any], pixel_mm: tuple[float, float]) -> tuple[float, float]:
    """(height, width) in mm of a picture whose pixels measure (down, across) mm."""
    return picture.shape[0] * pixel_mm[0], picture.shape[1] * pixel_mm[1]


def project(scan: Scan, point_mm: Triple, axis: int) -> tuple[float, float]:
    """Where a place falls on a section along `axis`: mm (across, down) from the section's upper left corner."""
    index = scan.to_index(point_mm)
    down, across = (other for other in range(3) if other != axis)
    row = index[down] if axis == 0 else scan.hu.shape[down] - 1 - index[down]
    return float((index[across] + 0.5) * scan.spacing[across]), float((row + 0.5) * scan.spacing[down])


def contours(mask: NDArray[Any], size: tuple[float, float]) -> list[NDArray[np.float64]]:
    """Closed lines around a (rows, columns) mask, or at 0.5 of a share, as (n, 2) mm (across, down).

    size: (height, width) of the whole in mm. The lines run from the upper left corner, pixel centres at half pixels.
    """
    framed = np.pad(np.asarray(mask, np.float32), 1)
    scale = np.array([size[1] / mask.shape[1], size[0] / mask.shape[0]])
    return [(np.asarray(line) - 0.5) * scale for line in contour_generator(z=framed).lines(0.5)]


def fit(picture: Grey, pixel_mm: tuple[float, float], target_mm: float) -> Grey:
    """The picture with square pixels of target_mm; antialiased where it shrinks."""
    height, width = (
        max(1, round(count * step / target_mm)) for count, step in zip(picture.shape, pixel_mm, strict=True)
    )
    if (height, width) == picture.shape:
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))


def sample(array: NDArray[Any], index: NDArray[np.float64], outside: float) -> NDArray[np.float32]:
    """Linear interpolation of a (k, j, i) array at (..., 3) fractional indices; `outside` beyond its edges."""
    crop, start = _around(array, index)
    places = np.moveaxis(index - start, -1, 0)
    values: NDArray[np.float32] = ndimage.map_coordinates(
        crop, places, np.float32, order=1, mode="constant", cval=outside
    )
    return values


def mask_on(scan: Scan, nodule: Nodule, index: NDArray[np.float64]) -> NDArray[np.float32]:
    """A nodule's outline at fractional indices (..., 3) of the scan: 1 inside, 0 outside, 0.5 on its edge."""
    places = apply_affine(np.linalg.inv(nodule.affine) @ scan.affine, index)
    return sample(nodule.mask.astype(np.float32), places, 0.0)


def lung_box(scan: Scan, lungs: Lungs | None, margin_mm: float) -> Box:
    """The part of the scan that holds the lungs and `margin_mm` around them; all of it where no lungs are known."""
    mask = lungs.mask if lungs is not None else None
    if mask is None or not mask.any():
        return Box(*(slice(0, count) for count in scan.hu.shape))
    sides = []
    for axis, step in enumerate(scan.spacing):
        inside = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        margin = round(margin_mm / step)
        sides.append(slice(max(0, int(inside[0]) - margin), min(mask.shape[axis], int(inside[-1]) + 1 + margin)))
    return Box(*sides)


def spread(first: int, last: int, count: int) -> list[int]:
    """At most `count` different indices from first to last, evenly spread.

    >>> spread(10, 20, 3), spread(0, 1, 5)
    ([10, 15, 20], [0, 1])
    """
    return sorted({round(float(index)) for index in np.linspace(first, last, count)})


def encode(picture: Grey, kind: str, **options: Any) -> bytes:
    """A grey (rows, columns) or colour (rows, columns, 3) picture as a file of kind "jpeg" or "png"."""
    stream = BytesIO()
    Image.fromarray(picture).save(stream, kind, **options)
    return stream.getvalue()


def _around(array: NDArray[Any], index: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """The part of an array that the indices touch, and where it starts."""
    flat = index.reshape(-1, 3)
    top = np.array(array.shape)
    first = np.clip(np.floor(flat.min(axis=0)).astype(np.intp) - 1, 0, top - 1)
    last = np.clip(np.ceil(flat.max(axis=0)).astype(np.intp) + 2, first + 1, top)
    return array[tuple(slice(a, b) for a, b in zip(first, last, strict=True))], first
