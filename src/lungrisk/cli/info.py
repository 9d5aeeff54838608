"""`lungrisk info`: what is in a scan, a store, a bundle, an assessment or a table of predictions."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lungrisk import __version__
from lungrisk.cli.options import Json, Quiet
from lungrisk.cli.terminal import STDOUT, emit_json, existing, progress

MOST_LIKELY = 5  # patients of a table of likelihoods
MOST_LINES, LONGEST = 24, 300  # of what one key may take on the terminal

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
        print("\n".join(_lines(about)))


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
    from lungrisk.core.bundle import open_bundle

    bundle = open_bundle(place)
    about = {key: value for key, value in bundle.settings.items() if key not in {"kind", "version", "files"}}
    return {**about, "megabytes": round(len(bundle.model) / 1e6, 2), "sha256": bundle.sha256}


def _assessment(path: Path) -> dict[str, Any]:
    from lungrisk.core.errors import InputError
    from lungrisk.core.findings import find

    try:
        record = json.loads(path.read_text("utf-8"))
        likelihood, nodules, findings = record["likelihood"], record["nodules"], record["findings"]
        return {
            "status": record["status"],
            "likelihood": likelihood,
            "nodules": {one["id"]: f"{one['diameter_mm']['mean']:.1f} mm, {one['type']}" for one in nodules},
            "findings": {one["code"]: f"{one['severity']}: {one['message']}" for one in findings},
            "provenance": record["provenance"],
            "notice": record["notice"],
        }
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(find("file.corrupt", found="no assessment", files=[path.name])) from error


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
        "findings": {one.code: one.sentence() for one in store.findings},
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
        "findings": {finding.code: f"{finding.severity}: {finding.message}" for finding in findings},
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
        "findings": {finding.code: f"{finding.severity}: {finding.message}" for finding in scan.findings},
    }


def _lines(about: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for key, value in about.items():
        if isinstance(value, dict) and len(value) <= MOST_LINES:
            lines += [f"{indent}{key}:", *_lines(value, indent + "  ")]
        elif len(str(value)) > LONGEST:  # which patients a fold holds, say: --json has it
            lines.append(f"{indent}{key}: {len(value)} entries")
        else:
            lines.append(f"{indent}{key}: {value}")
    return lines
