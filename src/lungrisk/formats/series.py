"""What a folder holds, series by series: the record that `lungrisk check` shows."""

from dataclasses import dataclass

from lungrisk.core.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One series, or one file of another format, as far as headers tell.

    kind: "axial", "coronal", "sagittal", "oblique", or why it is no scan: "localizer", "secondary", "projection", "other".
    uid: hash of the series UID. n_slices: images. spacing: mm (k, j, i), None where positions do not give it. matrix: (j, i).
    chosen: `read` takes this one. why: one clause. findings: what reading it would note; refused where it cannot be read.
    """

    format: str
    description: str
    modality: str
    kind: str
    uid: str
    n_files: int
    n_slices: int
    matrix: tuple[int, int]
    spacing: tuple[float, float, float] | None
    chosen: bool
    why: str
    findings: tuple[Finding, ...] = ()


def broken(format_name: str, name: str, findings: tuple[Finding, ...]) -> Series:
    """The row of a file that cannot be read. findings: why.

    >>> broken("nifti", "a.nii", ()).why
    'it cannot be read'
    """
    return Series(
        format=format_name,
        description=name,
        modality="",
        kind="other",
        uid="",
        n_files=1,
        n_slices=0,
        matrix=(0, 0),
        spacing=None,
        chosen=False,
        why="it cannot be read",
        findings=findings,
    )
