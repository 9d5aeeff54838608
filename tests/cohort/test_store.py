"""A store: the same bytes for the same content, one array alone, and a name for whatever is wrong."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lungrisk.cohort.store import (
    KIND,
    VERSION,
    Store,
    StoredPatient,
    file_name,
    is_store,
    open_store,
    pack,
    read_recipe,
    read_record,
    recipe_from,
    write_patients,
)
from lungrisk.core.cohort import Label
from lungrisk.core.errors import EnvironmentFault, InputError, LungriskError, UsageFault
from lungrisk.core.findings import find
from lungrisk.core.records import Recipe

RECORD = {"status": "assessed", "findings": [find("geo.thick", found="5 mm", files=["a/1.dcm"]).as_dict()]}
ARRAYS: dict[str, Any] = {
    "volume": np.arange(24, dtype=np.int16).reshape(2, 3, 4),
    "numbers": np.array([[0.5, -1.0]], np.float32),
    "lungs": np.zeros((2, 3, 4), np.uint8),
}


def code_of(error: pytest.ExceptionInfo[LungriskError]) -> list[str]:
    return [finding.code for finding in error.value.findings]


def build(folder: Path, *patients: StoredPatient) -> Path:
    (folder / "patients").mkdir(parents=True)
    for one in patients:
        (folder / "patients" / one.file.name).write_bytes(pack(RECORD, {} if one.status == "refused" else ARRAYS))
    write_patients(folder, patients)
    about = {"kind": KIND, "version": VERSION, "recipe": Recipe(name="r").as_dict(), "hash": "h", "findings": []}
    (folder / "store.json").write_text(json.dumps(about), "utf-8")
    return folder


def patient(name: str, **known: Any) -> StoredPatient:
    values = {"status": "assessed", "codes": ("geo.thick",), "label": None, "group": name, "fold": 0, **known}
    return StoredPatient(id=name, file=Path(file_name(name)), **values)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(build(tmp_path / "store", patient("a"), patient("b"), patient("c", status="refused")))


def test_numpy_alone_reads_a_patients_file(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(pack(RECORD, ARRAYS))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as held:
        assert json.loads(held["record"].tobytes()) == RECORD
        for name, array in ARRAYS.items():
            assert held[name].dtype == array.dtype
            assert np.array_equal(held[name], array)


def test_the_same_content_gives_the_same_bytes_in_any_order() -> None:
    backwards = dict(reversed(ARRAYS.items()))
    assert pack(dict(reversed(RECORD.items())), backwards) == pack(RECORD, ARRAYS)


def test_members_are_stored_as_they_are_and_carry_no_time(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(pack(RECORD, ARRAYS))
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        for member in archive.infolist():
            assert member.compress_type == zipfile.ZIP_STORED
            assert member.date_time == (1980, 1, 1, 0, 0, 0)


def test_a_number_that_json_lacks_is_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        pack({"value": float("nan")}, {})


def test_arrays_are_read_by_name_and_stacked(store: Store) -> None:
    assert set(store.load("a")) == set(ARRAYS)
    assert set(store.load("a", ["numbers"])) == {"numbers"}
    assert store.stack(["a", "b"], "volume").shape == (2, 2, 3, 4)


def test_findings_come_back_as_they_were(store: Store) -> None:
    [finding] = store.patients[0].findings
    assert finding.as_dict() == RECORD["findings"][0]  # type: ignore[index]


@pytest.mark.parametrize(("name", "arrays"), [("nobody", None), ("a", ["weight"]), ("c", None), ("c", ["volume"])])
def test_who_or_what_is_not_there_is_named(store: Store, name: str, arrays: list[str] | None) -> None:
    with pytest.raises(InputError) as error:
        store.load(name, arrays)
    assert code_of(error) == ["coh.unknown"]
    assert str(store.path) not in str(error.value)


@pytest.mark.parametrize("length", [0, 10, 300, 700])
def test_a_damaged_file_is_named(store: Store, length: int) -> None:
    file = store.path / "patients" / "a.npz"
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(EnvironmentFault) as error:
        store.load("a")
    assert code_of(error) == ["coh.file"]
    with pytest.raises(EnvironmentFault):
        read_record(file)


def test_flipped_bits_are_noticed(store: Store) -> None:
    file = store.path / "patients" / "a.npz"
    content = bytearray(file.read_bytes())
    content[content.index(ARRAYS["volume"].tobytes()) + 5] ^= 4
    file.write_bytes(content)
    with pytest.raises(EnvironmentFault) as error:
        store.load("a", ["volume"])
    assert code_of(error) == ["coh.file"]


def test_a_folder_that_is_no_store_is_named(tmp_path: Path) -> None:
    assert not is_store(tmp_path)
    for text in (
        None,
        "{",
        "[]",
        '{"kind": "lungrisk-bundle", "version": 1}',
        '{"kind": "lungrisk-store", "version": 9}',
    ):
        if text is not None:
            (tmp_path / "store.json").write_text(text, "utf-8")
        with pytest.raises(EnvironmentFault) as error:
            open_store(tmp_path)
        assert code_of(error) == ["coh.store"]


def test_labels_come_back_from_the_table(tmp_path: Path) -> None:
    label = Label(
        id="007", cancer=1, time_years=0.75, event=1, group="x", sex="F", age=61.0, vendor="GE", kernel="B,30"
    )
    known = [
        patient("007", label=label, group="x", fold=3),
        patient("8", label=Label(id="8", group="8", event=0, time_years=2.0)),
        patient("9"),
    ]
    opened = open_store(build(tmp_path / "store", *known)).patients
    assert [one.label for one in opened] == [one.label for one in known]
    assert [(one.id, one.group, one.fold, one.codes) for one in opened] == [
        (one.id, one.group, one.fold, one.codes) for one in known
    ]


@given(st.lists(st.text(min_size=1, max_size=200), min_size=2, max_size=2, unique=True))
def test_every_id_has_a_file_name_of_its_own(ids: list[str]) -> None:
    try:
        names = [file_name(one) for one in ids]
    except UnicodeEncodeError:  # half a surrogate pair is no text
        return
    assert len(set(names)) == 2
    for name in names:
        assert len(name.encode()) < 200
        assert not set(name) & set('/\\:*?"<>|\0 ')
        assert not name.startswith(".")


def test_a_recipe_comes_back_from_json(tmp_path: Path) -> None:
    recipe = Recipe(name="mine", spacing=(2.0, 2.0, 2.0), size=(96, 96, 96))
    assert recipe_from(json.loads(json.dumps(recipe.as_dict()))) == recipe
    file = tmp_path / "mine.json"
    file.write_text('{"spacing": [2.0, 2.0, 2.0], "size": [96, 96, 96]}', "utf-8")
    assert read_recipe(file) == recipe


@pytest.mark.parametrize("text", [None, "{", '{"colour": 1}', "3"])
def test_a_recipe_that_cannot_be_read_is_misuse(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "r.json").write_text(text, "utf-8")
    with pytest.raises(UsageFault) as error:
        read_recipe(tmp_path / "r.json")
    assert code_of(error) == ["use.missing" if text is None else "use.option"]


def test_texts_that_a_spreadsheet_would_run_are_marked_and_come_back(tmp_path: Path) -> None:
    label = Label(id="a", cancer=1, group="=cmd", sex="-", vendor="@x", kernel="'+B")
    store = build(tmp_path / "store", patient("a", label=label, group="=cmd"))
    for row in csv.reader((store / "patients.csv").read_text("utf-8").splitlines()):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@"))]
    [only] = open_store(store).patients
    assert (only.label, only.group) == (label, "=cmd")


def spoiled(folder: Path, name: str, value: object) -> None:
    about = json.loads((folder / "store.json").read_text("utf-8"))
    if value is None:
        del about[name]
    else:
        about[name] = value
    (folder / "store.json").write_text(json.dumps(about), "utf-8")


@pytest.mark.parametrize(
    ("name", "value"),
    [("recipe", None), ("recipe", 3), ("recipe", {"name": "r", "size": "abc"}), ("recipe", {"name": "r", "spacing": [0, 1, 1]}),
     ("recipe", {"name": "r", "size": [1, 1]}), ("recipe", {"name": "r", "interpolation": "magic"}), ("recipe", {"name": 3}),
     ("recipe", {"name": "r", "window": [5, 5]}), ("recipe", {"name": "r", "size": [10**12, 1, 1]}), ("hash", 3), ("findings", 3),
     ("findings", [{"code": "no.such"}]), ("findings", ["x"]), ("arrays", 3), ("arrays", {"volume": {"shape": 3, "dtype": "int16"}}),
     ("arrays", {"volume": {"shape": [1], "dtype": "colour"}})],
)  # fmt: skip
def test_a_store_that_says_what_cannot_be_is_none(store: Store, name: str, value: object) -> None:
    spoiled(store.path, name, value)
    with pytest.raises(EnvironmentFault) as error:
        open_store(store.path)
    assert code_of(error) == ["coh.store"]


@pytest.mark.parametrize("content", [b"\xff\xff", b"[" * 100_000, b'{"kind": ', b""], ids=range(4))
def test_a_store_of_no_text_or_cut_or_too_deep_is_none(store: Store, content: bytes) -> None:
    (store.path / "store.json").write_bytes(content)
    with pytest.raises(EnvironmentFault) as error:
        open_store(store.path)
    assert code_of(error) == ["coh.store"]


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"fold", b"gold"), (b",a,0,", b",a,x,"), (b",a,0,", b",a,-1,"), (b",a,0,", b",a,,"), (b"a,assessed", b"a,fine"),
     (b"a,assessed", b",assessed"), (b"b,assessed", b"a,assessed"), (b",a,0,,,,,,,\n", b",a\n"), (b"a,assessed", b"\xff,assessed"),
     (b"a,assessed", b'"a"x,assessed'), (b",a,0,,", b",a,0,nan,"), (b",a,0,,", b",a,0,-3,"), (b"geo.thick,,a", b"geo.thick,2,a")],
)  # fmt: skip
def test_a_table_of_patients_that_cannot_be_read_is_named(store: Store, old: bytes, new: bytes) -> None:
    table = (store.path / "patients.csv").read_bytes()
    assert old in table
    (store.path / "patients.csv").write_bytes(table.replace(old, new, 1))
    with pytest.raises(EnvironmentFault) as error:
        open_store(store.path)
    assert code_of(error) == ["coh.damaged"]


def npy(array: Any) -> bytes:
    held = io.BytesIO()
    np.save(held, array, allow_pickle=True)
    return held.getvalue()


def archive(compression: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", compression) as out:
        for name, content in members.items():
            out.writestr(f"{name}.npy", content)
    return held.getvalue()


HOSTILE = {
    "an array alone": npy(np.zeros(3)),
    "text": b"no arrays at all",
    "objects": archive(volume=npy(np.array([{}, ()], object))),
    "packed": archive(zipfile.ZIP_DEFLATED, volume=npy(np.zeros(1000))),
    "more than it holds": archive(volume=npy(np.zeros(4, np.uint8)).replace(b"(4,)", b"(9,)")),
    "bytes behind": archive(volume=npy(np.zeros(4, np.uint8)) + b"x"),
    "no array": archive(volume=b"\x93NUMPY\x01\x00"),
    "no header": archive(volume=b""),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_patients_file_of_somebody_else_is_named(store: Store, what: str) -> None:
    (store.path / "patients" / "a.npz").write_bytes(HOSTILE[what])
    with pytest.raises(EnvironmentFault) as error:
        store.load("a")
    assert code_of(error) == ["coh.file"]


@pytest.mark.parametrize("record", [b"[]", b"3", b"{", b"\xff", b"[" * 50_000, b'{"findings": 3}', b'{"findings": [{}]}',
                                    b'{"scan": 3}'], ids=range(8))  # fmt: skip
def test_a_record_that_says_what_cannot_be_is_named(store: Store, record: bytes) -> None:
    file = store.path / "patients" / "a.npz"
    file.write_bytes(archive(record=npy(np.frombuffer(record, np.uint8))))
    with pytest.raises(EnvironmentFault) as error:
        _ = open_store(store.path).patients[0].findings
    assert code_of(error) == ["coh.file"]


def test_arrays_of_other_shapes_than_the_store_says_are_named(store: Store) -> None:
    spoiled(
        store.path,
        "arrays",
        {"volume": {"shape": [2, 3, 4], "dtype": "int16"}, "lungs": {"shape": [9], "dtype": "uint8"}},
    )
    opened = open_store(store.path)
    assert opened.load("a", ["volume"])["volume"].shape == (2, 3, 4)
    with pytest.raises(EnvironmentFault) as error:
        opened.load("a", ["lungs"])
    assert code_of(error) == ["coh.file"]
