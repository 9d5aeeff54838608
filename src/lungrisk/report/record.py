"""An assessment as `assessment.json` (schema 1): the keys of the contract, plain values, nothing that is not in the record."""

import json
from pathlib import Path
from typing import Any

from lungrisk.core.findings import Finding
from lungrisk.core.records import Assessment, Estimate, Likelihood, Lungs, Nodule, Scan
from lungrisk.core.vocabulary import visible
from lungrisk.report.words import WORST_FIRST

SCHEMA_VERSION = 1
SCHEMA = Path(__file__).parent / "assessment.schema.json"
PROVENANCE = ("lungrisk", "bundles", "recipe_hash", "platform", "seconds", "date")


def to_json(assessment: Assessment) -> dict[str, Any]:
    """The assessment as plain values for JSON, as `assessment.schema.json` describes them.

    Likelihoods are rounded to 8 decimals, mm to 3, mm³ and HU to 1. Findings come worst first, then by code. Every
    string is made visible: control and direction characters of a header are written as escapes.
    """
    values: dict[str, Any] = _plain(
        {
            "schema": SCHEMA_VERSION,
            "status": assessment.status,
            "likelihood": _likelihood(assessment.likelihood),
            "nodules": [_nodule(nodule, assessment.scan) for nodule in assessment.nodules],
            "lungs": _lungs(assessment.lungs),
            "findings": [finding.as_dict() for finding in gather_findings(assessment)],
            "scan": _scan(assessment.scan),
            "provenance": _provenance(assessment.provenance),
            "notice": assessment.notice,
        }
    )
    return values


def dump(data: dict[str, Any]) -> str:
    """The text of assessment.json: ASCII, the contract's order of keys. Raises ValueError for a number that is none."""
    return json.dumps(data, indent=1, allow_nan=False) + "\n"


def gather_findings(assessment: Assessment) -> tuple[Finding, ...]:
    """Every finding of the assessment and of the records inside it, each once, worst first, then by code."""
    records = (assessment, assessment.scan, assessment.lungs, *assessment.nodules)
    each = dict.fromkeys(finding for record in records if record is not None for finding in record.findings)
    return tuple(sorted(each, key=lambda finding: (WORST_FIRST.index(finding.severity), finding.code, finding.slices)))


def _likelihood(likelihood: Likelihood | None) -> dict[str, Any] | None:
    if likelihood is None:
        return None
    return {
        "value": round(likelihood.value, 8),
        "low": round(likelihood.low, 8),
        "high": round(likelihood.high, 8),
        "level": likelihood.level,
        "horizon": likelihood.horizon,
        "prevalence": round(likelihood.prevalence, 8),
        "basis": likelihood.basis,
    }


def _nodule(nodule: Nodule, scan: Scan | None) -> dict[str, Any]:
    uids = scan.source.instance_uids if scan is not None else ()
    k = nodule.slice_index
    rating = nodule.malignancy
    return {
        "id": nodule.id,
        "centre_mm": [round(float(value), 3) for value in nodule.centre_mm],
        "lobe_or_third": f"{nodule.third} third",
        "side": nodule.side,
        "diameter_mm": {
            "mean": round(nodule.diameter_mm, 3),
            "long": round(nodule.long_mm, 3),
            "short": round(nodule.short_mm, 3),
        },
        "max_3d_diameter_mm": round(nodule.max_3d_mm, 3),
        "volume_mm3": _estimate(nodule.volume_mm3, 1),
        "mean_hu": round(nodule.mean_hu, 1),
        "type": nodule.type,
        "malignancy": {
            "mean": round(rating.mean, 4),
            "low": round(rating.low, 4),
            "high": round(rating.high, 4),
            "scale": "1-5",
        },
        "nodule_probability": round(nodule.nodule_probability, 6),
        "contribution": round(nodule.contribution, 8),
        "accepted": nodule.accepted,
        "slice": {"index": k, "instance_uid": uids[k] if 0 <= k < len(uids) else None},
    }


def _estimate(estimate: Estimate, decimals: int) -> dict[str, float]:
    return {name: round(getattr(estimate, name), decimals) for name in ("value", "low", "high")}


def _lungs(lungs: Lungs | None) -> dict[str, float] | None:
    if lungs is None:
        return None
    return {
        "left_ml": round(lungs.left_ml, 1),
        "right_ml": round(lungs.right_ml, 1),
        "coverage": round(lungs.coverage, 4),
    }


def _scan(scan: Scan | None) -> dict[str, Any] | None:
    if scan is None:
        return None
    n_slices, *matrix = scan.hu.shape
    return {
        "series_hash": scan.source.series_hash,
        "format": scan.source.format,
        "slices": n_slices,
        "matrix": matrix,
        "spacing_mm": [round(step, 4) for step in scan.spacing],
        "vendor": scan.header.vendor,
        "kernel": scan.header.kernel,
        "kvp": scan.header.kvp,
        "thickness_mm": scan.header.thickness_mm,
        "orientation": scan.source.orientation,
    }


def _provenance(provenance: dict[str, Any]) -> dict[str, Any]:
    chosen = {name: provenance.get(name) for name in PROVENANCE}
    chosen["bundles"] = [
        {"name": bundle["name"], "sha256": bundle["sha256"]}
        for bundle in sorted(provenance.get("bundles") or [], key=lambda bundle: str(bundle["name"]))
    ]
    chosen["seconds"] = {room: round(float(spent), 3) for room, spent in (provenance.get("seconds") or {}).items()}
    return chosen


def _plain(value: Any) -> Any:
    """Numpy scalars to Python's, tuples to lists, strings made visible."""
    if isinstance(value, dict):
        return {visible(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return visible(value)
    return value.item() if hasattr(value, "item") else value
