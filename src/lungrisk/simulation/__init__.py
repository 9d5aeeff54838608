"""Scans of known truth; shares no code with what finds lungs and nodules, so that it can judge them."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from lungrisk.core.errors import UsageFault
from lungrisk.core.findings import find
from lungrisk.simulation.chest import simulate_scan
from lungrisk.simulation.cohort import CohortOptions, best_possible, few_positive, simulate_cohort

__all__ = ["CohortOptions", "best_possible", "few_positive", "simulate"]


def simulate(
    kind: Literal["scan", "cohort"],
    out: str | Path,
    seed: int = 0,
    *,
    patients: int = 20,
    options: CohortOptions | None = None,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Simulate one chest CT, or a cohort of patients with labels drawn from a known risk.

    "scan": `out/scan` is a DICOM series, `out/truth.json` and `out/nodules.csv` hold the truth. "cohort": the Bowl's layout,
    `out/stage1/<id>/*.dcm` and `out/stage1_labels.csv` (`id,cancer`), and beside it `out/truth.csv` (`id,risk,...`) and
    `out/nodules.csv`. The same seed gives the same bytes. options: of a cohort, instead of seed and patients; a script that
    asks for several workers needs the guard `if __name__ == "__main__":`. Gives the folder. Raises UsageFault (`use.option`)
    and EnvironmentFault (`env.disk`).

    >>> simulate("nothing", "out")
    Traceback (most recent call last):
    lungrisk.core.errors.UsageFault: use.option: an option has a value that is not possible; found nothing, ...
    """
    if kind == "scan":
        return simulate_scan(Path(out), seed)
    if kind == "cohort":
        return simulate_cohort(Path(out), options or CohortOptions(patients=patients, seed=seed), progress)
    raise UsageFault(find("use.option", found=kind, expected="scan or cohort"))
