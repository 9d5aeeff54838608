"""Training on patients: a store in; a bundle, its card and the out-of-fold predictions out."""

import csv
import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lungrisk.cohort.splits import KEYS, slow_key
from lungrisk.cohort.store import open_store
from lungrisk.core.bundle import open_bundle, write_bundle
from lungrisk.core.calibration import Calibration, chance_of
from lungrisk.core.errors import InputError, UsageFault
from lungrisk.core.files import write_atomic
from lungrisk.core.findings import find
from lungrisk.core.outputs import written
from lungrisk.evaluation.calibration import cross_fit, fit_calibration
from lungrisk.training.checkpoints import Keeper
from lungrisk.training.claims import claimed
from lungrisk.training.options import Options
from lungrisk.training.patient_batches import Fold, find_donors
from lungrisk.training.patient_card import card_of, figures_of
from lungrisk.training.patient_graph import graph_of, lighten
from lungrisk.training.patient_log import PatientLog
from lungrisk.training.patient_loop import fit_fold, look
from lungrisk.training.patient_set import PatientSet, gather
from lungrisk.training.plans import PLANS, Plan
from lungrisk.training.processes import Group, join_group
from lungrisk.training.seen import add_seen
from lungrisk.training.survival import base_logits, class_weights, likelihood_by_year

TUNED = ("epochs", "learning_rate", "batch", "folds", "seed", "patience", "balanced", "augmented", "precision", "years")
Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """One training: what is trained, on whom, how."""

    net: str
    plan: Plan
    patients: PatientSet
    options: Options
    group: Group


def train(source: Path, net: str, options: Options) -> Path:
    """Train a patient network on every fold of a store and write its bundle; gives its folder.

    Under torchrun the processes share the work and the first one writes. Raises UsageFault (`use.option`, `use.output`, `trn.other`,
    `trn.test`), InputError (`lab.one_class`, `lab.few`, `trn.folds`, `trn.nan`), EnvironmentFault (`trn.locked`,
    `trn.checkpoint`, `env.disk`).
    """
    if options.folds < 1:
        raise UsageFault(find("use.option", found=f"--folds {options.folds}", expected="1 (hold one fold out) or more"))
    torch.set_num_threads(options.threads)
    with join_group(options.device) as group:
        store = open_store(source)
        if "volume" in PLANS[net].inputs and store.recipe.window is not None:
            raise UsageFault(
                find("use.option", found=f"volumes by the recipe {store.recipe.name}", expected="volumes in HU")
            )
        patients = gather(store, options)
        run = Run(net=net, plan=PLANS[net].with_options(options), patients=patients, options=options, group=group)
        if not group.first:
            if group.agree(None):  # wait until the folder is ready
                fit_all(run, options.folder)
            return options.output
        with claimed(options, parts_of(run)) as key:
            group.agree(key)
            if key is not None:
                networks, logits = fit_all(run, options.folder)
                with written(options.output, "train", key):
                    pack(run, networks, logits)
    return options.output


def parts_of(run: Run) -> dict[str, Any]:
    """Everything that a resumed training must have in common with the interrupted one."""
    tuned = {name: value for name, value in asdict(run.options).items() if name in TUNED}
    return {"net": run.net, "options": tuned, "data": run.patients.hash, "rater": open_bundle("malignancy").digest}


def fit_all(run: Run, folder: Path) -> tuple[list[nn.Module], Floats]:
    """Train the folds one after another; gives the networks and the logits of every patient by the fold that held it out.

    Logits are (n, heads), NaN for patients whom no fold held out.
    """
    patients, options = run.patients, run.options
    if "seen" in run.plan.inputs:
        add_seen(patients)
    log = PatientLog(folder, run.net, options.folds) if run.group.first else None
    weights = class_weights(patients.answers, patients.asked, options.balanced)
    networks, logits = [], np.full(patients.answers.shape, np.nan)
    for number in range(options.folds):
        learnt, watched, held_out = patients.split(number, options.seed, run.plan.watched)
        torch.manual_seed(1000 * options.seed + number)
        offsets = base_logits(patients.answers[learnt], patients.asked[learnt])
        network = run.plan.build(patients, learnt, offsets, number)
        fold = Fold(
            number=number, patients=patients, plan=run.plan, options=options,
            learnt=learnt, watched=watched, weights=weights, group=run.group,
            donors=find_donors(patients, run.plan, learnt),
        )  # fmt: skip
        keeper = Keeper(folder=folder, name=f"fold-{number}")
        networks.append(lighten(fit_fold(network, fold, keeper, log.add if log else _silent)))
        logits[held_out] = look(network, fold, held_out)
    if log is not None:
        log.close()
    return networks, logits


def _silent(_row: dict[str, Any]) -> None:
    """Only the first process talks."""


def pack(run: Run, networks: list[nn.Module], logits: Floats) -> Path:
    """Calibrate on the out-of-fold logits, export, and write bundle, card and predictions."""
    patients, options, plan = run.patients, run.options, run.plan
    out, heads = options.output, patients.answers.shape[1]
    inputs = plan.exported or plan.inputs
    shapes = {name: array.shape for name, array in patients.store.load(patients.ids[0], list(inputs)).items()}
    model = graph_of([plan.whole(network.cpu(), number) for number, network in enumerate(networks)], inputs, shapes)
    held_out = np.flatnonzero(np.isfinite(logits).all(axis=1))
    # a hazard is a likelihood of those who came to its year: each patient and year that was asked is one case
    case = np.argwhere(patients.asked[held_out] > 0)
    rows = held_out[case[:, 0]]
    p, y = chance_of(logits[rows, case[:, 1]]), patients.answers[rows, case[:, 1]].astype(np.int64)
    groups = [patients.groups[row] for row in rows]
    calibration, fair = calibrate(p, y, groups)
    figures = figures_of(fair, y, groups)
    settings: dict[str, Any] = {
        "net": run.net,
        "inputs": list(inputs),
        "recipe": asdict(patients.store.recipe),
        "recipe_hash": patients.store.recipe.hash,
        "outputs": {"logits": [len(networks), heads]},
        "calibration": calibration.as_dict(),
        "folds": options.folds,
        "patient_keys": {"scheme": KEYS, "salt": patients.hash},
        "fold_of_patient": {
            slow_key(one, patients.hash): int(fold) for one, fold in zip(patients.ids, patients.fold, strict=True)
        },
        "split_hash": patients.split_hash,
        "data_hash": patients.hash,
        "years": options.years,
        "figures": figures,
        "options": {name: getattr(options, name) for name in TUNED},
        "licence": "that of the data it was trained on",
        "data": f"{len(patients.ids)} patients of the store {patients.store.hash[:16]}",
    }
    every_year = calibration.apply(chance_of(logits[held_out].ravel()))[0].reshape(-1, heads)
    likelihoods = every_year if options.years else fair[:, None]
    write_predictions(out / "predictions.csv", [patients.ids[row] for row in held_out], likelihoods, options.years)
    log = options.folder / "log.csv"
    write_bundle(
        out, name=run.net, task="patient", model=model, card=card_of(run.net, settings, patients), settings=settings
    )
    if log.is_file():
        write_atomic(out / "log.csv", log.read_bytes())
    return out


def calibrate(p: Floats, y: NDArray[np.int64], groups: list[str]) -> tuple[Calibration, Floats]:
    """Platt's map of out-of-fold likelihoods, (cases,), and each case's likelihood by a map fitted without its fold.

    Where a threshold parts the two classes, or too few patients were held out, no map is best: likelihoods stay as they are.
    """
    try:
        return fit_calibration(p, y, "platt"), cross_fit(p, y, groups, "platt")
    except InputError as error:
        if not {finding.code for finding in error.findings} <= {"evl.fit", "lab.few"}:
            raise
        share, n_positive = float(y.mean()), int(y.sum())
        as_it_is = Calibration(method="platt", parameters=(0.0, 1.0), prevalence=share, n=len(y), n_positive=n_positive)
        return as_it_is, p


def write_predictions(path: Path, ids: list[str], likelihoods: Floats, years: int) -> None:
    """The out-of-fold likelihoods as a table: id, cancer, and year_1 .. where there are hazards."""
    columns = likelihood_by_year(likelihoods) if years else likelihoods
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "cancer", *(f"year_{year + 1}" for year in range(years))])
    for one, row in zip(ids, columns.tolist(), strict=True):
        writer.writerow([one, f"{row[0]:.6f}", *(f"{value:.6f}" for value in row[:years])])
    write_atomic(path, text.getvalue())
