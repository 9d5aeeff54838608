"""The public names are those of the contract, and each is found in its room when first used."""

import ast
from pathlib import Path

import pytest

import lungrisk

NAMES = {
    "assess": "assessment",
    "calibrate": "evaluation",
    "check": "quality",
    "evaluate": "evaluation",
    "find_nodules": "nodules",
    "predict": "prediction",
    "open_store": "cohort.store",
    "prepare": "preparation",
    "prepare_cohort": "cohort.preparing",
    "read": "formats",
    "segment_lungs": "lungs",
    "simulate": "simulation",
    "train": "training",
    "view": "report",
}


def test_the_public_names_are_those_of_the_contract() -> None:
    assert lungrisk.PUBLIC == NAMES
    assert sorted(dir(lungrisk)) == sorted([*NAMES, "__version__"]) == lungrisk.__all__


@pytest.mark.parametrize("name", [name for name in NAMES if name != "train"])
def test_a_public_name_is_the_function_of_its_room(name: str) -> None:
    function = getattr(lungrisk, name)
    assert callable(function)
    assert function.__module__.startswith(f"lungrisk.{NAMES[name]}")
    assert function.__doc__


def test_the_type_checker_sees_the_same_names() -> None:
    tree = ast.parse(Path(lungrisk.__file__).read_text("utf-8"))
    seen = {
        alias.asname: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lungrisk.")
        for alias in node.names
    }
    assert seen == {name: f"lungrisk.{room}" for name, room in NAMES.items()}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        lungrisk.nothing  # noqa: B018
