"""What the formats of one file for one volume share: from an array and its affine to a Scan."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.errors import InputError
from lungrisk.core.finding_rows import Severity
from lungrisk.core.findings import Finding, find
from lungrisk.core.geometry import Affine
from lungrisk.core.records import Header, Scan, Source
from lungrisk.formats.finishing import finish
from lungrisk.formats.items import Item
from lungrisk.formats.series import Series
from lungrisk.formats.stacking import Stack, build_stack, judged_spacing, unit_directions
from lungrisk.formats.upright import canonical, plane_of, upright

AIR, HIGHEST = -1024, 32767
FEWEST_SLICES = 10
MOST_BYTES = 4 * 2**30
MOST_NAN = 0.001
LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def to_scan(
    format_name: str, names: tuple[str, ...], values: NDArray[Any], affine: Affine, notes: Iterable[Finding]
) -> Scan:
    """A Scan of one volume. names: its files. values: (k, j, i) of any real kind, HU. affine: (4, 4), (k, j, i, 1) to LPS mm.

    Raises InputError: `geo.*` as for slices, `px.nan`.
    """
    plane = plane_of(affine[:3, 0] / np.linalg.norm(affine[:3, 0]))
    values, affine = canonical(values, affine)
    stack, about = stack_of(affine, values.shape)
    block, counted = _to_int16(values)
    hu, straight, turned = upright(block, stack)
    source = Source(format=format_name, files=names, orientation=plane)
    return finish(hu, straight, Header(), source, (*notes, *about, *counted, *turned))


def stack_of(affine: Affine, shape: tuple[int, ...]) -> tuple[Stack, tuple[Finding, ...]]:
    """An array of this shape (k, j, i) in canonical order as a stack: a sheared affine is then treated as a tilted series."""
    if min(shape) < FEWEST_SLICES:
        raise InputError(
            find("geo.too_few", found=" x ".join(map(str, shape)), expected=f"at least {FEWEST_SLICES} slices")
        )
    j, i = (float(length) for length in np.linalg.norm(affine[:3, 1:3], axis=0))
    about = judged_spacing((j, i))[1]
    row, column, notes = unit_directions((*affine[:3, 2] / i, *affine[:3, 1] / j))
    step = affine[:3, 0]
    if not 0.05 <= float(step @ np.cross(row, column)) <= 50:
        raise InputError(find("geo.spacing_bad", found=f"{np.linalg.norm(step):g} mm between slices"))
    positions = affine[:3, 3] + np.arange(shape[0])[:, None] * step
    stack, found = build_stack(row, column, (j, i), positions, (shape[1], shape[2]))
    return stack, (*about, *notes, *found)


def checked_affine(affine: Affine, code: str) -> Affine:
    """The affine if it places a volume. Raises InputError (`code`) when it has no volume or numbers that are none."""
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise InputError(find(code, found="an affine of no volume"))
    return affine


def claimed(shape: Sequence[int], itemsize: int, available: int | None) -> int:
    """Bytes that an array of this shape takes. Raises InputError (`res.claim`) for more than can be held,
    (`file.truncated`) for more than are `available` (None: not known, as in a compressed file).
    """
    need = itemsize
    for n in shape:
        need *= int(n)
    if need <= 0 or need > MOST_BYTES:
        raise InputError(find("res.claim", found=f"{tuple(int(n) for n in shape)} voxels", expected="at most 4 GiB"))
    if available is not None and available < need:
        code = "res.claim" if need > 100 * max(available, 1) else "file.truncated"
        raise InputError(find(code, found=f"{available} bytes of voxels", expected=f"{need}"))
    return need


def _to_int16(values: NDArray[Any]) -> tuple[NDArray[np.int16], tuple[Finding, ...]]:
    """HU as int16, slice by slice, nothing below -1024: `px.padding`, `px.nan`."""
    block = np.empty(values.shape, np.int16)
    below = nan = 0
    for k, values_k in enumerate(values):
        plane = values_k
        if plane.dtype.kind == "f":
            bad = ~np.isfinite(plane)
            if bad.any():
                nan += int(np.count_nonzero(bad))
                plane = np.where(bad, AIR, plane)
            plane = np.rint(plane)
        below += int(np.count_nonzero(plane < AIR))
        np.clip(plane, AIR, HIGHEST, out=block[k], casting="unsafe")
    notes = []
    if below:
        notes.append(
            find("px.padding", found=f"{below} voxels below -1024 HU, 0 of the padding value, of {block.size}")
        )
    if nan:
        severity: Severity | None = "refused" if nan > MOST_NAN * block.size else None
        notes.append(find("px.nan", severity=severity, found=f"{nan} voxels"))
    return block, tuple(notes)


def row_of(format_name: str, item: Item, shape: tuple[int, ...], affine: Affine) -> Series:
    """The survey's row of a file that holds one volume. shape and affine: (k, j, i)."""
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    return Series(
        format=format_name,
        description=item.name,
        modality="",
        kind=plane_of(affine[:3, 0] / lengths[0]),
        uid="",
        n_files=1,
        n_slices=shape[0],
        matrix=(shape[1], shape[2]),
        spacing=(float(lengths[0]), float(lengths[1]), float(lengths[2])),
        chosen=True,
        why="the only volume",
    )
