"""Where a NIfTI volume lies: out of sform, qform and pixdim, which must not contradict each other."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.errors import InputError
from lungrisk.core.finding_rows import Severity
from lungrisk.core.findings import Finding, find
from lungrisk.core.geometry import Affine
from lungrisk.formats.single import LPS_FROM_RAS, checked_affine, skew_of, upright_share
from lungrisk.formats.stacking import UNIT_WITHIN

UNITS = {0: 1.0, 2: 1.0, 1: 1000.0, 3: 0.001}  # xyzt_units: unknown, mm, m, micrometres, in mm
UNIT_NAMES = {1: "metres", 3: "micrometres"}
FORMS_AGREE_MM = 0.5  # sform and qform further apart than this contradict each other
FORMS_SAME_MM = 0.05  # nearer, they are the same but for the single precision of a quaternion
SIZES_AGREE = 0.01  # share by which pixdim and the lengths in sform may differ
PLAUSIBLE_MM = (0.1, 20.0)  # of a CT's voxels


def place_of(header: Any) -> tuple[Affine, tuple[Finding, ...]]:
    """The affine, (k, j, i, 1) to LPS mm, of a header of nibabel.

    Raises InputError: `nii.no_affine`, `nii.form_conflict`, `nii.units`, `geo.*`. Findings: `nii.form_conflict`, `nii.qform_used`,
    `nii.units`, `hdr.conflict`.
    """
    notes = list(_mended_sizes(header))
    sform, qform = _sform(header), _qform(header)
    if sform is None and qform is None:
        found = (
            f"sform_code {int(header['sform_code'])}, qform_code {int(header['qform_code'])}, none that places a volume"
        )
        raise InputError(find("nii.no_affine", found=found))
    ras = sform if sform is not None else qform
    if sform is not None and qform is not None:
        ras, about = _chosen(sform, qform, tuple(int(n) for n in header["dim"][1:4]))
        notes += about
    elif sform is not None:
        notes += _sizes_against(sform, header)
        if int(header["qform_code"]):
            remedy = "none needed: sform places the volume"
            notes.append(
                find("nii.form_conflict", severity="corrected", found="a qform that is no rotation", remedy=remedy)
            )
    elif int(header["sform_code"]):
        notes.append(find("nii.qform_used", found="an sform of no volume"))
    lps, scaled = _in_mm(LPS_FROM_RAS @ ras, header)
    return checked_affine(lps[:, [2, 1, 0, 3]], "nii.no_affine"), (*notes, *scaled)


def _mended_sizes(header: Any) -> tuple[Finding, ...]:
    """Negative pixdim made positive, in place, as nibabel does: directions are not its business. Raises InputError (`geo.spacing_bad`)."""
    sizes = np.array(header["pixdim"][1:4], np.float64)
    if not (np.isfinite(sizes).all() and sizes.all()):
        raise InputError(find("geo.spacing_bad", found=sizes.tolist(), expected="above 0", tag="pixdim"))
    if (sizes > 0).all():
        return ()
    header["pixdim"][1:4] = np.abs(sizes)
    severity: Severity = "corrected" if int(header["sform_code"]) else "limited"
    remedy = (
        "none needed: sform places the volume" if severity == "corrected" else "check left and right on the pictures"
    )
    found = f"pixdim {', '.join(f'{size:g}' for size in sizes)}"
    return (find("hdr.conflict", severity=severity, found=found, expected="above 0", tag="pixdim", remedy=remedy),)


def _sform(header: Any) -> NDArray[np.float64] | None:
    """RAS; None where it is not stated or no volume."""
    if not int(header["sform_code"]):
        return None
    form = np.array(header.get_sform(), np.float64)
    return form if _is_volume(form) else None


def _qform(header: Any) -> NDArray[np.float64] | None:
    if not int(header["qform_code"]):
        return None
    if header["pixdim"][0] >= 0:  # nibabel and ITK read it so; of negative ones they agree on -1 alone
        header["pixdim"][0] = 1
    try:
        form = np.array(header.get_qform(), np.float64)
    except Exception:  # nibabel raises several kinds on a quaternion that is none: then there is no qform
        return None
    return form if _is_volume(form) else None


def _is_volume(form: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(form).all() and np.linalg.norm(form[:3, :3], axis=0).all() and upright_share(form) > 1e-6)


def _chosen(
    sform: NDArray[np.float64], qform: NDArray[np.float64], shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], list[Finding]]:
    """sform, or qform where sform skews the slices. Raises InputError (`nii.form_conflict`) where one mirrors the other."""
    if np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0:
        raise InputError(find("nii.form_conflict", severity="refused", found="sform and qform mirror each other"))
    corners = np.array([[i, j, k, 1] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * [*shape, 1]
    apart = float(np.abs((sform - qform) @ corners.T).max())
    far = apart > FORMS_AGREE_MM
    skew = abs(skew_of((LPS_FROM_RAS @ sform)[:, [2, 1, 0, 3]]))
    if skew > UNIT_WITHIN:
        found = f"rows and columns skewed by {skew:.4f}, {apart:.1f} mm from qform"
        remedy = "check the place on the pictures" if far else "none needed"
        return qform, [find("nii.qform_used", severity="limited" if far else None, found=found, remedy=remedy)]
    if apart <= FORMS_SAME_MM:
        return sform, []
    note = None if far else "none needed: they are the same to half a millimetre"
    severity: Severity | None = None if far else "corrected"
    return sform, [find("nii.form_conflict", severity=severity, found=f"{apart:.2f} mm apart", remedy=note)]


def _sizes_against(sform: NDArray[np.float64], header: Any) -> list[Finding]:
    """Where there is no qform, pixdim is all that sform can be held against."""
    lengths, sizes = np.linalg.norm(sform[:3, :3], axis=0), np.asarray(header["pixdim"][1:4], np.float64)
    if np.abs(lengths / sizes - 1).max() <= SIZES_AGREE:
        return []
    found = f"voxels of {' x '.join(f'{v:g}' for v in lengths)} mm in sform, {' x '.join(f'{v:g}' for v in sizes)} in pixdim"
    return [find("nii.form_conflict", found=found)]


def _in_mm(affine: NDArray[np.float64], header: Any) -> tuple[NDArray[np.float64], tuple[Finding, ...]]:
    """The affine in mm. A unit other than mm is believed where it alone makes voxels of a CT. Raises InputError (`nii.units`)."""
    unit = int(header["xyzt_units"]) & 7
    factor = UNITS.get(unit)
    if factor == 1:
        return affine, ()
    name, lengths = UNIT_NAMES.get(unit, f"code {unit}"), np.linalg.norm(affine[:3, :3], axis=0)
    low, high = PLAUSIBLE_MM
    believed = factor is not None and (low <= lengths * factor).all() and (lengths * factor <= high).all()
    if factor is None or not believed or ((low <= lengths) & (lengths <= high)).all():
        found = f"voxels of {' x '.join(f'{v:g}' for v in lengths)}, said to be in {name}"
        raise InputError(find("nii.units", found=found, expected="millimetres", tag="xyzt_units"))
    scaled = affine.copy()
    scaled[:3] *= factor
    note = find("nii.units", severity="corrected", found=name, remedy="none needed: the sizes were converted")
    return scaled, (note,)
