"""The records that travel down the line. All frozen; their arrays are read-only.

One index order, (k, j, i) = (slice, row, column), and one world, LPS mm (x, y, z), in the whole project.
"""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from json import dumps
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lungrisk.core import vocabulary
from lungrisk.core.findings import Finding
from lungrisk.core.geometry import Affine, Triple, apply_affine, spacing_of
from lungrisk.core.regions import Region
from lungrisk.core.vocabulary import shown

NOTICE = "Research use only. Not a medical device."


def sealed(array: NDArray[Any], dtype: type[np.generic] | None, ndim: int) -> NDArray[Any]:
    """The array, read-only. Raises ValueError when kind or rank is not what the record promises."""
    if array.ndim != ndim or (dtype is not None and array.dtype != dtype):
        raise ValueError(f"expected {dtype} of {ndim} dimensions, got {array.dtype} of shape {array.shape}")
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the scanner said of itself: no names, no dates. Empty means not stated. Free text as `checked` leaves it."""

    vendor: str | None = None
    model: str | None = None
    kernel: str | None = None
    kvp: float | None = None
    exposure_mas: float | None = None
    thickness_mm: float | None = None
    contrast: str | None = None
    description: str | None = None

    def checked(self) -> "Header":
        """Without what can name a person: makers, models and kernels of the vocabulary, that contrast was given, known words.

        >>> Header(kernel="B70f", contrast="Doe 80 ml", description="CHEST DOE^JANE").checked()
        Header(vendor=None, model=None, kernel='B70f', kvp=None, exposure_mas=None, thickness_mm=None, contrast='stated', description='CHEST *^*')
        """
        if shown(travels=True):
            return self
        return replace(
            self,
            vendor=self.vendor and vocabulary.vendor(self.vendor),
            model=self.model and vocabulary.model(self.model),
            kernel=self.kernel and vocabulary.kernel(self.kernel),
            contrast=self.contrast and "stated",
            description=self.description and vocabulary.description(self.description),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a scan came from.

    format: "dicom", "nifti", "nrrd", "metaimage", "array". files: relative names of the files used, in slice order
    where a file is a slice. series_hash: SHA-256 of voxels and geometry, the same in every format. instance_uids: one a
    slice of the scan, hashed unless ids are kept; empty where the format has none. orientation: of the slices as stored.
    """

    format: str
    files: tuple[str, ...] = ()
    series_hash: str = ""
    instance_uids: tuple[str, ...] = ()
    orientation: Literal["axial", "coronal", "sagittal", "oblique"] = "axial"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scan:
    """A CT on a regular, right-angled grid whose axes run nearest to LPS +z (k), +y (j) and +x (i).

    hu: (k, j, i) int16, HU, nothing below -1024. affine: (4, 4), (k, j, i, 1) to LPS mm.
    """

    hu: NDArray[np.int16]
    affine: Affine
    header: Header = field(default_factory=Header)
    source: Source = field(default_factory=lambda: Source(format="array"))
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "hu", sealed(self.hu, np.int16, 3))
        object.__setattr__(self, "affine", sealed(np.asarray(self.affine, np.float64), np.float64, 2))

    @property
    def spacing(self) -> Triple:
        """Voxel spacing, mm (k, j, i)."""
        return spacing_of(self.affine)

    @property
    def slice_mm(self) -> float:
        """What a slice averages over, mm: slices that overlap are thicker than they lie apart."""
        return max(self.spacing[0], self.header.thickness_mm or 0.0)

    @property
    def voxel_mm3(self) -> float:
        """Volume of one voxel, mm3."""
        return float(np.prod(self.spacing))

    def to_mm(self, index: ArrayLike) -> NDArray[np.float64]:
        """(..., 3) index (k, j, i) to (..., 3) LPS mm (x, y, z)."""
        return apply_affine(self.affine, index)

    def to_index(self, points_mm: ArrayLike) -> NDArray[np.float64]:
        """(..., 3) LPS mm (x, y, z) to (..., 3) fractional index (k, j, i)."""
        return apply_affine(np.asarray(np.linalg.inv(self.affine), np.float64), points_mm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a scan becomes an array; saved in every store, bundle and result.

    spacing: mm (k, j, i), None keeps the scan's. size: voxels (k, j, i), None (or 0 for an axis) keeps what the spacing gives; with both, the
    array is cropped or filled about the centre; with size alone the whole field is resized to it.
    window: (low, high) HU taken to 0..1 and clipped, None keeps HU. fill: HU outside the scan.
    """

    name: str
    spacing: Triple | None = (1.0, 1.0, 1.0)
    size: tuple[int, int, int] | None = None
    window: tuple[float, float] | None = None
    interpolation: Literal["linear", "nearest"] = "linear"
    antialias: bool = True
    fill: float = -1024.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @property
    def hash(self) -> str:
        """First 16 hex digits of the SHA-256 of all fields but the name."""
        fields = {name: value for name, value in self.as_dict().items() if name != "name"}
        return sha256(dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Volume:
    """A prepared array with its place. array: (k, j, i) float32 (or int16 when the recipe keeps the scan as it is)."""

    array: NDArray[Any]
    affine: Affine
    recipe_hash: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "array", sealed(self.array, None, 3))
        object.__setattr__(self, "affine", sealed(np.asarray(self.affine, np.float64), np.float64, 2))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lungs:
    """Left and right lung of the patient, on the scan's own grid: vessels and nodules inside, airways outside.

    left, right: (k, j, i) bool. coverage: 0..1, the share of the lungs' length that the scan holds, as far as can be seen
    (1.0 where both ends are closed). regions: what is dense or hazy there and no anatomy explains; a nodule may.
    """

    left: NDArray[np.bool_]
    right: NDArray[np.bool_]
    left_ml: float
    right_ml: float
    coverage: float
    findings: tuple[Finding, ...] = ()
    regions: tuple[Region, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "left", sealed(self.left, np.bool_, 3))
        object.__setattr__(self, "right", sealed(self.right, np.bool_, 3))

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Both lungs, (k, j, i) bool."""
        return np.logical_or(self.left, self.right)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What a radiologist would rate, as a distribution: mean and standard deviation of the readers' mean, 95 % interval."""

    mean: float
    sd: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nodule:
    """A nodule, measured. Lengths in mm, HU where named so.

    mask: (k, j, i) bool, cropped; affine places the crop. mean, long and short diameter: on the axial slice of largest
    area. third: upper, middle, lower third of the lung. contribution: its share of the patient's likelihood, likelihood
    scale; the contributions and the floor add up to the likelihood. border: the mask touches the pleura or the edge of what was outlined.
    """

    id: str
    centre_mm: Triple
    mask: NDArray[np.bool_]
    affine: Affine
    side: Literal["left", "right"]
    third: Literal["upper", "middle", "lower"]
    diameter_mm: float
    long_mm: float
    short_mm: float
    max_3d_mm: float
    volume_mm3: Estimate
    mean_hu: float
    type: Literal["solid", "part-solid", "ground-glass", "calcified"]
    nodule_probability: float
    malignancy: Rating
    accepted: bool
    slice_index: int
    contribution: float = 0.0
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "mask", sealed(self.mask, np.bool_, 3))
        object.__setattr__(self, "affine", sealed(np.asarray(self.affine, np.float64), np.float64, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Likelihood:
    """The patient's likelihood of lung cancer. value, low, high in 0..1; floor is what is left with no nodule found.

    basis: two sentences, what the number means and on whom it was fitted.
    """

    value: float
    low: float
    high: float
    floor: float
    prevalence: float
    basis: str
    level: float = 0.95
    horizon: str = "diagnosis within one year of the scan"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assessment:
    """Everything that one scan gave. scan and lungs are None when it was refused before they existed.

    provenance: versions, bundles with hash, recipe hash, platform, seconds a room, date.
    """

    status: Literal["assessed", "limited", "refused"]
    scan: Scan | None
    lungs: Lungs | None
    nodules: tuple[Nodule, ...]
    likelihood: Likelihood | None
    findings: tuple[Finding, ...]
    provenance: dict[str, Any]
    notice: str = NOTICE

    def write(self, folder: str | Path) -> Path:
        """Write assessment.json, report.html and the pictures; gives the folder."""
        from lungrisk.report import write_assessment  # the one step back up the line: contract.md names it

        return write_assessment(self, Path(folder))
