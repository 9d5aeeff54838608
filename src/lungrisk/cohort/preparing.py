"""From a folder of patients to a store: each patient goes down the same line as one scan does, and loses nobody on the way."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

import lungrisk
from lungrisk.assessment import assess
from lungrisk.cohort.arrays import RECIPE, array_table, arrays_of
from lungrisk.cohort.finishing import Worked, finish
from lungrisk.cohort.labels import match, read_labels
from lungrisk.cohort.patients import Patient, find_patients
from lungrisk.cohort.store import (
    KIND,
    VERSION,
    Store,
    as_text,
    file_name,
    open_store,
    pack,
    read_record,
)
from lungrisk.cohort.workers import Workers, one_thread, run_each
from lungrisk.core.bundle import open_bundle
from lungrisk.core.cohort import Label
from lungrisk.core.errors import EnvironmentFault, InputError, LungriskError, UsageFault, refusals
from lungrisk.core.files import write_atomic
from lungrisk.core.findings import Finding, find
from lungrisk.core.locks import locked
from lungrisk.core.records import Recipe
from lungrisk.nodules import RECIPE as NODULE_RECIPE
from lungrisk.nodules import TASKS
from lungrisk.preparation import RECIPES
from lungrisk.report import to_json

NOT_KEPT = ("provenance", "notice", "schema")  # of an assessment: times and places, and what all have in common
RECORD_BYTES = 40_000  # of a patient's file beside its arrays


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareOptions:
    """How to prepare a cohort.

    labels: CSV id,cancer,... or None. recipe: of the volumes, a Recipe or a name. workers: where the work is done.
    folds, seed: of the cross-validation. unknown: see `read_labels`. allow_missing: patients without a label and labels without a patient are only told.
    strict: limited patients count as refused.
    """

    labels: Path | None = None
    recipe: Recipe | str = RECIPE
    workers: Workers = field(default_factory=Workers)
    folds: int = 5
    seed: int = 0
    unknown: tuple[str, ...] = ()
    allow_missing: bool = False
    strict: bool = False


def prepare_cohort(
    source: str | Path,
    out: str | Path,
    options: PrepareOptions | None = None,
    progress: Callable[[str], None] | None = None,
) -> Store:
    """Assess and prepare every patient of a cohort into a store; gives the opened store.

    source: COHORT/<patient id>/** or a CSV id,path. out: the store's folder; what an interrupted run with the same recipe and
    bundles left there is kept, and the result is the same to the byte. A patient who cannot be judged is in the store
    with the reasons and without arrays. progress: is told each patient as it is done.
    Raises InputError (`coh.none`, `lab.*`), UsageFault (`use.missing`, `use.option`), EnvironmentFault (`coh.other_store`,
    `coh.locked`, `env.disk`, `env.bundle`).
    """
    options = options or PrepareOptions()
    recipe = _recipe(options.recipe)
    patients, findings = find_patients(source)
    labels: tuple[Label, ...] = ()
    if options.labels is not None:
        labels, said = read_labels(options.labels, options.unknown)
        findings = (*findings, *said, *match(patients, labels, options.allow_missing))
        if refusals(findings):
            raise InputError(*findings)
    folder = Path(out).absolute()  # workers may stand elsewhere
    about = _about(recipe)
    with locked(folder / ".lock", "coh.locked"):
        _begin(folder, about)
        todo = [patient for patient in patients if not _is_done(folder, patient)]
        _check_space(folder, recipe, len(todo))
        lost = _work(_Prepare(folder=folder, recipe=recipe), todo, options.workers, progress)
        finish(
            folder,
            about,
            Worked(patients=patients, labels=labels, findings=findings, lost=lost, strict=options.strict),
            (options.folds, options.seed),
        )
    return open_store(folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepare:
    """The task of one patient; travels to the workers."""

    folder: Path
    recipe: Recipe

    def __call__(self, patient: Patient) -> str:
        """Write the patient's file; gives the status."""
        with one_thread():
            record, arrays = prepare_patient(patient.path, self.recipe)
        record["source"] = _extent(patient.path)
        write_atomic(self.folder / "patients" / file_name(patient.id), pack(record, arrays))
        return str(record["status"])


def prepare_patient(path: Path, recipe: Recipe = RECIPE) -> tuple[dict[str, Any], dict[str, Any]]:
    """The record of a patient, as assessment.json without provenance, and the arrays; none for a refused one."""
    try:
        assessment = assess(path)
    except UsageFault as error:  # the path is not there
        return _refused(error), {}
    record = {name: value for name, value in to_json(assessment).items() if name not in NOT_KEPT}
    if assessment.status == "refused":
        return record, {}
    try:
        return record, arrays_of(assessment, recipe)
    except InputError as error:
        return {**record, **_refused(error)}, {}


def _refused(error: LungriskError) -> dict[str, Any]:
    findings = [finding.as_dict() for finding in error.findings]
    return {"status": "refused", "likelihood": None, "nodules": [], "findings": findings}


def _recipe(recipe: Recipe | str) -> Recipe:
    known = {**RECIPES, RECIPE.name: RECIPE}
    if isinstance(recipe, str):
        if recipe not in known:
            raise UsageFault(find("use.option", found=f"recipe {recipe}", expected=" or ".join(sorted(known))))
        recipe = known[recipe]
    if recipe.size is None or not all(recipe.size):
        raise UsageFault(find("use.option", found=f"recipe {recipe.name}", expected="a recipe with a size"))
    return recipe


def _about(recipe: Recipe) -> dict[str, Any]:
    """What the arrays are made with: a store holds one kind."""
    bundles = {task: open_bundle(task, task) for task in TASKS}
    calibrations = {
        task: bundle.settings["calibration"] for task, bundle in bundles.items()
    }  # limits, spreads: not in the model
    return {
        "kind": KIND,
        "version": VERSION,
        "lungrisk": lungrisk.__version__,
        "recipe": recipe.as_dict(),
        "recipe_hash": recipe.hash,
        "nodule_recipe_hash": NODULE_RECIPE.hash,
        "arrays": array_table(recipe),
        "bundles": {task: bundle.sha256 for task, bundle in bundles.items()},
        "calibrations_hash": sha256(as_text(calibrations).encode()).hexdigest(),
    }


def _begin(folder: Path, about: dict[str, Any]) -> None:
    """Say what this store is, or check that it is the same; remove what a killed run left half-written."""
    file = folder / "store.json"
    made = json.loads(json.dumps(about))
    if file.is_file():
        try:
            there = json.loads(file.read_text("utf-8"))
        except ValueError:
            there = {}
        known = {"calibrations_hash": made["calibrations_hash"], **there}  # stores of the first days do not say it
        other = [name for name in made if known.get(name) != made[name]]
        if other:
            raise EnvironmentFault(find("coh.other_store", found=f"another {', '.join(other)}", files=[folder.name]))
    elif any(entry.name != ".lock" for entry in folder.iterdir()):
        raise EnvironmentFault(find("coh.store", found=f"{folder.name}, a folder with other files"))
    for kind in ("npz", "json", "csv"):
        for left in folder.glob(f"**/.*.{kind}.*"):
            left.unlink(missing_ok=True)
    write_atomic(file, as_text(about))


def _is_done(folder: Path, patient: Patient) -> bool:
    """Whether the patient's file is there, whole, and made from what lies at the path now."""
    file = folder / "patients" / file_name(patient.id)
    if not file.is_file():
        return False
    try:
        return bool(read_record(file).get("source") == _extent(patient.path))
    except EnvironmentFault:
        return False


def _extent(path: Path) -> dict[str, int]:
    """Number of files and their bytes: enough to see that a scan was replaced, cheap enough for every patient."""
    files = [path] if path.is_file() else [one for one in sorted(path.rglob("*")) if one.is_file()]
    return {"files": len(files), "bytes": sum(one.stat().st_size for one in files)}


def _check_space(folder: Path, recipe: Recipe, n: int) -> None:
    arrays = array_table(recipe).values()
    needed = n * (RECORD_BYTES + sum(prod(one["shape"]) * np.dtype(one["dtype"]).itemsize for one in arrays))
    free = shutil.disk_usage(folder).free
    if needed > free:
        found, expected = f"{free / 1e9:.1f} GB free", f"{needed / 1e9:.1f} GB for {n} patients"
        raise EnvironmentFault(find("env.disk", found=found, expected=expected, files=[folder.name]))


def _work(
    task: _Prepare, todo: Sequence[Patient], workers: Workers, progress: Callable[[str], None] | None
) -> dict[str, Finding]:
    """Prepare the patients; gives those for whom nothing could be written, with the reason: the next run tries them again."""
    lost: dict[str, Finding] = {}
    for done, (place, outcome) in enumerate(run_each(task, todo, workers), start=1):
        one = todo[place]
        if isinstance(outcome, EnvironmentFault):
            raise outcome
        if isinstance(outcome, Exception):
            lost[one.id] = _why(outcome)
        if progress is not None:
            said = lost[one.id].sentence() if one.id in lost else outcome
            progress(f"patient {done} of {len(todo)}: {one.id}, {said}")
    return lost


def _why(error: Exception) -> Finding:
    """What to say of a patient on whom the work itself failed: the worker died, memory, a mistake of ours."""
    if isinstance(error, LungriskError):
        return error.findings[0]
    if isinstance(error, MemoryError):
        return find("env.memory")
    return find("coh.crash", found=type(error).__name__)  # its message could quote a header
