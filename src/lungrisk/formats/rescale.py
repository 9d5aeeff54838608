"""Stored values of one frame to Hounsfield units: bits, sign, padding and rescale of that frame alone."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.core import vocabulary
from lungrisk.core.errors import InputError
from lungrisk.core.finding_rows import Severity
from lungrisk.core.findings import Finding, find
from lungrisk.formats.frames import Frame, Storage

AIR = -1024
MOSTLY_ALIKE = 0.8  # of the slices have one slope and intercept: then those that have others are suspicious
HIGHEST = 32767
LOWEST_HU, MOST_HU = -4096, 16384  # a padding value lies as low; the extended scale of CT ends there
MOST_STRAY = 0.001  # of a slice
NO_UNIT = (
    "US",
    "UNSPECIFIED",
    "HOUNSFIELD",
    "HOUNSFIELD UNITS",
)  # of RescaleType: US is the standard's word for unspecified
PROOF, AIR_AND_LUNG, SOFT_TISSUE = (
    0.03,
    (-1024, -700),
    (-150, 120),
)  # share of the voxels that each of the two takes at least
TISSUE = (-900, 4095)  # a padding value that stands for HU in between may be tissue


@dataclass(frozen=True, slots=True)
class Counts:
    """What was corrected in one frame, in pixels. tissue_padding: pixels equal to a padding value that tissue has too.

    stray: with bits outside BitsStored.
    """

    below: int = 0
    padded: int = 0
    wrapped: int = 0
    tissue_padding: int = 0
    nan: int = 0
    flat: bool = False
    stray: int = 0


def to_hu(stored: NDArray[Any], frame: Frame, out: NDArray[np.int16]) -> Counts:
    """Stored values (rows, columns) to HU in `out` (rows, columns) int16, by this frame's own bits, rescale and padding."""
    storage = frame.storage
    slope, intercept = frame.rescale
    if slope is None or intercept is None:
        raise InputError(find("px.no_rescale"))
    nan, turned, strays = 0, None, None
    if stored.dtype.kind == "f":
        bad = ~np.isfinite(stored)
        nan = int(np.count_nonzero(bad))
        values: NDArray[Any] = np.where(bad, (AIR - intercept) / slope, stored) if nan else stored
    else:
        values, strays = _meant(stored, storage)
        turned = _turned(values, storage, slope, intercept)
    padded, tissue = _padding(values, storage, slope, intercept)
    if strays is not None or _wide_padding(storage):
        wide, _ = _padding(stored, storage, slope, intercept)
        if wide is not None:
            padded = wide if padded is None else padded | wide
            strays = None if strays is None else strays & ~wide
    stray = 0 if strays is None else int(np.count_nonzero(strays))
    if slope == 1.0 and float(intercept).is_integer() and values.dtype.kind != "f":
        hu: NDArray[Any] = np.add(values, np.int32(intercept), dtype=np.int32)
    else:
        hu = np.rint(values * np.float64(slope) + intercept)
    wrapped = 0
    if turned is not None:
        where, meant = turned
        where = where if padded is None else where & ~padded
        hu[where] = np.rint(meant[where])
        wrapped = int(np.count_nonzero(where))
    n_padded = 0
    if padded is not None:
        n_padded = int(np.count_nonzero(padded & (hu != AIR)))
        hu[padded] = AIR
    below = int(np.count_nonzero(hu < AIR))
    np.clip(hu, AIR, HIGHEST, out=out, casting="unsafe")
    flat = bool((out == out[0, 0]).all()) if out[0, 0] == out[-1, -1] else False
    return Counts(below, n_padded, wrapped, tissue, nan, flat, stray)


def _wide_padding(storage: Storage) -> bool:
    """The padding value is one of all allocated bits, not of those that are stored."""
    return storage.padding is not None and storage.padding >= 1 << storage.bits_stored


def _meant(stored: NDArray[Any], storage: Storage) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Stored integers with the bits outside BitsStored removed, and where those were neither a sign nor an overlay."""
    bits, allocated = storage.bits_stored, 8 * stored.dtype.itemsize
    if bits >= allocated:
        return stored.view(stored.dtype.str.replace("u", "i")) if storage.signed else stored, None
    whole: NDArray[Any] = stored.astype(np.int64 if allocated > 16 else np.int32)
    low: NDArray[Any] = np.bitwise_and(whole, (1 << bits) - 1)
    extended: NDArray[Any] = np.bitwise_xor(low, 1 << (bits - 1)) - (1 << (bits - 1))
    beyond = ((1 << allocated) - (1 << bits)) & ~storage.overlay_bits
    strays = None
    used = np.bitwise_and(whole, beyond)
    if used.any():
        strays = (used != 0) & (used != np.bitwise_and(extended, beyond))
    return (extended if storage.signed else low), strays


def _turned(
    values: NDArray[Any], storage: Storage, slope: float, intercept: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64]] | None:
    """Where 16-bit values are meant with the other sign, and the HU that this gives: only where what is stated cannot be HU."""
    if storage.bits_stored != 16:
        return None
    other = values < 0 if storage.signed else values > HIGHEST
    if not other.any():
        return None
    turn = 1 << 16 if storage.signed else -(1 << 16)
    stated = values * np.float64(slope) + intercept
    meant = stated + turn * slope
    plausible = (meant >= LOWEST_HU) & (meant <= TISSUE[1])
    if storage.signed:
        where = other & (stated < -MOST_HU) & plausible
    else:
        where = other & ((stated > MOST_HU) | ((stated > TISSUE[1]) & plausible))
    return (where, meant) if where.any() else None


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


def stated_unit(frames: Sequence[Frame], block: NDArray[np.int16]) -> tuple[Finding, ...]:
    """What RescaleType leaves in doubt: `px.rescale_type` where it says no unit and (k, j, i) HU have air and tissue, else `px.not_hu`."""
    stated = next((frame.rescale_type for frame in frames if frame.rescale_type not in ("", "HU")), None)
    if stated is None:
        return ()
    tag = "(0028,1054) RescaleType"
    sample = block[::3, ::4, ::4]
    proven = all(np.mean((sample >= low) & (sample <= high)) > PROOF for low, high in (AIR_AND_LUNG, SOFT_TISSUE))
    if stated.upper() in NO_UNIT and proven:
        return (find("px.rescale_type", found=vocabulary.stated(stated), expected="HU", tag=tag),)
    return (find("px.not_hu", severity="limited", found=vocabulary.stated(stated), expected="HU", tag=tag),)


def alone(frames: Sequence[Frame]) -> tuple[Finding, ...]:
    """`px.rescale_odd` where a few slices, or some here and there, have another slope or intercept than the others, which have one.

    A damaged number looks so. A scan of two protocols has two blocks, and what is rescaled slice by slice has no usual rescale.
    """
    counted = Counter(frame.rescale for frame in frames)
    usual, n = counted.most_common(1)[0]
    odd = [k for k, frame in enumerate(frames) if frame.rescale != usual]
    changes = sum(one.rescale != other.rescale for one, other in pairwise(frames))
    few, scattered = n >= MOSTLY_ALIKE * len(frames), n > len(frames) / 2 and changes > 1
    if not odd or not (few or scattered):
        return ()
    (slope, intercept), (other, beside) = usual, frames[odd[0]].rescale
    found = f"{other} and {beside} in {len(odd)} of {len(frames)} slices, {slope} and {intercept} in the others"
    files = [frames[k].item.name for k in odd]
    return (find("px.rescale_odd", found=found, tag="(0028,1053) RescaleSlope", slices=odd, files=files),)


def noticed(counts: Sequence[Counts], size: int) -> tuple[Finding, ...]:
    """What was corrected in the frames of a block of `size` voxels, as findings."""

    def slices(name: str) -> list[int]:
        return [k for k, count in enumerate(counts) if getattr(count, name)]

    def total(name: str) -> int:
        return sum(getattr(count, name) for count in counts)

    findings = []
    if total("below") or total("padded"):
        found = f"{total('below')} voxels below -1024 HU, {total('padded')} of the padding value, of {size}"
        findings.append(find("px.padding", found=found))
    if total("wrapped") > total("below") + total("padded"):
        findings.append(find("px.sign", found=f"{total('wrapped')} voxels", tag="(0028,0103) PixelRepresentation"))
    if total("tissue_padding"):
        found = f"{total('tissue_padding')} voxels"
        findings.append(find("px.padding_tag", found=found, tag="(0028,0120) PixelPaddingValue"))
    stray = slices("stray")
    if stray and 2 * len(stray) <= len(counts):  # bits that all slices use are the scanner's own
        most = max(count.stray for count in counts)
        grave: Severity | None = "refused" if most > MOST_STRAY * size / len(counts) else None
        found = f"{total('stray')} voxels in {len(stray)} of {len(counts)} slices"
        findings.append(find("px.bits", severity=grave, found=found, tag="(0028,0101) BitsStored", slices=stray))
    if total("nan"):
        severity: Severity | None = "refused" if total("nan") > 0.001 * size else None
        findings.append(find("px.nan", severity=severity, found=f"{total('nan')} voxels", slices=slices("nan")))
    if total("flat"):
        severity = "refused" if total("flat") > 2 else None
        findings.append(
            find("px.flat_slice", severity=severity, found=f"{total('flat')} slices", slices=slices("flat"))
        )
    return tuple(findings)
