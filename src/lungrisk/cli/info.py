"""`lungrisk info`: what is in a scan, a store, a bundle, an assessment or a table of predictions."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from lungrisk import __version__
from lungrisk.cli.options import Json, Quiet
from lungrisk.cli.terminal import STDOUT, emit_json, existing, progress, say
from lungrisk.core.findings import Finding

MOST_LIKELY = 5  # patients of a table of likelihoods
MOST_LINES, LONGEST = 24, 300  # of what one key may take on the terminal

NODULE = {"id": str, "diameter_mm": {"mean": float}, "type": str, "side": str, "lobe_or_third": str, "accepted": bool}
FINDING = {
    "code": str,
    "severity": frozenset({"refused", "limited", "corrected", "info"}),
    "message": str,
    "remedy": str,
}
ASSESSMENT = {
    "status": str,
    "likelihood": (dict, None),
    "nodules": [NODULE],
    "findings": [{**FINDING, "found": (str, None), "files": [str], "slices": [int]}],
    "provenance": dict,
    "notice": str,
}

Thing = Annotated[
    str | None,
    typer.Argument(
        metavar="THING", help="A scan, a store, a bundle, an assessment.json, a predictions.csv.", show_default=False
    ),
]


def info(thing: Thing = None, json_target: Json = None, quiet: Quiet = False) -> None:
    """What is in a scan, a store, a bundle, an assessment or predictions; without an argument, the version and the shipped bundles."""
    with progress("info", quiet=quiet) as step:
        about = _about(thing, step)
    if json_target is not None:
        emit_json(json.dumps(about, indent=1, default=str), json_target)
    if json_target != STDOUT:
        card = about.pop("card", None)
        say(*_lines(about if thing is not None else _brief(about)))
        if card is not None:
            say("", *card.splitlines())


def _about(thing: str | None, step: Any) -> dict[str, Any]:
    from lungrisk.core.bundle import list_bundles

    if thing is None:
        return {"lungrisk": __version__, "bundles": {name: _bundle(name) for name in list_bundles()}}
    if thing in list_bundles() or (Path(thing) / "bundle.json").is_file():
        return _bundle(thing)
    path = existing(Path(thing))
    if path.suffix == ".json" or (path / "assessment.json").is_file():
        return _assessment(path if path.is_file() else path / "assessment.json")
    if path.suffix == ".csv":
        return _predictions(path)
    if (path / "store.json").is_file():
        return _store(path)
    step("reading")
    return _scan(path)


def _bundle(place: str) -> dict[str, Any]:
    """What bundle.json says, the first for people first, and the card."""
    from lungrisk.core.bundle import open_bundle, read_card

    bundle = open_bundle(place)
    about = {key: value for key, value in bundle.settings.items() if key not in {"kind", "version", "files"}}
    first: dict[str, Any] = {
        key: about[key] for key in ("name", "task", "data", "licence", "inputs", "outputs") if key in about
    }
    size: dict[str, Any] = {"megabytes": round(len(bundle.model) / 1e6, 2), "sha256": bundle.sha256}
    return {**first, **size, **about, "card": read_card(place)}


def _brief(about: dict[str, Any]) -> dict[str, Any]:
    """The version and a line a shipped bundle: `lungrisk info NAME` has the rest."""
    bundles = {name: f"{one['megabytes']} MB, learnt from {one['data']}" for name, one in about["bundles"].items()}
    return {**about, "bundles": bundles}


def _assessment(path: Path) -> dict[str, Any]:
    from lungrisk.core.errors import InputError
    from lungrisk.core.findings import read_finding
    from lungrisk.core.parsing import read_json, refusing

    with refusing(InputError, "file.corrupt", file=path.name, expected="an assessment.json"):
        record = read_json(path, ASSESSMENT)
        nodules = {
            one["id"]: f"{one['diameter_mm']['mean']:.1f} mm, {one['type']}, {one['side']} lung, {one['lobe_or_third']}"
            + ("" if one["accepted"] else ", not accepted")
            for one in record["nodules"]
        }
        return {
            "status": record["status"],
            "likelihood": record["likelihood"],
            "nodules": nodules or "none",
            "findings": _findings(map(read_finding, record["findings"])),
            "provenance": record["provenance"],
            "notice": record["notice"],
        }


def _findings(findings: Iterable[Finding]) -> dict[str, str]:
    """Each finding in a line, worst first; of one code that came more than once, all."""
    told: dict[str, str] = {}
    for one in sorted(
        findings, key=lambda finding: ("refused", "limited", "corrected", "info").index(finding.severity)
    ):
        words = f"{one.severity}: {one.message}" + (f" ({one.found})" if one.found else "")
        told[one.code] = f"{told[one.code]}; {one.found}" if one.code in told and one.found else words
    return told


def _store(path: Path) -> dict[str, Any]:
    from collections import Counter

    from lungrisk.cohort.store import open_store

    store = open_store(path)
    labels = Counter(
        "none" if one.label is None or one.label.cancer is None else one.label.cancer for one in store.patients
    )
    codes = Counter(code for one in store.patients for code in one.codes)
    folds = Counter(one.fold for one in store.patients)
    return {
        "patients": len(store.patients),
        "status": dict(sorted(Counter(one.status for one in store.patients).items())),
        "cancer": {str(value): labels[value] for value in sorted(labels, key=str)},
        "patients a fold": {str(fold): folds[fold] for fold in sorted(folds)},
        "findings of patients": dict(codes.most_common()),
        "findings": _findings(store.findings),
        "recipe": store.recipe.as_dict(),
        "arrays": {name: f"{one['dtype']} {one['shape']}" for name, one in store.about.get("arrays", {}).items()},
        "bundles": store.about["bundles"],
        "hash": store.hash,
        "megabytes": round(sum(file.stat().st_size for file in (path / "patients").glob("*.npz")) / 1e6, 1),
    }


def _predictions(path: Path) -> dict[str, Any]:
    from collections import Counter

    import numpy as np

    from lungrisk.evaluation.tables import read_predictions

    predictions, findings = read_predictions(path)
    judged = {one.id: one.value for one in predictions if one.value is not None and one.status != "refused"}
    values = np.array(list(judged.values()))
    quartiles = np.quantile(values, (0, 0.25, 0.5, 0.75, 1)) if len(values) else ()
    return {
        "patients": len(predictions),
        "status": dict(Counter(one.status for one in predictions)),
        "likelihood": {
            "mean": round(float(values.mean()), 4) if len(values) else None,
            "least, quartiles, most": [round(float(one), 4) for one in quartiles],
        },
        "most likely": dict(sorted(judged.items(), key=lambda pair: -pair[1])[:MOST_LIKELY]),
        "findings": _findings(findings),
    }


def _scan(path: Path) -> dict[str, Any]:
    from dataclasses import asdict

    from lungrisk.formats import read

    scan = read(path)
    return {
        "format": scan.source.format,
        "slices": scan.hu.shape[0],
        "matrix": list(scan.hu.shape[1:]),
        "spacing_mm": [round(length, 4) for length in scan.spacing],
        "orientation": scan.source.orientation,
        "series_hash": scan.source.series_hash,
        "header": {key: value for key, value in asdict(scan.header).items() if value is not None},
        "findings": _findings(scan.findings),
    }


def _lines(about: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for key, value in about.items():
        if isinstance(value, dict) and len(value) <= MOST_LINES:
            lines += [f"{indent}{key}:", *_lines(value, indent + "  ")]
        elif (
            isinstance(value, (dict, list)) and len(str(value)) > LONGEST
        ):  # which patients a fold holds, say: --json has it
            lines.append(f"{indent}{key}: {len(value)} entries")
        else:
            lines.append(f"{indent}{key}: {value}")
    return lines
