"""The regions that are named, as records: dense and hazy ones, each with side, height and place."""

from typing import Literal, TypeAlias

import numpy as np
from scipy import ndimage

from lungrisk.core.geometry import Affine, apply_affine, shift_affine
from lungrisk.core.records import Scan
from lungrisk.core.regions import Region
from lungrisk.lungs.coarse import Coarse
from lungrisk.lungs.shapes import Mask, box_of, components, dilate

Side: TypeAlias = Literal["left", "right"]
Kind: TypeAlias = Literal["dense", "hazy"]
Box: TypeAlias = tuple[slice, ...]
LEAST_ML = 0.9  # a ball of 12 mm; less is the fork of a vessel
HALO_MM, HALO_SHARE = 8.0, 0.3  # so much of a hazy region about a dense one makes it a part of that


def list_regions(scan: Scan, coarse: Coarse, side: Side, lung: Mask, found: dict[Kind, Mask]) -> list[Region]:
    """The regions of one lung, the largest first.

    lung, found: on the coarse grid. What is hazy about something dense is not said twice.
    """
    dense, hazy = found["dense"], found["hazy"]
    halo = dilate(dense, HALO_MM, coarse.spacing) if dense.any() and hazy.any() else dense
    least = LEAST_ML / coarse.voxel_ml
    pieces: list[tuple[Kind, Mask, Box]] = [("dense", *piece) for piece in _pieces(dense) if piece[0].sum() >= least]
    pieces += [("hazy", mask, box) for mask, box in _pieces(hazy) if halo[box][mask].mean() < HALO_SHARE]
    if not pieces:
        return []
    heights, affine = box_of(lung | dense)[0], coarse_affine(scan, coarse)
    regions = []
    for kind, mask, box in pieces:
        start = [edge.start for edge in box]
        middle = np.argwhere(mask).mean(0) + start
        share = (middle[0] - heights.start) / (heights.stop - heights.start)
        x, y, z = apply_affine(affine, middle).tolist()
        regions.append(
            Region(
                kind=kind,
                side=side,
                third="lower" if share < 1 / 3 else "middle" if share < 2 / 3 else "upper",
                centre_mm=(x, y, z),
                ml=float(mask.sum()) * coarse.voxel_ml,
                slice_index=min(len(scan.hu) - 1, round(float(scan.to_index((x, y, z))[0]))),
                mask=mask,
                affine=shift_affine(affine, start),
            )
        )
    return sorted(regions, key=lambda region: -region.ml)


def _pieces(mask: Mask) -> list[tuple[Mask, Box]]:
    """Connected pieces, each in its box."""
    labels, _ = components(mask)
    return [(labels[box] == name, box) for name, box in enumerate(ndimage.find_objects(labels), 1)]


def coarse_affine(scan: Scan, coarse: Coarse) -> Affine:
    """Places the coarse grid: its voxels' centres lie in the middle of their blocks."""
    affine = scan.affine.copy()
    affine[:3, :3] *= coarse.factor
    affine[:3, 3] = scan.to_mm((np.array(coarse.factor) - 1) / 2)
    return affine
