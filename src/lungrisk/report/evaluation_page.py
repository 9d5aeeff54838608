"""The page of an evaluation: figures and curves through one template; nothing from outside, no script."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lungrisk.core.vocabulary import visible
from lungrisk.report.words import WORST_FIRST

HERE = Path(__file__).parent
POLICY = "default-src 'none'; img-src data:; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
NOTHING = "–"

# a row a figure of the table: its name in the record, in words, what it is compared with
FIGURES: tuple[tuple[str, str, str], ...] = (
    ("auc", "AUC", "0.5 is chance, 1 perfect: how often a patient with cancer is given more than one without"),
    ("log_loss", "Log loss", "less is better: the Bowl's measure; punishes sureness that is wrong"),
    (
        "log_loss_gain",
        "Gain in log loss over the base rate",
        "above 0: better than giving everybody the share of cancers",
    ),
    ("brier", "Brier score", "less is better: mean squared error of the likelihood"),
    (
        "brier_gain",
        "Gain in Brier score over the base rate",
        "above 0: better than giving everybody the share of cancers",
    ),
    ("ap", "Average precision", "the share of cancers is chance"),
    ("slope", "Calibration slope", "1: spread as it should be; below: too extreme; above: too timid"),
    ("intercept", "Calibration intercept", "0: as many cancers as said; above: more; below: fewer"),
)
CAPTIONS = {
    "roc": (
        "Sensitivity and specificity",
        "Each point is a threshold; dots are the operating points of the table below.",
    ),
    "precision": (
        "Precision and recall",
        "Of those called, how many have cancer, against how many of the cancers are called.",
    ),
    "calibration": (
        "Calibration",
        "Tenths of the patients by likelihood: given against found, with 95 % intervals; below, how many got which (each kind on its own scale).",
    ),
    "froc": (
        "Nodules found",
        "Share of the true nodules that are hit, against false alarms a scan, with a band of 95 %.",
    ),
    "decision": (
        "Decision curve",
        "Net benefit of acting on everybody above a threshold; a band of 95 %. Useful where it is above both grey lines.",
    ),
}


def render_evaluation(figures: dict[str, Any], pictures: dict[str, bytes]) -> str:
    """The page as text. figures: the plain values of `evaluate`; pictures: name to SVG."""
    style = (HERE / "report.css").read_text("utf-8") + (HERE / "evaluation.css").read_text("utf-8")
    house = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    house.filters.update(number=number, span=span, share=share, shares=shares, visible=visible, on_auc=on_auc)
    house.filters.update(higher_is_better=higher_is_better, lower_is_better=lower_is_better, said=said)
    return house.get_template("evaluation.html.jinja").render(
        f=figures,
        policy=POLICY.format(style=b64encode(sha256(style.encode()).digest()).decode("ascii")),
        style=style,
        rows=FIGURES,
        pictures={
            name: {"data": b64encode(svg).decode("ascii"), "title": CAPTIONS[name][0], "text": CAPTIONS[name][1]}
            for name, svg in pictures.items()
        },
        parts=_grouped(figures["subgroups"], "property"),
        checklist=_grouped(figures["checklist"], "part"),
        findings=sorted(figures["findings"], key=lambda one: WORST_FIRST.index(one["severity"])),
    )


def _grouped(rows: list[dict[str, Any]], name: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """Rows that follow each other with the same value."""
    return [(str(value), list(group)) for value, group in groupby(rows, key=itemgetter(name))]


def number(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash where it does not exist.

    >>> number(0.12345), number(None), number(-0.5, 1)
    ('0.123', '–', '−0.5')
    """
    return NOTHING if value is None else f"{value:.{digits}f}".replace("-", "−")


def span(figures: Mapping[str, Any], name: str, digits: int = 3) -> str:
    """The interval of a figure; empty name: of a record with low and high.

    >>> span({"auc_low": 0.8, "auc_high": 0.9}, "auc", 2), span({"auc": 1.0, "auc_low": None, "auc_high": None}, "auc")
    ('0.80 to 0.90', 'cannot be had')
    """
    value, low, high = (
        figures.get(f"{name}{end}" if name else end.strip("_") or "value") for end in ("", "_low", "_high")
    )
    if low is None or high is None:
        return NOTHING if value is None else "cannot be had"
    return f"{number(low, digits)} to {number(high, digits)}"


def said(figures: Mapping[str, Any], name: str, digits: int = 3) -> str:
    """The interval of a figure in words.

    >>> said({"auc": 1.0, "auc_low": None, "auc_high": None}, "auc"), said({"auc": None, "auc_low": None, "auc_high": None}, "auc")
    ('interval cannot be had', 'does not exist')
    """
    if figures[name] is None:
        return "does not exist"
    return ("95 % " if figures[f"{name}_low"] is not None else "interval ") + span(figures, name, digits)


def share(value: float | None, digits: int = 1) -> str:
    """A share in per cent.

    >>> share(0.2627), share(None)
    ('26.3 %', '–')
    """
    return NOTHING if value is None else f"{100 * value:.{digits}f} %"


def shares(figures: Mapping[str, Any], name: str) -> str:
    """The interval of a share in per cent.

    >>> shares({"ppv_low": 0.5, "ppv_high": 0.625}, "ppv")
    '50.0 to 62.5 %'
    """
    low, high = figures[f"{name}_low"], figures[f"{name}_high"]
    return NOTHING if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f} %"


def higher_is_better(difference: Mapping[str, Any]) -> str:
    """In words, what an interval of these less the others says; `lower_is_better` the other way round.

    >>> higher_is_better({"value": 0.1, "low": -0.1, "high": 0.2}), higher_is_better({"value": 0.0, "low": None, "high": None})
    ('may be chance', 'not shown')
    """
    low, high = difference["low"], difference["high"]
    if low is None or high is None:
        return "not shown"
    return "these are better" if low > 0 else "these are worse" if high < 0 else "may be chance"


def lower_is_better(difference: Mapping[str, Any]) -> str:
    """See `higher_is_better`.

    >>> lower_is_better({"value": -0.1, "low": -0.2, "high": -0.05})
    'these are better'
    """
    turned = {"low": difference["high"], "high": difference["low"]}
    return higher_is_better({name: None if end is None else -end for name, end in turned.items()})


def on_auc(value: float) -> float:
    """Place of an AUC on a scale from 0.4 to 1, per cent of its width.

    >>> on_auc(0.7), on_auc(0.1)
    (50.0, 0.0)
    """
    return round(100 * min(max((value - 0.4) / 0.6, 0.0), 1.0), 2)
