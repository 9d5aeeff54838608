"""One assessment judged by a bundle: the same scan, the same nodules, another likelihood."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from lungrisk.core.calibration import Calibration
from lungrisk.core.errors import InputError
from lungrisk.core.records import Assessment, Likelihood, Nodule
from lungrisk.prediction.looking import needed
from lungrisk.prediction.models import Chance, Model, judge_arrays, open_model

NOT_A_PATIENT = ""  # the id of somebody whom no bundle has learnt from
BY_NETWORK = (
    "The chance of what its labels call cancer where {prevalence:.1%} of patients have it, by the network {name}, trained on {data}. "
    "It looks at the scan as a whole, so the nodules have no shares of it; the interval is what its {folds} networks differ by and the error of their calibration."
)
BY_CALIBRATION = (
    "The chance of what its labels call cancer where {prevalence:.1%} of patients have it: the likelihood of {base}, "
    "taken by the calibration {name} ({method}) to that of {n} patients of whom {n_positive} had cancer."
)


def judge(assessment: Assessment, bundle: str | Path, prevalence: float | None = None) -> Assessment:
    """The assessment with the likelihood that a patient network or a calibration gives.

    assessment: of `assess` with its own prevalence, since the bundles were fitted on that. bundle: name or folder.
    prevalence: of the place where the scan was made, 0..1; None: that of the bundle. A refused assessment stays as it is, one that
    the bundle cannot judge becomes refused. A calibration scales the nodules' contributions with it, a network gives none.
    Raises EnvironmentFault: those of `open_model`.
    """
    model = open_model(str(bundle))
    if assessment.likelihood is None or not model.provenance:
        return assessment
    try:
        chance, findings = judge_arrays(model, NOT_A_PATIENT, needed(assessment, model), prevalence)
    except InputError as error:
        return replace(assessment, status="refused", likelihood=None, findings=(*assessment.findings, *error.findings))
    floor = _floor(model, assessment.likelihood, prevalence, chance)
    likelihood = replace(
        assessment.likelihood,
        value=chance.value,
        low=chance.low,
        high=chance.high,
        floor=floor,
        prevalence=model.prevalence if prevalence is None else prevalence,
        basis=_basis(model, prevalence),
        horizon=_horizon(model),
    )
    bundles = [*assessment.provenance["bundles"], *model.provenance]
    return replace(
        assessment,
        likelihood=likelihood,
        nodules=tuple(_share(nodule, assessment.likelihood, likelihood) for nodule in assessment.nodules),
        findings=(*assessment.findings, *findings),
        provenance={**assessment.provenance, "bundles": bundles},
    )


def _floor(model: Model, line: Likelihood, prevalence: float | None, chance: Chance) -> float:
    """What is left without nodules: through the calibration of the line; of a network nothing is known, so all of it."""
    if model.base is None or model.base.bundle is not None or model.calibration is None:
        return chance.value
    value, _, _ = model.calibration.apply(np.array([line.floor]), prevalence=prevalence)
    return min(float(value[0]), chance.value)


def _share(nodule: Nodule, before: Likelihood, after: Likelihood) -> Nodule:
    """The nodule with its part of the new likelihood: the same share of what lies above the floor."""
    above = before.value - before.floor
    share = nodule.contribution / above if above > 0 else 0.0
    return replace(nodule, contribution=share * (after.value - after.floor))


def _horizon(model: Model) -> str:
    return "diagnosis within one year of the scan" if model.n_years else "as in the labels that it was fitted on"


def _basis(model: Model, prevalence: float | None) -> str:
    calibration, bundle = model.calibration, model.bundle
    if calibration is None or bundle is None:
        raise ValueError("the line has its own basis")
    share = calibration.prevalence if prevalence is None else prevalence
    if model.base is None:
        folds = bundle.settings.get("folds", 1)
        return BY_NETWORK.format(prevalence=share, name=bundle.name, data=bundle.settings.get("data"), folds=folds)
    return BY_CALIBRATION.format(prevalence=share, base=_named(model.base), name=bundle.name, **_fitted(calibration))


def _named(base: Model) -> str:
    return "the shipped line" if base.bundle is None else f"the network {base.name}"


def _fitted(calibration: Calibration) -> dict[str, object]:
    return {name: getattr(calibration, name) for name in ("method", "n", "n_positive")}
