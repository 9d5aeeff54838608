"""The guard: whatever a parser can raise is a finding with the file's name, and nothing untyped leaves the reader."""

import lzma
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from gradient_phantom import phantom, save

import lungrisk.formats as formats
from lungrisk.core.errors import EnvironmentFault, InputError, UsageFault
from lungrisk.core.findings import find
from lungrisk.formats import items, read, sorting, survey
from lungrisk.formats.guard import door, reading

# what must never get through, and what it becomes
NEVER: dict[str, tuple[BaseException, str]] = {
    "a file that is gone": (FileNotFoundError(2, "No such file or directory"), "file.unreadable"),
    "no permission": (PermissionError(13, "Permission denied"), "file.unreadable"),
    "a disk's fault": (OSError(5, "Input/output error"), "file.unreadable"),
    "a name too long": (OSError(36, "File name too long"), "file.unreadable"),
    "a decoder's OSError": (OSError("Invalid data stream"), "file.corrupt"),
    "an early end": (EOFError(), "file.truncated"),
    "struct": (struct.error("unpack requires 4 bytes"), "file.corrupt"),
    "zlib": (zlib.error("Error -3"), "file.corrupt"),
    "lzma": (lzma.LZMAError("Corrupt input data"), "file.corrupt"),
    "zip": (zipfile.BadZipFile("Bad magic number"), "file.corrupt"),
    "encoding": (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "file.corrupt"),
    "depth": (RecursionError("maximum recursion depth exceeded"), "file.corrupt"),
    "overflow": (OverflowError("int too large"), "file.corrupt"),
    "division": (ZeroDivisionError(), "file.corrupt"),
    "value": (ValueError("x"), "file.corrupt"),
    "key": (KeyError("x"), "file.corrupt"),
    "index": (IndexError(), "file.corrupt"),
    "attribute": (AttributeError("x"), "file.corrupt"),
    "type": (TypeError(), "file.corrupt"),
    "not implemented": (NotImplementedError("compression type 9"), "file.corrupt"),
    "runtime": (RuntimeError("x"), "file.corrupt"),
    "an assertion": (AssertionError(), "file.corrupt"),
    "a warning": (UserWarning("x"), "file.corrupt"),
    "a group": (ExceptionGroup("x", [ValueError()]), "file.corrupt"),
    "no memory": (MemoryError(), "env.memory"),
}


@pytest.mark.parametrize("row", NEVER)
def test_what_a_parser_raises_is_a_finding_that_names_the_file(row: str) -> None:
    error, code = NEVER[row]
    with pytest.raises((InputError, EnvironmentFault)) as caught, reading("a.dcm"):
        raise error
    assert [(f.code, f.files, f.severity) for f in caught.value.findings] == [(code, ("a.dcm",), "refused")]
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(2), GeneratorExit()], ids=repr)
def test_what_ends_a_program_passes(error: BaseException) -> None:
    for guard in (reading("a.dcm"), door()):
        with pytest.raises(type(error)), guard:
            raise error


def test_a_typed_error_keeps_its_type_and_gets_the_name_where_it_has_none() -> None:
    for error in (InputError, EnvironmentFault, UsageFault):
        with pytest.raises(error) as caught, reading("a.dcm"):
            raise error(find("file.corrupt"), find("file.corrupt", files=["b.dcm"]))
        assert [f.files for f in caught.value.findings] == [("a.dcm",), ("b.dcm",)]


@pytest.mark.parametrize("row", NEVER)
def test_nothing_untyped_leaves_the_reader_wherever_it_is_raised(
    row: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    error, _ = NEVER[row]

    def failing(*_given: object, **_options: object) -> object:
        raise error

    (tmp_path / "a.dcm").write_bytes(bytes(128) + b"DICM" + bytes(200))
    places = [(sorting.Sorter, "_open_zip"), (sorting, "packing_of"), (items.Item, "head"), (sorting.Sorted, "notes")]
    broken = formats.Format("broken", lambda head, name: True, failing, failing, many=True)
    for place, name in places:
        with monkeypatch.context() as patched:
            patched.setattr(place, name, failing)
            for function in (read, survey):
                with pytest.raises((InputError, EnvironmentFault)):
                    function(tmp_path)
    monkeypatch.setattr(formats, "FORMATS", (broken,))
    for function in (read, survey):
        with pytest.raises((InputError, EnvironmentFault)) as caught:
            function(tmp_path)
        assert caught.value.findings[0].code in ("file.unforeseen", "env.memory")


def test_what_was_not_foreseen_is_named_by_type_and_place_and_never_by_its_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_given: object) -> object:
        raise KeyError("CANARY")

    monkeypatch.setattr("lungrisk.formats.dicom.choose", failing)
    with pytest.raises(InputError) as caught:
        read(save(phantom()[:10], tmp_path))
    (finding,) = caught.value.findings
    assert finding.code == "file.unforeseen"
    assert str(finding.found).startswith("KeyError at formats/dicom.py:")
    assert "CANARY" not in str(caught.value)
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("row", ["struct", "depth", "no memory", "a disk's fault", "an early end"])
def test_what_a_decoder_raises_names_its_slice(row: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error, code = NEVER[row]

    def failing(*_given: object) -> object:
        raise error

    monkeypatch.setattr("lungrisk.formats.pixels._Contents.stored", failing)
    with pytest.raises((InputError, EnvironmentFault)) as caught:
        read(save(phantom()[:10], tmp_path))
    assert caught.value.findings[0].code == code
    assert caught.value.findings[0].files[0].endswith(".dcm")
