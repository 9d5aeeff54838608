"""The rows of the table of findings that speak of cohorts, labels, training and evaluation."""

from lungrisk.core.finding_rows import Row

COHORT_ROWS: dict[str, Row] = {
    # the folder of patients and its store
    "coh.none": Row(
        "refused", "no patient was found", "give a folder that holds one folder a patient, or a CSV id,path"
    ),
    "coh.worker": Row(
        "refused",
        "the process that worked on this patient died",
        "run the same command again; with fewer workers if memory is short",
    ),
    # labels
    # training
    # predictions and their evaluation
}
