"""Who is in a cohort: a folder a patient, or a line of a table; nobody is dropped in silence."""

from pathlib import Path

import pytest

from lungrisk.cohort.patients import Patient, find_patients
from lungrisk.core.errors import InputError, UsageFault


def test_every_folder_is_a_patient_in_the_order_of_ids_and_other_files_are_told(tmp_path: Path) -> None:
    for name in ("b2", "a1", ".cache", "__MACOSX", "c 3"):
        (tmp_path / name).mkdir()
    (tmp_path / "d4.nii.gz").write_bytes(b"")
    (tmp_path / "stage1_labels.csv").write_text("id,cancer\n", "utf-8")
    patients, findings = find_patients(tmp_path)
    assert [patient.id for patient in patients] == ["a1", "b2", "c 3", "d4"]
    assert patients[3].path == tmp_path / "d4.nii.gz"
    assert [(finding.code, finding.files) for finding in findings] == [("coh.other", ("stage1_labels.csv",))]


def test_archives_and_links_are_patients_too(tmp_path: Path) -> None:
    for name in ("a.tar.gz", "b.7z", "c.rar", "d.mha.gz", "e.tgz"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "f").symlink_to(tmp_path / "gone")
    (tmp_path / "g").symlink_to(tmp_path)
    patients, findings = find_patients(tmp_path)
    assert [patient.id for patient in patients] == ["a", "b", "c", "d", "e", "f", "g"]
    assert findings == ()


def test_a_folder_without_patients_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"coh\.none.*empty folder"):
        find_patients(tmp_path)
    for n in range(3):
        (tmp_path / f"{n}.dcm").write_bytes(b"x")
    with pytest.raises(InputError, match=r"coh\.none.*3 files and no folder"):
        find_patients(tmp_path)
    with pytest.raises(UsageFault, match=r"use\.missing"):
        find_patients(tmp_path / "nowhere")


def test_a_folder_and_a_file_of_one_patient_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a.zip").write_bytes(b"")
    with pytest.raises(InputError, match=r"coh\.dup"):
        find_patients(tmp_path)


def table(folder: Path, text: str) -> Path:
    path = folder / "cohort.csv"
    path.write_text(text, "utf-8")
    return path


def test_a_table_gives_paths_beside_itself_and_groups(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    path = table(tmp_path, f"id,path,group\nb,scans,g1\na,{tmp_path / 'scans'},\n")
    patients, findings = find_patients(path)
    assert patients == (
        Patient(id="a", path=tmp_path / "scans"),
        Patient(id="b", path=tmp_path / "scans", group="g1"),
    )
    assert findings == ()


def test_a_path_that_is_not_there_keeps_its_patient_and_is_told(tmp_path: Path) -> None:
    patients, (finding,) = find_patients(table(tmp_path, "id,path\na,gone\nb,.\n"))
    assert [patient.id for patient in patients] == ["a", "b"]
    assert (finding.code, finding.severity, finding.found) == ("coh.path", "limited", "a")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("id,path\na,x\na,y\n", r"coh\.dup.*line 2 and 3"),
        ("id,path\n,x\n", r"coh\.id.*line 2"),
        ("id,path\na,\n", r"coh\.id.*line 2"),
        ("id,path\n", r"coh\.none"),
        ("id,folder\na,x\n", r"lab\.columns"),
        ("id,path,cancer\na,x,1\n", r"lab\.columns"),
    ],
)
def test_a_table_that_does_not_say_who_is_where_is_refused_with_its_lines(text: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=code):
        find_patients(table(tmp_path, text))


def test_the_same_line_twice_is_one_patient_and_told(tmp_path: Path) -> None:
    patients, findings = find_patients(table(tmp_path, "id,path\na,.\na,.\n"))
    assert len(patients) == 1
    assert [(finding.code, finding.severity) for finding in findings] == [("coh.dup", "corrected")]
