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
    # who is in the cohort
    "coh.other": Row("info", "files that are neither folders nor scans were not looked at", "none needed"),
    "coh.dup": Row("refused", "an id is given more than once with different paths", "keep one line an id"),
    "coh.id": Row("refused", "lines lack an id or a path", "fill them in or remove the lines"),
    "coh.path": Row("limited", "paths of the table are not there; their patients are refused", "check the paths"),
    # labels
    "lab.none": Row("refused", "the table of labels has no rows", "give a CSV with columns id and cancer"),
    "lab.form": Row("corrected", "the table is not plain UTF-8 with commas; it was read all the same", "none needed"),
    "lab.columns": Row(
        "refused", "the columns of the table are not those that are expected", "rename or remove columns"
    ),
    "lab.cells": Row("refused", "lines have more or fewer cells than the header", "put text with commas into quotes"),
    "lab.id": Row("refused", "lines have no id", "fill it in or remove the lines"),
    "lab.value": Row("refused", "values cannot be used", "write 0 or 1, numbers of 0 or more, or leave the cell empty"),
    "lab.spelling": Row("corrected", "labels write 0 and 1 in another way; they were read all the same", "none needed"),
    "lab.unknown": Row("info", "labels are empty: these patients can be predicted, not learnt from", "none needed"),
    "lab.event": Row(
        "refused",
        "event contradicts the rest of the line",
        "event needs time_years; cancer 1 means that event is 1",
    ),
    "lab.dup_same": Row("corrected", "ids are labelled more than once, always the same", "none needed"),
    "lab.dup_conflict": Row("refused", "ids are labelled more than once, differently", "keep the right line"),
    "lab.no_label": Row(
        "refused",
        "patients have no label",
        "add them to the table with an empty cell for cancer, or allow missing ones (--allow-missing)",
    ),
    "lab.no_patient": Row(
        "refused", "labels have no patient", "check that all scans are there, or allow missing ones (--allow-missing)"
    ),
    "lab.match": Row(
        "refused", "less than half of patients and labels belong together", "check that the ids are the same"
    ),
    "lab.id_form": Row(
        "corrected", "ids differ by spaces or capital letters; they were taken as the same", "none needed"
    ),
    "lab.ambiguous": Row(
        "refused", "ids differ by spaces or capital letters only, and fit each other in several ways", "rename them"
    ),
    "lab.one_class": Row("refused", "all patients have the same label", "give patients with and without cancer"),
    "lab.few": Row("refused", "fewer than 10 patients have cancer", "give more patients"),
    "lab.leak": Row(
        "limited",
        "the label can be guessed from how the scan was made",
        "look at how patients with and without cancer were collected: a network may learn the scanner instead",
    ),
    # training
    # predictions and their evaluation
    "evl.value": Row(
        "refused",
        "likelihoods cannot be used",
        "give numbers from 0 to 1; only a patient whose status is refused may have none",
    ),
    "evl.dup": Row("refused", "patients are predicted more than once", "keep one line a patient"),
    "evl.none": Row("refused", "no predicted patient has a known label", "check that the ids are the same"),
    "evl.unlabelled": Row("info", "predicted patients have no known label: they were left out", "none needed"),
    "evl.unpredicted": Row(
        "limited",
        "labelled patients have no likelihood: they were left out",
        "predict them too: figures of the others alone may flatter",
    ),
    "evl.refused": Row(
        "limited",
        "patients were refused and have a filled-in likelihood: they count in the figures as it stands",
        "see them as a subgroup of their own",
    ),
    "evl.other": Row("limited", "the two predictions are compared on the patients that both have", "predict the same"),
    "evl.fit": Row(
        "refused",
        "this map has no best fit on these patients",
        "choose a method with fewer parameters or give more patients",
    ),
    "evl.flat": Row(
        "limited",
        "the likelihoods do not rise with the share of cancers: the map gives everybody that share",
        "look at the evaluation before you use it",
    ),
    "evl.time": Row("limited", "there are too few diagnoses with a time for figures by year", "follow longer"),
}
