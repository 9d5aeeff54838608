"""From a store to a bundle: folds, calibration, resuming, refusals. The store is made up, its signal planted."""

import csv
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_store import make_store  # noqa: E402

from lungrisk.cli.train import Net  # noqa: E402
from lungrisk.cohort.splits import fold_in  # noqa: E402
from lungrisk.cohort.store import Store  # noqa: E402
from lungrisk.core.bundle import open_bundle  # noqa: E402
from lungrisk.core.calibration import Calibration, chance_of  # noqa: E402
from lungrisk.core.errors import InputError, UsageFault  # noqa: E402
from lungrisk.engine import run  # noqa: E402
from lungrisk.evaluation import evaluate  # noqa: E402
from lungrisk.networks import NETWORKS, PATIENT_NETWORKS  # noqa: E402
from lungrisk.training import Options, patient_loop, patients, train  # noqa: E402
from lungrisk.training.checkpoints import Keeper  # noqa: E402
from lungrisk.training.patient_card import WHAT  # noqa: E402
from lungrisk.training.patient_set import gather  # noqa: E402
from lungrisk.training.plans import PLANS  # noqa: E402
from lungrisk.training.seen import add_seen, place_of  # noqa: E402

torch.set_num_threads(1)
OPTIONS = Options(folds=3, epochs=2, threads=1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("cohort") / "store")


@pytest.fixture(scope="module")
def backbone(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "backbone"
    return train(store.path, "backbone", replace(OPTIONS, output=out, epochs=20))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def files_of(folder: Path) -> dict[str, bytes]:
    """What must come out the same: everything but the log, which holds seconds."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "log.csv"}


def test_the_bundle_says_what_it_needs_and_what_it_was_made_of(backbone: Path, store: Store) -> None:
    bundle = open_bundle(backbone, "patient")
    about = bundle.settings
    assert (about["net"], about["folds"], about["years"]) == ("backbone", 3, 0)
    assert about["outputs"] == {"logits": [3, 1]}
    assert about["recipe_hash"] == store.recipe.hash
    assert all(fold_in(about, f"p{number:03d}") == store.patients[number].fold for number in range(48))
    assert fold_in(about, "p048") is None
    plain = {sha256(f"p{number:03d}".encode()).hexdigest()[:length] for number in range(48) for length in (12, 24)}
    assert not plain & set(about["fold_of_patient"])  # nobody tells ids from them in seconds
    json.dumps(about, allow_nan=False)
    card = (backbone / "CARD.md").read_text()
    for words in ("48 with labels", "1 refused, 1 without a label", "base rate", "AUC", "3 folds"):
        assert words in card


def test_the_graph_takes_the_arrays_of_the_store_and_gives_a_logit_a_fold(backbone: Path, store: Store) -> None:
    bundle = open_bundle(backbone, "patient")
    ids = [one.id for one in store.usable][:7]
    found = run(bundle, **{name: store.stack(ids, name) for name in bundle.settings["inputs"]})["logits"]
    assert found.shape == (7, 3, 1)


def test_a_planted_signal_is_found_and_the_predictions_are_of_networks_that_had_not_seen_the_patient(
    backbone: Path, store: Store
) -> None:
    """The graph's column of a patient's own fold, calibrated, is close to the patient's row (its map left the fold out)."""
    bundle = open_bundle(backbone, "patient")
    figures = bundle.settings["figures"]
    assert figures["auc"]["value"] > 0.8
    assert figures["log_loss"]["value"] < figures["log_loss_base_rate"]["value"]
    rows = rows_of(backbone / "predictions.csv")
    ids = [row["id"] for row in rows]
    assert ids == [f"p{number:03d}" for number in range(48)]
    logits = run(bundle, **{name: store.stack(ids, name) for name in bundle.settings["inputs"]})["logits"][:, :, 0]
    fold = [fold_in(bundle.settings, one) for one in ids]
    own = chance_of(logits[np.arange(48), fold].astype(np.float64))
    value = Calibration.from_dict(bundle.settings["calibration"]).apply(own)[0]
    said = np.array([float(row["cancer"]) for row in rows])
    assert np.corrcoef(value, said)[0, 1] > 0.98


def test_the_bundles_card_says_what_evaluate_says_of_its_predictions(
    backbone: Path, store: Store, tmp_path: Path
) -> None:
    rows = [f"{one.id},{one.label.cancer}" for one in store.patients if one.label is not None]
    (tmp_path / "l.csv").write_text("\n".join(["id,cancer", *rows]) + "\n")
    figures = evaluate(backbone / "predictions.csv", labels=tmp_path / "l.csv")
    card = (backbone / "CARD.md").read_text("utf-8")
    assert figures["verdict"] in card
    for name in ("auc", "log_loss", "log_loss_gain"):
        value, low, high = (figures[f"{name}{end}"] for end in ("", "_low", "_high"))
        assert f"{value:.3f} | {low:.3f} to {high:.3f}" in card


@pytest.mark.parametrize("net", ["resnet3d", "nodules"])
def test_the_exported_graph_gives_the_likelihoods_that_torch_gave(net: str, store: Store, tmp_path: Path) -> None:
    kept = {}
    original = patients.pack

    def watch(run_: patients.Run, networks: list[torch.nn.Module], logits: np.ndarray) -> Path:
        kept["logits"] = logits
        return original(run_, networks, logits)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patients, "pack", watch)
        out = train(store.path, net, replace(OPTIONS, output=tmp_path / net, epochs=1))
    bundle = open_bundle(out, "patient")
    ids = [row["id"] for row in rows_of(out / "predictions.csv")]
    logits = run(bundle, batch=16, **{name: store.stack(ids, name) for name in bundle.settings["inputs"]})["logits"]
    fold = [fold_in(bundle.settings, one) for one in ids]
    np.testing.assert_allclose(logits[np.arange(48), fold], kept["logits"], atol=1e-5)


def test_every_patient_network_has_a_plan_a_card_and_a_name_in_the_command(store: Store) -> None:
    offered = get_args(get_args(Net)[0])
    assert set(NETWORKS) == set(offered)
    assert set(PATIENT_NETWORKS) == set(PLANS) == set(WHAT)
    sizes = {}
    for name in ("resnet3d", "resnet3d-18"):
        network = PLANS[name].build(gather(store, OPTIONS), np.arange(4), [-1.0], 0)
        sizes[name] = sum(
            isinstance(one, torch.nn.Conv3d) and one.kernel_size == (3, 3, 3) for one in network.modules()
        )
    assert sizes == {"resnet3d": 9, "resnet3d-18": 17}


def test_folds_are_stratified_grouped_and_the_stores_own_when_their_number_fits(store: Store) -> None:
    own = gather(store, OPTIONS)
    assert own.fold.tolist() == [one.fold for one in store.patients if one.id in own.ids]
    other = gather(store, replace(OPTIONS, folds=4))
    positives = [int(other.positive[other.fold == fold].sum()) for fold in range(4)]
    assert max(positives) - min(positives) <= 1


def test_the_patients_held_out_are_neither_learnt_from_nor_watched(store: Store) -> None:
    own = gather(store, OPTIONS)
    for fold in range(3):
        learnt, watched, held_out = own.split(fold, 0, 0.2)
        assert sorted([*learnt, *watched, *held_out]) == list(range(48))
        assert set(own.fold[held_out]) == {fold}
        assert own.positive[watched].any()


def test_one_fold_is_held_out_when_one_is_asked_for(store: Store, tmp_path: Path) -> None:
    out = train(store.path, "backbone", replace(OPTIONS, output=tmp_path / "b", folds=1))
    assert len(rows_of(out / "predictions.csv")) < 48
    assert open_bundle(out).settings["outputs"] == {"logits": [1, 1]}


def test_hazards_by_year_give_likelihoods_that_never_fall(store: Store, tmp_path: Path) -> None:
    out = train(store.path, "backbone", replace(OPTIONS, output=tmp_path / "b", years=3))
    rows = rows_of(out / "predictions.csv")
    table = np.array([[float(row[f"year_{year}"]) for year in (1, 2, 3)] for row in rows])
    assert (np.diff(table, axis=1) >= 0).all()
    assert [row["cancer"] for row in rows] == [row["year_1"] for row in rows]
    assert open_bundle(out).settings["outputs"] == {"logits": [3, 3]}


def test_one_seed_gives_one_bundle_and_another_seed_another(store: Store, tmp_path: Path, backbone: Path) -> None:
    options = replace(OPTIONS, epochs=20)
    same = train(store.path, "backbone", replace(options, output=tmp_path / "backbone"))
    assert files_of(same) == files_of(backbone)
    other = train(store.path, "backbone", replace(options, output=tmp_path / "other", seed=1))
    assert files_of(other)["model.onnx"] != files_of(backbone)["model.onnx"]


def test_the_log_is_a_table_with_a_row_an_epoch_and_tensorboard_has_its_own(backbone: Path) -> None:
    rows = rows_of(backbone / "log.csv")
    assert {row["fold"] for row in rows} == {"0", "1", "2"}
    assert [row["epoch"] for row in rows if row["fold"] == "0"][:3] == ["1", "2", "3"]
    assert all(float(row["best"]) <= float(row["watched"]) + 1e-9 for row in rows)
    work = backbone.with_name("backbone.training")
    assert not list(work.glob("*.pt"))
    pytest.importorskip("tensorboard")
    assert list((work / "tensorboard").iterdir())


def test_a_patient_that_is_no_number_is_named(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", spoil="numbers")
    with pytest.raises(InputError, match=r"trn\.nan.*patients.*p004") as caught:
        train(store.path, "nodules", replace(OPTIONS, output=tmp_path / "b"))
    assert caught.value.exit_code == 3
    assert not (tmp_path / "b").exists()


def test_a_loss_that_is_no_number_stops_before_the_step_and_names_batch_rate_and_gradient(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(network: torch.nn.Module, _plan: object, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return sum(weight.sum() for weight in network.parameters()) * float("inf") * torch.ones(len(batch["answers"]))

    monkeypatch.setattr(patient_loop, "patient_losses", lost)
    with pytest.raises(InputError, match=r"trn\.nan.*epoch 1, step 1; rate .*; gradient \w+; patients p0"):
        train(store.path, "backbone", replace(OPTIONS, output=tmp_path / "b"))


def test_one_class_or_fewer_than_ten_with_cancer_are_not_fitted(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=20)
    with pytest.raises(InputError, match=r"lab\.few"):
        train(store.path, "backbone", replace(OPTIONS, output=tmp_path / "b"))


def test_patients_of_the_test_are_refused(store: Store, tmp_path: Path) -> None:
    test = tmp_path / "test.csv"
    test.write_text("id\nx\np003\n")
    with pytest.raises(UsageFault, match=r"trn\.test.*p003"):
        train(store.path, "backbone", replace(OPTIONS, output=tmp_path / "b", test=test))


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"id;age\r\n P003 ;60\r\n", r"trn\.test.*p003"), ("id\np003\n".encode("utf-16"), r"trn\.test.*p003"),
     (b"name\np003\n", r"lab\.columns"), (b"", r"lab\.columns"), (None, r"use\.missing")],
)  # fmt: skip
def test_a_table_of_the_test_is_read_as_people_save_it_or_refused(
    store: Store, tmp_path: Path, content: bytes | None, said: str
) -> None:
    """A column that is not found would let the patients of the test be learnt from."""
    if content is not None:
        (tmp_path / "test.csv").write_bytes(content)
    with pytest.raises((UsageFault, InputError), match=said):
        gather(store, replace(OPTIONS, test=tmp_path / "test.csv"))


def test_what_was_kept_of_the_shipped_network_is_made_anew_where_it_cannot_be_read(
    store: Store, tmp_path: Path
) -> None:
    own = gather(store, OPTIONS)
    own = replace(own, store=replace(store, path=tmp_path / "store"))
    place = place_of(own)
    place.write_bytes(b"no arrays")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lungrisk.training.seen.see_nodules", lambda _: np.ones((48, 8, 3), np.float32))
        add_seen(own)
        patch.setattr("lungrisk.training.seen.see_nodules", lambda _: pytest.fail("is kept"))
        add_seen(own)
    assert own.made["seen"].shape == (48, 8, 3)


def test_a_fold_without_cancer_is_named(store: Store) -> None:
    with pytest.raises(InputError, match=r"trn\.folds.*fold"):
        gather(store, replace(OPTIONS, folds=40))


def test_an_early_end_keeps_the_best_epoch_not_the_last(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PLANS, "backbone", replace(PLANS["backbone"], watched=0.2, priors=()))
    options = replace(OPTIONS, output=tmp_path / "b", epochs=50, patience=2, learning_rate=0.5)
    out = train(store.path, "backbone", options)
    rows = [row for row in rows_of(out / "log.csv") if row["fold"] == "0"]
    assert len(rows) < 50
    best = min(range(len(rows)), key=lambda at: float(rows[at]["watched"]))
    assert len(rows) - (best + 1) <= 3


PLAIN = "import sys; from lungrisk.cli import main; main()"


def command(store: Path, out: Path, net: str = "nodules", *more: str) -> list[str]:
    return ["train", str(store), "--net", net, "-o", str(out), "--folds", "2", "--epochs", "3", *more]


def die_at(store: Path, out: Path, save: int, moment: str) -> None:
    """Train in this process, which kills itself at one of its checkpoints: before, in the middle of, or after writing it."""
    patient_loop.CHECKPOINT_SECONDS = 0.0  # a checkpoint after every step
    original, count = Keeper.save, [0]

    def dying(self: Keeper, state: dict[str, object], step: int) -> Path:
        count[0] += 1
        if count[0] == save and moment == "middle":
            (self.folder / f".{self.name}.part").write_bytes(b"half of it")
        written = original(self, state, step) if count[0] != save or moment == "after" else None
        if count[0] == save:
            os.kill(os.getpid(), signal.SIGKILL)
        assert written is not None
        return written

    Keeper.save = dying  # type: ignore[method-assign]
    train(store, "nodules", replace(OPTIONS, output=out, folds=2, batch=5, resume=True))


def test_a_training_killed_three_times_ends_with_the_same_bytes(store: Store, tmp_path: Path) -> None:
    options = replace(OPTIONS, folds=2, batch=5)
    whole = train(store.path, "nodules", replace(options, output=tmp_path / "whole"))
    killed = tmp_path / "killed"
    context = multiprocessing.get_context("fork")  # torch is loaded already
    for save, moment in ((2, "after"), (3, "middle"), (4, "before")):
        process = context.Process(target=die_at, args=(store.path, killed, save, moment))
        process.start()
        process.join(120)
        assert process.exitcode == -signal.SIGKILL
    assert not (killed / "bundle.json").exists()
    train(store.path, "nodules", replace(options, output=killed, resume=True))
    assert files_of(killed) == files_of(whole)


@pytest.mark.parametrize("net", ["nodules"])
def test_two_processes_give_the_weights_of_one(net: str, store: Store, tmp_path: Path) -> None:
    """torchrun with gloo: the same batches, shared out; the sums come in another order."""
    words = [*command(store.path, tmp_path / "two", net), "-q"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*torchrun, sys.executable, "-c", PLAIN, *words], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    options = replace(OPTIONS, output=tmp_path / "one", folds=2, epochs=3)
    train(store.path, net, options)
    ids = [one.id for one in store.usable]
    both = []
    for name in ("one", "two"):
        bundle = open_bundle(tmp_path / name, "patient")
        both.append(run(bundle, **{name: store.stack(ids, name) for name in bundle.settings["inputs"]})["logits"])
    np.testing.assert_allclose(both[0], both[1], atol=1e-3)
    assert np.abs(both[0] - both[1]).max() < 1e-2 * np.abs(both[0]).max()
