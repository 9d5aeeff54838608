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
from lungrisk.cohort.labels import labels_of
from lungrisk.cohort.marks import Marks
from lungrisk.cohort.patients import Patient, find_patients
from lungrisk.cohort.store import (
    KIND,
    VERSION,
    Store,
    as_text,
    file_name,
    open_store,
    pack,
    read_about,
    read_record,
)
from lungrisk.cohort.tables import refuse_formulas
from lungrisk.cohort.workers import Workers, one_thread, run_each
from lungrisk.core.bundle import open_bundle
from lungrisk.core.cohort import Label
from lungrisk.core.errors import EnvironmentFault, InputError, LungriskError, UsageFault
from lungrisk.core.extents import is_same, watch
from lungrisk.core.files import write_atomic
from lungrisk.core.findings import Finding, find
from lungrisk.core.locks import locked
from lungrisk.core.outputs import key_of, other_output
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
    strict: limited patients count as refused. overwrite: a store of other patients, recipe or version at the place is made anew.
    """

    labels: Path | None = None
    recipe: Recipe | str = RECIPE
    workers: Workers = field(default_factory=Workers)
    folds: int = 5
    seed: int = 0
    unknown: tuple[str, ...] = ()
    allow_missing: bool = False
    strict: bool = False
    overwrite: bool = False


def prepare_cohort(
    source: str | Path,
    out: str | Path,
    options: PrepareOptions | None = None,
    progress: Callable[[str], None] | None = None,
) -> Store:
    """Assess and prepare every patient of a cohort into a store; gives the opened store.

    source: COHORT/<patient id>/** or a CSV id,path. out: the store's folder; what an interrupted run with the same recipe and
    bundles left there is kept where the scans are as they were, and the result is the same to the byte. A patient who cannot be judged is in the store
    with the reasons and without arrays. progress: is told each patient as it is done.
    Raises InputError (`coh.none`, `coh.formula`, `lab.*`), UsageFault (`use.missing`, `use.option`, `use.output`), EnvironmentFault (`coh.other_store`,
    `coh.locked`, `env.disk`, `env.bundle`).
    """
    options = options or PrepareOptions()
    recipe = _recipe(options.recipe)
    patients, findings = find_patients(source)
    refuse_formulas(patient.id for patient in patients)
    labels: tuple[Label, ...] = ()
    if options.labels is not None:
        labels, said = labels_of(options.labels, patients, unknown=options.unknown, allow_missing=options.allow_missing)
        findings = (*findings, *said)
    _tell_limits(findings, progress)
    folder = Path(out).absolute()  # workers may stand elsewhere
    about = _about(recipe)
    _is_ours(folder, about, options.overwrite)  # before anything is written there
    with locked(folder / ".lock", "coh.locked") as stream:
        marks = Marks.read(stream)
        todo = _begin(
            folder, about, _Cohort(key_of(place=str(Path(source).resolve())), patients, marks), options.overwrite
        )
        _check_space(folder, recipe, len(todo))
        lost = _work(_Prepare(folder=folder, recipe=recipe), todo, _Watch(options.workers, marks, progress))
        if progress is not None and not todo:
            progress("every patient is done already: no scan has changed since")
        finish(
            folder,
            about,
            Worked(patients=patients, labels=labels, findings=findings, lost=lost, strict=options.strict),
            (options.folds, options.seed),
        )
    return open_store(folder)


def _tell_limits(findings: Sequence[Finding], progress: Callable[[str], None] | None) -> None:
    """What limits the cohort is said before the work on it, which takes long."""
    for finding in findings if progress is not None else ():
        if finding.severity == "limited" and progress is not None:
            progress(finding.sentence())


@dataclass(frozen=True, slots=True)
class _Cohort:
    """Who is to be prepared, from where, and what is noted of earlier runs."""

    source: str
    patients: tuple[Patient, ...]
    marks: Marks


@dataclass(frozen=True, slots=True)
class _Watch:
    """Who does the work, who keeps account of it, who is told."""

    workers: Workers
    marks: Marks
    progress: Callable[[str], None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepare:
    """The task of one patient; travels to the workers."""

    folder: Path
    recipe: Recipe

    def __call__(self, patient: Patient) -> tuple[str, str]:
        """Write the patient's file; gives the status and the stat of the scan. Raises InputError (`coh.changed`)."""
        with one_thread():
            extent, (record, arrays) = watch(patient.path, lambda: prepare_patient(patient.path, self.recipe))
        record["source"] = {"files": extent.files, "bytes": extent.bytes, "content": extent.content}
        write_atomic(self.folder / "patients" / file_name(patient.id), pack(record, arrays))
        return str(record["status"]), extent.stat


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


def _is_ours(folder: Path, about: dict[str, Any], overwrite: bool) -> bool:
    """Whether what is in the folder was prepared in the same way, or is nothing; False: something else, to be overwritten.

    Raises EnvironmentFault (`coh.other_store`, `coh.store`) where it is something else; only a store is ever overwritten.
    """
    if not (folder / "store.json").is_file():
        if folder.is_dir() and any(entry.name != ".lock" for entry in folder.iterdir()):
            raise EnvironmentFault(find("coh.store", found=f"{folder.name}, a folder with other files"))
        return True
    made = json.loads(json.dumps(about))
    try:
        # stores of the first days do not say how the networks are calibrated
        there = {"calibrations_hash": made["calibrations_hash"], **read_about(folder)}
    except EnvironmentFault:
        if overwrite:
            return False
        raise
    other = [name for name in made if there.get(name) != made[name]]
    if other and not overwrite:
        raise EnvironmentFault(find("coh.other_store", found=f"another {', '.join(other)}", files=[folder.name]))
    return not other


def _begin(folder: Path, about: dict[str, Any], cohort: _Cohort, overwrite: bool) -> list[Patient]:
    """Say what this store is, remove what a killed run left half-written; gives the patients that are to be worked on.

    What was prepared of another cohort stays: UsageFault (`use.output`), unless all of it is in this one too, which has moved then.
    """
    patients, marks = folder / "patients", cohort.marks
    if not _is_ours(folder, about, overwrite):
        for file in patients.glob("*.npz"):
            file.unlink()
    todo = [patient for patient in cohort.patients if not _is_done(folder, patient, marks)]
    if marks.source not in {"", cohort.source} and not overwrite:
        done = {file_name(patient.id) for patient in cohort.patients} - {file_name(patient.id) for patient in todo}
        if not {file.name for file in patients.glob("*.npz")} <= done:
            raise other_output(folder, "a store of another cohort")
    marks.begin(cohort.source)
    for kind in ("npz", "json", "csv"):
        for left in folder.glob(f"**/.*.{kind}.*"):
            left.unlink(missing_ok=True)
    write_atomic(folder / "store.json", as_text(about))
    return todo


def _is_done(folder: Path, patient: Patient, marks: Marks) -> bool:
    """Whether the patient's file is there, whole, and made from what lies at the path now."""
    file = folder / "patients" / file_name(patient.id)
    if not file.is_file():
        return False
    try:
        content = read_record(file)["source"]["content"]
    except (EnvironmentFault, KeyError, TypeError):
        return False
    return isinstance(content, str) and is_same(patient.path, marks.stats.get(patient.id, ""), content)


def _check_space(folder: Path, recipe: Recipe, n: int) -> None:
    arrays = array_table(recipe).values()
    needed = n * (RECORD_BYTES + sum(prod(one["shape"]) * np.dtype(one["dtype"]).itemsize for one in arrays))
    free = shutil.disk_usage(folder).free
    if needed > free:
        found, expected = f"{free / 1e9:.1f} GB free", f"{needed / 1e9:.1f} GB for {n} patients"
        raise EnvironmentFault(find("env.disk", found=found, expected=expected, files=[folder.name]))


def _work(task: _Prepare, todo: Sequence[Patient], watch: _Watch) -> dict[str, Finding]:
    """Prepare the patients; gives those for whom nothing could be written, with the reason: the next run tries them again."""
    lost: dict[str, Finding] = {}
    for done, (place, outcome) in enumerate(run_each(task, todo, watch.workers), start=1):
        one = todo[place]
        if isinstance(outcome, EnvironmentFault):
            raise outcome
        if isinstance(outcome, Exception):
            lost[one.id] = _why(outcome)
            (task.folder / "patients" / file_name(one.id)).unlink(missing_ok=True)  # of the scan that was there before
        else:
            watch.marks.add(one.id, outcome[1])
        if watch.progress is not None:
            said = lost[one.id].sentence() if isinstance(outcome, Exception) else outcome[0]
            watch.progress(f"patient {done} of {len(todo)}: {one.id}, {said}")
    return lost


def _why(error: Exception) -> Finding:
    """What to say of a patient on whom the work itself failed: the worker died, memory, a mistake of ours."""
    if isinstance(error, LungriskError):
        return error.findings[0]
    if isinstance(error, MemoryError):
        return find("env.memory")
    return find("coh.crash", found=type(error).__name__)  # its message could quote a header
