"""From nothing to an honest account of four networks, on simulated patients whose true risk is known: `make cohort-demo`.

    python scripts/cohort_demo.py [--patients 200] [--fresh 100] [--workers 2] [-o out/cohort-demo]

Every step is a command that a user would type; what is whole from an earlier run is kept, so a run that was killed goes on.
Trains on the first cohort, judges on the second, which no step of training or calibration has seen, and does the training
again with shuffled labels. Writes report.html and figures.json; exit code 1 when a claim of CLAIMS does not hold.
"""

import argparse
import csv
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment
from numpy.typing import NDArray

from lungrisk.evaluation.calibration_figures import log_losses
from lungrisk.evaluation.metrics import auc

NETS = ("seed", "resnet3d", "nodules", "backbone")
GOOD = ("nodules", "backbone", "line, recalibrated")  # the best of these is to come near the best possible
NEAR = 0.05
FOLDS = "3"
DRAWS = 2000
PAGE = Path(__file__).parents[1] / "docs" / "cohort-demo.md"
LUNGRISK = [sys.executable, "-c", "from lungrisk.cli import main; main()"]


@dataclass(slots=True)
class Steps:
    """Runs the commands one after another and keeps what each took."""

    log: Path
    seconds: dict[str, float] = field(default_factory=dict)
    n_kept: int = 0

    def run(self, name: str, *words: str | Path, made: Path, may_end: Sequence[int] = (0,)) -> None:
        """Run `lungrisk words` unless what it makes is there; the time of what was there comes from the earlier run."""
        kept = json.loads(self.log.read_text("utf-8")) if self.log.is_file() else {}
        if made.exists() and name in kept:
            self.n_kept += name not in self.seconds  # what both kinds of labels need is done once
            self.seconds[name] = kept[name]
            return
        print(f"== {name}: lungrisk {' '.join(map(str, words))}", flush=True)
        begun = time.monotonic()
        code = subprocess.run([*LUNGRISK, *map(str, words)], check=False).returncode
        if code not in may_end:
            sys.exit(f"{name} ended with {code}")
        self.seconds[name] = round(time.monotonic() - begun, 1)
        print(f"   {self.seconds[name]:.1f} s", flush=True)
        self.log.write_text(json.dumps({**kept, name: self.seconds[name]}, indent=1), "utf-8")


def main() -> int:
    """Run the demo. Gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--fresh", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("-o", "--out", type=Path, default=Path("out/cohort-demo"))
    parser.add_argument("--docs", action="store_true", help="also write docs/cohort-demo.md")
    options = parser.parse_args()
    begun = time.monotonic()
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    steps = Steps(out / "seconds.json")
    prepare_cohorts(steps, out, options)
    shuffle_labels(out)
    for kind in ("true", "shuffled"):
        train_and_predict(steps, out, kind)
    figures = judge(out, steps.seconds)
    # of a run that went on from an earlier one only the sum of the steps is known
    figures["in_one_run"] = steps.n_kept == 0
    figures["minutes"] = round((sum(steps.seconds.values()) if steps.n_kept else time.monotonic() - begun) / 60, 1)
    (out / "figures.json").write_text(json.dumps(figures, indent=1), "utf-8")
    template = Environment(autoescape=True).from_string(Path(__file__).with_suffix(".html.jinja").read_text("utf-8"))
    (out / "report.html").write_text(template.render(**figures), "utf-8")
    if options.docs:
        PAGE.write_text(page(figures), "utf-8")
    print(table(figures))
    print(f"{out / 'report.html'}")
    return 0 if all(claim["holds"] for claim in figures["claims"]) else 1


def prepare_cohorts(steps: Steps, out: Path, options: argparse.Namespace) -> None:
    """Simulate and prepare the patients to learn from and the fresh ones."""
    words: tuple[str | Path, ...]
    for name, n, seed in (("learn", options.patients, "1"), ("fresh", options.fresh, "2")):
        cohort, workers = out / name, str(options.workers)
        words = ("simulate", "cohort", "-o", cohort, "--patients", str(n), "--seed", seed, "--workers", workers)
        steps.run(f"simulate {name}", *words, made=cohort / "truth.csv")
        words = ("prepare", cohort / "stage1", "-o", out / f"{name}.store", "--labels", cohort / "stage1_labels.csv")
        made = out / f"{name}.store" / "patients.csv"
        steps.run(f"prepare {name}", *words, "--workers", workers, made=made, may_end=(0, 4))


def shuffle_labels(out: Path) -> None:
    """The store to learn from once more, its labels dealt out anew: the same files under a second name, other labels."""
    target = out / "shuffled.store"
    if not target.exists():
        beside = out / "shuffled.part"
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(out / "learn.store", beside, copy_function=os.link)
        (beside / "patients.csv").unlink()
        beside.rename(target)
    rows = read_csv(out / "learn" / "stage1_labels.csv")
    dealt = [row["cancer"] for row in rows]
    random.Random(3).shuffle(dealt)
    lines = ["id,cancer", *(f"{row['id']},{label}" for row, label in zip(rows, dealt, strict=True))]
    (out / "shuffled_labels.csv").write_text("\n".join(lines) + "\n", "utf-8")


def train_and_predict(steps: Steps, out: Path, kind: str) -> None:
    """Every network, and the shipped line as it is and recalibrated; with true or with shuffled labels."""
    true = kind == "true"
    words: tuple[str | Path, ...]
    store, note = out / ("learn.store" if true else "shuffled.store"), "" if true else ", shuffled labels"
    labels = out / "learn" / "stage1_labels.csv" if true else out / "shuffled_labels.csv"
    if not true:
        words = ("prepare", out / "learn" / "stage1", "-o", store, "--labels", labels)
        steps.run("prepare, shuffled labels", *words, made=store / "patients.csv", may_end=(0, 4))
    for net in NETS:
        bundle = out / "bundles" / kind / net
        words = ("train", store, "--net", net, "-o", bundle, "--folds", FOLDS, "--seed", "0", "--resume")
        steps.run(f"train {net}{note}", *words, made=bundle / "bundle.json")
    own, recalibrated = out / "predictions" / "learn-line.csv", out / "bundles" / kind / "line"
    steps.run("predict, line, patients to learn from", *predict(out / "learn.store", own), made=own, may_end=(0, 4))
    words = ("calibrate", own, "--labels", labels, "-o", recalibrated)
    steps.run(f"calibrate line{note}", *words, made=recalibrated / "bundle.json")
    bundles = {net: out / "bundles" / kind / net for net in (*NETS, "line")}
    for name, bundle in bundles.items():
        target = out / "predictions" / kind / f"{'line-recalibrated' if name == 'line' else name}.csv"
        words = (*predict(out / "fresh.store", target), "--bundle", bundle)
        steps.run(f"predict {target.stem}{note}", *words, made=target, may_end=(0, 4))
    if true:
        target = out / "predictions" / "true" / "line.csv"
        steps.run("predict line", *predict(out / "fresh.store", target), made=target, may_end=(0, 4))
        for csv_file in sorted((out / "predictions" / "true").glob("*.csv")):
            page = out / "evaluation" / csv_file.stem
            words = ("evaluate", csv_file, "--labels", out / "fresh" / "stage1_labels.csv", "-o", page)
            against = () if csv_file.stem == "line" else ("--against", out / "predictions" / "true" / "line.csv")
            steps.run(f"evaluate {csv_file.stem}", *words, *against, made=page / "evaluation.html")


def predict(source: Path, target: Path) -> tuple[str | Path, ...]:
    """The words of `lungrisk predict` without a bundle: the shipped line."""
    return ("predict", source, "-o", target)


def judge(out: Path, seconds: dict[str, float]) -> dict[str, Any]:
    """Log loss, regret and AUC of every predictor on the fresh patients, and whether each claim holds."""
    truth = {row["id"]: float(row["risk"]) for row in read_csv(out / "fresh" / "truth.csv")}
    labels = {row["id"]: int(row["cancer"]) for row in read_csv(out / "fresh" / "stage1_labels.csv")}
    learnt = [int(row["cancer"]) for row in read_csv(out / "learn" / "stage1_labels.csv")]
    ids = sorted(labels)
    y = np.array([labels[one] for one in ids])
    risk = np.array([truth[one] for one in ids])
    base = np.full(len(y), np.mean(learnt))  # what is known without looking: the share among the patients learnt from
    draws = np.random.default_rng(0).integers(0, len(y), (DRAWS, len(y)))

    def figures(p: NDArray[np.float64]) -> dict[str, Any]:
        loss, best, plain = log_losses(p, y), log_losses(risk, y), log_losses(base, y)
        aucs = [auc(p[draw], y[draw]) for draw in draws[:500]]
        return {
            "log_loss": estimate(loss, draws),
            "regret": estimate(loss - best, draws),
            "gain": estimate(plain - loss, draws),
            "auc": {"value": auc(p, y), **ends(np.array(aucs))},
        }

    def predictor(name: str, path: Path) -> dict[str, Any]:
        rows = {row["id"]: float(row["cancer"]) for row in read_csv(path)}
        if sorted(rows) != ids or not np.isfinite(list(rows.values())).all():
            sys.exit(f"{path} is not a submission: it lacks ids or numbers")
        return {"name": name, **figures(np.array([rows[one] for one in ids]))}

    names = {"line": "line, untrained", "line-recalibrated": "line, recalibrated"}
    found = {
        kind: [
            predictor(names.get(path.stem, path.stem), path)
            for path in sorted((out / "predictions" / kind).glob("*.csv"))
        ]
        for kind in ("true", "shuffled")
    }
    best = {"name": "best possible (the true risks)", **figures(risk)}
    plain = {"name": "base rate", **figures(base)}
    return {
        "n_learn": len(learnt),
        "n": len(y),
        "n_positive": int(y.sum()),
        "best": best,
        "base": plain,
        "predictors": sorted(found["true"], key=lambda one: one["log_loss"]["value"]),
        "shuffled": sorted(found["shuffled"], key=lambda one: one["log_loss"]["value"]),
        "claims": claims(found),
        "seconds": seconds,
        "page_name": "evaluation.html",
    }


def claims(found: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What the demo is to show, and whether it does."""
    by_name = {one["name"]: one for one in found["true"]}
    near = min((by_name[name] for name in GOOD), key=lambda one: one["regret"]["value"])
    rows = [
        {
            "text": f"the best of {', '.join(GOOD)} is within {NEAR} of the best possible log loss",
            "found": f"{near['name']}: {near['regret']['value']:+.3f}",
            "holds": near["regret"]["value"] <= NEAR,
        }
    ]
    for name in ("resnet3d", "nodules", "backbone"):
        gain = by_name[name]["gain"]
        found_words = f"{gain['value']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f})"
        rows.append({"text": f"{name} is better than the base rate", "found": found_words, "holds": gain["value"] > 0})
    # by chance alone a network may come out a hair above the base rate: the lower end of the interval decides
    surest = max(found["shuffled"], key=lambda one: one["gain"]["low"])
    rows.append(
        {
            "text": "with shuffled labels none beats the base rate",
            "found": f"{surest['name']}: {surest['gain']['value']:+.3f} (from {surest['gain']['low']:+.3f})",
            "holds": surest["gain"]["low"] <= 0,
        }
    )
    return rows


def estimate(values: NDArray[np.float64], draws: NDArray[np.int64]) -> dict[str, float]:
    """The mean with its 95 % bootstrap interval."""
    return {"value": float(values.mean()), **ends(values[draws].mean(axis=1))}


def ends(drawn: NDArray[np.float64]) -> dict[str, float]:
    """The interval of a figure from its bootstrap draws."""
    low, high = (float(end) for end in np.quantile(drawn[np.isfinite(drawn)], (0.025, 0.975)))
    return {"low": low, "high": high}


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a table."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def table(figures: dict[str, Any]) -> str:
    """The figures as plain text."""
    lines = [f"{'':32}{'log loss':>26}{'regret':>26}{'AUC':>24}"]
    groups = [("", [figures["best"], *figures["predictors"], figures["base"]]), (", shuffled", figures["shuffled"])]
    for note, rows in groups:
        for row in rows:
            cells = [cell(row[name]) for name in ("log_loss", "regret", "auc")]
            lines.append(f"{row['name'] + note:32}" + "".join(f"{cell:>26}" for cell in cells))
    lines += [f"{'yes' if one['holds'] else 'NO '} {one['text']}: {one['found']}" for one in figures["claims"]]
    lines.append(f"{figures['minutes']} minutes")
    return "\n".join(lines)


def page(figures: dict[str, Any]) -> str:
    """The figures as a page of the documentation."""
    head = ["| predictor | log loss | regret | AUC |", "| --- | --- | --- | --- |"]
    n, n_learn = figures["n"], figures["n_learn"]

    def rows(those: Sequence[dict[str, Any]]) -> list[str]:
        return [
            f"| {one['name']} | {cell(one['log_loss'])} | {cell(one['regret'])} | {cell(one['auc'])} |" for one in those
        ]

    stages = dict.fromkeys(("simulate", "prepare", "train", "other"), 0.0)
    for name, seconds in figures["seconds"].items():
        stages[name.split()[0] if name.split()[0] in stages else "other"] += seconds
    took = ", ".join(f"{name} {seconds / 60:.1f}" for name, seconds in stages.items())
    held = [
        f"| {one['text']} | {one['found']} | {'holds' if one['holds'] else 'does not hold'} |"
        for one in figures["claims"]
    ]
    parts = [
        "<!-- made by `python scripts/cohort_demo.py --docs` -->",
        "# Four networks on simulated patients",
        f"`make cohort-demo` simulates {n_learn} patients to learn from and {n} fresh ones, prepares them, trains every network in {FOLDS} folds, "
        f"predicts the fresh ones and judges: {figures['n_positive']} of them have cancer. Their true risks are known, so the best possible log "
        "loss is known; regret is what a predictor has above it. Intervals are 95 %, by drawing patients again.",
        "These patients are [simulated](simulation.md): the figures say that the way from slices to an honest number works, and nothing about people.",
        "\n".join([*head, *rows([figures["best"], *figures["predictors"], figures["base"]])]),
        '"line, untrained" is what `lungrisk assess` says, fitted on real patients; "recalibrated" is the same after `lungrisk calibrate` on the '
        "patients to learn from. A network whose held-out likelihoods are no better than chance is calibrated to the share of cancers: its row is that of "
        "the base rate.",
        "## With shuffled labels\n\nNothing can be learnt from them; a network that beats the base rate here has seen what it should not.",
        "\n".join([*head, *rows(figures["shuffled"])]),
        "## What it was to show",
        "\n".join(["| | found | |", "| --- | --- | --- |", *held]),
        f"Minutes on two cores: {took}; together {figures['minutes']}{', in one run' if figures['in_one_run'] else ''}.",
    ]
    return "\n\n".join(parts) + "\n"


def cell(one: dict[str, float]) -> str:
    """A figure with its interval."""
    return f"{one['value']:.3f} ({one['low']:.3f} to {one['high']:.3f})"


if __name__ == "__main__":
    sys.exit(main())
