"""The table of findings, and the errors that carry its rows."""

import re
from pathlib import Path

import pytest

from lungrisk.core import errors
from lungrisk.core.findings import FINDINGS, find

ROOT = Path(__file__).parents[2]
CORE = ROOT / "src" / "lungrisk" / "core"
SOURCES = tuple(sorted(CORE.glob("*_findings.py")))


@pytest.mark.parametrize("code", FINDINGS)
def test_a_row_has_a_dotted_code_a_severity_a_message_and_a_remedy(code: str) -> None:
    row = FINDINGS[code]
    assert re.fullmatch(r"[a-z]+\.[a-z_0-9]+", code)
    assert row.severity in {"info", "corrected", "limited", "refused"}
    assert row.message
    assert row.message[0].islower() or row.message.split()[0].rstrip("s,").isupper() or row.message[0].isupper()
    assert row.remedy
    assert not row.message.endswith(".")
    assert not row.remedy.endswith(".")


def test_no_code_stands_twice_in_the_table() -> None:
    codes = re.findall(
        r'^    "([a-z]+\.[a-z_0-9]+)": Row\(', "\n".join(source.read_text("utf-8") for source in SOURCES), re.MULTILINE
    )
    assert sorted(codes) == sorted(FINDINGS)
    assert len(codes) == len(set(codes))


def named_in(folder: str, *without: Path) -> set[str]:
    """Every string of the files of a folder that could be a code, also as a regular expression."""
    files = set((ROOT / folder).rglob("*.py")) - set(without)
    found = {code for file in files for code in re.findall(r"[a-z]+\\?\.[a-z_0-9]+", file.read_text("utf-8"))}
    return {code.replace("\\", "") for code in found}


def test_every_finding_is_raised_somewhere() -> None:
    assert sorted(set(FINDINGS) - named_in("src", *SOURCES)) == []


def test_every_finding_has_a_test_that_makes_it_fire() -> None:
    assert sorted(set(FINDINGS) - named_in("tests", Path(__file__))) == []


def test_two_rows_do_not_say_the_same() -> None:
    messages = [row.message for row in FINDINGS.values()]
    assert len(messages) == len(set(messages))


def test_a_sentence_says_what_where_and_what_to_do() -> None:
    finding = find("geo.hole", found="5.0 mm", expected="1.25 mm", files=[f"{n}.dcm" for n in range(8)])
    assert finding.sentence() == (
        "geo.hole: slices are missing; the gap was filled from its neighbours; found 5.0 mm, expected 1.25 mm; "
        "in 0.dcm, 1.dcm, 2.dcm, 3.dcm, 4.dcm and 3 more; export the series again"
    )


def test_a_record_names_at_most_five_files_and_a_count() -> None:
    record = find("file.other", files=[f"{n:02d}" for n in range(20)]).as_dict()
    assert record["files"] == ["00", "01", "02", "03", "04", "and 15 more"]


def test_a_record_has_the_fields_of_the_contract() -> None:
    assert set(find("geo.thick").as_dict()) == {
        "code",
        "severity",
        "message",
        "files",
        "tag",
        "found",
        "expected",
        "remedy",
        "slices",
        "effect",
    }


def test_a_case_may_be_milder_or_worse_than_its_row() -> None:
    assert find("geo.hole", severity="refused").severity == "refused"


def test_an_unknown_code_is_a_mistake_of_the_programmer() -> None:
    with pytest.raises(KeyError):
        find("geo.nothing")


@pytest.mark.parametrize(
    ("kind", "code"),
    [(errors.UsageFault, 2), (errors.InputError, 3), (errors.EnvironmentFault, 5), (errors.InternalFault, 70)],
)
def test_an_error_knows_its_exit_code_and_is_a_lungrisk_error(kind: type[errors.LungriskError], code: int) -> None:
    assert kind.exit_code == code
    assert issubclass(kind, errors.LungriskError)


def test_an_error_speaks_of_what_refused_and_keeps_the_rest() -> None:
    error = errors.InputError(find("acq.contrast"), find("anat.no_lung"))
    assert str(error) == "anat.no_lung: no lungs were found; give a chest CT"
    assert len(error.findings) == 2


def test_an_error_without_a_refusal_speaks_of_all() -> None:
    assert str(errors.InputError(find("geo.thick"))).startswith("geo.thick: ")
