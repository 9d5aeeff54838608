"""Simulated scanners: what a slice is like and how its header is written, by vendor, with the habits of the Bowl's files."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

Storing: TypeAlias = Literal["padded", "unsigned", "hu"]
# slices as (thickness, spacing) in mm, and how often: mostly 2 and 2.5 mm, which keeps a patient below 30 MB on average
SLICES: tuple[tuple[float, float, float], ...] = ((2.5, 2.5, 0.5), (2.0, 2.0, 0.33), (2.0, 1.5, 0.09), (3.0, 2.5, 0.08))
STORINGS: tuple[tuple[Storing, float], ...] = (("padded", 0.55), ("unsigned", 0.33), ("hu", 0.12))
SHARP_SHARE, BARE_SHARE, RISING_SHARE = 0.25, 0.5, 0.5
SOFT_NOISE_HU, SHARP_NOISE_HU = (10.0, 22.0), (28.0, 48.0)
MATRIX = 320


@dataclass(frozen=True, slots=True)
class Vendor:
    """share: of the scanners. soft, sharp: its kernels."""

    name: str
    model: str
    share: float
    soft: str
    sharp: str


VENDORS = (
    Vendor("GE MEDICAL SYSTEMS", "LightSpeed VCT", 0.38, "STANDARD", "LUNG"),
    Vendor("SIEMENS", "Sensation 16", 0.32, "B30f", "B60f"),
    Vendor("Philips", "Brilliance 64", 0.18, "B", "L"),
    Vendor("TOSHIBA", "Aquilion", 0.12, "FC01", "FC51"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """How a patient was scanned.

    bare: the header was stripped as in most files of the Bowl (no vendor, kernel, thickness; empty KVP). storing: "padded"
    (signed, intercept -1024, -2000 outside the circle), "unsigned" (12 bits, intercept -1024) or "hu" (intercept 0).
    rising: z rises with InstanceNumber. field_mm: width of the picture. noise_hu: deviation in soft tissue.
    """

    vendor: Vendor
    sharp: bool
    thickness_mm: float
    spacing_mm: float
    field_mm: float
    noise_hu: float
    kvp: int
    current_ma: int
    bare: bool
    storing: Storing
    rising: bool

    @property
    def kernel(self) -> str:
        """The name that the vendor gives to the kernel."""
        return self.vendor.sharp if self.sharp else self.vendor.soft

    @property
    def pixel_mm(self) -> float:
        """Width of a pixel, as it is written in the header."""
        return round(self.field_mm / MATRIX, 6)


def draw_scanner(rng: np.random.Generator, width_mm: float) -> Scanner:
    """Draw a scanner for a chest whose lungs are `width_mm` wide."""
    vendor = VENDORS[rng.choice(len(VENDORS), p=[one.share for one in VENDORS])]
    thickness, spacing, _ = SLICES[rng.choice(len(SLICES), p=[row[2] for row in SLICES])]
    sharp = bool(rng.random() < SHARP_SHARE)
    return Scanner(
        vendor=vendor,
        sharp=sharp,
        thickness_mm=thickness,
        spacing_mm=spacing,
        field_mm=float(np.round(width_mm + rng.uniform(58.0, 92.0), 1)),
        noise_hu=float(rng.uniform(*(SHARP_NOISE_HU if sharp else SOFT_NOISE_HU)) * (2.5 / thickness) ** 0.5),
        kvp=int(rng.choice([120, 120, 120, 140, 100])),
        current_ma=int(rng.integers(30, 240)),
        bare=bool(rng.random() < BARE_SHARE),
        storing=STORINGS[rng.choice(len(STORINGS), p=[row[1] for row in STORINGS])][0],
        rising=bool(rng.random() < RISING_SHARE),
    )
