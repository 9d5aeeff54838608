"""The last step of every format: an upright block becomes a Scan with the hash of its voxels and their place."""

from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.errors import InputError, refusals
from lungrisk.core.findings import Finding
from lungrisk.core.geometry import Affine
from lungrisk.core.records import Header, Scan, Source
from lungrisk.formats.clipping import clipped
from lungrisk.formats.offset import mend_offset


def finish(hu: NDArray[np.int16], affine: Affine, header: Header, source: Source, findings: Iterable[Finding]) -> Scan:
    """The scan. Raises InputError when a finding refuses it."""
    noted = (*findings, *mend_offset(hu), *clipped(hu))
    refused = refusals(noted)
    if refused:
        raise InputError(*refused)
    return Scan(
        hu=hu,
        affine=affine,
        header=header.checked(),
        source=replace(source, series_hash=series_hash(hu, affine)),
        findings=noted,
    )


def series_hash(hu: NDArray[np.int16], affine: Affine) -> str:
    """SHA-256 of the voxels (little endian, C order), their number along each axis, and the affine.

    The affine goes in to 1e-5 (directions times spacing) and 0.001 mm (origin), coarser than the single precision that NIfTI keeps, so
    that a scan has one hash in every format.
    """
    place = np.empty((3, 4), "<i8")
    place[:, :3] = np.rint(affine[:3, :3] * 1e5)
    place[:, 3] = np.rint(affine[:3, 3] * 1e3)
    total = sha256(np.asarray(hu.shape, "<i8").tobytes() + place.tobytes())
    total.update(np.ascontiguousarray(hu, "<i2").data)
    return total.hexdigest()
