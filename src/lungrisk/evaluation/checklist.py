"""What a report of an evaluation has to say: the topics of CLAIM and TRIPOD+AI, filled in as far as the figures know.

Topics are in our own words and in the order of a paper, with the numbers that they have in the two lists. Sources: Tejani et al., Radiology: Artificial
Intelligence 2024;6:e240300 (CLAIM, 2024 update); Collins et al., BMJ 2024;385:e078378 (TRIPOD+AI). Check a paper against the lists
themselves.
"""

from collections.abc import Callable
from html import escape
from typing import Any, NamedTuple

from lungrisk.core.vocabulary import visible
from lungrisk.evaluation.subgroups import SCANNER

Fill = Callable[[dict[str, Any]], str | None]


class Topic(NamedTuple):
    """One topic: the part of a paper, its numbers in TRIPOD+AI and in CLAIM, what is asked, what the figures say (None: only authors know)."""

    part: str
    tripod: str
    claim: str
    asked: str
    fill: Fill | None = None


def checklist(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """Each topic as `part, tripod, claim, asked, said`; said is None where only the authors know."""
    return [
        {
            "part": topic.part,
            "tripod": topic.tripod,
            "claim": topic.claim,
            "asked": topic.asked,
            "said": topic.fill(figures) if topic.fill else None,
        }
        for topic in TOPICS
    ]


def to_markdown(rows: list[dict[str, Any]]) -> str:
    """The checklist as a page; what authors must fill in is marked."""
    open_rows = sum(row["said"] is None for row in rows)
    lines = [
        "# What a report of this evaluation has to say",
        "",
        "Topics of CLAIM (2024 update) and TRIPOD+AI, in our words, with their numbers in both. Check the paper against the lists themselves.",
        f"{len(rows) - open_rows} topics are filled in from the figures; {open_rows} are for the authors: **[authors]**.",
    ]
    part = None
    for row in rows:
        if row["part"] != part:
            part = row["part"]
            lines += ["", f"## {part}", "", "| TRIPOD+AI | CLAIM | asked | said |", "| --- | --- | --- | --- |"]
        said = "**[authors]**" if row["said"] is None else escape(row["said"], quote=False).replace("|", "\\|")
        lines.append(f"| {row['tripod']} | {row['claim']} | {row['asked']} | {said} |")
    return "\n".join(lines) + "\n"


def _patients(f: dict[str, Any]) -> str:
    c = f["counts"]
    return (
        f"{c['predicted']} predicted and {c['labelled']} labelled patients; {c['judged']} have both and were judged; left out: "
        f"{c['unlabelled']} without a known label, {c['unpredicted']} without a likelihood. Among the judged {c['refused']} were refused by "
        "the software and count with a filled-in likelihood."
    )


def _outcome(f: dict[str, Any]) -> str:
    return f"{f['n_positive']} of {f['n']} judged patients have the outcome ({f['prevalence']:.1%}). How it was established: [authors]"


def _span(f: dict[str, Any], name: str, digits: int = 3) -> str:
    if f[name] != f[name] or f[name] is None:
        return "does not exist here"
    low, high = f[f"{name}_low"], f[f"{name}_high"]
    interval = "interval cannot be had" if low != low or low is None else f"95 % {low:.{digits}f} to {high:.{digits}f}"
    return f"{f[name]:.{digits}f} ({interval})"


def _performance(f: dict[str, Any]) -> str:
    return (
        f"AUC {_span(f, 'auc')}, interval {f['auc_interval']}; log loss {_span(f, 'log_loss')}, base rate {f['log_loss_base_rate']:.3f}; Brier "
        f"{_span(f, 'brier')}; calibration slope {_span(f, 'slope', 2)}, intercept {_span(f, 'intercept', 2)}; expected calibration error "
        f"{f['ece']:.3f}; average precision {_span(f, 'ap')}. {f['verdict']}"
    )


def _methods(f: dict[str, Any]) -> str:
    return (
        "AUC with ties half, DeLong's interval (Newcombe's near 0 and 1 and with fewer than 10 of one outcome); other intervals by bootstrap of patients (of groups where patients belong together), "
        f"{f['provenance']['draws']} samples, percentiles; calibration by logistic recalibration and bins of equal size; net benefit; "
        "log loss and Brier's score beside those of the share of cancers."
    )


def _acquisition(f: dict[str, Any]) -> str:
    """The scanners, as far as the tables or the store know them."""
    known = [row for row in f["subgroups"] if row["property"] in SCANNER]
    if not known:
        return "The tables say nothing of scanners; with --store they are taken from the scans. Protocol and dose: [authors]"
    counted = ", ".join(f"{row['name']} {row['n']}" for row in known)
    return f"Patients by vendor, kernel and slice thickness: {counted}. Protocol and dose: [authors]"


def _characteristics(f: dict[str, Any]) -> str:
    of_people = [row for row in f["subgroups"] if row["property"] not in {*SCANNER, "status"}]
    counted = [f"{row['name']} {row['n']} ({row['n_positive']})" for row in of_people]
    if not counted:
        return "The tables hold no property of the patients: [authors]"
    return f"Patients, in brackets those with the outcome: {', '.join(counted)}. Others: [authors]"


def _failures(f: dict[str, Any]) -> str | None:
    if not f["operating_points"]:
        return None
    at = f["operating_points"][0]
    return f"At the threshold {at['threshold']:.3f} {at['false_negative']} cancers are missed and {at['false_positive']} others called. Which, and why: [authors]"


def _fairness(f: dict[str, Any]) -> str:
    properties = sorted({row["property"] for row in f["subgroups"]})
    if not properties:
        return "The tables hold no property by which patients could be parted: no subgroup was judged."
    return f"Figures with intervals by {', '.join(properties)}."


def _thresholds(f: dict[str, Any]) -> str:
    return "Thresholds were chosen on the patients that they are judged on, except those given: they are somewhat flattered."


def _data(f: dict[str, Any]) -> str:
    files = f["provenance"]["files"]
    return "; ".join(f"{role}: {visible(file['name'])}, SHA-256 {file['sha256'][:16]}" for role, file in files.items())


def _uncertainty(f: dict[str, Any]) -> str:
    few = (
        " With fewer than 10 of one outcome every figure here is uncertain."
        if min(f["n_positive"], f["n"] - f["n_positive"]) < 10
        else ""
    )
    return f"The intervals above are those of {f['n']} patients with {f['n_positive']} outcomes.{few} How many were needed: [authors]"


# fmt: off
TOPICS: tuple[Topic, ...] = (
    Topic("Title and abstract", "1", "1", "that a prediction model is evaluated, of which technology, for whom and which outcome"),
    Topic("Title and abstract", "2", "2", "structured summary"),
    Topic("Introduction", "3a", "3", "the clinical question and what is known of earlier models"),
    Topic("Introduction", "3b", "3", "who shall use the likelihood, for whom, at which point of care"),
    Topic("Introduction", "3c", "", "known differences of health between groups of people"),
    Topic("Introduction", "4", "4, 6", "aims: development, evaluation or both; of which kind the study is"),
    Topic("Data", "5a", "5, 7", "where the data come from, prospective or not, and how representative they are", _data),
    Topic("Data", "5b", "8", "dates of inclusion and end of follow-up"),
    Topic("Data", "6a", "8", "setting, centres, countries"),
    Topic("Data", "6b", "8", "who was eligible and how they were found"),
    Topic("Data", "6c", "", "treatments that patients received"),
    Topic("Data", "7", "9", "how scans were prepared, checked and normalised", lambda f: (
        "By lungrisk's reader and recipes (their hash is in every result); findings list what was corrected, limited or refused."
    )),
    Topic("Data", "", "10", "which part of each patient's images is used, and who chose it", lambda f: (
        "One series a patient, chosen by lungrisk's rules, which are told in the findings. Earlier choices of patients or series: [authors]"
    )),
    Topic("Data", "", "11", "how data were de-identified", lambda f: (
        "lungrisk keeps neither names nor dates; ids are those of the tables."
    )),
    Topic("Data", "", "13", "how the scans were acquired", _acquisition),
    Topic("Reference standard", "8a", "14", "the outcome, its horizon, how and when it was established", _outcome),
    Topic("Reference standard", "", "15", "why this outcome and no other"),
    Topic("Reference standard", "8b", "16", "who established it, with which training"),
    Topic("Reference standard", "", "17", "how the patients to be judged were annotated, with which tools"),
    Topic("Reference standard", "", "18", "how far those who established it differ, and how differences were settled"),
    Topic("Reference standard", "8c", "", "whether they knew the likelihoods"),
    Topic("Predictors", "9a-9c", "", "what the model sees", lambda f: (
        "The voxels of one chest CT; header entries are not predictors. Others, if the likelihoods use any: [authors]"
    )),
    Topic("Sample", "10", "21", "how the number of patients was chosen", _uncertainty),
    Topic("Sample", "11", "12", "missing data", _patients),
    Topic("Sample", "12a", "19", "into which parts patients were divided, and how", lambda f: (
        "Nothing is fitted in this evaluation: all its patients are judged. The parts that the model was made with: see its card."
    )),
    Topic("Sample", "16", "20", "that no patient is in two parts, and how those trained on differ from these"),
    Topic("Model", "12b-12d", "22, 24-27", "the model, its first weights, training, choice and joining: see the card of the bundle"),
    Topic("Model", "12g", "23", "how the likelihoods were computed, with which software", lambda f: (
        f"Judged by lungrisk {f['provenance']['lungrisk']}. What computed them: [authors]"
    )),
    Topic("Model", "13", "19", "how unequal classes were treated: see the card of the bundle"),
    Topic("Model", "15", "22", "what the output is, and how thresholds were found", lambda f: (
        f"A likelihood from 0 to 1 for each patient; no class without a threshold. {_thresholds(f)}"
    )),
    Topic("Evaluation", "12e", "28, 29", "measures of performance and how they were computed", _methods),
    Topic("Evaluation", "12f", "", "whether the likelihoods were changed on these data", lambda f: "Not by this evaluation."),
    Topic("Evaluation", "14", "30", "fairness and robustness: by which groups it was judged", _fairness),
    Topic("Evaluation", "", "31", "how likelihoods are explained", lambda f: (
        "The report of a scan shows the nodules that its likelihood rests on and the share of each; this evaluation does not judge that."
    )),
    Topic("Evaluation", "", "32, 33", "whether these patients come from where the model was made, or from elsewhere"),
    Topic("Ethics and openness", "17", "", "approval and consent"),
    Topic("Ethics and openness", "18a, 18b", "44", "funding and conflicts of interest"),
    Topic("Ethics and openness", "18c", "42", "where the protocol is"),
    Topic("Ethics and openness", "18d", "34", "registration"),
    Topic("Ethics and openness", "18e", "43", "whether others can have the data"),
    Topic("Ethics and openness", "18f", "43", "code", lambda f: (
        f"lungrisk {f['provenance']['lungrisk']}; this page is remade by `lungrisk evaluate` on the named files."
    )),
    Topic("Ethics and openness", "19", "", "how patients and the public were involved"),
    Topic("Results", "20a, 21", "35", "flow of patients", _patients),
    Topic("Results", "20b", "36", "age, sex and other characteristics of the patients", _characteristics),
    Topic("Results", "20c", "36", "how they differ from those of the training"),
    Topic("Results", "22", "43", "the model itself: see the bundle, which holds it whole"),
    Topic("Results", "23a", "37, 38", "performance with intervals", _performance),
    Topic("Results", "23a, 23b", "37", "performance by groups", _fairness),
    Topic("Results", "", "39", "analysis of failures", _failures),
    Topic("Results", "24", "", "updating of the model, if any (`lungrisk calibrate`)"),
    Topic("Discussion", "25", "41", "what the results mean"),
    Topic("Discussion", "26", "40", "limits: selection, reference standard, scanners, size of the sample"),
    Topic("Discussion", "27a-27c", "41", "how poor input is handled, what users must know, what comes next", lambda f: (
        "Scans that cannot be judged are refused by name and get no likelihood of their own. What users must know and what comes next: [authors]"
    )),
)
# fmt: on
