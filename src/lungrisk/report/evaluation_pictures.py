"""The curves of an evaluation as SVG: what is drawn is in the figures, nothing is computed here."""

from collections.abc import Callable
from io import BytesIO
from math import nan
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

INK, QUIET, LINE = "#1d2733", "#55616e", "#d9dfe5"
ACCENT, RANGE, OTHER, WARM = "#0f5f78", "#9cc4d2", "#8b98a5", "#b4552d"
SIZE_INCH = 4.9, 4.3
STYLE: dict[Any, Any] = {  # letters as paths: the same in any browser; a fixed salt: the same bytes each time
    "svg.fonttype": "path",
    "svg.hashsalt": "lungrisk",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": OTHER,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "legend.frameon": False,
    "legend.fontsize": 9,
}
Drawing = Callable[[Axes, dict[str, Any]], None]


def draw_evaluation(figures: dict[str, Any]) -> dict[str, bytes]:
    """Name to SVG: roc, precision, calibration, decision; with one class only those that exist."""
    both = 0 < figures["n_positive"] < figures["n"]
    drawings: dict[str, Drawing] = {"calibration": _calibration, "decision": _decision}
    if both:
        drawings = {"roc": _roc, "precision": _precision, **drawings}
    if figures["detection"] is not None:
        drawings["froc"] = _froc
    with rc_context(STYLE):
        return {name: _draw(drawing, figures) for name, drawing in drawings.items()}


def _draw(drawing: Drawing, figures: dict[str, Any]) -> bytes:
    figure = Figure(figsize=SIZE_INCH, layout="constrained")
    FigureCanvasSVG(figure)
    drawing(figure.add_subplot(), figures)
    stream = BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    return stream.getvalue()


def _unit(axes: Axes, across: str, up: str) -> None:
    """Both axes from 0 to 1, a light grid, names."""
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=across, ylabel=up)
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)


def _roc(axes: Axes, figures: dict[str, Any]) -> None:
    curve = figures["curves"]["roc"]
    _unit(axes, "1 - specificity", "sensitivity")
    axes.plot([0, 1], [0, 1], color=OTHER, linewidth=1, linestyle=(0, (4, 3)), label="chance")
    axes.plot(
        [1 - one for one in curve["specificity"]], curve["sensitivity"], color=ACCENT, linewidth=2, label="likelihoods"
    )
    for number, point in enumerate(figures["operating_points"]):
        axes.plot(
            1 - point["specificity"],
            point["sensitivity"],
            marker="o",
            markersize=6,
            color=WARM if number == 0 else ACCENT,
            markeredgecolor="white",
            linestyle="none",
            label=("largest sum of both", "other operating points", None)[min(number, 2)],
        )
    axes.legend(loc="lower right")


def _precision(axes: Axes, figures: dict[str, Any]) -> None:
    curve = figures["curves"]["roc"]
    _unit(axes, "sensitivity (recall)", "precision")
    share = figures["prevalence"]
    axes.axhline(share, color=OTHER, linewidth=1, linestyle=(0, (4, 3)), label="share of cancers")
    axes.step(curve["sensitivity"], curve["precision"], where="pre", color=ACCENT, linewidth=1.8, label="likelihoods")
    axes.legend(loc="upper right")


def _calibration(axes: Axes, figures: dict[str, Any]) -> None:
    """Bins with their intervals on the diagonal; below, how many patients were given which likelihood."""
    bins, counts = figures["curves"]["calibration"], figures["curves"]["histogram"]
    _unit(axes, "likelihood given", "share with cancer")
    axes.plot([0, 1], [0, 1], color=OTHER, linewidth=1, linestyle=(0, (4, 3)), label="as it should be")
    said, observed = [one["said"] for one in bins], [one["observed"] for one in bins]
    reach = [
        [one["observed"] - one["observed_low"] for one in bins],
        [one["observed_high"] - one["observed"] for one in bins],
    ]
    axes.errorbar(
        said,
        observed,
        yerr=reach,
        color=ACCENT,
        ecolor=RANGE,
        elinewidth=3,
        marker="o",
        markersize=5,
        linewidth=1.4,
        label="tenths of the patients",
    )
    axes.legend(loc="best")
    below = axes.inset_axes((0.0, -0.36, 1.0, 0.16), sharex=axes)
    step = 1 / len(counts["no"])
    places = [step * (number + 0.5) for number in range(len(counts["no"]))]
    for counted, way, colour, label in ((counts["no"], 1, RANGE, "no cancer"), (counts["yes"], -1, WARM, "cancer")):
        most = max(*counted, 1)
        below.bar(places, [way * one / most for one in counted], width=0.9 * step, color=colour, label=label)
    below.axhline(0, color=OTHER, linewidth=0.6)
    below.set_yticks([])
    below.spines[["left", "bottom"]].set_visible(False)
    below.tick_params(labelbottom=False, length=0)
    below.legend(loc="upper right", bbox_to_anchor=(1.0, 0.05), ncols=2, handlelength=1, handleheight=0.7)


def _decision(axes: Axes, figures: dict[str, Any]) -> None:
    """Net benefit; what everybody or nobody would give beside it. Thresholds from which on the model calls nobody are left out."""
    curve = figures["curves"]["decision"]
    axes.axhline(0, color=OTHER, linewidth=1, label="act on nobody")
    axes.plot(
        curve["threshold"], curve["all"], color=OTHER, linewidth=1, linestyle=(0, (4, 3)), label="act on everybody"
    )
    if None not in curve["low"]:
        axes.fill_between(curve["threshold"], curve["low"], curve["high"], color=RANGE, alpha=0.5, linewidth=0)
    axes.plot(curve["threshold"], curve["model"], color=ACCENT, linewidth=2, label="act on the likelihoods")
    top = max(figures["prevalence"], 0.02) * 1.12
    axes.set(
        xlim=(0, 1),
        ylim=(-0.25 * top, top),
        xlabel="threshold of the likelihood",
        ylabel="net benefit, true positives a patient",
    )
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="upper right")


def _froc(axes: Axes, figures: dict[str, Any]) -> None:
    """Sensitivity against false alarms, and what the line accepts."""
    found = figures["detection"]
    rates = [point["false_alarms_per_scan"] for point in found["points"]]
    low, high = ([nan if point[end] is None else point[end] for point in found["points"]] for end in ("low", "high"))
    axes.fill_between(rates, low, high, color=RANGE, alpha=0.5, linewidth=0)
    axes.plot(
        rates,
        [point["sensitivity"] for point in found["points"]],
        color=ACCENT,
        linewidth=2,
        marker="o",
        markersize=4,
        label="listed by nodule probability",
    )
    accepted = found["accepted"]
    if accepted["false_alarms_per_scan"] > 0:
        axes.plot(
            accepted["false_alarms_per_scan"],
            accepted["sensitivity"],
            marker="D",
            color=WARM,
            linestyle="none",
            label="called nodules",
        )
    axes.set_xscale("log", base=2)
    axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
    axes.set(ylim=(-0.01, 1.01), xlabel="false alarms a scan", ylabel="share of nodules found")
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="lower right")
