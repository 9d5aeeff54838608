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
    "coh.start": Row(
        "refused",
        "workers could not be started or reached",
        'check the address; in a script of your own, call from under `if __name__ == "__main__":`',
    ),
    "coh.slurm": Row(
        "refused",
        "the file with the options for SLURM cannot be used",
        "give TOML or JSON with cores, memory, queue, walltime and jobs",
    ),
    # labels
    # training
    # predictions and their evaluation
}
