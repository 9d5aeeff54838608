"""A simulated cohort in the Bowl's layout: whole or absent, the same bytes however it was made, with the habits of its files."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest

import lungrisk.simulation.cohort as room
from lungrisk.core.errors import EnvironmentFault, UsageFault
from lungrisk.core.geometry import apply_affine
from lungrisk.formats import read
from lungrisk.simulation import CohortOptions, best_possible, simulate
from lungrisk.simulation.acquisition import scan_patient
from lungrisk.simulation.patients import draw_patient

SEED, PATIENTS = 1, 3  # these three are stored in the three ways


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate("cohort", tmp_path_factory.mktemp("cohort") / "c", SEED, patients=PATIENTS)


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_the_layout_is_the_bowls_with_the_truth_beside_it(cohort: Path) -> None:
    assert sorted(path.name for path in cohort.iterdir()) == [
        "cohort.json",
        "nodules.csv",
        "stage1",
        "stage1_labels.csv",
        "truth.csv",
    ]
    patients = [draw_patient(SEED, number) for number in range(PATIENTS)]
    assert {path.name for path in (cohort / "stage1").iterdir()} == {one.id for one in patients}
    assert rows(cohort / "stage1_labels.csv") == [{"id": one.id, "cancer": str(one.label)} for one in patients]
    truth = rows(cohort / "truth.csv")
    assert [float(row["risk"]) for row in truth] == pytest.approx([one.risk for one in patients], abs=1e-6)
    assert [int(row["slices"]) for row in truth] == [
        len(list((cohort / "stage1" / row["id"]).iterdir())) for row in truth
    ]
    assert not {"cancer", "label"} & set(truth[0])


def test_the_best_log_loss_is_told_from_the_table_of_risks(cohort: Path, tmp_path: Path) -> None:
    risk = np.array([draw_patient(SEED, number).risk for number in range(PATIENTS)])
    entropy = -(risk * np.log(risk) + (1 - risk) * np.log(1 - risk)).mean()
    assert best_possible(cohort) == pytest.approx(entropy, abs=1e-5)
    with pytest.raises(UsageFault, match=r"use\.missing"):
        best_possible(tmp_path)


def test_a_patient_takes_at_most_forty_megabytes_and_mostly_below_thirty(cohort: Path) -> None:
    sizes = [sum(path.stat().st_size for path in one.iterdir()) / 1e6 for one in (cohort / "stage1").iterdir()]
    assert np.mean(sizes) < 30
    assert max(sizes) < 40


@pytest.mark.parametrize("number", range(PATIENTS))
def test_the_reader_gets_the_drawn_scan_out_of_the_files(cohort: Path, number: int) -> None:
    patient = draw_patient(SEED, number)
    hu, affine, _ = scan_patient(patient)
    scan = read(cohort / "stage1" / patient.id)
    assert np.array_equal(scan.hu, hu)
    assert np.allclose(scan.affine[:3, 3], affine[:3, 3] + patient.origin_mm, atol=1e-6)
    assert scan.spacing == pytest.approx((patient.scanner.spacing_mm, *[patient.scanner.pixel_mm] * 2))


def test_nodules_are_dense_where_the_table_says(cohort: Path) -> None:
    table = rows(cohort / "nodules.csv")
    assert table
    for row in table:
        scan = read(cohort / "stage1" / row["id"])
        k, j, i = np.rint(
            apply_affine(np.linalg.inv(scan.affine), [float(row[f"{axis}_mm"]) for axis in "xyz"])
        ).astype(int)
        assert scan.hu[k, j - 1 : j + 2, i - 1 : i + 2].mean() > -780


@pytest.mark.parametrize("number", range(PATIENTS))
def test_the_headers_have_the_habits_of_the_bowl(cohort: Path, number: int) -> None:
    patient = draw_patient(SEED, number)
    files = sorted((cohort / "stage1" / patient.id).glob("*.dcm"))
    slices = [pydicom.dcmread(path) for path in files]
    first = slices[0]
    assert first.file_meta.TransferSyntaxUID == pydicom.uid.ImplicitVRLittleEndian
    assert first.PatientID == first.PatientName == patient.id
    assert first.PatientBirthDate == "19000101"
    assert first.SeriesInstanceUID.startswith("2.25.")
    assert len({one.SOPInstanceUID for one in slices}) == len(slices)
    numbers = [int(one.InstanceNumber) for one in slices]
    assert sorted(numbers) == list(range(1, len(slices) + 1))
    assert numbers != sorted(numbers)  # file names are in no order
    by_number = sorted(slices, key=lambda one: int(one.InstanceNumber))
    rising = by_number[-1].ImagePositionPatient[2] > by_number[0].ImagePositionPatient[2]
    assert rising == patient.scanner.rising
    assert ("Manufacturer" in first) is not patient.scanner.bare
    assert ("SliceThickness" in first) is not patient.scanner.bare
    assert (first.KVP is None) == patient.scanner.bare
    corner = {"padded": -2000, "unsigned": 0, "hu": -2000}[patient.scanner.storing]
    assert first.pixel_array[0, 0] == corner
    assert first.RescaleIntercept == (0 if patient.scanner.storing == "hu" else -1024)
    assert first.PixelRepresentation == (0 if patient.scanner.storing == "unsigned" else 1)


def test_two_processes_give_the_same_bytes_as_one(cohort: Path, tmp_path: Path) -> None:
    options = CohortOptions(patients=PATIENTS, seed=SEED, workers=2)
    assert content(simulate("cohort", tmp_path / "two", options=options)) == content(cohort)


def test_the_same_command_again_completes_what_was_interrupted(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, last = tmp_path / "again", draw_patient(SEED, PATIENTS - 1).id
    shutil.copytree(cohort, out)
    (out / "truth.csv").unlink()
    shutil.rmtree(out / "stage1" / last)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(room, "scan_patient", full)
        with pytest.raises(EnvironmentFault):
            simulate("cohort", out, SEED, patients=PATIENTS)
    assert not (out / "stage1" / last).exists()
    assert not (out / "truth.csv").exists()
    simulate("cohort", out, SEED, patients=PATIENTS)
    assert content(out) == content(cohort)


def test_some_patients_may_go_without_a_label(cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "some"
    shutil.copytree(cohort, out)
    simulate("cohort", out, options=CohortOptions(patients=PATIENTS, seed=SEED, unlabelled=2))
    assert len(rows(out / "stage1_labels.csv")) == PATIENTS - 2
    assert len(rows(out / "truth.csv")) == PATIENTS


def test_a_folder_with_other_patients_is_left_alone(cohort: Path, tmp_path: Path) -> None:
    before = content(cohort)
    for options in (CohortOptions(patients=PATIENTS, seed=SEED + 1), CohortOptions(patients=1, seed=SEED)):
        with pytest.raises(UsageFault, match=r"use\.option"):
            simulate("cohort", cohort, options=options)
    assert content(cohort) == before
    (tmp_path / "stage1" / "somebody").mkdir(parents=True)
    with pytest.raises(UsageFault, match=r"use\.option"):
        simulate("cohort", tmp_path, patients=1)
    (tmp_path / "cohort.json").write_text("[]")
    with pytest.raises(UsageFault, match=r"use\.option"):
        simulate("cohort", tmp_path, patients=1)


@pytest.mark.parametrize("wrong", [{"patients": 0}, {"patients": 2, "unlabelled": 3}, {"patients": 2, "workers": 0}])
def test_numbers_that_make_no_cohort_are_usage_faults(wrong: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=r"use\.option"):
        simulate("cohort", tmp_path, options=CohortOptions(**wrong))
