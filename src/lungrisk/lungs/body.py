"""What is inside the body, and which of the air in it is lung."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lungrisk.lungs.coarse import LUNG_BELOW_HU, Coarse
from lungrisk.lungs.shapes import Mask, components, dilate, erode

OUTER_AIR_HU = -930  # air around the patient is near -1000, lung seldom below -950
PADDING_HU = -1010
LUNG_HU = (-950, -500)
TISSUE_HU = -300
OUTER_SHARE = 0.3
PIECE_ML = 50.0
LARGE_ML = 1000.0
THIN_MM = 4.0  # skin, sheets and partial volume are thinner
HIDDEN_ML = 150.0
INSIDE_SHARE = 0.4
GAS_BELOW_HU = -920  # median of its inside: bowel gas has -945 to -1007 on ten scans, lung -817 to -887
LOW_SHARE, BELOW_MM = 0.5, 10.0  # of the largest piece's height, from its bottom; how far below that


def part_air(coarse: Coarse, chest: Mask) -> tuple[Mask, Mask]:
    """Air (below -400 HU) inside the body, and the air around the patient with the padding around the field. chest: `between_walls`.

    The air around touches the sides of the field and is dark. Lung that touches them is not dark; where it runs into the
    padding of a small round field it is found again by lying between the front and the back of the body.
    """
    air = coarse.hu < LUNG_BELOW_HU
    labels, counts = components(air)
    dark = np.bincount(labels[coarse.hu < OUTER_AIR_HU], minlength=len(counts))
    faces = (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1])
    edge = np.unique(np.concatenate([np.unique(face) for face in faces]))
    outer = np.zeros(len(counts), bool)
    outer[edge] = dark[edge] > OUTER_SHARE * counts[edge]
    outer[np.unique(labels[:, [0, 0, -1, -1], [0, -1, 0, -1]])] = True
    outer[0] = False
    around = outer[labels]
    hidden = _hidden(coarse, around, chest)
    around &= ~hidden
    return air & ~around, around


def _hidden(coarse: Coarse, around: Mask, chest: Mask) -> Mask:
    """Lung that hangs together with the air around, as it does where a small round field cuts the chest wall away."""
    lung_like = around & (coarse.hu > LUNG_HU[0]) & (coarse.hu < LUNG_HU[1])
    thick = erode(lung_like, THIN_MM, coarse.spacing)
    if thick.sum() * coarse.voxel_ml < HIDDEN_ML / 10:
        return thick
    labels, counts = components(thick)
    inside = np.bincount(labels[chest], minlength=len(counts))
    lung = (inside > INSIDE_SHARE * counts) & (counts * coarse.voxel_ml >= HIDDEN_ML)
    lung[0] = False
    return dilate(lung[labels], THIN_MM + 2.0, coarse.spacing) & around & (coarse.hu > PADDING_HU)


def between_walls(coarse: Coarse) -> Mask:
    """Voxels with the body's tissue both before and behind them: bedding and foam have it on one side only."""
    labels, counts = components(erode(coarse.hu > TISSUE_HU, 2.0, coarse.spacing))
    counts[0] = 0
    body = labels == counts.argmax() if counts.any() else np.zeros(labels.shape, bool)
    front = np.logical_or.accumulate(body, 1)
    back = np.logical_or.accumulate(body[:, ::-1], 1)[:, ::-1]
    return front & back


def lung_pieces(coarse: Coarse, air: Mask, chest: Mask) -> Mask:
    """Those pieces of inner air that are lung: large, neither as dark as gas nor as bright as bowel, and inside the chest.

    Gas of stomach and colon lies low: beside or below the lungs' lower half.
    """
    labels, counts = components(air)
    n = len(counts)
    lung_like = (coarse.hu > LUNG_HU[0]) & (coarse.hu < LUNG_HU[1])
    share = np.bincount(labels[lung_like], minlength=n) / np.maximum(counts, 1)
    volume = counts * coarse.voxel_ml
    lung = ((volume >= LARGE_ML) & (share > 0.3)) | ((volume >= PIECE_ML) & (share > 0.6))
    lung[0] = False
    if lung.any():
        inside = np.bincount(labels[chest], minlength=n) / np.maximum(counts, 1)
        lung &= inside > 0.5
        heights = ndimage.find_objects(labels)
        main = heights[int(np.where(lung, counts, 0).argmax()) - 1][0]
        for name in np.flatnonzero(lung & (volume < LARGE_ML)).tolist():
            lung[name] = not _is_gas(coarse, labels, (name, heights[name - 1]), main)
    pieces: Mask = lung[labels]
    return pieces


def _is_gas(coarse: Coarse, labels: NDArray[np.int32], piece: tuple[int, tuple[slice, ...]], main: slice) -> bool:
    """Whether a piece that lies low is as dark as gas, or goes on below the lungs. main: slices of the largest piece of lung."""
    name, box = piece
    if box[0].stop > main.start + LOW_SHARE * (main.stop - main.start):
        return False
    below = (main.start - box[0].start) * coarse.spacing[0] > BELOW_MM
    wide = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in box)
    whole = labels[wide] == name
    core = erode(whole, THIN_MM, coarse.spacing)
    return below or float(np.median(coarse.hu[wide][core if core.any() else whole])) < GAS_BELOW_HU
