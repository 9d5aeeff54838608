"""Nodules of other patients put into a patient's lungs: whole volumes with a highest rating that is known.

A few hundred patients with one number each do not show a network where to look. A nodule that the line has found and rated in one
patient, put into the lungs of another, gives the second one's volume a new highest rating at a place that nothing else tells of.
What label such a patient would have is not known, and it is not asked.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungrisk.training.augmentation import Arrays

RATING, ACCEPTED = 0, 3  # columns of `numbers`
HIGHEST_RATING = 3  # column of `line`
SUSPICIOUS = 3.0  # half of those that are pasted are rated above
SHARE = 0.5  # of the patients shown
RIM = 2  # voxels around the outline that come along


@dataclass(frozen=True, slots=True, kw_only=True)
class Paste:
    """A nodule to put in: (row of the patient it comes from, its place among the eight), and where its middle comes to lie."""

    donor: tuple[int, int]
    centre: tuple[int, int, int]


def draw_paste(
    lungs: NDArray[np.uint8], donors: list[tuple[int, int, float]], rng: np.random.Generator
) -> Paste | None:
    """Draw which nodule goes where: somewhere in the lungs, (k, j, i). donors: row, place, rating. None: leave this one as it is."""
    places = np.argwhere(lungs > 0)
    if not donors or not len(places) or rng.random() >= SHARE:
        return None
    wanted = rng.random() < 0.5
    chosen = [one for one in donors if (one[2] >= SUSPICIOUS) == wanted] or donors
    row, place, _ = chosen[rng.integers(len(chosen))]
    k, j, i = places[rng.integers(len(places))]
    return Paste(donor=(row, place), centre=(int(k), int(j), int(i)))


def apply_paste(arrays: Arrays, nodule: Arrays, paste: Paste, spacing_mm: float) -> Arrays:
    """The arrays of a patient with the nodule in them: `volume` and, in `line`, the highest rating; the given ones are not touched.

    nodule: `crop` and `mask`, cubes of 1 mm, and `rating`. spacing_mm: of the volume.
    """
    hu, weight = shrink(nodule["crop"], nodule["mask"], max(1, round(spacing_mm)))
    volume, line = arrays["volume"].copy(), arrays["line"].copy()
    low = [c - n // 2 for c, n in zip(paste.centre, weight.shape, strict=True)]
    ends = [
        (max(start, 0), min(start + n, size)) for start, n, size in zip(low, weight.shape, volume.shape, strict=True)
    ]
    there = tuple(slice(*end) for end in ends)
    part = tuple(slice(a - start, b - start) for (a, b), start in zip(ends, low, strict=True))
    shown = np.round(volume[there] * (1 - weight[part]) + hu[part] * weight[part])
    volume[there] = shown.astype(volume.dtype)
    line[HIGHEST_RATING] = max(line[HIGHEST_RATING], nodule["rating"])
    return {**arrays, "volume": volume, "line": line}


def shrink(crop: NDArray[Any], mask: NDArray[Any], by: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A cube and its outline on a grid `by` times as wide: HU of the outlined part, and how much of each voxel it fills."""
    side = len(crop) // by * by
    wide = ndimage.binary_dilation(mask > 0, iterations=RIM)[:side, :side, :side].astype(np.float32)
    blocks = (side // by, by) * 3
    weight = wide.reshape(blocks).mean(axis=(1, 3, 5))
    total = (wide * crop[:side, :side, :side]).reshape(blocks).mean(axis=(1, 3, 5))
    return (total / np.maximum(weight, 1e-6)).astype(np.float32), weight.astype(np.float32)
