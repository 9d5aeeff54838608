"""The table of findings: everything that lungrisk can say about its input, one row each.

A code is never reused. The documentation page, the exit code and the texts in every output follow from the row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from lungrisk.core.cohort_findings import COHORT_ROWS
from lungrisk.core.finding_rows import Row, Severity

LISTED_FILES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was noticed: the same record in the JSON, the page, the terminal, the log and the error.

    files: at most five, relative; n_files counts all of them. tag: DICOM tag with keyword, e.g.
    "(0020,0032) ImagePositionPatient". slices: indices k. effect: size of the possible error, with its unit.
    """

    code: str
    severity: Severity
    message: str
    remedy: str
    found: str | None = None
    expected: str | None = None
    files: tuple[str, ...] = ()
    n_files: int = 0
    tag: str | None = None
    slices: tuple[int, ...] = ()
    effect: str | None = None

    def sentence(self) -> str:
        """One paragraph: what, where, what to do."""
        parts = [f"{self.code}: {self.message}"]
        if self.found is not None:
            parts.append(f"found {self.found}" + (f", expected {self.expected}" if self.expected else ""))
        if self.files:
            more = f" and {self.n_files - len(self.files)} more" if self.n_files > len(self.files) else ""
            parts.append("in " + ", ".join(self.files) + more)
        if self.remedy:
            parts.append(self.remedy)
        return "; ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """The record of `contract.md`, ready for JSON."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "found": self.found,
            "expected": self.expected,
            "remedy": self.remedy,
            "files": [
                *self.files,
                *([f"and {self.n_files - len(self.files)} more"] if self.n_files > len(self.files) else []),
            ],
            "tag": self.tag,
            "slices": list(self.slices),
            "effect": self.effect,
        }


def read_finding(about: Mapping[str, Any]) -> Finding:
    """A finding from its plain values, as `as_dict` or `dataclasses.asdict` gives them.

    >>> read_finding(find("geo.hole", slices=[3]).as_dict()).slices
    (3,)
    """
    known = {field.name: about[field.name] for field in fields(Finding) if field.name in about}
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}
    return Finding(**values)


def find(
    code: str,
    *,
    severity: Severity | None = None,
    found: object = None,
    expected: object = None,
    files: Iterable[str] = (),
    tag: str | None = None,
    slices: Iterable[int] = (),
    effect: str | None = None,
) -> Finding:
    """The finding of row `code`, with what was found here. `severity` overrides the row's where the case is milder or worse.

    >>> find("geo.too_few", found=3).severity
    'refused'
    """
    row = FINDINGS[code]
    names = sorted(files)
    return Finding(
        code=code,
        severity=severity or row.severity,
        message=row.message,
        remedy=row.remedy,
        found=None if found is None else str(found),
        expected=None if expected is None else str(expected),
        files=tuple(names[:LISTED_FILES]),
        n_files=len(names),
        tag=tag,
        slices=tuple(slices),
        effect=effect,
    )


FINDINGS: dict[str, Row] = {
    # usage and environment
    "use.missing": Row("refused", "there is no such file or folder", "check the path"),
    "use.option": Row("refused", "an option has a value that is not possible", "see --help of the command"),
    "env.extra": Row("refused", "a package that this step needs is not installed", "install the extra that is named"),
    "env.codec": Row("refused", "no installed decoder can read this transfer syntax", "install the named codec"),
    "env.disk": Row("refused", "the output could not be written", "free disk space or choose another folder with -o"),
    "env.memory": Row("refused", "there is not enough memory", "close other programs, or use a machine with more"),
    "env.bundle": Row("refused", "there is no such bundle", "name a shipped bundle (lungrisk info) or give a path"),
    "bun.hash": Row(
        "refused", "a bundle's file is not the one that its bundle.json names", "fetch or build the bundle again"
    ),
    "bun.kind": Row(
        "refused", "this is not a bundle that this version can run", "use a bundle of the named kind and version"
    ),
    "int.defect": Row("refused", "lungrisk failed in a way that it should not", "send the report file to the authors"),
    "demo.simulated": Row(
        "info", "the demo's real scan could not be had; this chest is simulated", "run the demo again with a network"
    ),
    # files
    "file.empty": Row("info", "empty files were skipped", "none needed unless slices are missing"),
    "file.other": Row("info", "files that are not images were skipped", "none needed"),
    "file.unreadable": Row(
        "refused", "a file that may be a slice cannot be read", "check the permissions, or copy the scan again"
    ),
    "file.truncated": Row("refused", "a file ends before its pixels do", "copy or export the scan again"),
    "file.corrupt": Row("refused", "a file cannot be parsed", "copy or export the scan again"),
    "file.syntax": Row(
        "refused", "this transfer syntax is not supported", "export the scan with a lossless transfer syntax"
    ),
    "file.none": Row("refused", "no image was found", "give a folder, a zip or a file with a chest CT"),
    "file.no_preamble": Row("corrected", "DICOM files without preamble were read all the same", "none needed"),
    "file.encrypted": Row("refused", "the archive is encrypted", "unpack it and give the folder"),
    "sec.path": Row(
        "refused", "an archive or header points outside its own folder", "unpack it by hand and look at it"
    ),
    "res.claim": Row("refused", "the header claims more pixels than the file can hold", "export the scan again"),
    "res.too_big": Row("refused", "the scan is larger than can be held", "export fewer slices"),
    # which series
    "sel.series": Row(
        "info", "more than one series was found; one was chosen", "give the folder of the other series to judge that"
    ),
    "sel.phase": Row(
        "corrected", "one series held several acquisitions; one was chosen", "give one acquisition to judge another"
    ),
    "sel.ambiguous": Row(
        "refused", "several series or phases are mixed and cannot be told apart", "give a folder with one series"
    ),
    "sel.kernel_mixed": Row(
        "refused", "slices of several reconstruction kernels are mixed", "export one reconstruction"
    ),
    "sel.localizer": Row("refused", "this is a localizer, not a scan", "give the folder of the axial series"),
    "sel.modality": Row("refused", "this is not a CT", "give a chest CT"),
    "sel.not_image": Row("info", "DICOM objects that are not CT images were skipped", "none needed"),
    "sel.secondary": Row("refused", "this is a secondary capture, not a scan", "give the original series"),
    "sel.derived": Row("refused", "these are derived images (projections), not slices", "give the original series"),
    "sel.reformat": Row("limited", "this series was reformatted from another", "give the original axial series"),
    # who
    "id.sop_dup": Row("corrected", "slices share one SOPInstanceUID; they were told apart by content", "none needed"),
    "id.patient_mixed": Row("refused", "one series names several patients", "separate the patients"),
    "id.study_mixed": Row("refused", "one series names several studies", "separate the studies"),
    "id.for_mixed": Row("refused", "slices have different frames of reference", "export the series again"),
    # order and completeness
    "ord.instance": Row("info", "InstanceNumber does not follow the positions; positions were used", "none needed"),
    "ord.dup_same": Row("corrected", "identical slices were given more than once; one of each was kept", "none needed"),
    "ord.dup_conflict": Row("refused", "different slices lie at one position", "export one acquisition"),
    "ord.uid_conflict": Row("refused", "one SOPInstanceUID has two different images", "export the series again"),
    "ord.series_split": Row(
        "corrected", "the slices of one stack carry several series UIDs; they were joined", "none needed"
    ),
    # geometry
    "geo.too_few": Row("refused", "too few slices for a volume", "give the whole series"),
    "geo.no_position": Row("refused", "slices have no usable position", "export with ImagePositionPatient"),
    "geo.no_orientation": Row("refused", "slices have no usable orientation", "export with ImageOrientationPatient"),
    "geo.no_spacing": Row("refused", "the pixel spacing is missing", "export with PixelSpacing"),
    "geo.spacing_bad": Row(
        "refused", "the pixel spacing cannot be true of a chest CT", "export with the true PixelSpacing"
    ),
    "geo.spacing_mixed": Row("refused", "slices have different pixel spacing", "export one reconstruction"),
    "geo.nonsquare": Row("limited", "pixels are not square, which CT does not make", "check PixelSpacing"),
    "geo.matrix_mixed": Row("refused", "slices have different matrix sizes", "export one reconstruction"),
    "geo.iop_norm": Row("corrected", "the orientation was not of unit length; it was normalised", "none needed"),
    "geo.iop_skew": Row(
        "refused", "the row and column directions are not unit vectors at right angles", "export the series again"
    ),
    "geo.iop_mixed": Row("refused", "slices have different orientations", "give one axial series"),
    "geo.hole": Row("limited", "slices are missing; the gap was filled from its neighbours", "export the series again"),
    "geo.hole_large": Row("refused", "too many slices are missing in one place", "export the series again"),
    "geo.uneven": Row(
        "corrected",
        "slices are unevenly spaced; they were resampled by position",
        "give an evenly spaced series if there is one",
    ),
    "geo.jitter": Row("corrected", "slice positions scatter; they were resampled by position", "none needed"),
    "geo.tilt": Row("corrected", "the gantry was tilted; the slices were resampled upright", "none needed"),
    "geo.drift": Row("refused", "slices drift sideways in a way that no tilt explains", "export the series again"),
    "geo.orient": Row("corrected", "the slices are not axial; the axes were put in order", "none needed"),
    "geo.oblique": Row("corrected", "the slices are oblique; they were resampled to the body's axes", "none needed"),
    "geo.thick": Row(
        "limited", "slices are thick: small nodules are missed and volumes are coarse", "use a series of 2.5 mm or less"
    ),
    "pos.prone": Row("info", "the patient lay prone or on the side", "none needed"),
    # values
    "px.no_rescale": Row(
        "refused", "the rescale to Hounsfield units is missing", "export with RescaleSlope and RescaleIntercept"
    ),
    "px.slope_bad": Row("refused", "RescaleSlope cannot be true", "export the series again"),
    "px.offset": Row(
        "limited", "values were off by a constant; air was put at -1000 HU", "export with the true RescaleIntercept"
    ),
    "px.not_hu": Row("refused", "the values are not Hounsfield units", "export the original CT"),
    "px.sign": Row("corrected", "the sign of the stored values was wrong; it was mended", "none needed"),
    "px.padding": Row("corrected", "padding and values below -1024 HU were set to -1024 HU", "none needed"),
    "px.padding_tag": Row(
        "limited",
        "PixelPaddingValue is a value that tissue has too; the tag was ignored",
        "check the darkest regions on the pictures",
    ),
    "px.rgb": Row("refused", "these are colour pictures, not CT values", "give the original series"),
    "px.lut": Row("refused", "values need a modality look-up table", "export with RescaleSlope and RescaleIntercept"),
    "px.depth": Row("limited", "the values were stored with 8 bits", "export with full depth"),
    "px.lossy": Row("limited", "the pixels were compressed with loss", "export with a lossless transfer syntax"),
    "px.flat_slice": Row("limited", "slices are empty", "export the series again"),
    "px.jump": Row(
        "limited",
        "a slice is brighter or darker than both its neighbours by far",
        "look at the slice; export the series again",
    ),
    "px.nan": Row("limited", "values that are no numbers were set to air", "export the series again"),
    "px.length": Row("refused", "the pixel data is not as long as the header says", "export the series again"),
    "px.masked": Row("limited", "everything outside the lungs was removed beforehand", "give the original scan"),
    "hdr.number": Row("refused", "a number in the header cannot be read", "export the series again"),
    "hdr.bits": Row("refused", "the header's bit depths contradict each other", "export the series again"),
    "acq.contrast": Row("info", "contrast agent was given", "none needed"),
    "acq.kernel": Row("info", "a sharp kernel was used: noise is high, small nodules look rough", "none needed"),
    "acq.noise": Row("limited", "the scan is very noisy", "use a smoother reconstruction"),
    "nii.no_affine": Row("refused", "the NIfTI file does not say where it lies", "convert again with sform or qform"),
    "nii.4d": Row("refused", "the file holds several volumes", "give one volume"),
    "nii.units": Row("refused", "the spatial unit is not millimetres", "convert again in mm"),
    "nii.form_conflict": Row(
        "limited", "sform and qform disagree; sform was used", "check left and right on the pictures"
    ),
    "nrrd.no_space": Row(
        "refused", "the NRRD file does not name its space", "write it with space and space directions"
    ),
    # the subject
    "anat.no_lung": Row("refused", "no lungs were found", "give a chest CT"),
    "anat.one_lung": Row("limited", "one lung is missing or airless: nothing is said of it", "look at the pictures"),
    "anat.mirror": Row(
        "limited", "the heart is on the right: the scan may be mirrored", "check left and right on the pictures"
    ),
    "cov.short": Row("refused", "the scan is too short to hold the lungs", "give the whole series"),
    "cov.lung_cut": Row(
        "limited", "a part of the lungs lies outside the scan: nothing is said of it", "give the whole series"
    ),
    "cov.lung_part": Row("refused", "most of the lungs lies outside the scan", "give the whole series"),
    "cov.fov_cut": Row("limited", "the lungs touch the edge of the field of view", "use a larger field of view"),
    # the nodules
    "nod.none": Row("info", "no nodule was found: the likelihood is that of such scans", "none needed"),
    "nod.mass": Row(
        "limited", "a lesion is larger than the networks were trained on; its size is uncertain", "have it looked at"
    ),
    "nod.opacity": Row(
        "limited",
        "a large dense region lies in or against the lung",
        "have it looked at: only what is listed as a nodule was judged",
    ),
    "nod.many": Row(
        "limited", "there are more probable nodules than are judged; the rest was left out", "look at the pictures"
    ),
    "nod.outline": Row("limited", "a nodule could not be outlined; its size is uncertain", "look at the pictures"),
    **COHORT_ROWS,
}
