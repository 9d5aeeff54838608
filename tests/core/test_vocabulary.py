"""What leaves of names and texts: nothing that acts, nothing that can name a person, and what a user needs to find his files."""

import fnmatch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lungrisk.core.findings import find, read_finding
from lungrisk.core.records import Header
from lungrisk.core.vocabulary import OTHER, description, kernel, model, showing, stated, veil, vendor, visible

NAMES = (
    "DOE^JANE",
    "Jane Doe",
    "doe_jane",
    "Müller",
    "O'Brien",
    "Li Wu",
    "Иванов",
    "山田太郎",
    "jane.doe@example.org",
    "19610312",
)
FILES = (
    "IM0001",
    "0017.dcm",
    "slice_12.nii.gz",
    "1-001.dcm",
    "IM-0001-0017.dcm",
    "DICOM/ST000001/SE000002/IM000003",
    "scan.nrrd",
)
KERNELS = (
    "B70f",
    "B30s",
    "STANDARD",
    "BONEPLUS",
    "LUNG",
    "FC51",
    "FL04",
    "Br40d",
    "I70f\\3",
    "YC",
    "L",
    "B_SHARP_C",
    "SOFT +",
)
VENDORS = ("SIEMENS", "Siemens Healthineers", "GE MEDICAL SYSTEMS", "Philips", "TOSHIBA", "CANON_MEC", "NMS", "UIH")
MODELS = (
    "LightSpeed VCT",
    "Sensation 64",
    "SOMATOM Definition AS+",
    "Aquilion ONE",
    "Brilliance 64",
    "Discovery CT750 HD",
)


@given(st.text())
@example("\x1b[2J\r\n\u202e\u2028\u200b\ud800\x9b")
def test_what_is_visible_is_one_line_of_printable_characters(text: str) -> None:
    shown = visible(text, None)
    assert "\n" not in shown
    assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in shown)
    shown.encode("utf-8")
    assert visible(shown, None) == shown


@pytest.mark.parametrize("name", NAMES)
def test_no_name_is_left_in_anything(name: str) -> None:
    assert veil(f"{name}/{name}.dcm") in {"*/*.dcm", "*/*"}
    assert vendor(name) == OTHER
    assert model(f"{name} CT") == OTHER
    assert kernel(name) == OTHER
    for veiled in (stated(f"CT\\{name}"), description(f"CHEST {name} 1.5")):
        assert not any(
            part and len(part) > 1 and part in veiled for part in name.replace("^", " ").replace("_", " ").split()
        )


@pytest.mark.parametrize("name", FILES)
def test_names_that_files_of_many_patients_have_are_shown(name: str) -> None:
    assert veil(name) == name


@pytest.mark.parametrize(
    ("known", "check"), [(KERNELS, kernel), (VENDORS, vendor), (MODELS, model)], ids=["kernel", "vendor", "model"]
)
def test_what_scanners_say_is_shown(known: tuple[str, ...], check: object) -> None:
    assert callable(check)
    assert [check(one) for one in known] == list(known)


@given(st.from_regex(r"[A-Za-z0-9 _.^-]{1,20}(\.dcm)?", fullmatch=True))
def test_a_veiled_name_is_a_pattern_that_finds_the_file(name: str) -> None:
    assert fnmatch.fnmatchcase(name, veil(name))


def test_names_are_shown_where_they_may_be_and_nowhere_else() -> None:
    finding = find("file.empty", files=["Doe/Jane.dcm", "Doe/Joan.dcm", "Doe/IM0001"])
    header = Header(description="Doe", contrast="Doe")
    assert finding.as_dict()["files"] == ["*/IM0001", "*/*.dcm", "and 1 more"]
    assert "Jane" not in finding.sentence()
    assert header.checked() == Header(description="*", contrast="stated")
    with showing("terminal"):
        assert "Doe/Jane.dcm" in finding.sentence()
        assert "Jane" not in str(finding.as_dict())
        assert header.checked().description == "*"
    with showing("everywhere"):
        assert finding.as_dict()["files"] == ["Doe/IM0001", "Doe/Jane.dcm", "Doe/Joan.dcm"]
        assert header.checked() is header
    assert "Jane" not in finding.sentence()


def test_a_finding_that_went_through_json_counts_its_files() -> None:
    finding = find("file.empty", files=[f"Doe {n}.dcm" for n in range(109)])
    again = read_finding(finding.as_dict())
    assert (again.n_files, again.files) == (109, ("*.dcm",))
    assert again.sentence() == finding.sentence()


def test_a_file_of_many_frames_is_named_once() -> None:
    assert find("file.empty", files=["a.dcm"] * 107).n_files == 1
