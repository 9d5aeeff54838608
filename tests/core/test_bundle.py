"""Bundles: what is opened is what was written, or nothing."""

import json
from pathlib import Path

import pytest

from lungrisk.core.bundle import SHIPPED, list_bundles, open_bundle, write_bundle
from lungrisk.core.errors import EnvironmentFault

MAX_SHIPPED_BYTES = 10_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_bundle(
        tmp_path / "b", name="b", task="malignancy", model=b"model", card="# b\n", settings={"licence": "x"}
    )


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
    assert code_of(folder) in {"env.bundle", "bun.kind"}


def test_a_calibration_needs_no_model(tmp_path: Path) -> None:
    folder = write_bundle(
        tmp_path / "c", name="c", task="calibration", model=b"", card="# c\n", settings={"base": "line"}
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
