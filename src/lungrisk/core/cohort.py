"""The records that a cohort is made of beside its scans."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What is known of a patient. None: not known.

    cancer: 0 or 1. time_years: from the scan to the diagnosis (event 1) or to the end of the follow-up (event 0).
    group: patients of one group (a family, a site, one person under two ids) stay in one fold; None: the patient alone.
    sex, age, vendor, kernel, thickness_mm: for the figures of subgroups.
    """

    id: str
    cancer: int | None = None
    time_years: float | None = None
    event: int | None = None
    group: str | None = None
    sex: str | None = None
    age: float | None = None
    vendor: str | None = None
    kernel: str | None = None
    thickness_mm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A patient's likelihood, 0..1, as a row of predictions.csv. value is None for a refused patient.

    low, high: its 95 % interval. years: likelihood of a diagnosis within 1, 2, ... years, where the bundle gives it.
    """

    id: str
    value: float | None
    low: float | None = None
    high: float | None = None
    status: Literal["assessed", "limited", "refused"] = "assessed"
    years: tuple[float, ...] = ()
