"""Nodules as the rating network may meet them: outlines, centres and grey values that differ a little each time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungrisk.cohort.nodule_folder import NoduleStack
from lungrisk.core.geometry import Affine, Triple, spacing_of
from lungrisk.evaluation.nodules import outline_of
from lungrisk.nodules.appearance import rating_inputs

OFFSET_MM = (-1.0, 1.0)  # how far an outline may lie inside or outside of a reader's
NOISE_MM = 0.5
SHIFT_MM = 1.0
GAIN_SD, OFFSET_SD = 0.04, 20.0
# The data ends near 30 mm. Large nodules that readers suspect are shown grown as well, with at least the rating below,
# so that the network does not take a mass beyond its experience for something harmless.
GROWN = 0.25  # share of the variants of such a nodule
GROWN_FROM_MM, GROWN_FROM_RATING, GROWN_RATING = 10.0, 3.5, 4.6
GROWN_TO_MM = (25.0, 75.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Variants:
    """Inputs of nodules, variant 0 being the consensus as it is.

    planes: `fixed` and `scaled`, (nodules, variants, 6, 32, 32) float16. features: (nodules, variants, f). rating: (nodules, variants).
    """

    planes: dict[str, NDArray[np.float16]]
    features: NDArray[np.float32]
    rating: NDArray[np.float32]


def jitter_mask(mask: NDArray[np.bool_], spacing: Triple, rng: np.random.Generator) -> NDArray[np.bool_]:
    """An outline as another reader or a network might draw it: wider or tighter, wavy, now and then without an end slice.

    mask: (k, j, i) bool; spacing: mm. Gives the same shape, never empty.
    """
    inside = ndimage.distance_transform_edt(np.pad(mask, 1), spacing)[1:-1, 1:-1, 1:-1]
    outside = ndimage.distance_transform_edt(~mask, spacing)
    waves = ndimage.gaussian_filter(rng.normal(size=mask.shape), 2.0 / np.array(spacing), mode="nearest")
    waves *= NOISE_MM / max(float(waves.std()), 1e-6)
    limit = min(float(inside.max()) * 0.5, -OFFSET_MM[0])  # a small nodule must not vanish
    other: NDArray[np.bool_] = inside - outside + waves + rng.uniform(-limit, OFFSET_MM[1]) > 0
    touched = np.flatnonzero(other.any(axis=(1, 2)))
    if len(touched) >= 4 and rng.random() < 0.3:
        other[touched[0 if rng.random() < 0.5 else -1]] = False
    return other if other.any() else mask


def draw_variant(stack: NoduleStack, rng: np.random.Generator) -> tuple[dict[str, NDArray[np.float32]], float]:
    """`rating_inputs` of the nodule with another outline, centre and grey scale, and the rating that belongs to it."""
    mask = outline_of(stack) if rng.random() < 0.5 else stack.readers[rng.integers(stack.n_readers)]
    if rng.random() < 0.75:
        mask = jitter_mask(mask, spacing_of(stack.affine), rng)
    hu = (stack.hu + 1000) * (1 + GAIN_SD * rng.normal()) - 1000 + OFFSET_SD * rng.normal()
    dx, dy, dz = SHIFT_MM * rng.normal(size=3)
    affine, rating = _grow(stack, rng)
    return rating_inputs(hu, affine, mask, (dx, dy, dz)), rating


def _grow(stack: NoduleStack, rng: np.random.Generator) -> tuple[Affine, float]:
    rating = stack.malignancy
    grows = stack.diameter_mm >= GROWN_FROM_MM and rating >= GROWN_FROM_RATING and not stack.calcified
    if not grows or rng.random() >= GROWN:
        return stack.affine, rating
    factor = max(1.0, float(np.exp(rng.uniform(*np.log(GROWN_TO_MM)))) / stack.diameter_mm)
    return stack.affine @ np.diag([factor, factor, factor, 1.0]), max(rating, GROWN_RATING)


def draw_variants(stacks: Sequence[NoduleStack], n: int, seed: int) -> Variants:
    """All nodules with n variants each beside the consensus."""
    rows = []
    for number, stack in enumerate(stacks):
        rng = np.random.default_rng([seed, number])
        plain = rating_inputs(stack.hu, stack.affine, outline_of(stack)), stack.malignancy
        rows.append([plain, *(draw_variant(stack, rng) for _ in range(n))])

    def gather(name: str, kind: type[np.floating[Any]]) -> NDArray[Any]:
        return np.stack([np.stack([inputs[name].astype(kind) for inputs, _ in row]) for row in rows])

    return Variants(
        planes={name: gather(name, np.float16) for name in ("fixed", "scaled")},
        features=gather("features", np.float32),
        rating=np.array([[rating for _, rating in row] for row in rows], np.float32),
    )
