"""Pictures for "nodule or not" out of stacks: nodules, and what looks like one beside them (vessels, walls)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungrisk.cohort.nodule_folder import NoduleStack

PIXEL_MM = 0.7  # the patches have no spacing; this is the middle of theirs
SIZE = 54  # pixels of a stored picture; a network sees 48 of them, shifted
SCALES_MM = (1.2, 2.0, 3.2, 5.0)
APART_MM = 4.0  # nothing this near to any reader's outline counts as "not a nodule"
RIM_MM = 6.0  # a blob nearer to the edge of its stack shows too little of its surroundings
BRIGHT_HU = 60.0  # least response of a blob that is worth learning from
PER_SLICE = 3
BIG_SHARE = 0.6  # a slice shows the nodule when it holds this share of its largest area


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Views:
    """Axial pictures. hu: (n, 54, 54) float32. label: (n,) 1 = nodule. stack: (n,) index of the stack that it is from.

    beyond: (n, 4) pixels at the upper, lower, left and right edge that lie outside the stack and repeat its border. A nodule
    sits in the middle of its stack and its picture would never have any: `hide` gives it some, or they alone would tell.
    """

    hu: NDArray[np.float32]
    label: NDArray[np.int64]
    stack: NDArray[np.int64]
    beyond: NDArray[np.int64]


def stack_views(stacks: Sequence[NoduleStack], least_readers: int = 2) -> Views:
    """Pictures of all stacks: nodules that at least `least_readers` outlined, and bright blobs outside every outline."""
    hu, label, stack, beyond = [], [], [], []
    for number, item in enumerate(stacks):
        places = [(k, y, x, 0) for k, y, x in _beside(item)]
        if item.n_readers >= least_readers:
            places += [(k, y, x, 1) for k, y, x in _through(item)]
        for k, y, x, is_nodule in places:
            picture, edges = _cut(item, k, y, x)
            hu.append(picture)
            label.append(is_nodule)
            stack.append(number)
            beyond.append(edges)
    return Views(
        hu=np.stack(hu).astype(np.float32),
        label=np.array(label, np.int64),
        stack=np.array(stack, np.int64),
        beyond=np.array(beyond, np.int64),
    )


def _pixel_mm(stack: NoduleStack) -> float:
    return float(stack.affine[0, 2])


def _through(stack: NoduleStack) -> list[tuple[int, float, float]]:
    """Slices that show the nodule well, with its centre there (k, y, x)."""
    areas = stack.consensus.sum(axis=(1, 2))
    shown = np.flatnonzero(areas >= BIG_SHARE * max(areas.max(), 1))
    centres = [ndimage.center_of_mass(stack.consensus[k]) for k in shown]
    return [(int(k), float(y), float(x)) for k, (y, x) in zip(shown, centres, strict=True)]


def _beside(stack: NoduleStack) -> list[tuple[int, float, float]]:
    """Bright blobs of each slice that no reader's outline is near to (k, y, x); slices at least 2 mm apart."""
    step = max(1, round(2.0 / float(stack.affine[2, 0])))
    pixel = _pixel_mm(stack)
    marked = stack.readers.any(axis=0)
    flat = np.clip(stack.hu, -1000, 200)
    far = ndimage.distance_transform_edt(~marked, sampling=(float(stack.affine[2, 0]), pixel, pixel)) > APART_MM
    found = []
    for k in range(0, len(flat), step):
        response = np.max(
            [-(s**2) * ndimage.gaussian_laplace(flat[k], s / pixel) / pixel**2 for s in SCALES_MM], axis=0
        )
        peak = (response == ndimage.maximum_filter(response, 9)) & far[k] & (response > BRIGHT_HU)
        rim = int(np.ceil(RIM_MM / pixel))
        peak[:rim], peak[-rim:], peak[:, :rim], peak[:, -rim:] = False, False, False, False
        places = np.argwhere(peak)
        strongest = np.argsort(-response[peak], kind="stable")[:PER_SLICE]
        found += [(k, float(y), float(x)) for y, x in places[strongest]]
    return found


def _cut(stack: NoduleStack, k: int, y: float, x: float) -> tuple[NDArray[np.float32], list[int]]:
    """The picture about (y, x) of slice k at PIXEL_MM, and how many of its pixels at each edge lie beyond the slice."""
    step = PIXEL_MM / _pixel_mm(stack)
    offset = (np.arange(SIZE) - (SIZE - 1) / 2) * step
    rows, columns = y + offset, x + offset
    grid = np.meshgrid(rows, columns, indexing="ij")
    picture = ndimage.map_coordinates(stack.hu[k], grid, order=1, mode="nearest")
    height, width = stack.hu[k].shape
    edges = [(rows < 0).sum(), (rows > height - 1).sum(), (columns < 0).sum(), (columns > width - 1).sum()]
    return picture, [int(edge) for edge in edges]


def hide(pictures: NDArray[np.float32], beyond: NDArray[np.int64]) -> NDArray[np.float32]:
    """Pictures whose outer pixels repeat the last one inside.

    pictures: (n, s, s). beyond: (n, 4) pixels hidden at the upper, lower, left and right edge.

    >>> hide(np.arange(9.0, dtype=np.float32).reshape(1, 3, 3), np.array([[1, 0, 0, 0]]))[0, 0].tolist()
    [3.0, 4.0, 5.0]
    """
    size = pictures.shape[1]
    index = np.arange(size)
    rows = np.clip(index, beyond[:, 0:1], size - 1 - beyond[:, 1:2])
    columns = np.clip(index, beyond[:, 2:3], size - 1 - beyond[:, 3:4])
    hidden: NDArray[np.float32] = pictures[
        np.arange(len(pictures))[:, None, None], rows[:, :, None], columns[:, None, :]
    ]
    return hidden


def hide_alike(views: Views, seed: int = 0) -> Views:
    """The same pictures, the nodules' edges hidden like those of the others, drawn at random."""
    rng = np.random.default_rng(seed)
    lent = views.beyond[rng.choice(np.flatnonzero(views.label == 0), len(views.label))]
    beyond = np.where((views.label == 1)[:, None], np.maximum(lent, views.beyond), views.beyond)
    return replace(views, hu=hide(views.hu, beyond), beyond=beyond)
