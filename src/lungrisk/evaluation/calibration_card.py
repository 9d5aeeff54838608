"""The card of a calibration: what it does, on whom it was fitted, how good it is on patients that it was not fitted on."""

from typing import Any

FORMULAS = {
    "platt": "ln(q / (1 - q)) = intercept + slope x ln(p / (1 - p))",
    "temperature": "ln(q / (1 - q)) = slope x ln(p / (1 - p)); the temperature is 1 / slope",
    "prior": "ln(q / (1 - q)) = ln(p / (1 - p)) + shift: the same evidence where cancer is more or less frequent",
    "beta": "ln(q / (1 - q)) = intercept + of_log_p x ln(p) - of_log_not_p x ln(1 - p)",
    "isotonic": "a rising staircase through the knots of bundle.json, straight lines between",
}
ROWS = (
    ("AUC", "auc"),
    ("log loss", "log_loss"),
    ("gain in log loss over the base rate", "log_loss_gain"),
    ("Brier score", "brier"),
    ("calibration slope (1 is right)", "slope"),
    ("calibration intercept (0 is right)", "intercept"),
)


def card(name: str, settings: dict[str, Any]) -> str:
    """CARD.md of a calibration bundle from its settings."""
    calibration, figures = settings["calibration"], settings["figures"]
    method, base = calibration["method"], settings["base"]
    of = (
        "the shipped line (`lungrisk assess`)"
        if base == "line"
        else f"{base['name']} (SHA-256 {base['sha256'][:16]}), inside this folder"
    )
    table = "\n".join(
        f"| {words} | {_figure(figures['before'], key)} | {_figure(figures['after'], key)} |" for words, key in ROWS
    )
    return f"""# {name}

A map of likelihoods by the method {method}: p, the likelihood of {of}, becomes q.

{FORMULAS[method]}
{_parameters(calibration)}

**Intended use.** Research on patients like those that it was fitted on, with the same base. Not a medical device.

**Data.** {calibration["n"]} patients, {calibration["n_positive"]} with cancer ({100 * calibration["prevalence"]:.1f} %), labels by whoever ran `lungrisk calibrate`.
Refused patients were left out. The likelihood means the share of cancers among such patients, within the horizon of the labels.

**Figures**, each patient judged by a map fitted on the other {settings["folds"] - 1} of {settings["folds"]} folds, with 95 % intervals:

| | before | after |
| --- | --- | --- |
{table}
| expected calibration error (perfect ones reach) | {_ece(figures["before"])} | {_ece(figures["after"])} |

{pooled(figures["after"], figures["before"])}

{figures["verdict"]}
{_difference(figures["difference"])}

**Sets of answers** (conformal): kept are the answers that are not stranger than those of the promised share of patients. How often the
truth was in the set, in the same folds:

| promised | thresholds | held the truth | with cancer | without | one answer | both | neither |
| --- | --- | --- | --- | --- | --- | --- | --- |
{_sets(settings["conformal"])}

**Limits.** It holds where patients, scanners and labels are like those of the fit; it cannot tell patients apart better than its base does.
Beyond the likelihoods that it was fitted on{_span(calibration)} it spreads them no further than they were, and its interval reaches to where the curve would have gone.
The interval that it adds covers the fit alone. With few cancers choose a method with few parameters.

**Licence.** {settings["licence"][0].upper()}{settings["licence"][1:]}.
"""


def pooled(after: dict[str, Any], before: dict[str, Any] | None = None) -> str:
    """What the AUC out of fold is made of: a rising map leaves the order within its fold, several maps side by side do not.

    after, before: `auc` and `auc_within_folds`.
    """
    area, within = after["auc"], after["auc_within_folds"]
    if area is None or within is None:
        return "There is no AUC within the folds: none has both outcomes."
    were = (
        ("", "")
        if before is None
        else (f" ({before['auc']:.3f} before)", f" ({before['auc_within_folds']:.3f} before)")
    )
    return (
        f"The AUC is {area:.3f}{were[0]} of all patients, whose likelihoods come from the maps of several folds, and {within:.3f}{were[1]} of pairs within "
        "a fold, which one map judged: a map leaves the order within its fold, unless it is flat, so that what is lost beyond that is the price of several maps."
    )


def _figure(figures: dict[str, Any], key: str) -> str:
    value, low, high = (figures[f"{key}{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return "does not exist"
    return f"{value:.3f} (interval cannot be had)" if low is None else f"{value:.3f} ({low:.3f} to {high:.3f})"


def _ece(figures: dict[str, Any]) -> str:
    return f"{figures['ece']:.3f} ({figures['ece_perfect_high']:.3f})"


def _span(calibration: dict[str, Any]) -> str:
    low, high = calibration["span"]
    return f" ({low:.3f} to {high:.3f})"


def _parameters(calibration: dict[str, Any]) -> str:
    if calibration["method"] == "isotonic":
        return f"with {len(calibration['parameters'])} knots."
    errors = [row[place] ** 0.5 for place, row in enumerate(calibration["covariance"])]
    named = zip(calibration["parameters"].items(), errors, strict=True)
    return (
        "with " + ", ".join(f"{name} {value:.4f} (standard error {error:.4f})" for (name, value), error in named) + "."
    )


def _difference(difference: dict[str, float | None]) -> str:
    value, low, high = difference["value"], difference["low"], difference["high"]
    if low is None or high is None:
        return f"The log loss changes by {value:.4f}; how far that is chance cannot be told of so few patients."
    words = (
        "better calibrated than before"
        if high < 0
        else "worse than before"
        if low > 0
        else "not shown to be better or worse than before"
    )
    return f"The log loss changes by {value:.4f} (95 % {low:.4f} to {high:.4f}): {words}."


def _sets(rows: list[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        held, kinds = row["coverage"], row["coverage"]["sets"]
        alone = kinds["cancer alone"] + kinds["no cancer alone"]
        shares = " | ".join(_share(held[name]) for name in ("all", "cancer", "no cancer"))
        lines.append(
            f"| {row['level']:.0%} | {'of each class' if row['by_class'] else 'of all'} | {shares} "
            f"| {alone:.0%} | {kinds['both']:.0%} | {kinds['neither']:.0%} |"
        )
    return "\n".join(lines)


def _share(held: dict[str, Any]) -> str:
    return f"{100 * held['share']:.1f} % ({100 * held['low']:.1f} to {100 * held['high']:.1f})"
