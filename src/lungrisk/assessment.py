"""The line itself: one call a room, from a path to an assessment."""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import lungrisk
from lungrisk.core.bundle import open_bundle
from lungrisk.core.errors import InputError, refusals
from lungrisk.core.findings import Finding, find
from lungrisk.core.records import Assessment, Lungs, Nodule, Scan
from lungrisk.formats import read
from lungrisk.lungs import segment_lungs
from lungrisk.nodules import RECIPE, find_nodules, name_unexplained
from lungrisk.quality import check
from lungrisk.risk import likelihood


def assess(
    source: str | Path | Scan,
    *,
    prevalence: float | None = None,
    malignancy: str | Path = "malignancy",
    keep_ids: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Assessment:
    """From a chest CT to the likelihood of lung cancer, with the nodules that it rests on.

    source: a folder at any depth, a zip, one file, or a Scan. prevalence: share of patients with cancer where the scan comes
    from; None: 0.263, the Bowl's. malignancy: name or folder of the bundle that rates nodules. progress: is told each room.
    What cannot be judged comes back with status "refused", no likelihood and the findings that say why; only what is wrong
    with the call (UsageFault) or with the machine (EnvironmentFault) is raised.

    >>> assess("nowhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    lungrisk.core.errors.UsageFault: use.missing: ...
    """
    clock = _Clock(progress)
    bundles = {task: open_bundle(task, task) for task in ("candidate", "outline")}
    bundles["malignancy"] = open_bundle(malignancy, "malignancy")
    likelihood((), prevalence)  # a prior that is no share is told before any work
    scan: Scan | None = None
    lungs: Lungs | None = None
    findings: tuple[Finding, ...] = ()

    def result(nodules: tuple[Nodule, ...] = (), chance: Any = None) -> Assessment:
        worst = {finding.severity for finding in findings}
        return Assessment(
            status="refused" if "refused" in worst else "limited" if "limited" in worst else "assessed",
            scan=scan,
            lungs=lungs,
            nodules=nodules,
            likelihood=chance,
            findings=findings,
            provenance={
                "lungrisk": lungrisk.__version__,
                "bundles": [{"name": bundle.name, "sha256": bundle.sha256} for bundle in bundles.values()],
                "recipe_hash": RECIPE.hash,
                "platform": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
                "seconds": clock.seconds,
                "date": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        )

    with clock.room("read"):
        try:
            scan = source if isinstance(source, Scan) else read(source, keep_ids=keep_ids)
        except InputError as error:
            findings = error.findings
    if scan is None:
        return result()
    with clock.room("check"):
        findings = (*scan.findings, *check(scan))
    if refusals(findings):
        return result()
    with clock.room("lungs"):
        lungs = segment_lungs(scan)
        findings = (*findings, *lungs.findings)
    if refusals(findings):
        return result()
    with clock.room("nodules"):
        nodules = find_nodules(scan, lungs, bundles)
        findings = (*findings, *(finding for nodule in nodules for finding in nodule.findings))
        findings = (*findings, *name_unexplained(lungs.regions, nodules))
    with clock.room("risk"):
        chance, nodules = likelihood(nodules, prevalence)
        if not any(nodule.accepted for nodule in nodules):
            findings = (*findings, find("nod.none"))
    return result(nodules, chance)


class _Clock:
    """Seconds a room, and word of each room as it begins."""

    def __init__(self, progress: Callable[[str], None] | None) -> None:
        self.seconds: dict[str, float] = {}
        self.progress = progress

    @contextmanager
    def room(self, name: str) -> Iterator[None]:
        if self.progress is not None:
            self.progress(name)
        start = perf_counter()
        yield
        self.seconds[name] = round(perf_counter() - start, 3)
