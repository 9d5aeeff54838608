"""Rows of the table of findings: where slices lie and what their values are."""

from lungrisk.core.finding_rows import Row

SCAN_ROWS: dict[str, Row] = {
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
    "geo.skew": Row(
        "limited",
        "rows and columns are not at right angles, as a scanner makes them; the rows were resampled",
        "give the scan before its header was edited",
    ),
    "geo.iop_mixed": Row("refused", "slices have different orientations", "give one axial series"),
    "geo.hole": Row("limited", "slices are missing; the gap was filled from its neighbours", "export the series again"),
    "geo.hole_large": Row("refused", "too many slices are missing in one place", "export the series again"),
    "geo.gaps": Row(
        "limited",
        "slices lie farther apart than they are thick: what lies between was not seen",
        "give every slice of the series, or a series without gaps",
    ),
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
        "limited",
        "values were too high by 1024 HU everywhere; 1024 was taken from all of them",
        "export with the true RescaleIntercept",
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
    "px.channels": Row(
        "refused", "each voxel holds several values (a colour, a vector), not one CT value", "give the CT itself"
    ),
    "px.lut": Row("refused", "values need a modality look-up table", "export with RescaleSlope and RescaleIntercept"),
    "px.depth": Row("limited", "the values were stored with 8 bits", "export with full depth"),
    "px.lossy": Row("limited", "the pixels were compressed with loss", "export with a lossless transfer syntax"),
    "px.flat_slice": Row("limited", "slices are empty", "export the series again"),
    "px.shift": Row(
        "limited",
        "a part of a slice lies to the side of where both its neighbours have it, as when bytes of a file are lost or put in",
        "look at the slice; copy or export the series again",
    ),
    "px.jump": Row(
        "limited",
        "a slice, or a band of it, is brighter or darker than both its neighbours by far",
        "look at the slice; export the series again",
    ),
    "px.nan": Row("limited", "values that are no numbers were set to air", "export the series again"),
    "px.trailing": Row(
        "refused",
        "bytes follow the pixels that form no element: the file was damaged, and its pixels may be shifted",
        "copy or export the scan again",
    ),
    "px.bits": Row(
        "limited",
        "a few slices have bits set that the header says are not used, and the others have none: they may be damaged",
        "copy or export the scan again",
    ),
    "px.clipped": Row(
        "limited", "the values were cut to a window before", "export the original CT, with its full range of values"
    ),
    "px.length": Row("refused", "the pixel data is not as long as the header says", "export the series again"),
    "px.rescale_odd": Row(
        "limited",
        "a few slices have another rescale than all the others: their values may be wrong",
        "look at the slices; export the series again",
    ),
    "px.rescale_type": Row(
        "info",
        "RescaleType does not say HU; air and soft tissue have the values that HU give them",
        "none needed",
    ),
    "px.masked": Row("limited", "everything outside the lungs was removed beforehand", "give the original scan"),
    "hdr.number": Row("refused", "a number in the header cannot be read", "export the series again"),
    "hdr.value": Row(
        "refused",
        "a field of the header has a value that cannot be followed",
        "convert the scan again from its DICOM slices",
    ),
    "hdr.conflict": Row("refused", "the header contradicts itself", "convert the scan again from its DICOM slices"),
    "hdr.bits": Row("refused", "the header's bit depths contradict each other", "export the series again"),
    "acq.contrast": Row("info", "contrast agent was given", "none needed"),
    "acq.kernel": Row("info", "a sharp kernel was used: noise is high, small nodules look rough", "none needed"),
    "acq.noise": Row("limited", "the scan is very noisy", "use a smoother reconstruction"),
    "nii.no_affine": Row("refused", "the NIfTI file does not say where it lies", "convert again with sform or qform"),
    "nii.4d": Row("refused", "the file holds several volumes", "give one volume"),
    "nii.units": Row("refused", "the spatial unit is not millimetres", "convert again in mm"),
    "nii.form_conflict": Row(
        "limited", "sform and qform (or pixdim) disagree; sform was used", "check place and size on the pictures"
    ),
    "nii.qform_used": Row(
        "corrected", "sform is not what a scanner makes; the volume was placed by qform", "none needed"
    ),
    "nii.intent": Row(
        "refused", "the header says that the values are no image (a map of labels, a statistic)", "give the CT itself"
    ),
    "nrrd.no_space": Row(
        "refused", "the NRRD file does not name its space", "write it with space and space directions"
    ),
}
