"""Rows of the table of findings: files, containers and the choice of the series."""

from lungrisk.core.finding_rows import Row

READING_ROWS: dict[str, Row] = {
    # files
    "file.empty": Row("info", "empty files were skipped", "none needed unless slices are missing"),
    "file.other": Row("info", "files that are not images were skipped", "none needed"),
    "file.unreadable": Row(
        "refused", "a file that may be a slice cannot be read", "check the permissions, or copy the scan again"
    ),
    "file.truncated": Row("refused", "a file ends before its pixels do", "copy or export the scan again"),
    "file.surplus": Row(
        "refused",
        "the file holds more bytes than its header accounts for",
        "copy or convert the scan again; where the bytes are known to be no voxels, cut them off",
    ),
    "file.corrupt": Row("refused", "a file cannot be parsed", "copy or export the scan again"),
    "file.syntax": Row(
        "refused", "this transfer syntax is not supported", "export the scan with a lossless transfer syntax"
    ),
    "file.none": Row("refused", "no image was found", "give a folder, a zip or a file with a chest CT"),
    "file.no_preamble": Row("corrected", "DICOM files without preamble were read all the same", "none needed"),
    "file.packed": Row(
        "limited", "packed files were not opened, so slices may be missing", "unpack them and give the folder"
    ),
    "file.unnamed": Row(
        "limited",
        "files lie among those that the DICOMDIR names and are not named in it",
        "give the folder instead of the DICOMDIR",
    ),
    "file.link": Row(
        "limited", "links to folders elsewhere were not followed", "give the folder that the link leads to"
    ),
    "file.deep": Row("limited", "folders this far down were not looked into", "give the folder that holds the slices"),
    "file.unforeseen": Row(
        "refused",
        "the scan holds something that lungrisk did not foresee",
        "export the scan again; if other programs open it, send this line to the authors",
    ),
    "file.encrypted": Row("refused", "the archive is encrypted", "unpack it and give the folder"),
    "sec.path": Row(
        "refused", "an archive or header points outside its own folder", "unpack it by hand and look at it"
    ),
    "res.claim": Row("refused", "more is claimed than the bytes of the file can hold", "export the scan again"),
    "res.many": Row("refused", "there are more files than one scan has", "give the folder of one scan"),
    "res.too_big": Row("refused", "the scan is larger than can be held", "export fewer slices"),
    # which series
    "sel.series": Row(
        "info", "more than one series was found; one was chosen", "give the folder of the other series to judge that"
    ),
    "sel.phase": Row(
        "corrected", "one series held several acquisitions; one was chosen", "give one acquisition to judge another"
    ),
    "sel.stations": Row(
        "limited",
        "one series held acquisitions of neighbouring regions that overlap; where they do the longest was kept",
        "look at the pictures where they meet",
    ),
    "sel.ambiguous": Row(
        "refused", "several series or phases are mixed and cannot be told apart", "give a folder with one series"
    ),
    "sel.kernel_mixed": Row(
        "refused", "slices of several reconstruction kernels are mixed", "export one reconstruction"
    ),
    "sel.localizer": Row("refused", "this is a localizer, not a scan", "give the folder of the axial series"),
    "sel.modality": Row("refused", "this is not a CT", "give a chest CT"),
    "hdr.syntax": Row(
        "corrected",
        "the file is written otherwise than its TransferSyntaxUID says; it was read as it is written",
        "none needed",
    ),
    "hdr.sop_class": Row(
        "limited",
        "the SOP class is none that the standard knows; the images were read as CT, which the modality names",
        "keep SOPClassUID when identifiers are replaced",
    ),
    "sel.not_image": Row("info", "DICOM objects that are not CT images were skipped", "none needed"),
    "sel.secondary": Row("refused", "this is a secondary capture, not a scan", "give the original series"),
    "sel.derived": Row(
        "refused",
        "these are derived images (projections, renderings, differences), not slices",
        "give the original series",
    ),
    "sel.reformat": Row("limited", "this series was reformatted from another", "give the original axial series"),
    # who
    "id.sop_dup": Row("corrected", "slices share one SOPInstanceUID; they were told apart by content", "none needed"),
    "id.patient_mixed": Row("refused", "images of several patients lie together", "give one patient at a time"),
    "id.study_mixed": Row("refused", "one series names several studies", "separate the studies"),
    "id.study_split": Row(
        "corrected",
        "the slices of one stack name several studies; patient and places agree, so they were joined",
        "none needed",
    ),
    "id.for_mixed": Row("refused", "slices have different frames of reference", "export the series again"),
    # order and completeness
    "ord.instance": Row("info", "InstanceNumber does not follow the positions; positions were used", "none needed"),
    "ord.dup_same": Row("corrected", "identical slices were given more than once; one of each was kept", "none needed"),
    "ord.dup_conflict": Row("refused", "different slices lie at one position", "export one acquisition"),
    "ord.uid_conflict": Row("refused", "one SOPInstanceUID has two different images", "export the series again"),
    "ord.left_out": Row(
        "limited",
        "files that seem to be slices of this series could not be used",
        "copy or export the series again, and compare the number of slices",
    ),
    "ord.number_gap": Row(
        "info",
        "InstanceNumber leaves numbers out, as if only some of the slices had been exported",
        "give all slices if there are more",
    ),
    "ord.series_split": Row(
        "corrected", "the slices of one stack carry several series UIDs; they were joined", "none needed"
    ),
}
