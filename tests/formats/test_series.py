"""One scan out of many series and phases: the same choice in any order, with its reason."""

import io
import zipfile
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from gradient_phantom import (
    COLUMN_MM,
    COLUMNS,
    ORIGIN,
    ROW_MM,
    ROWS,
    STEP_MM,
    make_slice,
    marked,
    phantom,
    place,
    save,
    series,
    worst_error,
)
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from lungrisk.core.errors import InputError
from lungrisk.formats import pixels, read, survey

CHOICES: dict[str, tuple[list[Dataset], list[Dataset]]] = {
    # the first is to be chosen
    "thin before thick": (series(1, 31, 2.0), series(2, 12, 5.0)),
    "thin before thick, whichever comes first": (series(2, 31, 2.0), series(1, 12, 5.0)),
    "soft before sharp": (series(1, ConvolutionKernel="B31f"), series(2, ConvolutionKernel="B70f")),
    "long before short": (series(1, 40, 2.5), series(2, 12, 1.0)),
    "original before reformatted": (series(1), series(2, ImageType=["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"])),
    "the newest study": (
        series(1, StudyInstanceUID="1.2.3.1.1", StudyDate="20200101", FrameOfReferenceUID="1.5"),
        series(2, StudyInstanceUID="1.2.3.1.2", StudyDate="20100101", FrameOfReferenceUID="1.6"),
    ),
    "what can hold the lungs before a newer biopsy": (
        series(1, 41, StudyDate="20200101"),
        series(2, 12, StudyInstanceUID="1.2.3.1.2", StudyDate="20200201", FrameOfReferenceUID="1.6"),
    ),
    "Hounsfield units before a map of iodine": (series(1), series(2, 40, RescaleType="MGML")),
    "Hounsfield units before a map that only its name tells": (
        series(1),
        series(2, 40, SeriesDescription="DE Iodine map 1.0"),
    ),
    "chest before another part of the body": (series(1), series(2, 100, 0.6, BodyPartExamined="HEAD")),
    "original before derived": (series(1), series(2, 100, 0.6, ImageType=["DERIVED", "PRIMARY", "AXIAL"])),
    "thin before a longer one of a PET": (series(1, 110, 2.5), series(2, 80, 6.0, SliceThickness=6)),
    "thin before slabs that overlap": (series(1, 20, 2.5), series(2, 50, 1.0, SliceThickness=10)),
    "readable before not": (series(1, 12, 5.0), series(2, 31, 2.0)[::7]),
    "rescaled before not CT": (series(1), series(2, 40, Modality="PT", SOPClassUID="1.2.840.10008.5.1.4.1.1.128")),
}


@pytest.mark.parametrize("row", CHOICES)
def test_the_better_series_is_chosen_and_the_others_named(row: str, tmp_path: Path) -> None:
    best, other = map(deepcopy, CHOICES[row])
    for dataset in other:
        marked(dataset, 20)  # too little to matter, enough to be seen
    scan = read(save([*other, *best], tmp_path))
    assert worst_error(scan) <= 0.7
    rows = survey(tmp_path)
    assert [r.description for r in rows if r.chosen] == [best[0].SeriesDescription]
    assert len(rows) == 2
    assert all(r.why and "UID" not in r.why for r in rows)
    if row != "rescaled before not CT":
        finding = next(f for f in scan.findings if f.code == "sel.series")
        assert other[0].SeriesDescription in str(finding.found)


def test_two_patients_are_not_chosen_between(tmp_path: Path) -> None:
    save(series(1), tmp_path / "a")
    save(series(2, PatientID="ANOTHER"), tmp_path / "b")
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    finding = caught.value.findings[0]
    assert finding.code == "id.patient_mixed"
    assert {name[0] for name in finding.files} == {"a", "b"}  # a file of each
    rows = survey(tmp_path)
    assert [row.chosen for row in rows] == [False, False]
    assert {row.why for row in rows} == {"one of several patients"}


def test_a_patient_whose_stack_cannot_be_read_is_a_patient_too(tmp_path: Path) -> None:
    broken = series(2, 40, PatientID="ANOTHER")
    with pytest.raises(InputError) as caught:
        read(save([*series(1), *broken[:10], *broken[30:]], tmp_path))
    assert caught.value.findings[0].code == "id.patient_mixed"


def study(number: int, date: str, n: int = 50, **tags: object) -> list[Dataset]:
    uids = {"StudyInstanceUID": f"1.2.3.1.{number}", "FrameOfReferenceUID": f"1.{number}"}
    return series(number, n, StudyDate=date, **uids, **tags)


DOUBTS: dict[str, tuple[list[Dataset], str]] = {
    "a newer scan that is broken": ([*study(1, "20200101"), *study(2, "20210101")[::7]], "info"),
    "a newer whole scan that is broken": (
        [*study(1, "20200101"), *study(2, "20210101")[:20], *study(2, "20210101")[30:]],
        "limited",
    ),
    "a newer scan that is too thick": (
        [*study(1, "20200101"), *study(2, "20210101", SliceThickness=8)],
        "limited",
    ),
    "a newer biopsy": ([*study(1, "20200101"), *study(2, "20210101", n=12)], "info"),
    "studies of nobody": ([*study(1, "20200101", PatientID=""), *study(2, "20190101", PatientID="")], "limited"),
    "an older scan": ([*study(1, "20200101"), *study(2, "20190101")], "info"),
}


@pytest.mark.parametrize("row", DOUBTS)
def test_a_scan_that_is_not_the_newest_whole_one_is_limited(row: str, tmp_path: Path) -> None:
    datasets, severity = DOUBTS[row]
    scan = read(save(deepcopy(datasets), tmp_path))
    assert next(f for f in scan.findings if f.code == "sel.series").severity == severity


def test_series_alike_in_all_that_matters_are_said_to_be(tmp_path: Path) -> None:
    save([*series(1), *series(2)], tmp_path)
    finding = next(f for f in read(tmp_path).findings if f.code == "sel.series")
    assert "series 1 (axial, 24 slices of 2.50 mm): alike in all that matters; the first of them" in str(finding.found)


def test_coronal_reformats_do_not_stand_in_for_an_axial_series_that_is_broken(tmp_path: Path) -> None:
    coronal = series(2)
    for k, dataset in enumerate(coronal):
        place(dataset, (ORIGIN[0], ORIGIN[1] + k * STEP_MM, 60), (1, 0, 0, 0, 0, -1))
    axial = series(1)
    with pytest.raises(InputError) as caught:
        read(save([*axial[:8], *axial[16:], *coronal], tmp_path))
    assert caught.value.findings[0].code == "geo.hole_large"


def twice(first: dict[str, object], second: dict[str, object]) -> list[Dataset]:
    """One series UID, two sets of images at the same places; the second is the formula, the first 200 HU brighter."""
    one, other = series(1, brightness=200, **first), series(1, **second)
    for k, dataset in enumerate(other):
        dataset.SOPInstanceUID = f"1.2.3.4.2.{k}"
        dataset.InstanceNumber = 25 + k
    return [*one, *other]


PHASES: dict[str, tuple[list[Dataset], float]] = {
    "the later acquisition": (twice({"AcquisitionNumber": 2}, {"AcquisitionNumber": 12}), 0.7),
    "by time": (twice({"AcquisitionTime": "101010.5"}, {"AcquisitionTime": "101110.5"}), 0.7),
    "by temporal position": (twice({"TemporalPositionIdentifier": 1}, {"TemporalPositionIdentifier": 2}), 0.7),
    "by number, the first": (twice({}, {}), 200.7),
}


@pytest.mark.parametrize("row", PHASES)
def test_one_phase_is_chosen_of_several_at_the_same_places(row: str, tmp_path: Path) -> None:
    datasets, error = PHASES[row]
    scan = read(save(datasets, tmp_path))
    assert len(scan.hu) == 24
    assert error - 1 < worst_error(scan) <= error
    finding = next(f for f in scan.findings if f.code == "sel.phase")
    assert finding.n_files == 24
    assert "101010" not in str(finding.found)


def test_ten_phases_give_one(tmp_path: Path) -> None:
    datasets = []
    for phase in range(10):
        datasets += series(1, 12, AcquisitionNumber=phase)
    for n, dataset in enumerate(datasets):
        dataset.SOPInstanceUID = f"1.2.3.5.{n}"
        marked(dataset, n // 12)
    assert len(read(save(datasets, tmp_path)).hu) == 12


def test_an_acquisition_for_each_slice_is_one_scan(tmp_path: Path) -> None:
    datasets = [d for k, d in enumerate(series(1)) if not setattr(d, "AcquisitionNumber", k)]
    scan = read(save(datasets, tmp_path))
    assert len(scan.hu) == 24
    assert "sel.phase" not in {f.code for f in scan.findings}


# multi-frame


def macro(**tags: object) -> Sequence:
    item = Dataset()
    for keyword, value in tags.items():
        setattr(item, keyword, value)
    return Sequence([item])


def enhanced(order: list[int], *, shared_rescale: bool = True) -> Dataset:
    """The phantom as one Enhanced CT file, its frames in any order, with a rescale of their own if asked."""
    slices = phantom()
    dataset = make_slice(0)
    for keyword in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "RescaleSlope",
        "RescaleIntercept",
        "RescaleType",
        "SliceThickness",
    ):
        delattr(dataset, keyword)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    dataset.NumberOfFrames = len(order)
    shared = Dataset()
    shared.PixelMeasuresSequence = macro(PixelSpacing=[ROW_MM, COLUMN_MM], SliceThickness=STEP_MM)
    shared.PlaneOrientationSequence = macro(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    groups, pixels = [], []
    for n, k in enumerate(order):
        group = Dataset()
        group.PlanePositionSequence = macro(ImagePositionPatient=slices[k].ImagePositionPatient)
        intercept = -1024 if shared_rescale else -1024 - n
        if not shared_rescale:
            group.PixelValueTransformationSequence = macro(RescaleSlope=1, RescaleIntercept=intercept, RescaleType="HU")
        groups.append(group)
        pixels.append((np.frombuffer(slices[k].PixelData, "<i2") - 1024 - intercept).astype("<i2").tobytes())
    if shared_rescale:
        shared.PixelValueTransformationSequence = macro(RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU")
    dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = (
        Sequence([shared]),
        Sequence(groups),
    )
    dataset.PixelData = b"".join(pixels)
    return dataset


@pytest.mark.parametrize("shared_rescale", [True, False])
@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_multi_frame_files_are_read_frame_by_frame(
    shared_rescale: bool, shuffled: bool, packed: bool, tmp_path: Path
) -> None:
    order = np.random.default_rng(5).permutation(24).tolist() if shuffled else list(range(24))
    dataset = enhanced(order, shared_rescale=shared_rescale)
    if packed:
        dataset.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
    dataset.save_as(tmp_path / "one.dcm", enforce_file_format=True)
    for path in (tmp_path, tmp_path / "one.dcm"):
        scan = read(path)
        assert scan.hu.shape == (24, ROWS, COLUMNS)
        assert worst_error(scan) <= 0.7


def test_classic_and_multi_frame_give_one_hash(tmp_path: Path) -> None:
    enhanced(list(range(24))).save_as(tmp_path / "one.dcm", enforce_file_format=True)
    assert read(tmp_path / "one.dcm").source.series_hash == read(save(phantom(), tmp_path / "many")).source.series_hash


def test_two_volumes_in_files_of_their_own_give_one_and_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    native = pixels._native
    for n in (1, 2):
        dataset = enhanced(list(range(24)))
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.6.{n}"
        dataset.InstanceNumber = n
        dataset.AcquisitionNumber = None
        marked(dataset, 200 * (2 - n))
        dataset.save_as(tmp_path / f"{n}.dcm", enforce_file_format=True)
    monkeypatch.setattr(pixels, "_native", lambda *given: opened.append(1) or native(*given))
    scan = read(tmp_path)
    assert worst_error(scan) <= 0.7
    assert next(f for f in scan.findings if f.code == "sel.phase").files == ("1.dcm",)
    assert len(opened) == 24  # each frame that is taken once, none to tell the two apart


def test_volumes_of_one_file_are_told_apart_by_the_acquisition_of_each_frame(tmp_path: Path) -> None:
    dataset = enhanced([*range(24), *range(24)])
    pixel_bytes = bytearray(marked(dataset, 200).PixelData)
    pixel_bytes[len(pixel_bytes) // 2 :] = enhanced(list(range(24))).PixelData
    dataset.PixelData = bytes(pixel_bytes)
    for n, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        group.FrameContentSequence = macro(FrameAcquisitionNumber=1 + n // 24)
    dataset.save_as(tmp_path / "both.dcm", enforce_file_format=True)
    scan = read(tmp_path)
    assert worst_error(scan) <= 0.7
    assert next(f for f in scan.findings if f.code == "sel.phase").files == ("both.dcm",)


def test_a_frame_that_software_projected_is_no_slice(tmp_path: Path) -> None:
    dataset = enhanced(list(range(24)))
    kind = macro(FrameType=["DERIVED", "PRIMARY", "VOLUME", "MAXIMUM"])
    kind[0].add_new(0x00089207, "CS", "MAX_IP")
    dataset.SharedFunctionalGroupsSequence[0].CTImageFrameTypeSequence = kind
    dataset.save_as(tmp_path / "one.dcm", enforce_file_format=True)
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert caught.value.findings[0].code == "sel.derived"
    assert caught.value.findings[0].n_files == 1  # a file of many frames is named once


def without_groups(dataset: Dataset) -> None:
    dataset.PerFrameFunctionalGroupsSequence = dataset.PerFrameFunctionalGroupsSequence[:20]


def without_positions(dataset: Dataset) -> None:
    for group in dataset.PerFrameFunctionalGroupsSequence:
        del group.PlanePositionSequence


def without_rescale(dataset: Dataset) -> None:
    del dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence


@pytest.mark.parametrize(
    ("change", "code"),
    [(without_groups, "geo.no_position"), (without_positions, "geo.no_position"), (without_rescale, "px.no_rescale")],
)
def test_multi_frame_files_that_say_too_little_are_refused(
    change: Callable[[Dataset], None], code: str, tmp_path: Path
) -> None:
    dataset = enhanced(list(range(24)))
    change(dataset)
    dataset.save_as(tmp_path / "one.dcm", enforce_file_format=True)
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert caught.value.worst()[0].code == code


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"])
def test_a_multi_frame_file_in_a_zip_is_inflated_once(
    syntax: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = enhanced(list(range(24)))
    if syntax.endswith(".5"):
        dataset.compress(syntax, generate_instance_uid=False)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    with zipfile.ZipFile(tmp_path / "scan.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one.dcm", buffer.getvalue())
    opened = []
    whole = zipfile.ZipFile.open
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda self, *args: opened.append(args) or whole(self, *args))
    assert worst_error(read(tmp_path / "scan.zip")) <= 0.7
    assert len(opened) <= 3  # to tell the format, for the header, for the pixels


def test_dicom_slices_go_before_a_volume_beside_them(tmp_path: Path) -> None:
    import nibabel

    save(phantom(), tmp_path)
    nibabel.save(nibabel.Nifti1Image(np.zeros((12, 12, 12), np.int16), np.eye(4)), tmp_path / "mask.nii.gz")
    scan = read(tmp_path)
    assert scan.source.format == "dicom"
    assert next(f for f in scan.findings if f.code == "sel.series").files == ("mask.nii.gz",)
    assert [(row.format, row.chosen) for row in survey(tmp_path)] == [("dicom", True), ("nifti", False)]
