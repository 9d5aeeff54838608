"""Whether a scan can be a chest CT that may be judged: extents, thickness, Hounsfield units, noise. Lungs are another room."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.findings import Finding, find
from lungrisk.core.records import Scan

SHORTEST_MM = 100.0  # half the height of a small adult's lungs
THICKEST_MM = 3.0  # above it volumes and nodules below 6 mm are not to be trusted
FINEST_MM, COARSEST_MM = 0.1, 2.0  # in-plane spacing of any CT of a body
SMALLEST_FIELD_MM, LARGEST_FIELD_MM = 150.0, 700.0
SQUARE_WITHIN = 0.01
AIR_HU, AIR_WITHIN_HU, AIR_REFUSED_HU = -1000, 75, 150
TISSUE_HU = (-150, 120)  # fat peaks near -100, muscle near 50
LEAST_TISSUE = 0.02  # of the field; a chest fills a third of it
LEAST_LUNG = 0.05
LUNG_PEAK_HU = (-930, -750)
MOSTLY = 0.4  # of the field at one and the same value: painted over, not scanned
LEAST_AIR = 0.002
NOISY_HU = (
    120.0  # sd in soft tissue; a sharp kernel at ordinary dose has about 70, a soft one 8 to 17 (own measurements)
)
PADDING_HU = -1024
# Siemens B/I/Br/Bl/Qr 50 and more; GE; Toshiba FC50-59 and FC80-89; Philips
SHARP = re.compile(r"^(B[RLV]?|I|J|QR|H)[5-9]\d|LUNG|BONE|EDGE|DETAIL|^FC(5|8)\d|^Y[B-D]$|^[EL]$", re.IGNORECASE)


def check(scan: Scan) -> tuple[Finding, ...]:
    """What speaks against judging this scan, worst or not: `geo.*`, `cov.short`, `px.*`, `acq.*`.

    A finding of severity "refused" means that no likelihood may be given. Nothing is raised and nothing is changed.

    >>> [finding.code for finding in check(Scan(hu=np.full((5, 64, 64), 40, np.int16), affine=np.eye(4)))]
    ['cov.short', 'geo.spacing_bad']
    """
    extents = [*_lengths(scan), *_field(scan), *_thickness(scan)]
    if any(finding.severity == "refused" for finding in extents):
        return tuple(extents)
    return (*extents, *_values(scan), *_noise(scan), *_kernel(scan))


def _lengths(scan: Scan) -> list[Finding]:
    length = scan.hu.shape[0] * scan.spacing[0]
    if length >= SHORTEST_MM:
        return []
    return [find("cov.short", found=f"{length:.0f} mm", expected=f"at least {SHORTEST_MM:.0f} mm")]


def _field(scan: Scan) -> list[Finding]:
    _, rows, columns = scan.spacing
    field = scan.hu.shape[1] * rows, scan.hu.shape[2] * columns
    tag = "(0028,0030) PixelSpacing" if scan.source.format == "dicom" else None
    if not (min(rows, columns) >= FINEST_MM and max(rows, columns) <= COARSEST_MM):
        found, expected = f"{rows:.4g} x {columns:.4g} mm", f"{FINEST_MM} to {COARSEST_MM} mm"
        return [find("geo.spacing_bad", found=found, expected=expected, tag=tag)]
    if not (min(field) >= SMALLEST_FIELD_MM and max(field) <= LARGEST_FIELD_MM):
        found = f"a field of {field[0]:.0f} x {field[1]:.0f} mm"
        expected = f"{SMALLEST_FIELD_MM:.0f} to {LARGEST_FIELD_MM:.0f} mm"
        return [find("geo.spacing_bad", found=found, expected=expected, tag=tag)]
    if abs(rows / columns - 1) > SQUARE_WITHIN:
        return [find("geo.nonsquare", found=f"{rows:.4g} x {columns:.4g} mm", tag=tag)]
    return []


def _thickness(scan: Scan) -> list[Finding]:
    thickest = scan.slice_mm
    if thickest <= THICKEST_MM * 1.01:
        return []
    found, expected = f"{thickest:.3g} mm", f"at most {THICKEST_MM:.0f} mm"
    return [find("geo.thick", found=found, expected=expected, effect=f"nodules below {2 * thickest:.0f} mm")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Values:
    """Shares of the field and places of the peaks, HU, from block means that noise cannot move far."""

    air: int | None
    lung: int
    tissue: int | None
    tissue_share: float
    lung_share: float


def _values(scan: Scan) -> list[Finding]:
    values = _peaks(scan.hu)
    if values.tissue_share < LEAST_TISSUE and values.lung_share > LEAST_LUNG and values.lung in range(*LUNG_PEAK_HU):
        return [find("px.masked", found=f"soft tissue in {values.tissue_share:.1%} of the field")]
    found = f"air at {values.air} HU, soft tissue at {values.tissue} HU"
    expected = f"air near {AIR_HU} HU, soft tissue in {TISSUE_HU[0]} to {TISSUE_HU[1]} HU"
    off = 0 if values.air is None else abs(values.air - AIR_HU)
    if values.tissue is None or values.air is None or off > AIR_REFUSED_HU:
        return [find("px.not_hu", found=found, expected=expected)]
    if off > AIR_WITHIN_HU:
        return [find("px.not_hu", severity="limited", found=found, expected=expected, effect=f"{off} HU")]
    return []


def _peaks(hu: NDArray[np.int16]) -> _Values:
    means = block_means(hu)
    total = means.size
    values, often = np.unique(hu[:: -(-len(hu) // 40), ::4, ::4], return_counts=True)
    if often.max() > MOSTLY * often.sum():
        means = means[means != values[often.argmax()]]
    counts = np.bincount(np.clip(means.ravel() + 1025, 0, 4096).astype(np.int64), minlength=4097)
    smooth = np.convolve(counts, np.hanning(31) / np.hanning(31).sum(), "same")
    hu_of = np.arange(4097) - 1025
    within = (hu_of >= TISSUE_HU[0]) & (hu_of <= TISSUE_HU[1])
    lung = (hu_of > -930) & (hu_of < -600)
    air, soft = (hu_of <= -700) & (hu_of > PADDING_HU), (hu_of > -600)
    highest = int(hu_of[soft][smooth[soft].argmax()])
    filled = counts[air].sum() >= LEAST_AIR * total
    clipped = counts[hu_of <= PADDING_HU].sum() >= LEAST_AIR * total  # air that the scanner or the reader cut off
    lowest = _first_peak(smooth[air], hu_of[air]) if filled else None
    return _Values(
        air=lowest if lowest is not None else (PADDING_HU if clipped else None),
        lung=int(hu_of[lung][smooth[lung].argmax()]),
        tissue=highest if TISSUE_HU[0] <= highest <= TISSUE_HU[1] else None,
        tissue_share=float(counts[within].sum() / total),
        lung_share=float(counts[(hu_of > -900) & (hu_of < -600)].sum() / total),
    )


def _first_peak(smooth: NDArray[np.float64], hu_of: NDArray[np.int64]) -> int:
    """The lowest peak that is a fifth of the highest: air, where the lung's peak is the higher one."""
    inner = smooth[1:-1]
    tops = np.flatnonzero((inner >= smooth[:-2]) & (inner >= smooth[2:]) & (inner >= smooth.max() / 5)) + 1
    return int(hu_of[tops[0] if tops.size else smooth.argmax()])


def block_means(hu: NDArray[np.int16], block: int = 4, most_slices: int = 40) -> NDArray[np.float32]:
    """Means over `block` x `block` pixels of evenly chosen slices, (slices, rows, columns) float32, HU.

    >>> block_means(np.zeros((3, 9, 8), np.int16)).shape
    (3, 2, 2)
    """
    some = hu[:: -(-len(hu) // most_slices)]
    rows, columns = (length // block for length in some.shape[1:])
    cut = some[:, : rows * block, : columns * block].reshape(len(some), rows, block, columns, block)
    means: NDArray[np.float32] = cut.mean((2, 4), dtype=np.float32)
    return means


def _noise(scan: Scan) -> list[Finding]:
    """The lower fifth of the local standard deviation in soft tissue: places without edges."""
    hu = scan.hu[:: -(-len(scan.hu) // 12)].astype(np.float32)
    block = 8
    rows, columns = (length // block for length in hu.shape[1:])
    cut = hu[:, : rows * block, : columns * block].reshape(len(hu), rows, block, columns, block)
    mean, sd = cut.mean((2, 4)), cut.std((2, 4))
    inside = sd[(mean > 0) & (mean < 120)]
    if inside.size < 100:
        return []
    noise = float(np.percentile(inside, 20))
    if noise <= NOISY_HU:
        return []
    return [find("acq.noise", found=f"{noise:.0f} HU in soft tissue", expected=f"at most {NOISY_HU:.0f} HU")]


def _kernel(scan: Scan) -> list[Finding]:
    kernel = (scan.header.kernel or "").strip()
    return [find("acq.kernel", found=kernel)] if SHARP.search(kernel) else []
