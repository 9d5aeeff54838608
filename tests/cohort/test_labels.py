"""A table of labels, however it was saved and whatever is wrong with it: a finding by name, with the lines."""

import codecs
import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lungrisk.cohort.labels import check_classes, match, pair, read_labels
from lungrisk.cohort.patients import Patient
from lungrisk.core.cohort import Label
from lungrisk.core.errors import InputError, UsageFault
from lungrisk.core.findings import Finding


def saved(folder: Path, text: str | bytes) -> Path:
    path = folder / "labels.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(folder: Path, text: str | bytes) -> dict[str, Finding]:
    with pytest.raises(InputError) as caught:
        read_labels(saved(folder, text))
    return {finding.code: finding for finding in caught.value.worst()}


def noticed(folder: Path, text: str | bytes) -> tuple[dict[str, int | None], dict[str, Finding]]:
    labels, findings = read_labels(saved(folder, text))
    return {label.id: label.cancer for label in labels}, {finding.code: finding for finding in findings}


def test_the_bowls_table_is_read_as_it_is_and_nothing_is_said(tmp_path: Path) -> None:
    assert noticed(tmp_path, "id,cancer\n0015ceb8,1\n0030a160,0\n") == ({"0015ceb8": 1, "0030a160": 0}, {})


PLAIN = "id,cancer\nä1,1\nb2,0\n"


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (codecs.BOM_UTF8 + PLAIN.encode(), "byte order mark"),
        (PLAIN.replace("\n", "\r\n").encode(), "ends of lines"),
        (PLAIN.replace("\n", "\r").encode(), "ends of lines"),
        (PLAIN.encode("utf-16"), "UTF-16"),
        (PLAIN.encode("utf-16-le"), "UTF-16-LE"),
        (PLAIN.encode("utf-16-be"), "UTF-16-BE"),
        (PLAIN.encode("cp1252"), "CP1252"),
        (PLAIN.replace(",", ";").encode(), "semicolons"),
        (PLAIN.replace(",", "\t").encode(), "tabs"),
        (PLAIN.replace("id,cancer", " ID,Cancer ").encode(), "header ID,Cancer"),
        (PLAIN.replace("id,cancer", "ID;Cancer").replace(",", ";").replace("\n", "\r\n").encode("utf-16"), "UTF-16"),
    ],
)
def test_a_table_of_another_form_is_read_all_the_same_and_told(data: bytes, form: str, tmp_path: Path) -> None:
    labels, findings = noticed(tmp_path, data)
    assert labels == {"ä1": 1, "b2": 0}
    assert set(findings) == {"lab.form"}
    assert findings["lab.form"].severity == "corrected"
    assert form in str(findings["lab.form"].found)


@pytest.mark.parametrize("text", ["nan", "NaN", "NA", "2", "-1", "yes", "true", "0.5", "1e0", "٣"])
def test_a_value_that_is_neither_0_nor_1_is_refused_with_its_line(text: str, tmp_path: Path) -> None:
    found = refused(tmp_path, f"id,cancer\na,1\nb,{text}\nc,0\nd,{text}\n")
    assert set(found) == {"lab.value"}
    assert f"cancer '{text}' in line 3, 5" in str(found["lab.value"].found)


@pytest.mark.parametrize(("text", "value"), [("1.0", 1), ("1 ", 1), (" 0", 0), ("0.", 0), ("0.0 ", 0)])
def test_another_spelling_of_0_and_1_is_corrected_with_its_line(text: str, value: int, tmp_path: Path) -> None:
    labels, findings = noticed(tmp_path, f"id,cancer\na,0\nb,{text}\n")
    assert labels["b"] == value
    assert findings["lab.spelling"].severity == "corrected"
    assert "line 3" in str(findings["lab.spelling"].found)


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_cell_is_a_patient_of_whom_nothing_is_known(text: str, tmp_path: Path) -> None:
    labels, findings = noticed(tmp_path, f"id,cancer\na,1\nb,{text}\n")
    assert labels == {"a": 1, "b": None}
    assert (findings["lab.unknown"].severity, findings["lab.unknown"].found) == ("info", "no cancer in line 3")


def test_minus_one_is_unknown_only_where_it_is_said(tmp_path: Path) -> None:
    path = saved(tmp_path, "id,cancer\na,1\nb,-1\n")
    with pytest.raises(InputError, match=r"lab\.value"):
        read_labels(path)
    assert [label.cancer for label in read_labels(path, unknown=("-1",))[0]] == [1, None]


def test_an_id_twice_with_one_label_is_corrected_with_two_it_is_refused(tmp_path: Path) -> None:
    labels, findings = noticed(tmp_path, "id,cancer\na,1\nb,0\na,1\n")
    assert labels == {"a": 1, "b": 0}
    assert findings["lab.dup_same"].found == "'a' in line 2, 4"
    found = refused(tmp_path, "id,cancer\na,1\nb,0\na,0\n")
    assert found["lab.dup_conflict"].found == "'a' in line 2, 4"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,cancer,shoe size\na,1,42\n", ("unknown shoe size", "id, cancer, shoe size")),
        ("id,diagnosis\na,1\n", ("unknown diagnosis", "no cancer")),
        ("cancer\n1\n", ("no id",)),
        ("id,cancer,cancer\na,1,1\n", ("twice cancer",)),
        ("", ("empty file",)),
        ("a,1\nb,0\n", ("unknown a, 1",)),
    ],
)
def test_columns_that_are_not_those_expected_are_refused_showing_those_seen(
    text: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    found = refused(tmp_path, text)
    assert set(found) == {"lab.columns"}
    assert all(word in str(found["lab.columns"].found) for word in words)
    assert "cancer" in str(found["lab.columns"].expected)


def test_what_is_no_table_of_labels_is_refused_by_name(tmp_path: Path) -> None:
    assert set(refused(tmp_path, "id,cancer\n")) == {"lab.none"}
    assert set(refused(tmp_path, "id,cancer\na,1,3\nb,0\n")) == {"lab.cells"}
    assert set(refused(tmp_path, 'id,cancer\n"a,1\n')) == {"file.corrupt"}
    assert set(refused(tmp_path, "id,cancer\n ,1\n")) == {"lab.id"}
    with pytest.raises(UsageFault, match=r"use\.missing"):
        read_labels(tmp_path / "nowhere.csv")
    with pytest.raises(UsageFault, match=r"use\.missing"):
        read_labels(tmp_path)


IDS = st.text(st.characters(codec="utf-16", exclude_categories=("Cc", "Cs")), min_size=1, max_size=6).filter(str.strip)


@example({"a\u2028b": 1, "c\x85": 0}, ",", "utf-8", "\n")  # ends of lines to Python, not to a table
@given(
    st.dictionaries(IDS, st.sampled_from([0, 1, None]), min_size=1, max_size=6),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_whatever_the_form_the_same_labels_come_out(
    known: dict[str, int | None], separator: str, encoding: str, end: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=end)
    writer.writerows([("id", "cancer"), *((one, "" if value is None else value) for one, value in known.items())])
    with tempfile.TemporaryDirectory() as folder:
        found, _ = read_labels(saved(Path(folder), text.getvalue().encode(encoding)))
    assert {label.id: label.cancer for label in found} == known


def test_survival_and_subgroups_are_read_with_their_units_and_their_contradictions_refused(tmp_path: Path) -> None:
    text = "id;cancer;time_years;event;sex;age;vendor;thickness_mm\na;1;0,5;1;F;61;GE;1,25\nb;0;6;0;;;;\n"
    labels, _ = read_labels(saved(tmp_path, text))
    assert labels[0] == Label(
        id="a", cancer=1, time_years=0.5, event=1, sex="F", age=61.0, vendor="GE", thickness_mm=1.25
    )
    assert labels[1] == Label(id="b", cancer=0, time_years=6.0, event=0)
    assert set(refused(tmp_path, "id,cancer,event\na,1,1\n")) == {"lab.event"}
    assert set(refused(tmp_path, "id,cancer,time_years,event\na,1,1,0\n")) == {"lab.event"}
    assert set(refused(tmp_path, "id,cancer,time_years\na,1,-1\nb,1,soon\nc,0,inf\n")) == {"lab.value"}


def patients(*ids: str) -> list[Patient]:
    return [Patient(id=one, path=Path(one)) for one in ids]


def labels(*ids: str) -> list[Label]:
    return [Label(id=one, cancer=0) for one in ids]


@pytest.mark.parametrize(("allow", "severity"), [(False, "refused"), (True, "limited")])
def test_who_has_no_label_and_which_label_has_no_patient_is_listed(allow: bool, severity: str) -> None:
    said = {finding.code: finding for finding in match(patients("a", "b", "c"), labels("b", "c", "d"), allow)}
    assert {finding.severity for finding in said.values()} == {severity}
    assert said["lab.no_label"].found == "1: a"
    assert said["lab.no_patient"].found == "1: d"


def test_a_table_of_another_cohort_is_refused_whatever_is_allowed() -> None:
    said = match(patients("a", "b", "c"), labels("c", "x", "y"), allow_missing=True)
    assert [(finding.code, finding.severity) for finding in said] == [("lab.match", "refused")]
    few = match(patients("a", "b"), labels("a", "b", *"cdefgh"), allow_missing=True)  # a sample of the patients
    assert [finding.code for finding in few] == ["lab.no_patient"]
    part = match(patients("a", "b", *"cdefgh"), labels("a", "b"), allow_missing=True)  # a part is labelled
    assert [finding.code for finding in part] == ["lab.no_label"]


@pytest.mark.parametrize(
    ("id_", "label", "found"),
    [("P1", "P1", None), ("P1", " P1 ", "lab.id_form"), ("p1", "P1", "lab.id_form"), ("ß", " SS", "lab.id_form")],
)
def test_an_id_is_matched_as_it_stands_then_trimmed_then_without_case(id_: str, label: str, found: str | None) -> None:
    pairs, findings = pair([id_], labels(label))
    assert pairs[id_].id == id_
    assert [finding.code for finding in findings] == ([found] if found else [])


@pytest.mark.parametrize(("id_", "label"), [("007", "7"), ("1e5", "100000"), ("1E5", "100000.0"), ("1", "1.0")])
def test_ids_are_text_and_never_numbers(id_: str, label: str) -> None:
    assert pair([id_], labels(label)) == ({}, ())


def test_leading_zeros_that_a_spreadsheet_took_are_hinted_at() -> None:
    (said,) = match(patients("007", "008", "009"), labels("7", "8", "9"))
    assert "3 would fit but for leading zeros" in str(said.found)


def test_an_exact_id_wins_and_one_that_fits_several_is_refused() -> None:
    pairs, findings = pair(["a", "A"], labels("A", "a"))
    assert {one: label.id for one, label in pairs.items()} == {"a": "a", "A": "A"}
    assert findings == ()
    pairs, findings = pair(["b"], labels("B", "b "))
    assert pairs["b"].id == "b"  # trimmed comes before case
    _, findings = pair(["b"], labels("B", "B "))
    assert [(finding.code, finding.severity) for finding in findings] == [("lab.ambiguous", "refused")]


@given(st.lists(st.text(min_size=1, max_size=3), unique=True), st.lists(st.text(min_size=1, max_size=3), unique=True))
def test_no_label_is_given_to_two_patients_and_every_exact_id_has_its_own(ids: list[str], names: list[str]) -> None:
    given_labels = [Label(id=name, cancer=0, group=name) for name in names]
    pairs, _ = pair(ids, given_labels)
    owners = [label.group for label in pairs.values()]
    assert len(owners) == len(set(owners))
    assert all(pairs[one].group == one for one in set(ids) & set(names))
    assert all(str(label.group).strip().casefold() == one.strip().casefold() for one, label in pairs.items())


@pytest.mark.parametrize(
    ("positive", "negative", "code"),
    [(0, 9, "lab.one_class"), (9, 0, "lab.one_class"), (9, 30, "lab.few"), (10, 1, None)],
)
def test_one_class_or_few_with_cancer_is_refused_for_fitting_and_limits_an_evaluation(
    positive: int, negative: int, code: str | None
) -> None:
    known = [Label(id=f"{n}", cancer=int(n < positive)) for n in range(positive + negative)]
    for fitting, severity in ((True, "refused"), (False, "limited")):
        said = check_classes([*known, Label(id="unknown")], fitting=fitting)
        assert [(finding.code, finding.severity) for finding in said] == ([(code, severity)] if code else [])
