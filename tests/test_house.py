"""The law of the house: which room imports what, how large a file may be, what loads when."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "src" / "lungrisk"
FILES = sorted(HOUSE.rglob("*.py"))
MAX_LINES = 300

# a row a room: the rooms that it may import ("*": all)
MAY = {
    "__init__": "*",
    "core": "",
    "formats": "core",
    "quality": "core",
    "preparation": "core",
    "lungs": "core",
    "engine": "core",
    "nodules": "core preparation engine",
    "risk": "core",
    "assessment": "core formats quality preparation lungs engine nodules risk",
    "report": "core",
    "cli": "*",
    "cohort": "core formats quality preparation lungs nodules risk assessment report",
    "networks": "",
    "training": "core cohort networks nodules engine evaluation",
    "prediction": "core cohort engine assessment risk",
    "evaluation": "core cohort nodules engine report",
    "simulation": "core",
}
# a row a file that may do what its room may not
EXCEPT = {
    "core/records.py": "report",  # Assessment.write, named in the contract
    "simulation/demo_scan.py": "formats",  # reads the NIfTI of the demo
}
# a row a package: the rooms that may import it
ONLY = {
    "torch": "networks training",
    "onnx": "training",
    "onnxscript": "training",
    "sklearn": "training evaluation",
    "sksurv": "evaluation",
    "dask": "cohort",
    "distributed": "cohort",
    "dask_jobqueue": "cohort",
    "tensorboard": "training",
    "onnxruntime": "engine",
    "pydicom": "formats simulation",
    "nibabel": "formats",
    "nrrd": "formats",
    "matplotlib": "report",
    "jinja2": "report",
    "PIL": "report",
    "cc3d": "lungs nodules",
    "edt": "lungs nodules",
    "typer": "cli",
    "rich": "cli",
}
LINE = ("formats", "quality", "preparation", "lungs", "engine", "nodules", "risk", "assessment", "report", "core")
HEAVY = ("torch", "onnxruntime", "matplotlib", "scipy", "pydicom", "nibabel", "sklearn")


def name_of(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(HOUSE).with_suffix("").parts[0]


def imports(path: Path) -> set[str]:
    """Dotted names of everything that a file imports, inside functions too; not what only the type checker sees."""
    tree = ast.parse(path.read_text("utf-8"))
    unseen = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    package = path.relative_to(HOUSE.parent).with_suffix("").parts[: -1 if path.name != "__init__.py" else None]
    package = package[:-1] if path.name == "__init__.py" else package
    names: set[str] = set()
    for node in ast.walk(tree):
        if node in unseen:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            names |= {f"{module}.{alias.name}" for alias in node.names} if module == "lungrisk" else {module}
    return names


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_room_imports_only_what_its_row_allows(path: Path) -> None:
    room = room_of(path)
    assert room in MAY, f"{room} has no row in the table of rooms"
    allowed = {room, "", "__version__", *MAY[room].split(), *EXCEPT.get(name_of(path), "").split()}
    for name in sorted(imports(path)):
        top, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if top == "lungrisk":
            assert MAY[room] == "*" or other in allowed, f"{room} may not import {other}"
        assert room in ONLY.get(top, room).split(), f"{top} stays out of {room}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_fits_in_a_head(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_function_takes_few_arguments_and_nothing_is_left_to_do(path: Path) -> None:
    source = path.read_text("utf-8")
    assert not {"TODO", "FIXME", "XXX"} & set(source.replace(":", " ").replace("#", " ").split())
    if room_of(path) == "cli":  # a command has as many parameters as options
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            count = len([one for one in arguments if one.arg not in {"self", "cls"}])
            assert count <= 6 or node.name in MANY, f"{node.name} takes {count} arguments"


# functions that may take more than six: they make one record out of its parts
MANY = {"find", "write_bundle"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_but_the_command_line_prints_and_nothing_asserts(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        assert not isinstance(node, ast.Assert), "assert is for tests: it is gone under -O"
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        assert not called or room_of(path) == "cli", "only the command line prints"


def loaded(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_lungrisk_loads_nothing_heavy() -> None:
    assert not loaded("import lungrisk") & {*HEAVY, "numpy", "typer", "rich"}


def test_the_help_loads_neither_numpy_nor_anything_heavier() -> None:
    assert not loaded("from lungrisk.cli.app import build; build()") & {*HEAVY, "numpy"}


def test_the_line_runs_without_torch() -> None:
    rooms = [room for room in LINE if (HOUSE / room).is_dir() or (HOUSE / f"{room}.py").is_file()]
    assert not loaded("; ".join(f"import lungrisk.{room}" for room in rooms)) & {"torch", "sklearn", "onnx"}
