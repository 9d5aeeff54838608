"""Rows of the table of findings: the patient in the scan, the lungs and the nodules."""

from lungrisk.core.finding_rows import Row

SUBJECT_ROWS: dict[str, Row] = {
    # the subject
    "anat.no_lung": Row("refused", "no lungs were found", "give a chest CT"),
    "anat.one_lung": Row("limited", "one lung is missing or airless: nothing is said of it", "look at the pictures"),
    "anat.mirror": Row(
        "limited", "the heart is on the right: the scan may be mirrored", "check left and right on the pictures"
    ),
    "anat.back_front": Row(
        "limited",
        "the spine lies in front: back and front are exchanged, places and sides cannot be trusted",
        "give the series as the scanner wrote it, with its true orientation",
    ),
    "anat.upside_down": Row(
        "limited",
        "the lungs taper downwards: head and feet are exchanged, places and sides cannot be trusted",
        "give the series as the scanner wrote it, with its true orientation",
    ),
    "anat.axes": Row(
        "refused",
        "the body does not lie along the axes that the geometry states",
        "give the series as the scanner wrote it, with its true orientation",
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
    "nod.unexplained": Row(
        "limited",
        "a dense region of 10 mm or more in or against the lung is no accepted nodule: the likelihood leaves it out",
        "have it looked at",
    ),
    "nod.hazy": Row(
        "limited",
        "a hazy region in the lung is no accepted nodule: the likelihood leaves it out",
        "have it looked at",
    ),
    "nod.doubtful": Row(
        "limited",
        "a candidate of 10 mm or more may be a nodule but was not accepted: the likelihood leaves it out",
        "have it looked at",
    ),
    "nod.many": Row(
        "limited", "there are more probable nodules than are judged; the rest was left out", "look at the pictures"
    ),
    "nod.outline": Row("limited", "a nodule could not be outlined; its size is uncertain", "look at the pictures"),
}
