"""Small true bundles of patients: a network whose logits are known by hand, calibrations, a store and a cohort to use them on."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lungrisk.cohort.splits import patient_key
from lungrisk.cohort.store import KIND, VERSION, StoredPatient, file_name, pack, write_patients
from lungrisk.core.bundle import keep_base, write_bundle
from lungrisk.core.calibration import Calibration
from lungrisk.core.errors import UsageFault
from lungrisk.core.findings import find
from lungrisk.core.records import Assessment, Likelihood, Recipe

RECIPE = Recipe(name="cohort", spacing=(3.0, 3.0, 3.0), size=(112, 96, 128))
SAME = Calibration(method="platt", parameters=(0.0, 1.0), prevalence=0.3, n=100, n_positive=30)


def network(slopes: Sequence[float], offsets: Sequence[float]) -> bytes:
    """An ONNX: logits (n, folds, heads) = slope of the fold * (highest rating - 3) + offset of the head."""
    onnx = pytest.importorskip("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    weight = np.repeat(np.array(slopes, np.float32), len(offsets))[None]
    bias = np.tile(np.array(offsets, np.float32), len(slopes))[None]
    constants = {
        "first": np.array(0, np.int64),
        "axes": np.array([1], np.int64),
        "three": np.array(3, np.float32),
        "weight": weight,
        "bias": bias,
        "shape": np.array([-1, len(slopes), len(offsets)], np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["numbers", "first"], ["ratings"], axis=2),
        helper.make_node("ReduceMax", ["ratings", "axes"], ["highest"], keepdims=1),
        helper.make_node("Sub", ["highest", "three"], ["above"]),
        helper.make_node("Mul", ["above", "weight"], ["scaled"]),
        helper.make_node("Add", ["scaled", "bias"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "by hand",
        [helper.make_tensor_value_info("numbers", onnx.TensorProto.FLOAT, ["n", 8, 10])],
        [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["n", len(slopes), len(offsets)])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


def patient_bundle(folder: Path, slopes: Sequence[float], offsets: Sequence[float] = (0.0,), **settings: Any) -> Path:
    """A bundle of task "patient" as training writes it."""
    known = {
        "net": "by hand",
        "inputs": ["numbers"],
        "recipe": RECIPE.as_dict(),
        "recipe_hash": RECIPE.hash,
        "outputs": {"logits": [len(slopes), len(offsets)]},
        "calibration": SAME.as_dict(),
        "folds": len(slopes),
        "fold_of_patient": {patient_key(name): fold for name, fold in settings.pop("learnt_from", {}).items()},
        "years": 0,
        "data": "nobody",
        "licence": "none",
    }
    model = network(slopes, offsets)
    return write_bundle(
        folder, name=folder.name, task="patient", model=model, card="# By hand\n", settings={**known, **settings}
    )


def calibration_bundle(folder: Path, calibration: Calibration, base: str | Path = "line") -> Path:
    """A bundle of task "calibration" as `calibrate` writes it."""
    settings = {"calibration": calibration.as_dict(), "base": keep_base(base, folder)}
    return write_bundle(folder, name=folder.name, task="calibration", model=b"", card="# A map\n", settings=settings)


def arrays(rating: float, line: Sequence[float] = (0.2, 0.1, 0.4)) -> dict[str, Any]:
    """The arrays that the bundles here look at: one nodule of that rating."""
    numbers = np.zeros((8, 10), np.float32)
    numbers[0, 0] = rating
    return {"numbers": numbers, "line": np.array([*line, rating], np.float32)}


def made_store(folder: Path, ratings: dict[str, float | None], recipe: Recipe = RECIPE) -> Path:
    """A store with a patient for each rating; None: refused."""
    (folder / "patients").mkdir(parents=True)
    patients = []
    for name, rating in ratings.items():
        status = "refused" if rating is None else "assessed"
        said = [find("cov.short").as_dict()] if rating is None else []
        file = folder / "patients" / file_name(name)
        file.write_bytes(pack({"status": status, "findings": said}, {} if rating is None else arrays(rating)))
        codes = ("cov.short",) if rating is None else ()
        patients.append(StoredPatient(id=name, status=status, codes=codes, label=None, group=name, fold=0, file=file))
    write_patients(folder, sorted(patients, key=lambda one: one.id))
    about = {"kind": KIND, "version": VERSION, "recipe": asdict(recipe), "hash": folder.name}
    (folder / "store.json").write_text(json.dumps(about), "utf-8")
    return folder


def made_cohort(folder: Path, values: dict[str, str]) -> Path:
    """A cohort for `quick_assess`: what each patient's scan says of it."""
    for name, value in values.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "says.txt").write_text(value, "utf-8")
    return folder


def quick_assess(path: Path) -> Assessment:
    """Stands in for `assess`: a number is the likelihood, "limited 0.3" limits it, anything else refuses."""
    if not path.exists():
        raise UsageFault(find("use.missing", found=path.name))
    words = (path / "says.txt").read_text("utf-8").split()
    if words[0] == "memory":
        raise MemoryError
    if words[0] == "defect":
        raise ZeroDivisionError("of somebody")
    limited = (find("geo.thick"),) if words[0] == "limited" else ()
    try:
        value = float(words[-1])
    except ValueError:
        return _assessment("refused", None, (find("anat.no_lung"),))
    chance = Likelihood(
        value=value, low=value / 2, high=(1 + value) / 2, floor=min(value, 0.05), prevalence=0.263, basis="made"
    )
    return _assessment("limited" if limited else "assessed", chance, limited)


def _assessment(status: Any, chance: Likelihood | None, findings: Any) -> Assessment:
    return Assessment(
        status=status,
        scan=None,
        lungs=None,
        nodules=(),
        likelihood=chance,
        findings=findings,
        provenance={"bundles": [{"name": "malignancy", "sha256": "0" * 64}]},
    )
