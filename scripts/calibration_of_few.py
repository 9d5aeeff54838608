"""What a calibration is worth that was fitted on few patients: simulated cohorts whose true likelihoods are known.

    python scripts/calibration_of_few.py [--cohorts 200] [--sizes 36 100 1000]

Each cohort has likelihoods of its own spread and a true map to what happens, logit P = shift + slope x logit p. A map is fitted on n patients and
laid on 2,000 others. Printed for each method: how much more log loss its likelihoods cost than the true ones would (regret, in 1/1000), and how
often its 95 % interval holds the true likelihood; "as given" are the likelihoods without any map, "by maximum likelihood" the fit without shrinkage and
without a limit beyond its range.
"""

import argparse
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.calibration import Calibration, chance_of, design_of
from lungrisk.core.errors import InputError
from lungrisk.evaluation.calibration import fit_calibration
from lungrisk.evaluation.calibration_figures import fit_logistic

SLOPES, SHIFTS = (0.3, 0.6, 1.0, 1.5, 2.5), (-0.7, 0.0, 0.7)
NEW = 2000
Floats = NDArray[np.float64]


def by_maximum_likelihood(p: Floats, y: NDArray[np.int64]) -> Calibration:
    """Platt's map without shrinkage: what the fit alone says; a slope that would be negative is 0."""
    design = design_of("platt", p)
    parameters, covariance = fit_logistic(design, y)
    if not np.isfinite(parameters).all():
        raise InputError()
    if parameters[1] < 0:
        parameters, covariance = np.zeros(2), np.zeros((2, 2))
        parameters[:1], covariance[:1, :1] = fit_logistic(design[:, :1], y)
    spread = tuple(tuple(row) for row in covariance.tolist())
    return Calibration(method="platt", parameters=tuple(parameters), covariance=spread, prevalence=float(y.mean()))


def one_cohort(n: int, slope: float, shift: float, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Regret and coverage of each method on patients that it was not fitted on; a method that refuses is left out."""
    odds = rng.normal(-0.8, 1.2, n + NEW)
    truth = chance_of(shift + slope * odds)
    p, y = chance_of(odds), (rng.random(n + NEW) < truth).astype(np.int64)
    least = float(loss(truth[n:], truth[n:]))
    if min(y[:n].sum(), n - y[:n].sum()) < 10:
        return {}
    found = {"as given": (float(loss(p[n:], truth[n:])) - least, np.nan)}
    for name in ("by maximum likelihood", "platt", "beta", "temperature", "prior", "isotonic"):
        try:
            if name == "by maximum likelihood":
                fitted = by_maximum_likelihood(p[:n], y[:n])
            else:
                fitted = fit_calibration(p[:n], y[:n], name)  # type: ignore[arg-type]
        except InputError:
            continue
        value, low, high = fitted.apply(p[n:])
        held = (low <= truth[n:]) & (truth[n:] <= high)
        found[name] = float(loss(value, truth[n:])) - least, float(held.mean())
    return found


def loss(said: Floats, truth: Floats) -> np.floating:
    """Expected log loss of likelihoods where the true ones are known."""
    kept = np.clip(said, 1e-9, 1 - 1e-9)
    return np.mean(-(truth * np.log(kept) + (1 - truth) * np.log1p(-kept)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cohorts", type=int, default=200)
    parser.add_argument("--sizes", type=int, nargs="+", default=[36, 100, 1000])
    parser.add_argument("--slopes", type=float, nargs="+", default=list(SLOPES))
    asked = parser.parse_args()
    print(f"{'n':>5} {'slope':>5} {'method':<22} {'fitted':>6} {'regret':>7} {'worst 5 %':>9} {'held':>6}")
    for n in asked.sizes:
        for slope in asked.slopes:
            rng, rows = np.random.default_rng([n, round(100 * slope)]), defaultdict(list)
            for number in range(asked.cohorts):
                for name, row in one_cohort(n, slope, SHIFTS[number % len(SHIFTS)], rng).items():
                    rows[name].append(row)
            for name, found in rows.items():
                regret, held = 1000 * np.array(found)[:, 0], 100 * np.array(found)[:, 1]
                kept = "" if np.isnan(held).all() else f"{held.mean():5.1f}%"
                print(
                    f"{n:>5} {slope:>5} {name:<22} {len(found):>6} {regret.mean():>7.1f} {np.quantile(regret, 0.95):>9.1f} {kept:>6}"
                )


if __name__ == "__main__":
    main()
