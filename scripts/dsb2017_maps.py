"""The table of patients of the Data Science Bowl, the four maps from a rating to a likelihood, and figures as they are printed."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from lungrisk.core.calibration import chance_of
from lungrisk.evaluation.calibration_figures import fit_logistic, log_losses, slope_and_intercept
from lungrisk.evaluation.metrics import auc, auc_of_draws, draw_counts, interval

Floats = NDArray[np.float64]
KNOT = 3.0  # of maps B and C


class Figure(NamedTuple):
    """A published figure and what is found; within: how far apart they may be (half of the last printed digit, or as stated)."""

    name: str
    published: float
    found: float
    within: float

    @property
    def agrees(self) -> bool:
        """Whether the two are as near as they should be."""
        return abs(self.published - self.found) <= self.within * 1.0001


class Patients:
    """The table as arrays: `of(name)` of the 1,595 labelled patients, `every(name)` of all."""

    def __init__(self, path: Path) -> None:
        with path.open(newline="", encoding="utf-8") as stream:
            self.rows = list(csv.DictReader(stream))
        self.labelled = np.array([row["cancer"] != "" for row in self.rows])
        self.y = np.array([int(row["cancer"]) for row in self.rows if row["cancer"]])
        self.ids = [row["id"] for row in self.rows if row["cancer"]]
        self.part = np.array([row["part"] for row in self.rows])[self.labelled]

    def every(self, name: str) -> Floats:
        """A column of all patients."""
        return np.array([float(row[name] or "nan") for row in self.rows], np.float64)

    def of(self, name: str) -> Floats:
        """A column of the labelled patients."""
        return np.asarray(self.every(name)[self.labelled])

    def dewit(self) -> Floats:
        """The other author's highest rating, 1..5; 0: no candidate."""
        return np.asarray(np.sqrt(np.max([self.of(f"dewit_mx{scale}") for scale in (10, 15, 20)], axis=0)))


def printed(name: str, published: str, found: float) -> Figure:
    """A figure as it is printed: it may differ by half of the last digit."""
    digits = len(published.partition(".")[2])
    return Figure(name, float(published), found, 0.5 * 10.0**-digits)


def several(name: str, published: str, found: Floats | Sequence[float]) -> Iterator[Figure]:
    """Figures printed side by side."""
    for place, (text, value) in enumerate(zip(published.split(), found, strict=True)):
        yield printed(f"{name} [{place}]", text, float(value))


def design(kind: str, m: Floats) -> Floats:
    """The columns of map A, B or C."""
    above = np.maximum(m - KNOT, 0)
    columns = {"A": (np.ones_like(m), m), "B": (np.ones_like(m), above), "C": (np.ones_like(m), m, above)}
    return np.stack(columns[kind], axis=1)


def fit_leaky(m: Floats, y: NDArray[np.int64]) -> Floats:
    """Map D: 1 - (1 - s(d)) (1 - s(a + b m)), by maximum likelihood; d, a, b."""

    def loss(parameters: Floats) -> float:
        return float(log_losses(leaky(parameters, m), y).sum())

    options = {"xatol": 1e-9, "fatol": 1e-10, "maxiter": 20000, "maxfev": 20000}
    return np.asarray(minimize(loss, np.array([-3.3, -10.0, 2.5]), method="Nelder-Mead", options=options).x)


def leaky(parameters: Floats, m: Floats) -> Floats:
    """Likelihood by map D."""
    d, a, b = parameters
    return np.asarray(1 - (1 - chance_of(float(d))) * (1 - chance_of(a + b * m)))


def leaky_covariance(parameters: Floats, m: Floats, y: NDArray[np.int64]) -> Floats:
    """Inverse of the observed information of map D, by differences."""
    step, k = 1e-4, len(parameters)
    information = np.zeros((k, k))

    def loss(shift: Floats) -> float:
        return float(log_losses(leaky(parameters + shift, m), y).sum())

    for i in range(k):
        for j in range(k):
            one, other = step * np.eye(k)[i], step * np.eye(k)[j]
            four = loss(one + other) - loss(one - other) - loss(other - one) + loss(-one - other)
            information[i, j] = four / (4 * step**2)
    return np.asarray(np.linalg.inv(information))


def cross_validated(kind: str, m: Floats, y: NDArray[np.int64], repeats: int = 20) -> float:
    """Log loss of ten folds, the mean of several random splits."""
    losses = []
    for repeat in range(repeats):
        fold = np.random.default_rng(repeat).permutation(len(y)) % 10
        for one in range(10):
            out = fold == one
            losses.append(log_losses(apply(kind, fit(kind, m[~out], y[~out]), m[out]), y[out]))
    return float(np.concatenate(losses).mean())


def fit(kind: str, m: Floats, y: NDArray[np.int64]) -> Floats:
    """Parameters of a map."""
    return fit_leaky(m, y) if kind == "D" else fit_logistic(design(kind, m), y)[0]


def apply(kind: str, parameters: Floats, m: Floats) -> Floats:
    """Likelihoods by a map."""
    return leaky(parameters, m) if kind == "D" else chance_of(design(kind, m) @ parameters)


def maps(patients: Patients) -> Iterator[Figure]:
    """Maps A to D of the highest rating: parameters, covariances, losses, on other patients."""
    m, y = patients.of("m"), patients.y
    published = {
        "A": ("-8.48548 2.05731", "0.187733 -0.048338 0.012764", "0.41829", 0.4197),
        "B": ("-2.66977 2.38513", "0.0144764 -0.0121777 0.0153481", "0.41491", 0.4162),
        "C": (
            "-3.92132 0.44495 1.87011",
            "1.349695 -0.471658 0.526598 0.166643 -0.190434 0.233106",
            "0.41450",
            0.4163,
        ),
    }
    yield printed("AUC of m", "0.8387", auc(m, y))
    drawn = interval(auc_of_draws(m, y, draw_counts(patients.ids, 2000)))
    for end, stated, value in zip(("low", "high"), (0.816, 0.861), drawn, strict=True):
        yield Figure(f"AUC of m, {end}", stated, value, 0.0015)  # both by bootstrap
    for kind, (parameters, covariance, loss, crossed) in published.items():
        beta, spread = fit_logistic(design(kind, m), y)
        yield from several(f"map {kind}: parameters", parameters, beta)
        yield from several(f"map {kind}: covariance", covariance, spread[np.triu_indices(len(beta))])
        yield printed(f"map {kind}: log loss", loss, float(log_losses(apply(kind, beta, m), y).mean()))
        yield Figure(f"map {kind}: 10 folds, 20 times", crossed, cross_validated(kind, m, y), 0.0003)
    beta = fit_leaky(m, y)
    yield from several("map D: parameters", "-3.29918 -10.46558 2.51529", beta)
    spread = leaky_covariance(beta, m, y)
    texts = ("0.135180", "-0.220037", "0.049624", "0.774276", "-0.183876", "0.044172")
    for place, (text, value) in enumerate(zip(texts, spread[np.triu_indices(3)], strict=True)):
        yield Figure(
            f"map D: covariance [{place}]", float(text), float(value), 0.002 * abs(float(text))
        )  # by differences
    yield printed("map D: log loss", "0.41550", float(log_losses(leaky(beta, m), y).mean()))
    yield Figure("map D: 10 folds, 20 times", 0.4174, cross_validated("D", m, y, 2), 0.0005)
    yield from transfer(patients)
    yield from robustness(patients)


def transfer(patients: Patients) -> Iterator[Figure]:
    """Fitted on the 1,397, tested on the 198."""
    m, y, test = patients.of("m"), patients.y, patients.part == "stage1_test"
    yield printed("share of cancers among the 198", "0.288", float(y[test].mean()))
    for kind, loss in (("A", "0.4583"), ("D", "0.4598"), ("C", "0.4599"), ("B", "0.4616")):
        p = apply(kind, fit(kind, m[~test], y[~test]), m[test])
        yield printed(f"map {kind} on the 198: log loss", loss, float(log_losses(p, y[test]).mean()))
        if kind == "A":
            yield printed("map A on the 198: AUC", "0.823", auc(p, y[test]))
            yield printed("map A on the 198: slope", "0.89", slope_and_intercept(p, y[test])["slope"])


def robustness(patients: Patients) -> Iterator[Figure]:
    """Sandwich and bootstrap covariances, A against C, and what an extra error of the rater does."""
    m, y = patients.of("m"), patients.y
    columns = design("A", m)
    beta, spread = fit_logistic(columns, y)
    scores = columns * (y - chance_of(columns @ beta))[:, None]
    sandwich = spread @ (scores.T @ scores) @ spread
    yield from several("map A: sandwich covariance", "0.214201 -0.054821 0.014336", sandwich[np.triu_indices(2)])
    loss = {kind: float(log_losses(apply(kind, fit(kind, m, y), m), y).sum()) for kind in "AC"}
    yield printed("C against A: likelihood ratio", "12.1", 2 * (loss["A"] - loss["C"]))
    drawn = [np.random.default_rng(draw).integers(0, len(y), len(y)) for draw in range(1000)]
    fits = np.array([fit("B", m[rows], y[rows]) for rows in drawn])
    for place, value in enumerate(np.cov(fits.T)[np.triu_indices(2)]):
        published = (0.01426, -0.01180, 0.01517)[place]
        yield Figure(f"map B: bootstrap covariance [{place}]", published, float(value), 0.1 * abs(published))
    for sd, row in (
        (0.2, "-2.577 2.235 0.426 0.831"),
        (0.3, "-2.465 2.052 0.440 0.819"),
        (0.5, "-2.203 1.616 0.471 0.790"),
    ):
        found = np.mean([_noisy(m, y, sd, seed) for seed in range(40)], axis=0)
        for name, text, value, within in zip(
            ("a", "b", "log loss", "AUC"), row.split(), found, (0.02, 0.03, 0.003, 0.003), strict=True
        ):
            yield Figure(f"map B, error of sd {sd}: {name}", float(text), float(value), within)


def _noisy(m: Floats, y: NDArray[np.int64], sd: float, seed: int) -> Floats:
    noisy = m + np.random.default_rng(seed).normal(0, sd, len(m))
    beta = fit("B", noisy, y)
    return np.array([*beta, log_losses(apply("B", beta, noisy), y).mean(), auc(noisy, y)])
