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
    # the store
    "coh.store": Row(
        "refused", "this is no store of lungrisk", "give a new folder, or one that `lungrisk prepare` made"
    ),
    "coh.nodules": Row(
        "refused", "a folder of nodules cannot be read", "give a folder laid out as the documentation says (nodules)"
    ),
    "coh.unfinished": Row(
        "refused", "the making of this store was interrupted", "run the same `lungrisk prepare` again"
    ),
    "coh.other_store": Row(
        "refused", "the store was made with another recipe, bundle or version", "give a new folder, or delete this one"
    ),
    "coh.locked": Row("refused", "somebody else is working on this store", "wait for it, or stop the other process"),
    "coh.file": Row("refused", "a patient's file is damaged", "run the same `lungrisk prepare` again: it is made anew"),
    "coh.damaged": Row(
        "refused", "the table of a store cannot be used", "run the same `lungrisk prepare` again: it is written anew"
    ),
    "coh.unknown": Row("refused", "the patient or array is not in the store", "see patients.csv for those that are"),
    "coh.lost": Row(
        "limited", "patients could not be worked on to the end", "run the same command again: only they are tried"
    ),
    "coh.crash": Row(
        "refused",
        "work on this patient failed in a way that it should not",
        "run `lungrisk assess` on this patient: it writes a report of the failure",
    ),
    "coh.changed": Row(
        "refused",
        "the files of this patient changed while they were read",
        "wait until they are copied, then run the same command again",
    ),
    "coh.constant": Row("refused", "the volume is the same everywhere", "look at the scan"),
    "coh.same_scan": Row(
        "limited", "two ids have the same scan, or nearly so; they were put in one fold", "remove one of them"
    ),
    # who is in the cohort
    "coh.other": Row("info", "files that are neither folders nor scans were not looked at", "none needed"),
    "coh.dup": Row("refused", "an id is given more than once with different paths", "keep one line an id"),
    "coh.id": Row("refused", "lines lack an id or a path", "fill them in or remove the lines"),
    "coh.formula": Row(
        "refused",
        "ids begin with =, +, -, @ or a tab: a spreadsheet that opens a table of them takes them for formulas",
        "rename them, or give a table id,path with other ids",
    ),
    "coh.path": Row("limited", "paths of the table are not there; their patients are refused", "check the paths"),
    # labels
    "lab.none": Row("refused", "the table of labels has no rows", "give a CSV with columns id and cancer"),
    "lab.form": Row("corrected", "the table is not plain UTF-8 with commas; it was read all the same", "none needed"),
    "lab.columns": Row(
        "refused", "the columns of the table are not those that are expected", "rename or remove columns"
    ),
    "lab.cells": Row("refused", "lines have more or fewer cells than the header", "put text with commas into quotes"),
    "lab.id": Row("refused", "lines have no id", "fill it in or remove the lines"),
    "lab.value": Row(
        "refused",
        "values cannot be used",
        "write 0 or 1, numbers of 0 or more, or leave the cell empty; --unknown -1 takes -1 as empty",
    ),
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
    "lab.few": Row("refused", "fewer than 10 patients have cancer, or fewer than 10 have none", "give more patients"),
    "lab.leak": Row(
        "limited",
        "the label can be guessed from how the scan was made",
        "look at how patients with and without cancer were collected: a network may learn the scanner instead",
    ),
    # training
    "trn.locked": Row(
        "refused", "another training is at work in this folder", "wait for it, or choose another with -o"
    ),
    "trn.other": Row(
        "refused",
        "beside the bundle lies an unfinished training on other data, with other options or other versions",
        "give the command that began it, or choose another -o, or give --overwrite to begin anew",
    ),
    "trn.checkpoint": Row(
        "refused",
        "a checkpoint is whole but not one that this training can go on from",
        "give --overwrite to begin anew, or use the version that made it",
    ),
    "trn.nan": Row(
        "refused",
        "the loss or its gradient is no longer a number",
        "look at the patients that are named; lower the learning rate",
    ),
    "trn.folds": Row(
        "refused", "a fold lacks patients with or without cancer", "use fewer folds, or give more patients"
    ),
    "trn.test": Row(
        "refused", "patients that are kept for the test are among those to learn from", "make the store without them"
    ),
    # predictions and their evaluation
    "coh.recipe": Row(
        "refused",
        "the store was prepared with another recipe than the bundle was trained on",
        "prepare the cohort with the bundle's recipe, or predict from the cohort itself",
    ),
    "coh.nan": Row("refused", "a network gave no number for this patient", "send the bundle's card to its authors"),
    "coh.held_out": Row(
        "info", "the bundle learnt from this patient; the network that did not was asked", "none needed"
    ),
    "coh.seen": Row(
        "limited", "all networks of the bundle learnt from this patient", "take no figure of quality from it"
    ),
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
        "the likelihoods do not rise with the share of cancers by more than chance: the map gives everybody that share",
        "look at the evaluation before you use it",
    ),
    "evl.steps": Row(
        "limited",
        "there are few patients for a staircase (isotonic): its steps are placed by chance",
        "take platt, or give 1000 patients with 100 of either outcome; fewer than 100, or 25, are not taken",
    ),
    "evl.misfit": Row(
        "limited",
        "this method cannot mend all that is wrong with these likelihoods: a map with slope and intercept fits better by more than chance",
        "take platt; the interval of this map does not hold the misfit",
    ),
    "evl.time": Row("limited", "there are too few diagnoses with a time for figures by year", "follow longer"),
}
