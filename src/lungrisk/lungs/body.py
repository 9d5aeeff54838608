"""What is inside the body, and which of the air in it is lung."""

import numpy as np

from lungrisk.lungs.coarse import LUNG_BELOW_HU, Coarse
from lungrisk.lungs.shapes import Mask, components

OUTER_AIR_HU = -930  # air around the patient is near -1000, lung seldom below -950
LUNG_HU = (-950, -500)
OUTER_SHARE = 0.3
EDGE_ML = 300.0  # a piece at the edge of the field that is smaller is bedding, not lung
PIECE_ML = 50.0
LARGE_ML = 1000.0


def inner_air(coarse: Coarse) -> Mask:
    """Air (below -400 HU) that is not the air around the patient, which touches the sides of the field."""
    air = coarse.hu < LUNG_BELOW_HU
    labels, counts = components(air)
    dark = np.bincount(labels.ravel(), weights=(coarse.hu < OUTER_AIR_HU).ravel(), minlength=len(counts))
    outer = np.zeros(len(counts), bool)
    faces = (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1])
    edge = np.unique(np.concatenate([np.unique(face) for face in faces]))
    corners = np.unique(labels[:, [0, 0, -1, -1], [0, -1, 0, -1]])
    small = counts * coarse.voxel_ml < EDGE_ML
    outer[edge] = small[edge] | (dark[edge] > OUTER_SHARE * counts[edge])
    outer[corners] = True
    outer[0] = True
    inner: Mask = ~outer[labels]
    return inner


def lung_pieces(coarse: Coarse, air: Mask) -> Mask:
    """Those pieces of inner air that are lung: large, and neither as dark as gas nor as bright as bowel."""
    labels, counts = components(air)
    lung_like = (coarse.hu > LUNG_HU[0]) & (coarse.hu < LUNG_HU[1])
    share = np.bincount(labels.ravel(), weights=lung_like.ravel(), minlength=len(counts)) / np.maximum(counts, 1)
    volume = counts * coarse.voxel_ml
    lung = ((volume >= LARGE_ML) & (share > 0.3)) | ((volume >= PIECE_ML) & (share > 0.6))
    lung[0] = False
    pieces: Mask = lung[labels]
    return pieces


def middle_column(coarse: Coarse) -> float:
    """Column i of the body's middle, from its soft tissue and bone."""
    columns = (coarse.hu > -200).sum((0, 1), dtype=np.float64)
    return float(np.average(np.arange(len(columns)), weights=columns)) if columns.any() else len(columns) / 2
