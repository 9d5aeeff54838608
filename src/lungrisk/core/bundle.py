"""A bundle: a trained network with everything that is needed to run and to judge it. Nothing in it executes.

A folder: `bundle.json`, `model.onnx`, `CARD.md`; bundle.json holds the SHA-256 of the other two. A calibration has no model.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from lungrisk.core.bundle_shapes import check_settings
from lungrisk.core.errors import EnvironmentFault
from lungrisk.core.files import write_atomic
from lungrisk.core.findings import find
from lungrisk.core.parsing import Malformed, parse_json, read_regular, reason

ABOUT, MODEL = "bundle.json", "model.onnx"
MOST_TEXT, MOST_MODEL = 64 * 2**20, 2**31  # bytes
KIND = "lungrisk-bundle"
VERSION = 1
SHIPPED = Path(__file__).parent.parent / "bundles"
WITHOUT_MODEL = {"calibration"}  # tasks whose bundles hold numbers alone
BASE = "base"  # folder inside a calibration: the bundle whose likelihoods it corrects
LINE = "line"  # what stands for it where that is the shipped line of `assess`


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bundle:
    """An opened, verified bundle.

    task: what it does ("malignancy", "candidate", "outline", "patient", "calibration"). model: empty for a calibration.
    sha256: of the model; of bundle.json where there is none. settings: everything else of bundle.json: inputs, outputs, recipe,
    calibration, split_hash, licence, data.
    """

    name: str
    task: str
    model: bytes
    sha256: str
    settings: dict[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 over everything in it: the settings, with the calibration, and the hashes of the files."""
        return sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()


def open_bundle(place: str | Path, task: str | None = None, *, unfinished: bool = False) -> Bundle:
    """Open a bundle by the name of a shipped one or by path; verify its kinds and its hashes.

    task: refuse a bundle of another task. unfinished: its calibration may be lacking, while it is trained. Nothing but regular
    files of bounded size is opened. Raises EnvironmentFault (`env.bundle`, `bun.hash`, `bun.kind`).
    """
    folder = _folder_of(place)
    try:
        text = read_regular(folder / ABOUT, MOST_TEXT)
        about = parse_json(text, {"kind": frozenset({KIND}), "version": int})
        if about["version"] != VERSION:
            raise Malformed(f"version {about['version']}", f"{KIND} {VERSION}")
        check_settings(about, unfinished=unfinished)
        if task is not None and about["task"] != task:
            raise Malformed(f"a bundle for {about['task']}", task)
        names = {"CARD.md": MOST_TEXT} if about["task"] in WITHOUT_MODEL else {MODEL: MOST_MODEL, "CARD.md": MOST_TEXT}
        contents = {name: read_regular(folder / name, most) for name, most in names.items()}
    except Malformed as error:
        raise _unfit(place, error) from error
    except OSError as error:
        raise EnvironmentFault(
            find("env.bundle", found=_called(place), expected=" or ".join(list_bundles()))
        ) from error
    for name, content in contents.items():
        if sha256(content).hexdigest() != about["files"].get(name):
            raise EnvironmentFault(find("bun.hash", files=[f"{folder.name}/{name}"]))
    return Bundle(
        name=about["name"],
        task=about["task"],
        model=contents.get(MODEL, b""),
        sha256=about["files"].get(MODEL) or sha256(text).hexdigest(),
        settings=about,
    )


def read_card(place: str | Path) -> str:
    """The card of a bundle that `open_bundle` opens. Raises EnvironmentFault (`bun.kind`) when it is no text."""
    try:
        return read_regular(_folder_of(place) / "CARD.md", MOST_TEXT).decode("utf-8")
    except (OSError, ValueError) as error:
        raise _unfit(place, error) from error


def _unfit(place: str | Path, error: Exception) -> EnvironmentFault:
    found = f"{_called(place)}: {reason(error)}"
    return EnvironmentFault(find("bun.kind", found=found, expected=getattr(error, "expected", None)))


def _called(place: str | Path) -> str:
    """The bundle as it was named in the call: of a path, the folder."""
    return Path(place).name or str(place)


def write_bundle(folder: Path, *, name: str, task: str, model: bytes, card: str, settings: dict[str, Any]) -> Path:
    """Write a bundle; settings are plain values for JSON; model is empty for a task without. Gives the folder."""
    files = {"model.onnx": model, "CARD.md": card.encode()} if model else {"CARD.md": card.encode()}
    hashes = {file: sha256(content).hexdigest() for file, content in files.items()}
    about = {"kind": KIND, "version": VERSION, "name": name, "task": task, **settings, "files": hashes}
    for file, content in files.items():
        write_atomic(folder / file, content)
    write_atomic(folder / "bundle.json", json.dumps(about, indent=1, sort_keys=True) + "\n")
    return folder


def keep_base(place: str | Path, folder: Path) -> dict[str, str] | str:
    """Copy the bundle that a calibration corrects into the calibration's folder. Gives the setting `base`, which names it.

    place: name, path, or "line" for the shipped line: nothing is copied then. Raises EnvironmentFault as `open_bundle` does.
    """
    if place == LINE:
        return LINE
    base, source = open_bundle(place), _folder_of(place)
    for file in ("model.onnx", "CARD.md", "bundle.json"):
        if (source / file).is_file():
            write_atomic(folder / BASE / file, (source / file).read_bytes())
    if base.task in WITHOUT_MODEL:
        keep_base(source / BASE if base.settings["base"] != LINE else LINE, folder / BASE)
    return {"name": base.name, "sha256": base.sha256}


def _folder_of(place: str | Path) -> Path:
    return SHIPPED / place if isinstance(place, str) and _is_name(place) else Path(place)


def _is_name(place: str) -> bool:
    return place == Path(place).name and (SHIPPED / place / ABOUT).is_file()


def list_bundles() -> list[str]:
    """Names of the shipped bundles, sorted."""
    return sorted(folder.parent.name for folder in SHIPPED.glob("*/bundle.json"))
