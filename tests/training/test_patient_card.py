"""The card says of its predictions what `lungrisk evaluate` says of them: figures, intervals and words."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

pytest.importorskip("torch")

from lungrisk.evaluation import evaluate
from lungrisk.training.patient_card import figures_of
from lungrisk.training.patients import write_predictions


@pytest.mark.parametrize(("n", "worth"), [(9, 3.0), (40, 3.0), (40, 0.0), (300, 0.7)])
@pytest.mark.parametrize("grouped", [False, True])
def test_the_card_has_the_numbers_of_the_command_that_it_names(
    tmp_path: Path, n: int, worth: float, grouped: bool
) -> None:
    rng = np.random.default_rng(n)
    y = (np.arange(n) % 3 == 0).astype(np.int64)
    p = expit(worth * (y - 0.4) + rng.normal(0, 0.8, n))
    ids = [f"p{k:03d}" for k in range(n)]
    groups = [f"p{k // 2:03d}" if grouped else one for k, one in enumerate(ids)]
    write_predictions(tmp_path / "p.csv", ids, p[:, None], 0)
    rows = [f"{one},{truth},{group if grouped else ''}" for one, truth, group in zip(ids, y, groups, strict=True)]
    (tmp_path / "l.csv").write_text("\n".join(["id,cancer,group", *rows]) + "\n")
    card, command = figures_of(p, y, groups), evaluate(tmp_path / "p.csv", labels=tmp_path / "l.csv")
    for ours, theirs in (("auc", "auc"), ("log_loss", "log_loss"), ("gain", "log_loss_gain")):
        found = tuple(card[ours][end] for end in ("value", "low", "high"))
        assert found == tuple(command[f"{theirs}{end}"] for end in ("", "_low", "_high"))
    assert card["log_loss_base_rate"]["value"] == command["log_loss_base_rate"]
    for name in ("n", "n_positive", "auc_interval", "verdict", "standing"):
        assert card[name] == command[name]
    json.dumps(card, allow_nan=False)
