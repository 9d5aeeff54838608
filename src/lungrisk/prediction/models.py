"""How a patient's arrays become a likelihood: the shipped line, a patient network, or either of them recalibrated."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungrisk.cohort.splits import KEYS, fold_in
from lungrisk.cohort.store import recipe_from
from lungrisk.core.bundle import BASE, LINE, Bundle, open_bundle
from lungrisk.core.calibration import Calibration, Floats, chance_of
from lungrisk.core.errors import EnvironmentFault, InputError
from lungrisk.core.findings import Finding, find
from lungrisk.core.parsing import read_regular
from lungrisk.core.records import Recipe
from lungrisk.engine import run
from lungrisk.risk import PREVALENCE

TASKS = ("patient", "calibration")
TWO_SIDED_95 = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """A likelihood, 0..1, with its 95 % interval. years: of a diagnosis within 1, 2, ... years; empty where not known."""

    value: float
    low: float
    high: float
    years: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """bundle None: the shipped line. base: what a calibration is laid on. calibration: None for the line as shipped."""

    bundle: Bundle | None = None
    base: "Model | None" = None
    calibration: Calibration | None = None

    @property
    def name(self) -> str:
        """Name of the bundle, "line" for the shipped line."""
        return LINE if self.bundle is None else self.bundle.name

    @property
    def inputs(self) -> tuple[str, ...]:
        """The arrays of a patient that it looks at."""
        if self.base is not None:
            return self.base.inputs
        return (LINE,) if self.bundle is None else tuple(self.bundle.settings["inputs"])

    @property
    def recipe(self) -> Recipe | None:
        """How the arrays must have been prepared; None where it does not matter, as for the line."""
        if self.base is not None:
            return self.base.recipe
        return None if self.bundle is None else recipe_from(self.bundle.settings["recipe"])

    @property
    def prevalence(self) -> float:
        """Share of patients with cancer where its likelihoods hold: what is said of a patient who cannot be judged."""
        return PREVALENCE if self.calibration is None else self.calibration.prevalence

    @property
    def n_years(self) -> int:
        """For how many years it gives likelihoods."""
        return 0 if self.bundle is None or self.base is not None else int(self.bundle.settings.get("years") or 0)

    @property
    def provenance(self) -> tuple[dict[str, str], ...]:
        """Name and hash of every bundle that takes part, but those of the line."""
        mine = () if self.bundle is None else ({"name": self.bundle.name, "sha256": self.bundle.sha256},)
        return mine + (() if self.base is None else self.base.provenance)

    @property
    def digests(self) -> tuple[str, ...]:
        """Of every bundle that takes part, but those of the line: another calibration is another digest."""
        mine = () if self.bundle is None else (self.bundle.digest,)
        return mine + (() if self.base is None else self.base.digests)


def open_model(place: str | None) -> Model:
    """The model of a bundle's name or folder; None or "line": the shipped line.

    Raises EnvironmentFault: those of `open_bundle`, `bun.kind` for a bundle that judges no patients or contradicts itself.
    """
    if place is None or place == LINE:
        return Model()
    try:
        digest = sha256(read_regular(Path(place) / "bundle.json")).hexdigest()
    except (OSError, ValueError):  # a shipped one by its name, or none: `open_bundle` tells
        digest = ""
    return _opened(place, digest)


@lru_cache(maxsize=4)
def _opened(place: str, _digest: str) -> Model:
    """A bundle that was trained anew in the same folder has another digest: a worker that lives long must not miss it."""
    bundle = open_bundle(place)
    if bundle.task not in TASKS:
        raise EnvironmentFault(find("bun.kind", found=f"a bundle for {bundle.task}", expected=" or ".join(TASKS)))
    try:
        calibration = Calibration.from_dict(bundle.settings["calibration"])
        base = None if bundle.task == "patient" else _base(place, bundle.settings["base"])
        model = Model(bundle=bundle, base=base, calibration=calibration)
        if not model.inputs or model.n_years < 0 or (base is None and model.recipe is None):
            raise ValueError("inputs, years or recipe")
        keys = bundle.settings.get("patient_keys")
        if keys is not None and (keys["scheme"] != KEYS or not isinstance(keys["salt"], str)):
            raise ValueError("patient_keys")
        return model
    except (KeyError, TypeError, ValueError) as error:
        raise EnvironmentFault(find("bun.kind", found=f"{bundle.name}: {error}", expected="its settings")) from error


def _base(place: str, told: Any) -> Model:
    """What a calibration is laid on: the line, or the bundle that lies inside the calibration's folder."""
    if told == LINE:
        return Model()
    base = open_model(str(Path(place) / BASE))
    if base.bundle is None or base.bundle.sha256 != told["sha256"]:
        raise EnvironmentFault(find("bun.hash", files=[f"{Path(place).name}/{BASE}"]))
    return base


def judge_arrays(
    model: Model, patient_id: str, arrays: Mapping[str, NDArray[Any]], prevalence: float | None = None
) -> tuple[Chance, tuple[Finding, ...]]:
    """The likelihood of one patient from arrays, and what is to be said of it.

    arrays: `cohort.arrays`; those of `model.inputs` are looked at. A patient whom the bundle learnt from is judged by the network
    that did not see it (`coh.held_out`); where all saw it, that is told (`coh.seen`, limited). prevalence: of the place where the
    result shall hold, where it is not the bundle's.
    Raises InputError (`coh.nan`) when a network gives no number.
    """
    if model.base is not None and model.calibration is not None:
        chance, findings = judge_arrays(model.base, patient_id, arrays)
        stated = [np.array([getattr(chance, name)]) for name in ("value", "low", "high")]
        value, low, high = (float(array[0]) for array in model.calibration.apply(*stated, prevalence=prevalence))
        return Chance(value=value, low=low, high=high), findings
    if model.bundle is None or model.calibration is None:
        value, low, high = (float(number) for number in arrays[LINE][:3])
        return Chance(value=value, low=low, high=high), ()
    inputs: dict[str, Any] = {name: arrays[name][None] for name in model.inputs}
    logits = run(model.bundle, **inputs)["logits"][0].astype(np.float64)  # (folds, heads)
    if not np.isfinite(logits).all():
        raise InputError(find("coh.nan", found=model.name))
    kept, findings = _unseen(model.bundle, patient_id, len(logits))
    return _chance(model, logits[kept], prevalence), findings


def _chance(model: Model, logits: Floats, prevalence: float | None) -> Chance:
    """From the logits of the networks, (folds, heads): their mean, with what they differ by and the calibration's own error."""
    middle = logits.mean(axis=0)
    spread = TWO_SIDED_95 * logits.std(axis=0, ddof=1) if len(logits) > 1 else np.zeros_like(middle)
    stated = [chance_of(middle + step) for step in (0, -spread, spread)]
    calibration = model.calibration or Calibration(method="prior", parameters=(0.0,), prevalence=PREVALENCE)
    value, low, high = calibration.apply(*stated, prevalence=prevalence)
    years = (
        1 - np.cumprod(1 - value) if model.n_years else np.zeros(0)
    )  # heads are hazards: of those who came to the year
    return Chance(value=float(value[0]), low=float(low[0]), high=float(high[0]), years=tuple(years.tolist()))


def _unseen(bundle: Bundle, patient_id: str, n_folds: int) -> tuple[list[int], tuple[Finding, ...]]:
    """Which networks may judge a patient: all, or of those that learnt from others the one that did not learn from this one."""
    fold = fold_in(bundle.settings, patient_id)
    if fold is None:
        return list(range(n_folds)), ()
    if 0 <= fold < n_folds:
        return [fold], (find("coh.held_out"),)
    return list(range(n_folds)), (find("coh.seen"),)
