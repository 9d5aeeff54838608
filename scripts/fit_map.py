"""Refit the map from nodules to a patient on a table laid out as shared/data/dsb2017/patients.csv, beside the shipped numbers.

python scripts/fit_map.py PATIENTS_CSV
"""

import csv
import json
import math
import sys
from pathlib import Path

import numpy as np

from lungrisk import risk
from lungrisk.evaluation.calibration_figures import base_rate_loss, fit_logistic, log_losses


def main(path: str) -> int:
    with Path(path).open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    labelled = [row for row in rows if row["cancer"]]
    label = np.array([float(row["cancer"]) for row in labelled])
    m = np.array([float(row["m"]) for row in labelled])
    design = np.c_[np.ones(len(m)), np.maximum(m - risk.KNOT, 0)]
    beta, covariance = fit_logistic(design, label)
    chance = 1 / (1 + np.exp(-design @ beta))

    # two independent raters of the same patients, the second taken to the first one's scale by its ranks
    scores = np.array([[float(row["m"]), *(float(row[f"dewit_mx{k}"] or 0) for k in (10, 15, 20))] for row in rows])
    first, second = scores[:, 0], np.sqrt(scores[:, 1:].max(axis=1))
    both = second > 0
    first, second = first[both], second[both]
    matched = np.sort(first)[np.argsort(np.argsort(second, kind="stable"), kind="stable")]
    between = float(np.std((matched - first)[first > risk.KNOT]))

    figures = {
        "n": len(label),
        "n_cancer": int(label.sum()),
        "intercept": (beta[0], risk.INTERCEPT),
        "slope": (beta[1], risk.SLOPE),
        "variance_intercept": (covariance[0, 0], risk.COVARIANCE[0][0]),
        "covariance": (covariance[0, 1], risk.COVARIANCE[0][1]),
        "variance_slope": (covariance[1, 1], risk.COVARIANCE[1][1]),
        "prevalence": (label.mean(), risk.PREVALENCE),
        "m_mean": (m.mean(), risk.M_MEAN),
        "m_sd": (m.std(), risk.M_SD),
        "rater_sd": (between / math.sqrt(2), risk.RATER_SD),
    }
    print(
        json.dumps(
            {
                "log_loss": float(log_losses(chance, label).mean()),
                "log_loss_base_rate": float(base_rate_loss(label.mean())),
            }
        )
    )
    wrong = 0
    for name, value in figures.items():
        if isinstance(value, tuple):
            agrees = math.isclose(value[0], value[1], rel_tol=2e-3)
            wrong += not agrees
            print(f"{name:20} refitted {value[0]:9.5f}  shipped {value[1]:9.5f}  {'' if agrees else 'DIFFERS'}")
        else:
            print(f"{name:20} {value}")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
