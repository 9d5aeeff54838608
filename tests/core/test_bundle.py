"""Bundles: what is opened is what was written, or nothing."""

import json
import os
import socket
from pathlib import Path

import pytest

from lungrisk.core.bundle import SHIPPED, list_bundles, open_bundle, write_bundle
from lungrisk.core.errors import EnvironmentFault

MAX_SHIPPED_BYTES = 10_000_000
SETTINGS = {"licence": "x", "calibration": {"at": [1.0, 5.0], "sd": [0.5, 0.5]}}
MAP = {
    "method": "temperature",
    "parameters": {"slope": 1.0},
    "covariance": [],
    "prevalence": 0.3,
    "n": 0,
    "n_positive": 0,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "b", name="b", task="malignancy", model=b"model", card="# b\n", settings=SETTINGS)


def code_of(place: Path, task: str | None = None) -> str:
    with pytest.raises(EnvironmentFault) as caught:
        open_bundle(place, task)
    return caught.value.findings[0].code


def test_a_bundle_comes_back_as_it_was_written(folder: Path) -> None:
    bundle = open_bundle(folder, "malignancy")
    assert (bundle.name, bundle.task, bundle.model, bundle.settings["licence"]) == ("b", "malignancy", b"model", "x")


@pytest.mark.parametrize("file", ["model.onnx", "CARD.md"])
def test_a_changed_file_is_not_opened(folder: Path, file: str) -> None:
    (folder / file).write_bytes((folder / file).read_bytes() + b" ")
    assert code_of(folder) == "bun.hash"


def test_a_bundle_of_another_task_is_not_opened(folder: Path) -> None:
    assert code_of(folder, "outline") == "bun.kind"


@pytest.mark.parametrize("field", [{"kind": "other"}, {"version": 2}], ids=["kind", "version"])
def test_a_bundle_of_another_kind_or_version_is_not_opened(folder: Path, field: dict[str, object]) -> None:
    about = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps({**about, **field}))
    assert code_of(folder) == "bun.kind"


@pytest.mark.parametrize("text", ["", "[]", "{"], ids=["empty", "list", "cut"])
def test_a_broken_bundle_json_is_told(folder: Path, text: str) -> None:
    (folder / "bundle.json").write_text(text)
    assert code_of(folder) == "bun.kind"


# a row a way in which bundle.json is not what it should be: what is put over it (None: taken away)
WRONG: dict[str, dict[str, object]] = {
    "no files": {"files": None},
    "no task": {"task": None},
    "no name": {"name": None},
    "no calibration": {"calibration": None},
    "files is a list": {"files": ["model.onnx"]},
    "files is text": {"files": "model.onnx"},
    "a hash is a number": {"files": {"model.onnx": 1, "CARD.md": 2}},
    "task is an object": {"task": {}},
    "task is a list": {"task": ["malignancy"]},
    "name is a number": {"name": 7},
    "version is true": {"version": True},
    "version is text": {"version": "1"},
    "calibration is a list": {"calibration": []},
    "ratings are text": {"calibration": {"at": ["1"], "sd": [0.5]}},
    "ratings do not rise": {"calibration": {"at": [5.0, 1.0], "sd": [0.5, 0.5]}},
    "fewer spreads than ratings": {"calibration": {"at": [1.0, 5.0], "sd": [0.5]}},
    "no ratings": {"calibration": {"at": [], "sd": []}},
    "a file above the folder": {"files": {"../model.onnx": "0" * 64}},
    "an absolute file": {"files": {"/etc/passwd": "0" * 64}},
    "a fold that is text": {"fold_of_patient": {"a": "1"}},
}


@pytest.mark.parametrize("row", WRONG)
def test_a_bundle_json_of_other_kinds_is_refused_by_name(folder: Path, row: str) -> None:
    about = {**json.loads((folder / "bundle.json").read_text()), **WRONG[row]}
    kept = {key: value for key, value in about.items() if value is not None}
    (folder / "bundle.json").write_text(json.dumps(kept))
    assert code_of(folder) == "bun.kind"


@pytest.mark.parametrize(
    "text", ['{"kind": ' * 100_000, '{"a": ' + "[" * 500 + "]" * 500 + "}", '{"a": NaN}'], ids=range(3)
)
def test_a_bundle_json_that_is_too_deep_or_holds_no_number_is_refused(folder: Path, text: str) -> None:
    (folder / "bundle.json").write_text(text)
    assert code_of(folder) == "bun.kind"


@pytest.mark.parametrize(
    ("task", "settings"),
    [
        ("calibration", {"base": "line", "calibration": {**MAP, "prevalence": 1.5}}),
        ("calibration", {"base": "other", "calibration": MAP}),
        ("calibration", {"base": {"name": "b"}, "calibration": MAP}),
        ("calibration", {"base": "line", "calibration": {**MAP, "parameters": {"slope": "1"}}}),
        ("calibration", {"base": "line", "calibration": {**MAP, "n": None}}),
        ("patient", {"inputs": "numbers", "recipe": {}, "calibration": MAP}),
        ("patient", {"inputs": ["numbers"], "recipe": [], "calibration": MAP}),
        ("patient", {"inputs": ["numbers"], "recipe": {}, "calibration": MAP, "years": "two"}),
        ("candidate", {"view": {"pixels": 10**9, "pixel_mm": 0.7}, "calibration": {"accept": 0.5, "weights": {}}}),
        ("outline", {"calibration": {"volume": [{"from_mm": 0}]}}),
        ("outline", {"calibration": None}),
    ],
    ids=range(11),
)
def test_settings_that_the_task_cannot_use_are_refused(tmp_path: Path, task: str, settings: dict[str, object]) -> None:
    model = b"" if task == "calibration" else b"model"
    write_bundle(tmp_path, name="b", task=task, model=model, card="# b\n", settings=settings)
    assert code_of(tmp_path) == "bun.kind"


@pytest.mark.parametrize("file", ["bundle.json", "model.onnx", "CARD.md"])
@pytest.mark.parametrize("what", ["pipe", "folder", "device", "socket"])
def test_what_is_no_regular_file_is_never_opened(folder: Path, file: str, what: str) -> None:
    (folder / file).unlink()
    if what == "pipe":
        os.mkfifo(folder / file)
    elif what == "folder":
        (folder / file).mkdir()
    elif what == "device":
        (folder / file).symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(folder / file))
    assert code_of(folder) in {"bun.kind", "env.bundle"}


def test_a_file_larger_than_a_card_can_be_is_not_read(folder: Path) -> None:
    with (folder / "CARD.md").open("r+b") as stream:
        stream.truncate(2**40)  # a hole: no bytes are written
    assert code_of(folder) == "bun.kind"


def test_a_bundle_in_training_opens_without_calibration(folder: Path) -> None:
    write_bundle(folder, name="b", task="malignancy", model=b"model", card="", settings={})
    assert code_of(folder) == "bun.kind"
    assert open_bundle(folder, unfinished=True).name == "b"


def test_a_calibration_needs_no_model(tmp_path: Path) -> None:
    folder = write_bundle(
        tmp_path / "c",
        name="c",
        task="calibration",
        model=b"",
        card="# c\n",
        settings={"base": "line", "calibration": MAP},
    )
    bundle = open_bundle(folder, "calibration")
    assert (bundle.model, bundle.settings["base"], len(bundle.sha256)) == (b"", "line", 64)
    assert not (folder / "model.onnx").exists()


def test_a_network_without_its_model_is_not_opened(folder: Path) -> None:
    (folder / "model.onnx").unlink()
    assert code_of(folder) == "env.bundle"


def test_a_bundle_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert code_of(tmp_path / "none") == "env.bundle"


@pytest.mark.parametrize("name", list_bundles())
def test_a_shipped_bundle_opens_and_has_a_card(name: str) -> None:
    bundle = open_bundle(name)
    assert bundle.task == name
    card = (SHIPPED / name / "CARD.md").read_text("utf-8").lower()
    for word in ("intended use", "data", "limit", "licence", "lidc-idri"):
        assert word in card, f"the card of {name} does not speak of {word}"


def test_the_shipped_bundles_are_small() -> None:
    assert sum(file.stat().st_size for file in SHIPPED.rglob("*") if file.is_file()) <= MAX_SHIPPED_BYTES
