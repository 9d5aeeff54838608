"""Scans of known truth; shares no code with what finds lungs and nodules, so that it can judge them."""

from pathlib import Path
from typing import Literal

from lungrisk.core.errors import UsageFault
from lungrisk.core.findings import find
from lungrisk.simulation.chest import simulate_scan

__all__ = ["simulate"]


def simulate(kind: Literal["scan"], out: str | Path, seed: int = 0) -> Path:
    """Simulate a chest CT: `out/scan` is a DICOM series, `out/truth.json` and `out/nodules.csv` hold the truth.

    kind: "scan". The same seed gives the same pixels. Gives the folder. Raises UsageFault (`use.option`) and
    EnvironmentFault (`env.disk`).

    >>> simulate("nothing", "out")
    Traceback (most recent call last):
    lungrisk.core.errors.UsageFault: use.option: an option has a value that is not possible; found nothing, ...
    """
    if kind != "scan":
        raise UsageFault(find("use.option", found=kind, expected="scan"))
    return simulate_scan(Path(out), seed)
