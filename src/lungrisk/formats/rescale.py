"""Stored values of one frame to Hounsfield units: bits, sign, padding and rescale of that frame alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.errors import InputError
from lungrisk.core.finding_rows import Severity
from lungrisk.core.findings import Finding, find
from lungrisk.formats.frames import Frame, Storage

AIR = -1024
HIGHEST = 32767
POSSIBLE = (-4096, 4095)  # HU that a CT stores: what is beyond is metal or padding
MOST_OUTSIDE = 0.01  # of a slice's pixels with bits outside BitsStored, where other slices have none
MOST_JUMP = 300  # HU between the means of neighbouring slices; real scans stay below 100
TISSUE = (-900, 4095)  # a padding value that stands for HU in between may be tissue


@dataclass(frozen=True, slots=True)
class Counts:
    """What was corrected in one frame, in pixels.

    tissue_padding: pixels equal to a padding value that tissue has too. outside: pixels with bits set outside BitsStored.
    """

    below: int = 0
    padded: int = 0
    wrapped: int = 0
    tissue_padding: int = 0
    nan: int = 0
    flat: bool = False
    outside: int = 0


def to_hu(stored: NDArray[Any], frame: Frame, out: NDArray[np.int16]) -> Counts:
    """Stored values (rows, columns) to HU in `out` (rows, columns) int16, by this frame's own bits, rescale and padding."""
    storage = frame.storage
    slope, intercept = frame.rescale
    if slope is None or intercept is None:
        raise InputError(find("px.no_rescale"))
    nan = outside = 0
    if stored.dtype.kind == "f":
        bad = ~np.isfinite(stored)
        nan = int(np.count_nonzero(bad))
        values: NDArray[Any] = np.where(bad, (AIR - intercept) / slope, stored) if nan else stored
        wrapped = 0
    else:
        outside = _outside(stored, storage)
        values, wrapped = _meant(stored, storage, slope, intercept)
    padded, tissue = _padding(values, storage, slope, intercept)
    if slope == 1.0 and float(intercept).is_integer() and values.dtype.kind != "f":
        hu: NDArray[Any] = np.add(values, np.int32(intercept), dtype=np.int32)
    else:
        hu = np.rint(values * np.float64(slope) + intercept)
    n_padded = 0
    if padded is not None:
        n_padded = int(np.count_nonzero(padded & (hu != AIR)))
        hu[padded] = AIR
    below = int(np.count_nonzero(hu < AIR))
    np.clip(hu, AIR, HIGHEST, out=out, casting="unsafe")
    flat = bool((out == out[0, 0]).all()) if out[0, 0] == out[-1, -1] else False
    return Counts(below, n_padded, wrapped, tissue, nan, flat, outside)


def _meant(stored: NDArray[Any], storage: Storage, slope: float, intercept: float) -> tuple[NDArray[Any], int]:
    """Stored integers with the bits outside BitsStored removed and the sign as it must have been meant; how many wrapped."""
    bits, allocated = storage.bits_stored, 8 * stored.dtype.itemsize
    if stored.dtype.kind == "i" and not storage.signed:  # a code stream that states its own sign
        return stored, int(np.count_nonzero(stored < 0))
    if bits < allocated:
        low: NDArray[np.int64] = stored.astype(np.int64) & np.int64((1 << bits) - 1)
        return (np.where(low >> (bits - 1) & 1, low - (1 << bits), low) if storage.signed else low), 0
    if storage.signed:
        return stored.view(stored.dtype.str.replace("u", "i")) if stored.dtype.kind == "u" else stored, 0
    if allocated == 16 and stored.max() > HIGHEST and _lost_sign(stored, slope, intercept):
        signed = stored.astype(np.uint16).view(np.int16)
        return signed, int(np.count_nonzero(signed < 0))
    return stored, 0


def _lost_sign(stored: NDArray[Any], slope: float, intercept: float) -> bool:
    """Whether the high half of unsigned values can be HU only as negative numbers: with some intercepts it is what it says."""
    high = stored[stored > HIGHEST].astype(np.float64)
    as_stated, as_negative = high * slope + intercept, (high - (1 << 16)) * slope + intercept
    stated, negative = (np.mean((hu >= POSSIBLE[0]) & (hu <= POSSIBLE[1])) for hu in (as_stated, as_negative))
    return bool(negative > stated)


def _outside(stored: NDArray[Any], storage: Storage) -> int:
    """Pixels with bits set outside BitsStored that are no sign's extension."""
    bits, allocated = storage.bits_stored, 8 * stored.dtype.itemsize
    if bits >= allocated or allocated > 32:
        return 0
    above = stored.astype(np.int64) >> bits & ((1 << (allocated - bits)) - 1)
    extended = above == (1 << (allocated - bits)) - 1
    return int(np.count_nonzero((above != 0) & ~extended))


def _padding(
    values: NDArray[Any], storage: Storage, slope: float, intercept: float
) -> tuple[NDArray[np.bool_] | None, int]:
    """Where the padding tag says that nothing was measured; and how many pixels would be lost to a tag that tissue has too."""
    if storage.padding is None:
        return None, 0
    first, last = storage.padding, storage.padding if storage.padding_limit is None else storage.padding_limit
    bits = 16  # the tag's VR is often the wrong one of US and SS: both readings are tried
    where: NDArray[np.bool_] | None = None
    tissue = 0
    for turn in (0, -(1 << bits)):
        low, high = sorted((first + turn, last + turn))
        found = (values >= low) & (values <= high)
        n = int(np.count_nonzero(found))
        if n and high * slope + intercept > TISSUE[0] and low * slope + intercept < TISSUE[1]:
            tissue += n
        elif n:
            where = found if where is None else where | found
    return where, tissue


def jumps(block: NDArray[np.int16]) -> tuple[Finding, ...]:
    """`px.jump` where a slice of (k, j, i) HU is brighter or darker than both its neighbours as no body makes it."""
    means = block[:, ::4, ::4].mean(axis=(1, 2), dtype=np.float64)
    beside = np.abs(np.diff(means, prepend=means[1], append=means[-2]))
    k = np.flatnonzero(np.minimum(beside[:-1], beside[1:]) > MOST_JUMP)
    if not len(k):
        return ()
    found = f"{np.abs(means[k[0]] - means[k[0] - 1]):.0f} HU from slice {k[0] - 1} to {k[0]}"
    return (find("px.jump", found=found, expected=f"at most {MOST_JUMP} HU", slices=k.tolist()),)


def noticed(counts: Sequence[Counts], size: int) -> tuple[Finding, ...]:
    """What was corrected in the frames of a block of `size` voxels, as findings."""

    def slices(name: str) -> list[int]:
        return [k for k, count in enumerate(counts) if getattr(count, name)]

    def total(name: str) -> int:
        return sum(getattr(count, name) for count in counts)

    findings = []
    severity: Severity | None
    if total("below") or total("padded"):
        found = f"{total('below')} voxels below -1024 HU, {total('padded')} of the padding value, of {size}"
        findings.append(find("px.padding", found=found))
    if total("wrapped") > total("below") + total("padded"):
        findings.append(find("px.sign", found=f"{total('wrapped')} voxels", tag="(0028,0103) PixelRepresentation"))
    having = slices("outside")
    if having and 2 * len(having) < len(counts):  # overlays and junk are in all or most; a damaged file is alone
        worst = max(count.outside for count in counts) * len(counts) / size
        severity = "refused" if worst > MOST_OUTSIDE else None
        found = f"{total('outside')} pixels in {len(having)} of {len(counts)} slices"
        findings.append(find("px.bits", severity=severity, found=found, tag="(0028,0101) BitsStored", slices=having))
    if total("tissue_padding"):
        found = f"{total('tissue_padding')} voxels"
        findings.append(find("px.padding_tag", found=found, tag="(0028,0120) PixelPaddingValue"))
    if total("nan"):
        severity = "refused" if total("nan") > 0.001 * size else None
        findings.append(find("px.nan", severity=severity, found=f"{total('nan')} voxels", slices=slices("nan")))
    if total("flat"):
        severity = "refused" if total("flat") > 2 else None
        findings.append(
            find("px.flat_slice", severity=severity, found=f"{total('flat')} slices", slices=slices("flat"))
        )
    return tuple(findings)
