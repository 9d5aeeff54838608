"""From a cohort or a store to a likelihood for every patient, by the shipped line or by a bundle."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lungrisk
from lungrisk.cohort.patients import find_patients
from lungrisk.cohort.store import Store, is_store, open_store
from lungrisk.cohort.tables import refuse_formulas
from lungrisk.cohort.workers import Workers, run_each
from lungrisk.core.bundle import LINE, open_bundle
from lungrisk.core.cohort import Prediction
from lungrisk.core.errors import EnvironmentFault, LungriskError, UsageFault
from lungrisk.core.files import write_atomic
from lungrisk.core.findings import Finding, find
from lungrisk.core.outputs import key_of
from lungrisk.prediction.journal import Asked, Entry, Journal, Outcome, open_journal
from lungrisk.prediction.judging import judge
from lungrisk.prediction.looking import FromScan, FromStore, Looking, is_as_it_was, refused, strictly
from lungrisk.prediction.models import Model, open_model
from lungrisk.prediction.table import table_of

__all__ = ["Outcome", "PredictOptions", "judge", "predict", "predict_each"]

LINES_OWN = ("candidate", "outline", "malignancy")


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictOptions:
    """workers: who does it. details: the table also has low, high and status. strict: a limited result counts as refused.

    overwrite: a table at the output that something else made is replaced. progress: is told each patient as it is done.
    """

    workers: Workers = field(default_factory=Workers)
    details: bool = False
    strict: bool = False
    overwrite: bool = False
    progress: Callable[[str], None] | None = None


def predict(
    source: str | Path,
    bundle: str | Path | None = None,
    output: str | Path | None = None,
    options: PredictOptions | None = None,
) -> tuple[Prediction, ...]:
    """The likelihood of every patient of a cohort or a store, sorted by id; None for a refused patient.

    source: a folder COHORT/<patient id>/**, a CSV id,path, or a store. bundle: None or "line" is what `assess` says; otherwise a
    patient network or a calibration, by name or folder. output: the table is written there, whole or not at all: `id,cancer`
    with every id, 0.001..0.999, the base rate for refused patients. A cohort is read patient by patient and a journal beside the
    output keeps what is done, of which files and by which networks: the same call goes on after an interruption, and looks again at
    scans that were replaced. Why a patient was refused: `predict_each`.
    Raises UsageFault (`use.output` where the output is of something else), InputError (`coh.none`, `coh.recipe`), EnvironmentFault (`coh.locked`, `env.bundle`, ...).
    """
    return tuple(outcome.prediction for outcome in predict_each(source, bundle, output, options))


def predict_each(
    source: str | Path,
    bundle: str | Path | None = None,
    output: str | Path | None = None,
    options: PredictOptions | None = None,
) -> tuple[Outcome, ...]:
    """`predict` with the findings of each patient."""
    options = options or PredictOptions()
    model = open_model(_place(bundle))
    store = open_store(source) if is_store(source) else None
    items: Sequence[Any]
    task: Callable[[Any], Outcome]
    if store is None:
        items, _ = find_patients(source)
        task = FromScan(bundle=_place(bundle))
    else:
        _refuse_other_recipe(store, model)
        items = store.patients
        task = FromStore(bundle=_place(bundle), store=Path(source).absolute())
    refuse_formulas(item.id for item in items)
    target = None if output is None else Path(output)
    form = ",".join(name for name in ("details", "strict") if getattr(options, name))
    asked = Asked(key=_key(model, store), source=key_of(place=str(Path(source).resolve())), form=form)
    by_id = {item.id: item for item in items}

    def fits(patient_id: str, entry: Entry) -> bool:
        return patient_id in by_id and is_as_it_was(by_id[patient_id], entry)

    with open_journal(target, asked, fits, overwrite=options.overwrite) as journal:
        lost = _look_at_all(Looking(task), items, journal, options)
        outcomes = tuple(lost.get(item.id) or journal.entries[item.id].outcome for item in items)
        if options.strict:
            outcomes = tuple(strictly(outcome) for outcome in outcomes)
        if target is not None:
            rows = [outcome.prediction for outcome in outcomes]
            table = table_of(rows, model.prevalence, n_years=model.n_years, details=options.details)
            if journal.told(table, form) and target.is_file() and options.progress is not None and not lost:
                options.progress(f"{target.name} is done already: no scan has changed since")
            write_atomic(target, table)
    return outcomes


def _look_at_all(task: Looking, items: Sequence[Any], journal: Journal, options: PredictOptions) -> dict[str, Outcome]:
    """Look at those that are not in the journal yet; gives those that no fault of theirs stopped: the same command tries them again."""
    todo = [item for item in items if item.id not in journal.entries]
    lost: dict[str, Outcome] = {}
    for place, result in run_each(task, todo, options.workers):
        patient_id = todo[place].id
        if isinstance(result, EnvironmentFault):
            raise result
        if isinstance(result, Exception):
            lost[patient_id] = refused(patient_id, _reasons(result))
        else:
            journal.add(result)
        if options.progress is not None:
            done = len(journal.entries) + len(lost)
            status = "lost" if patient_id in lost else journal.entries[patient_id].outcome.prediction.status
            options.progress(f"patient {done} of {len(items)}: {patient_id}, {status}")
    return lost


def _reasons(error: Exception) -> tuple[Finding, ...]:
    """Why a worker gave nothing: it died, memory, or a mistake of ours."""
    if isinstance(error, LungriskError):
        return error.findings
    if isinstance(error, MemoryError):
        return (find("env.memory"),)
    return (find("int.defect", found=type(error).__name__),)


def _place(bundle: str | Path | None) -> str | None:
    """The bundle as workers in another folder find it."""
    if bundle is None or bundle == LINE:
        return None
    folder = Path(bundle)
    return str(folder.absolute()) if folder.exists() else str(bundle)


def _refuse_other_recipe(store: Store, model: Model) -> None:
    if model.recipe is not None and model.recipe.hash != store.recipe.hash:
        raise UsageFault(
            find("coh.recipe", found=f"{store.recipe.name} {store.recipe.hash}", expected=f"{model.recipe.hash}")
        )


def _key(model: Model, store: Store | None) -> str:
    """A hash of what a journal's outcomes depend on beside the patients' files: which line, which networks."""
    return key_of(
        lungrisk=lungrisk.__version__,
        source="scans" if store is None else store.recipe.hash,
        model=model.digests,
        line=[open_bundle(task, task).digest for task in LINES_OWN],
    )
