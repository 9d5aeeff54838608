"""A simulated cohort in the Bowl's layout: whole or absent, the same bytes however it was made, with the habits of its files."""

import csv
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pydicom
import pytest

import lungrisk.simulation.cohort as room
from lungrisk.core.errors import EnvironmentFault, UsageFault
from lungrisk.core.geometry import apply_affine
from lungrisk.formats import read
from lungrisk.simulation import CohortOptions, best_possible, few_positive, simulate
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
        with pytest.raises(UsageFault, match=r"use\.output"):
            simulate("cohort", cohort, options=options)
    assert content(cohort) == before
    (tmp_path / "stage1" / "somebody").mkdir(parents=True)
    for mark in (
        None,
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"kind": "lungrisk-simulated-cohort", "patients": "x"}',
    ):
        if mark is not None:
            (tmp_path / "cohort.json").write_bytes(mark)
        with pytest.raises(UsageFault, match=r"use\.output"):
            simulate("cohort", tmp_path, patients=1)
    assert (tmp_path / "stage1" / "somebody").is_dir()


def quick(out: Path, seed: int, number: int) -> tuple[dict[str, object], list[dict[str, object]]]:
    """In place of `write_patient`: a folder that names its seed."""
    (out / "stage1" / str(number)).mkdir(parents=True, exist_ok=True)
    (out / "stage1" / str(number) / "seed").write_text(str(seed))
    return {"id": str(number), "risk": "0.5", "cancer": 1}, []


def test_a_cohort_of_another_seed_is_replaced_when_it_may_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "write_patient", quick)
    out = simulate("cohort", tmp_path / "c", 1, patients=11)
    assert not few_positive(out)
    options = CohortOptions(patients=2, seed=2, overwrite=True)
    assert few_positive(simulate("cohort", out, options=options))
    assert sorted(path.name for path in (out / "stage1").iterdir()) == ["0", "1"]
    assert {path.read_text() for path in out.glob("stage1/*/seed")} == {"2"}
    (tmp_path / "mine" / "stage1").mkdir(parents=True)
    with pytest.raises(UsageFault, match=r"use\.output"):
        simulate("cohort", tmp_path / "mine", options=options)


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_process_that_is_killed_once_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaths: int
) -> None:
    begun: list[int] = []

    class Pool(ThreadPoolExecutor):
        """Its first `deaths` lives end at the third patient."""

        def __init__(self, workers: int, mp_context: object) -> None:
            super().__init__(1)
            begun.append(1)

        def submit(self, task: object, out: Path, seed: int, number: int) -> Future[object]:  # type: ignore[override]
            future: Future[object] = Future()
            if number == 2 and len(begun) <= deaths:
                future.set_exception(BrokenProcessPool())
            else:
                future.set_result(quick(out, seed, number))
            return future

    monkeypatch.setattr(room, "ProcessPoolExecutor", Pool)
    options = CohortOptions(patients=4, seed=1, workers=2)
    if deaths == 2:
        with pytest.raises(EnvironmentFault, match=r"coh\.worker"):
            simulate("cohort", tmp_path / "c", options=options)
    else:
        simulate("cohort", tmp_path / "c", options=options)
        assert len(rows(tmp_path / "c" / "truth.csv")) == 4


@pytest.mark.parametrize("wrong", [{"patients": 0}, {"patients": 2, "unlabelled": 3}, {"patients": 2, "workers": 0}])
def test_numbers_that_make_no_cohort_are_usage_faults(wrong: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=r"use\.option"):
        simulate("cohort", tmp_path, options=CohortOptions(**wrong))
