"""What a worker does with one patient: from its scan down the whole line, or from its arrays in a store."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.assessment import assess
from lungrisk.cohort.arrays import arrays_of
from lungrisk.cohort.patients import Patient
from lungrisk.cohort.store import Store, StoredPatient, open_store
from lungrisk.core.bundle import LINE
from lungrisk.core.cohort import Prediction
from lungrisk.core.errors import InputError, UsageFault
from lungrisk.core.extents import is_same, watch
from lungrisk.core.findings import Finding
from lungrisk.core.records import Assessment
from lungrisk.prediction.journal import Entry, Outcome
from lungrisk.prediction.models import Chance, Model, judge_arrays, open_model


@dataclass(frozen=True, slots=True, kw_only=True)
class FromScan:
    """The task of a patient of a cohort; bundle: place of the model."""

    bundle: str | None

    def __call__(self, patient: Patient) -> Outcome:
        """Read, assess, predict; a patient who cannot be judged comes back refused, with the reasons."""
        model = open_model(self.bundle)
        try:
            assessment = assess(patient.path)
            if assessment.likelihood is None:
                return refused(patient.id, assessment.findings)
            chance, findings = judge_arrays(model, patient.id, needed(assessment, model))
        except (InputError, UsageFault) as error:  # UsageFault: the path is not there
            return refused(patient.id, error.findings)
        return predicted(patient.id, chance, (*assessment.findings, *findings))


@dataclass(frozen=True, slots=True, kw_only=True)
class FromStore:
    """The task of a patient of a store."""

    bundle: str | None
    store: Path

    def __call__(self, patient: StoredPatient) -> Outcome:
        """Read the arrays that the model looks at, predict."""
        if patient.status == "refused":
            return refused(patient.id, patient.findings)
        model = open_model(self.bundle)
        try:
            chance, findings = judge_arrays(model, patient.id, _opened(self.store).load(patient.id, model.inputs))
        except InputError as error:
            return refused(patient.id, error.findings)
        return predicted(patient.id, chance, (*patient.findings, *findings))


@dataclass(frozen=True, slots=True)
class Looking:
    """A task that also says of which files its outcome was made."""

    task: FromScan | FromStore

    def __call__(self, patient: Patient | StoredPatient) -> Entry:
        """Raises InputError (`coh.changed`) when the patient's files changed meanwhile."""
        extent, outcome = watch(_place(patient), lambda: self.task(patient))  # type: ignore[arg-type]  # each has its own
        return Entry(outcome=outcome, stat=extent.stat, content=extent.content + _told(patient))


def is_as_it_was(patient: Patient | StoredPatient, entry: Entry) -> bool:
    """Whether a patient's files, and what a store tells of it, are those that the entry was made of."""
    content, told = entry.content[:64], entry.content[64:]  # a SHA-256 and what follows it
    return told == _told(patient) and is_same(_place(patient), entry.stat, content)


def _place(patient: Patient | StoredPatient) -> Path:
    return patient.path if isinstance(patient, Patient) else patient.file


def _told(patient: Patient | StoredPatient) -> str:
    return "" if isinstance(patient, Patient) else f" {patient.status} {' '.join(patient.codes)}"


def needed(assessment: Assessment, model: Model) -> dict[str, NDArray[Any]]:
    """The arrays of an assessed patient that a model looks at.

    The line's numbers are those that a store holds, float32, so that a cohort and its store give the same to the bit.
    Raises InputError as `arrays_of`.
    """
    if model.inputs == (LINE,) and assessment.likelihood is not None:
        likelihood = assessment.likelihood
        return {LINE: np.array([likelihood.value, likelihood.low, likelihood.high], np.float32)}
    return arrays_of(assessment) if model.recipe is None else arrays_of(assessment, model.recipe)


def refused(patient_id: str, findings: tuple[Finding, ...]) -> Outcome:
    """The outcome of a patient without a likelihood."""
    return Outcome(prediction=Prediction(id=patient_id, value=None, status="refused"), findings=findings)


def predicted(patient_id: str, chance: Chance, findings: tuple[Finding, ...]) -> Outcome:
    """The outcome of a patient with one; limited when a finding limits it."""
    limited = any(finding.severity == "limited" for finding in findings)
    prediction = Prediction(
        id=patient_id,
        value=chance.value,
        low=chance.low,
        high=chance.high,
        status="limited" if limited else "assessed",
        years=chance.years,
    )
    return Outcome(prediction=prediction, findings=findings)


def strictly(outcome: Outcome) -> Outcome:
    """A limited result counted as refused."""
    if outcome.prediction.status != "limited":
        return outcome
    return replace(outcome, prediction=Prediction(id=outcome.prediction.id, value=None, status="refused"))


@lru_cache(maxsize=2)
def _opened(store: Path) -> Store:
    return open_store(store)
