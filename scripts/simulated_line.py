"""How the shipped line sees a simulated cohort: what it finds, how it rates, how far its likelihood is from the best possible.

    python scripts/simulated_line.py COHORT STORE

COHORT: made by `lungrisk simulate cohort`. STORE: made of it by `lungrisk prepare COHORT/stage1 -o STORE`; what is there of an
unfinished one is used. Nothing is trained; one Platt map (two numbers) is fitted to all patients and judged on them, so its log
loss flatters by about 1 / N.
"""

import argparse
import csv
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from lungrisk.cohort.store import read_record
from lungrisk.simulation.truth import best_log_loss

NEAR_MM = 5.0  # a nodule is found when an accepted one lies within its radius and this


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("store", type=Path)
    options = parser.parse_args()
    records = {file.stem: read_record(file) for file in sorted((options.store / "patients").glob("*.npz"))}
    truth = [row for row in read(options.cohort / "truth.csv") if row["id"] in records]
    labels = {row["id"]: int(row["cancer"]) for row in read(options.cohort / "stage1_labels.csv")}
    print(f"{len(truth)} patients; status:", Counter(status(records[row["id"]]) for row in truth))
    tell_finding([row for row in read(options.cohort / "nodules.csv") if row["id"] in records], records)
    tell_likelihood(truth, records, labels)
    return 0


def status(record: dict[str, Any]) -> str:
    worst = {finding["severity"] for finding in record["findings"]}
    return "refused" if "refused" in worst else "limited" if "limited" in worst else "assessed"


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def tell_finding(drawn: list[dict[str, str]], records: dict[str, dict[str, Any]]) -> None:
    """Sensitivity by size and type, false positives a scan, and how ratings and sizes follow the drawn ones."""
    hits: list[dict[str, Any] | None] = []
    true: dict[str, set[int]] = {one: set() for one in records}
    for row in drawn:
        found = records[row["id"]]["nodules"]
        place = np.array([float(row[axis]) for axis in ("x_mm", "y_mm", "z_mm")])
        reach = float(row["diameter_mm"]) / 2 + NEAR_MM
        near = [n for n, one in enumerate(found) if np.linalg.norm(np.array(one["centre_mm"]) - place) < reach]
        true[row["id"]] |= set(near)
        accepted = [n for n in near if found[n]["accepted"]]
        hits.append(found[accepted[0]] if accepted else None)
    false = [
        sum(one["accepted"] and n not in true[i] for n, one in enumerate(r["nodules"])) for i, r in records.items()
    ]
    size = np.array([float(row["diameter_mm"]) for row in drawn])
    got = np.array([hit is not None for hit in hits])
    for name, chosen in (("< 6 mm", size < 6), (">= 6 mm", size >= 6), (">= 10 mm", size >= 10)):
        print(f"found {name}: {got[chosen].sum()} of {chosen.sum()}")
    for kind in sorted({row["family"] for row in drawn}):
        of = np.array([row["family"] == kind for row in drawn])
        ratings = [hit["malignancy"]["mean"] for hit, one in zip(hits, of, strict=True) if one and hit]
        scores = [float(row["score"]) for row, hit, one in zip(drawn, hits, of, strict=True) if one and hit]
        means = f"rated {np.mean(ratings):.2f}, drawn {np.mean(scores):.2f}" if ratings else ""
        print(f"  {kind}: {got[of].sum()} of {of.sum()} {means}")
    pairs = [(hit, row) for hit, row in zip(hits, drawn, strict=True) if hit]
    rating, score = (
        np.array(v) for v in zip(*[(h["malignancy"]["mean"], float(r["score"])) for h, r in pairs], strict=True)
    )
    ratio = [h["diameter_mm"]["mean"] / float(r["diameter_mm"]) for h, r in pairs]
    print(
        f"rating against drawn score: r {np.corrcoef(rating, score)[0, 1]:.2f}, mean difference {np.mean(rating - score):+.2f}, sd {np.std(rating - score):.2f}"
    )
    print(
        f"measured over drawn diameter: median {np.median(ratio):.2f}, 10th to 90th percentile {np.percentile(ratio, 10):.2f} to {np.percentile(ratio, 90):.2f}"
    )
    print(f"false positives a scan: mean {np.mean(false):.2f}, most {max(false)}")


def tell_likelihood(truth: list[dict[str, str]], records: dict[str, dict[str, Any]], labels: dict[str, int]) -> None:
    """AUC of the line's likelihood and log loss after Platt beside the best possible and the base rate, of labels and of risks."""
    risk = np.array([float(row["risk"]) for row in truth])
    y = np.array([labels[row["id"]] for row in truth], float)
    chances = [records[row["id"]]["likelihood"] for row in truth]
    value = np.array([chance["value"] if chance else 0.263 for chance in chances])
    rows = (("labels", y), ("true risks (no luck of the draw)", risk))
    for name, target in rows:
        base = np.full(len(y), target.mean())
        fitted = platt(np.log(value / (1 - value)), target)
        print(
            f"{name}: AUC line {auc(value, target):.3f}, best {auc(risk, target):.3f}; log loss line as shipped {loss(value, target):.3f}, "
            f"after Platt {loss(fitted, target):.3f}, best {loss(risk, target):.3f}, base rate {loss(base, target):.3f}"
        )
    print(f"prevalence {y.mean():.3f}, mean risk {risk.mean():.3f}, best possible log loss {best_log_loss(risk):.3f}")


def platt(logit: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    def of(w: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(1 / (1 + np.exp(-(w[0] + w[1] * logit))))

    best = minimize(lambda w: loss(of(w), y) + 1e-3 * float(w[1] ** 2) / len(y), np.array([0.0, 1.0]))
    return of(best.x)


def loss(p: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    p = np.clip(p, 1e-3, 1 - 1e-3)
    return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())


def auc(p: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Chance that one with cancer is placed above one without; y may be the chance of cancer of each."""
    wins = (p[:, None] > p[None]) + 0.5 * (p[:, None] == p[None])
    pairs = y[:, None] * (1 - y[None])
    np.fill_diagonal(pairs, 0.0)
    return float((wins * pairs).sum() / pairs.sum())


if __name__ == "__main__":
    raise SystemExit(main())
