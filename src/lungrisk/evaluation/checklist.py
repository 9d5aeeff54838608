"""What a report of an evaluation has to say: the topics of CLAIM and TRIPOD+AI, filled in as far as the figures know.

Topics are in our own words and in the order of a paper; the numbers are those of TRIPOD+AI. Sources: Tejani et al., Radiology: Artificial
Intelligence 2024;6:e240300 (CLAIM, 2024 update); Collins et al., BMJ 2024;385:e078378 (TRIPOD+AI). Check a paper against the lists
themselves.
"""

from collections.abc import Callable
from html import escape
from typing import Any, NamedTuple

from lungrisk.report.words import visible

Fill = Callable[[dict[str, Any]], str]


class Topic(NamedTuple):
    """One topic: the part of a paper, TRIPOD+AI's number, what is asked, and what the figures say (None: only authors know)."""

    part: str
    item: str
    asked: str
    fill: Fill | None = None


def checklist(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """Each topic as `part, item, asked, said`; said is None where only the authors know."""
    return [
        {
            "part": topic.part,
            "item": topic.item,
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
        "Topics of CLAIM (2024 update) and TRIPOD+AI, in our words; the numbers are TRIPOD+AI's. Check the paper against the lists themselves.",
        f"{len(rows) - open_rows} topics are filled in from the figures; {open_rows} are for the authors: **[authors]**.",
    ]
    part = None
    for row in rows:
        if row["part"] != part:
            part = row["part"]
            lines += ["", f"## {part}", "", "| item | asked | said |", "| --- | --- | --- |"]
        said = "**[authors]**" if row["said"] is None else escape(row["said"], quote=False).replace("|", "\\|")
        lines.append(f"| {row['item']} | {row['asked']} | {said} |")
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
    return f"{f[name]:.{digits}f} (95 % {f[f'{name}_low']:.{digits}f} to {f[f'{name}_high']:.{digits}f})"


def _performance(f: dict[str, Any]) -> str:
    return (
        f"AUC {_span(f, 'auc')}, {f['auc_interval']}; log loss {_span(f, 'log_loss')}, base rate {f['log_loss_base_rate']:.3f}; Brier "
        f"{_span(f, 'brier')}; calibration slope {_span(f, 'slope', 2)}, intercept {_span(f, 'intercept', 2)}; expected calibration error "
        f"{f['ece']:.3f}; average precision {_span(f, 'ap')}. {f['verdict']}"
    )


def _methods(f: dict[str, Any]) -> str:
    return (
        "AUC with ties half, DeLong's interval; other intervals by bootstrap of patients (of groups where patients belong together), "
        f"{f['provenance']['draws']} samples, percentiles; calibration by logistic recalibration and bins of equal size; net benefit; "
        "log loss and Brier's score beside those of the share of cancers."
    )


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


TOPICS: tuple[Topic, ...] = (
    Topic(
        "Title and abstract",
        "1",
        "that a prediction model is evaluated, of which technology, for whom and which outcome",
    ),
    Topic("Title and abstract", "2", "structured summary"),
    Topic("Introduction", "3a", "the clinical question and what is known of earlier models"),
    Topic("Introduction", "3b", "who shall use the likelihood, for whom, at which point of care"),
    Topic("Introduction", "3c", "known differences of health between groups of people"),
    Topic("Introduction", "4", "aims: development, evaluation or both"),
    Topic("Data", "5a", "where the data come from, prospective or not, and how representative they are", _data),
    Topic("Data", "5b", "dates of inclusion and end of follow-up"),
    Topic("Data", "6a", "setting, centres, countries"),
    Topic("Data", "6b", "who was eligible and how they were found"),
    Topic("Data", "6c", "treatments that patients received"),
    Topic(
        "Data",
        "7",
        "how scans were prepared, checked and normalised",
        lambda f: (
            "By lungrisk's reader and recipes (their hash is in every result); findings list what was corrected, limited or refused."
        ),
    ),
    Topic(
        "Data",
        "",
        "how data were de-identified",
        lambda f: "lungrisk keeps neither names nor dates; ids are those of the tables.",
    ),
    Topic("Reference standard", "8a", "the outcome, its horizon, how and when it was established", _outcome),
    Topic("Reference standard", "8b", "who established it, with which training, how differences were settled"),
    Topic("Reference standard", "8c", "whether they knew the likelihoods"),
    Topic(
        "Predictors",
        "9",
        "what the model sees",
        lambda f: (
            "The voxels of one chest CT; header entries are not predictors. Others, if the likelihoods use any: [authors]"
        ),
    ),
    Topic("Sample", "10", "how the number of patients was chosen", _uncertainty),
    Topic("Sample", "11", "missing data", _patients),
    Topic("Model", "12a-12d", "the model, its training, its hyper-parameters: see the card of the bundle"),
    Topic("Model", "13", "how unequal classes were treated: see the card of the bundle"),
    Topic(
        "Model",
        "15",
        "what the output is",
        lambda f: "A likelihood from 0 to 1 for each patient; no class without a threshold.",
    ),
    Topic("Evaluation", "12e", "measures of performance and how they were computed", _methods),
    Topic(
        "Evaluation", "12f", "whether the likelihoods were changed on these data", lambda f: "Not by this evaluation."
    ),
    Topic("Evaluation", "14", "fairness: by which groups it was judged", _fairness),
    Topic("Evaluation", "16", "differences between the patients trained on and these; that no patient is in both"),
    Topic("Evaluation", "12g", "operating points and how they were chosen", _thresholds),
    Topic("Ethics and openness", "17", "approval and consent"),
    Topic("Ethics and openness", "18a-18d", "funding, conflicts of interest, protocol, registration"),
    Topic("Ethics and openness", "18e", "whether others can have the data"),
    Topic(
        "Ethics and openness",
        "18f",
        "code",
        lambda f: (
            f"lungrisk {f['provenance']['lungrisk']}; this page is remade by `lungrisk evaluate` on the named files."
        ),
    ),
    Topic("Ethics and openness", "19", "how patients and the public were involved"),
    Topic("Results", "20a", "flow of patients", _patients),
    Topic("Results", "20b", "age, sex and other characteristics of the patients, by group"),
    Topic("Results", "20c", "how they differ from those of the training"),
    Topic("Results", "21-22", "the model itself: see the bundle, which holds it whole"),
    Topic("Results", "23a", "performance with intervals", _performance),
    Topic("Results", "23b", "performance by groups", _fairness),
    Topic("Results", "", "analysis of failures: which patients were wrong, and why"),
    Topic("Results", "24", "updating of the model, if any (`lungrisk calibrate`)"),
    Topic("Discussion", "25", "what the results mean"),
    Topic("Discussion", "26", "limits: selection, reference standard, scanners, size of the sample"),
    Topic(
        "Discussion",
        "27",
        "how poor input is handled, what users must know, what comes next",
        lambda f: (
            "Scans that cannot be judged are refused by name and get no likelihood of their own. What users must know and what comes next: [authors]"
        ),
    ),
)
