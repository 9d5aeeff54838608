"""How many of the true nodules of a cohort were found, at how many false alarms a scan, from a store and a table of the truth."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from lungrisk.cohort.store import Store, open_store
from lungrisk.cohort.tables import in_lines, scan_table
from lungrisk.core.errors import InputError
from lungrisk.core.findings import find
from lungrisk.core.parsing import Malformed, number
from lungrisk.evaluation.detection import froc, match_candidates

TRUTH = ("id", "x_mm", "y_mm", "z_mm", "diameter_mm")  # columns that are read; others may be there
FALSE = -1  # hits no true nodule
LEAST_MM = 3.0  # true nodules below are nobody's duty: neither found nor false


def judge_nodules(store: str | Path, nodules: str | Path) -> dict[str, Any]:
    """FROC of the nodules that the line lists in a store: `froc` of all listed by their nodule probability, and `accepted`.

    nodules: a CSV with the columns TRUTH, a line a nodule, LPS mm; a patient without a line has none. A hit lies within the radius of a
    true nodule (LUNA16's rule). Scans that were refused count: their nodules are missed. `accepted`: sensitivity and false alarms a scan
    of those that the line calls nodules.
    Raises UsageFault (`use.missing`), InputError (`lab.columns`, `lab.value`), EnvironmentFault (`coh.store`).
    """
    opened = open_store(store)
    truth = read_truth(nodules)
    scores, hits, scans, accepted, counts = _listed(opened, truth)
    figures = froc(scores, hits, scans, counts)
    true_accepted = {(scan, hit) for scan, hit, kept in zip(scans, hits, accepted, strict=True) if kept and hit >= 0}
    false_alarms = int((accepted & (hits == FALSE)).sum())
    return {
        **figures,
        "accepted": {
            "sensitivity": len(true_accepted) / max(figures["n_nodules"], 1),
            "false_alarms_per_scan": false_alarms / max(figures["n_scans"], 1),
        },
    }


def _listed(store: Store, truth: dict[str, list[tuple[float, ...]]]) -> tuple[Any, ...]:
    """Scores, hits (FALSE: none), numbers of scans and whether accepted, of all listed nodules; true nodules a scan."""
    rows: list[tuple[float, int, int, bool]] = []
    counts = []
    for place, patient in enumerate(store.patients):
        places = np.array(truth.get(patient.id, []), np.float64).reshape(-1, 4)
        counts.append(int((places[:, 3] >= LEAST_MM).sum()))
        listed = patient.record.get("nodules") or []
        points = np.array([one["centre_mm"] for one in listed], np.float64).reshape(-1, 3)
        hits = match_candidates(points, places[:, :3], places[:, 3] / 2)
        for one, hit in zip(listed, hits, strict=True):
            if hit < 0 or places[hit, 3] >= LEAST_MM:
                rows.append((float(one["nodule_probability"]), int(hit), place, bool(one["accepted"])))
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    return (
        np.array(columns[0], np.float64),
        np.array(columns[1], np.int64),
        np.array(columns[2], np.int64),
        np.array(columns[3], np.bool_),
        np.array(counts, np.int64),
    )


def read_truth(path: str | Path) -> dict[str, list[tuple[float, ...]]]:
    """The true nodules of each patient: (x, y, z, diameter), mm. Raises UsageFault (`use.missing`), InputError (`lab.*`)."""
    path = Path(path)
    table, faults = scan_table(path, (), TRUTH)
    truth: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    wrong = []
    for line, row in table.rows:
        try:
            truth[row["id"]].append(tuple(number(row[name]) for name in TRUTH[1:]))
        except Malformed:
            wrong.append(line)
    if wrong:
        faults = (*faults, find("lab.value", found=in_lines(wrong), files=[path.name]))
    if faults:
        raise InputError(*faults)
    return dict(truth)
