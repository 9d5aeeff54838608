"""The table of reading: one row, one case. A scan is never silently wrong: right within rounding, or refused by name."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gradient_phantom import (
    AXIAL,
    ORIGIN,
    STEP_MM,
    Mutation,
    N,
    make_slice,
    phantom,
    place,
    save,
    store,
    worst_error,
)
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from lungrisk.core.errors import InputError
from lungrisk.formats import claims, read

ROUNDING = 0.5


def each(change: Callable[[Dataset], object]) -> Mutation:
    """A mutation that changes every slice."""

    def mutate(datasets: list[Dataset]) -> None:
        for dataset in datasets:
            change(dataset)

    return mutate


def one(change: Callable[[Dataset], object], k: int = 12) -> Mutation:
    """A mutation that changes one slice."""

    def mutate(datasets: list[Dataset]) -> None:
        change(datasets[k])

    return mutate


def setting(**tags: object) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for keyword, value in tags.items():
            setattr(dataset, keyword, value)

    return change


def raw_text(dataset: Dataset, keyword: str, text: str) -> None:
    """A value that pydicom would refuse to write."""
    from pydicom.dataelem import DataElement

    element = dataset[keyword]
    dataset[keyword] = DataElement(element.tag, "LO", text)


def deleting(*keywords: str) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for keyword in keywords:
            delattr(dataset, keyword)

    return change


def moved(dataset: Dataset, dx: float = 0, dy: float = 0, dz: float = 0) -> None:
    x, y, z = map(float, dataset.ImagePositionPatient)
    place(dataset, (x + dx, y + dy, z + dz), [float(v) for v in dataset.ImageOrientationPatient])


def stacked(orientation: tuple[float, ...], start: tuple[float, ...], step: tuple[float, ...]) -> Mutation:
    """All slices anew: oriented so, advancing by `step` mm."""

    def mutate(datasets: list[Dataset]) -> None:
        for k, dataset in enumerate(datasets):
            place(dataset, np.array(start) + k * np.array(step), orientation)

    return mutate


def at_heights(heights: list[float]) -> Mutation:
    def mutate(datasets: list[Dataset]) -> list[Dataset]:
        for dataset, z in zip(datasets, heights, strict=False):
            place(dataset, (ORIGIN[0], ORIGIN[1], z))
        return datasets[: len(heights)]

    return mutate


def jittered(mm: float) -> Mutation:
    return at_heights([ORIGIN[2] + k * STEP_MM + mm * (-1) ** (k // 2) * (0.5 if k % 3 else 1) for k in range(N)])


def numbered(numbers: list[int]) -> Mutation:
    def mutate(datasets: list[Dataset]) -> None:
        for dataset, number in zip(datasets, numbers, strict=True):
            dataset.InstanceNumber = number

    return mutate


def restored(**tags: object) -> Callable[[Dataset], None]:
    """Change how values are stored, and store the slice's HU so."""

    def change(dataset: Dataset) -> None:
        setting(**tags)(dataset)
        place(dataset, dataset.ImagePositionPatient, dataset.ImageOrientationPatient)

    return change


def stamped(raw_value: int, **tags: object) -> Callable[[Dataset], None]:
    """A corner of raw values that stand for nothing measured, as outside the scan circle."""

    def change(dataset: Dataset) -> None:
        restored(**tags)(dataset)
        stored = np.frombuffer(dataset.PixelData, "<u2").reshape(dataset.Rows, dataset.Columns).copy()
        stored[:9, :7] = raw_value & 0xFFFF
        dataset.PixelData = stored.tobytes()

    return change


def copy(dataset: Dataset, **tags: object) -> Dataset:
    from copy import deepcopy

    twin = deepcopy(dataset)
    setting(**tags)(twin)
    return twin


def brighter(dataset: Dataset, **tags: object) -> Dataset:
    twin = copy(dataset, **tags)
    store(twin, np.frombuffer(dataset.PixelData, "<i2").reshape(dataset.Rows, dataset.Columns) - 1024.0 + 200)
    return twin


def tilted(degrees: float) -> Mutation:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return stacked((1, 0, 0, 0, c, s), ORIGIN, (0, 0, STEP_MM))


def oblique(degrees: float) -> Mutation:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    row, column = (c, s, 0.0), (-s, c, 0.0)
    return stacked((*row, *column), ORIGIN, (0, 0, STEP_MM))


def in_low_bits(junk: int, **tags: object) -> Callable[[Dataset], None]:
    """12 bits stored, the four above them filled with `junk`."""

    def change(dataset: Dataset) -> None:
        restored(BitsStored=12, HighBit=11, **tags)(dataset)
        stored = np.frombuffer(dataset.PixelData, "<u2") & 0x0FFF | junk << 12
        dataset.PixelData = stored.astype("<u2").tobytes()

    return change


def in_eight_bits(dataset: Dataset) -> None:
    setting(BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=0, RescaleSlope=4, RescaleIntercept=-1000)(
        dataset
    )
    hu = np.frombuffer(dataset.PixelData, "<i2") - 1024
    dataset.PixelData = np.rint((hu + 1000) / 4).astype(np.uint8).tobytes()


def in_thirty_two_bits(dataset: Dataset) -> None:
    setting(BitsAllocated=32, BitsStored=32, HighBit=31)(dataset)
    dataset.PixelData = np.frombuffer(dataset.PixelData, "<i2").astype("<i4").tobytes()


def as_float(dataset: Dataset) -> None:
    hu = np.frombuffer(dataset.PixelData, "<i2").astype("<f4")
    del dataset.PixelData
    dataset.FloatPixelData = hu.tobytes()
    dataset.BitsAllocated = 32
    del dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation


def lut(dataset: Dataset) -> None:
    deleting("RescaleSlope", "RescaleIntercept")(dataset)
    item = Dataset()
    item.LUTDescriptor, item.ModalityLUTType = [4096, 0, 16], "HU"
    dataset.ModalityLUTSequence = Sequence([item])


OK: dict[str, tuple[Mutation, str | None]] = {
    # row of the table: (how it is made, the code that must be noted, None when nothing need be said)
    "01 shuffled names": (each(lambda d: None), None),
    "02 numbers reversed": (numbered(list(range(N, 0, -1))), None),
    "03 numbers at random": (numbered(np.random.default_rng(3).permutation(N).tolist()), "ord.instance"),
    "04 numbers all one": (numbered([1] * N), "ord.instance"),
    "05 no numbers": (each(deleting("InstanceNumber")), "ord.instance"),
    "06 head to foot": (stacked(AXIAL, (*ORIGIN[:2], 27.5), (0, 0, -STEP_MM)), None),
    "07 one slice missing": (lambda ds: ds[:9] + ds[10:], "geo.hole"),
    "09 second slice missing": (lambda ds: ds[:1] + ds[2:], "geo.hole"),
    "10 ends missing": (lambda ds: ds[3:-4], None),
    "11 same file twice": (lambda ds: [*ds, copy(ds[7]), copy(ds[8])], "ord.dup_same"),
    "14 one SOP UID for all": (each(setting(SOPInstanceUID="1.2.3.4.99")), "id.sop_dup"),
    "15 a series UID for each": (
        lambda ds: [copy(d, SeriesInstanceUID=f"1.2.3.2.{k}") for k, d in enumerate(ds)],
        "ord.series_split",
    ),
    "21 uneven": (at_heights([-30 + 2.5 * k for k in range(12)] + [-2.5 + 5 * k for k in range(1, 13)]), "geo.uneven"),
    "21 uneven at random": (at_heights([-30, -29, -25.5, -24, -20, -19, -16, -14, -9, -8, -6.5, -3]), "geo.uneven"),
    "every second slice, thin": (lambda ds: [copy(d, SliceThickness=2.5) for d in ds[::2]], "geo.gaps"),
    "thin slices far apart": (each(setting(SliceThickness=1)), "geo.gaps"),
    "every second slice, thick": (lambda ds: [copy(d, SliceThickness=5) for d in ds[::2]], "ord.number_gap"),
    "22 scatter of 0.02 mm": (jittered(0.02), None),
    "23 scatter of 0.2 mm": (jittered(0.2), "geo.jitter"),
    "23 scatter of 0.5 mm": (jittered(0.5), "geo.jitter"),
    "24 gantry tilt": (tilted(15), "geo.tilt"),
    "24 gantry tilt the other way": (tilted(-18.5), "geo.tilt"),
    "25 straight drift": (stacked(AXIAL, ORIGIN, (0.3, 0, STEP_MM)), "geo.tilt"),
    "26 tilt tag alone": (each(setting(GantryDetectorTilt=15)), None),
    "27 sagittal": (stacked((0, 1, 0, 0, 0, -1), (-20, -45, 60), (STEP_MM, 0, 0)), "geo.orient"),
    "28 coronal": (stacked((1, 0, 0, 0, 0, -1), (-50, -20, 60), (0, STEP_MM, 0)), "geo.orient"),
    "29 oblique in plane": (oblique(20), "geo.oblique"),
    "30 prone": (stacked((-1, 0, 0, 0, -1, 0), (50, 45, -30), (0, 0, STEP_MM)), "pos.prone"),
    "31 feet first": (stacked((-1, 0, 0, 0, 1, 0), (50, -45, -30), (0, 0, STEP_MM)), None),
    "34 thickness 5": (each(setting(SliceThickness=5)), None),
    "35 no thickness": (each(deleting("SliceThickness")), None),
    "36 SpacingBetweenSlices wrong": (each(setting(SpacingBetweenSlices=1.25)), None),
    "37 SpacingBetweenSlices negative": (each(setting(SpacingBetweenSlices=-2.5)), None),
    "42 orientation too long": (each(setting(ImageOrientationPatient=[1.002, 0, 0, 0, 1.002, 0])), "geo.iop_norm"),
    "46 ImagerPixelSpacing differs": (each(setting(ImagerPixelSpacing=[1, 1])), None),
    "50 not square": (each(lambda d: None), "geo.nonsquare"),
    "54 far from the origin": (stacked(AXIAL, (-50, 12000, -8030), (0, 0, STEP_MM)), None),
    "65 scout of another size": (
        lambda ds: [*ds, scout(40, 60, ["ORIGINAL", "PRIMARY", "LOCALIZER"])],
        "sel.localizer",
    ),
    "66 scout that does not say so": (
        lambda ds: [*ds, scout(60, 80, ["ORIGINAL", "PRIMARY", "AXIAL"])],
        "sel.localizer",
    ),
    "68 segmentation in the folder": (
        lambda ds: [*ds, other_object("1.2.840.10008.5.1.4.1.1.66.4", "SEG")],
        "sel.not_image",
    ),
    "69 report in the folder": (lambda ds: [*ds, report()], "sel.not_image"),
    "70 secondary capture beside": (lambda ds: [*ds, other_object("1.2.840.10008.5.1.4.1.1.7", "CT")], "sel.secondary"),
    "71 reformatted": (each(setting(ImageType=["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"])), "sel.reformat"),
    "76 contrast": (each(setting(ContrastBolusAgent="Omnipaque")), "acq.contrast"),
    "80 rescale changes on the way": (
        lambda ds: [
            restored(RescaleSlope=2, RescaleIntercept=-2000)(d) or d if k > 11 else d for k, d in enumerate(ds)
        ],
        None,
    ),
    "81 slope of a quarter": (each(restored(RescaleSlope=0.25, RescaleIntercept=-1000.5)), None),
    "89 rescale type US": (each(setting(RescaleType="US")), "px.not_hu"),
    "91 sign lost": (each(restored(PixelRepresentation=0, RescaleIntercept=0)), "px.sign"),
    "92 12 bits signed, not extended": (each(in_low_bits(0, RescaleIntercept=0)), None),
    "93 junk above the bits": (each(in_low_bits(0b1010, PixelRepresentation=0)), None),
    "95 eight bits": (each(in_eight_bits), "px.depth"),
    "95 thirty-two bits": (each(in_thirty_two_bits), None),
    "96 float pixels": (each(as_float), None),
    "97 padding of -2000": (each(stamped(-2000, PixelPaddingValue=-2000)), "px.padding"),
    "98 padding of 63536": (each(stamped(63536, PixelRepresentation=0, PixelPaddingValue=63536)), "px.padding"),
    "99 -3024 outside the circle": (each(stamped(-2000)), "px.padding"),
    "99 -32768 outside the circle": (each(stamped(-32768)), "px.padding"),
    "100 padding range": (each(stamped(10050, PixelPaddingValue=10000, PixelPaddingRangeLimit=10100)), "px.padding"),
    "101 padding value that tissue has": (each(setting(PixelPaddingValue=500)), "px.padding_tag"),
    "103 MONOCHROME1": (each(setting(PhotometricInterpretation="MONOCHROME1")), None),
    "110 overlay in a group of its own": (each(lambda d: d.add_new(0x60003000, "OW", b"\xff" * 600)), None),
    "131 pixel data longer": (each(lambda d: setattr(d, "PixelData", d.PixelData + b"\0" * 512)), None),
    "141 NumberOfFrames 1": (each(setting(NumberOfFrames=1)), None),
    "158 no modality, no class": (each(deleting("Modality", "SOPClassUID")), "sel.modality"),
    "Bowl header": (
        each(
            lambda d: (
                setting(KVP=None, SeriesDescription="Axial", PixelPaddingValue=-2000)(d),
                deleting("SliceThickness", "RescaleType", "ImageType")(d),
            )
        ),
        None,
    ),
}

REFUSED: dict[str, tuple[Mutation, str]] = {
    "08 four slices missing": (lambda ds: ds[:9] + ds[13:], "geo.hole_large"),
    "12 other pixels at one place": (lambda ds: [*ds, brighter(ds[7], SOPInstanceUID="1.2.3.9")], "ord.dup_conflict"),
    "13 one UID, other pixels": (lambda ds: [*ds, brighter(ds[7])], "ord.uid_conflict"),
    "17 one slice": (lambda ds: ds[:1], "geo.too_few"),
    "18 nine slices": (lambda ds: ds[:9], "geo.too_few"),
    "19 one position for all": (each(lambda d: setattr(d, "ImagePositionPatient", [-50, -45, -30])), "geo.no_position"),
    "25 drift to and fro": (lambda ds: [moved(d, dx=3) or d if k % 2 else d for k, d in enumerate(ds)], "geo.drift"),
    "25 drift without end": (stacked(AXIAL, ORIGIN, (5, 0, STEP_MM)), "geo.drift"),
    "25 drift of kilometres": (stacked(AXIAL, ORIGIN, (0, 32767, STEP_MM)), "geo.drift"),
    "38 no position": (
        each(lambda d: (deleting("ImagePositionPatient")(d), setting(SliceLocation=1)(d))),
        "geo.no_position",
    ),
    "39 one without position": (one(deleting("ImagePositionPatient")), "geo.no_position"),
    "40 no orientation": (each(deleting("ImageOrientationPatient")), "geo.no_orientation"),
    "41 orientation of zeros": (each(setting(ImageOrientationPatient=[0] * 6)), "geo.no_orientation"),
    "42 orientation of length 2": (each(setting(ImageOrientationPatient=[2, 0, 0, 0, 2, 0])), "geo.iop_skew"),
    "43 orientation not at right angles": (
        each(setting(ImageOrientationPatient=[1, 0, 0, 0.1, 0.995, 0])),
        "geo.iop_skew",
    ),
    "44 one slice turned": (one(setting(ImageOrientationPatient=[0.996, 0.087, 0, -0.087, 0.996, 0])), "geo.iop_mixed"),
    "45 no spacing": (
        each(lambda d: (deleting("PixelSpacing")(d), setting(ImagerPixelSpacing=[1, 1])(d))),
        "geo.no_spacing",
    ),
    "47 spacing of zero": (each(setting(PixelSpacing=[0, 0])), "geo.spacing_bad"),
    "48 spacing negative": (each(setting(PixelSpacing=[-1.5, -1.25])), "geo.spacing_bad"),
    "49 one spacing": (each(setting(PixelSpacing=1.5)), "geo.spacing_bad"),
    "51 spacing of one differs": (one(setting(PixelSpacing=[1.4, 1.25])), "geo.spacing_mixed"),
    "slices metres apart": (at_heights([-30 + 2500.0 * k for k in range(N)]), "geo.spacing_bad"),
    "slices microns apart": (at_heights([-30 + 0.02 * k for k in range(N)]), "geo.spacing_bad"),
    "52 spacing in metres": (each(setting(PixelSpacing=[0.0015, 0.00125])), "geo.spacing_bad"),
    "53 decimal comma": (each(lambda d: raw_text(d, "PixelSpacing", "1,5\\1,25")), "hdr.number"),
    "55 another frame of reference": (one(setting(FrameOfReferenceUID="1.2.3.8")), "id.for_mixed"),
    "63 two kernels": (
        lambda ds: [copy(d, ConvolutionKernel="B70f" if k % 2 else "B31f") for k, d in enumerate(ds)],
        "sel.kernel_mixed",
    ),
    "67 one slice of another matrix": (lambda ds: [*ds[:12], smaller(ds[12]), *ds[13:]], "geo.matrix_mixed"),
    "71 projection": (each(setting(ImageType=["DERIVED", "SECONDARY", "AXIAL", "MIP"])), "sel.derived"),
    "72 secondary capture": (each(setting(SOPClassUID="1.2.840.10008.5.1.4.1.1.7")), "sel.secondary"),
    "73 colour": (
        each(
            lambda d: setting(
                SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0, PixelData=d.PixelData * 3
            )(d)
        ),
        "px.rgb",
    ),
    "74 two patients": (one(setting(PatientID="ANOTHER")), "id.patient_mixed"),
    "75 two studies": (one(setting(StudyInstanceUID="1.2.3.7")), "id.study_mixed"),
    "82 no rescale": (each(deleting("RescaleSlope", "RescaleIntercept")), "px.no_rescale"),
    "82 no intercept": (one(deleting("RescaleIntercept")), "px.no_rescale"),
    "88 two intercepts": (each(lambda d: raw_text(d, "RescaleIntercept", "-1024\\0")), "hdr.number"),
    "85 slope of zero": (each(setting(RescaleSlope=0)), "px.slope_bad"),
    "86 slope of zero in one": (one(setting(RescaleSlope=0)), "px.slope_bad"),
    "87 slope negative": (each(setting(RescaleSlope=-1)), "px.slope_bad"),
    "87 slope no number": (each(lambda d: raw_text(d, "RescaleSlope", "nan")), "px.slope_bad"),
    "87 slope of 1e9": (each(setting(RescaleSlope=1e9)), "px.slope_bad"),
    "88 letter in the intercept": (each(lambda d: raw_text(d, "RescaleIntercept", "-1O24")), "hdr.number"),
    "90 look-up table": (each(lut), "px.lut"),
    "94 bits that contradict": (each(setting(BitsStored=12, HighBit=15)), "hdr.bits"),
    "105 empty slices": (
        lambda ds: [(store(d, np.full((60, 80), -1000.0)), d)[1] if k < 4 else d for k, d in enumerate(ds)],
        "px.flat_slice",
    ),
    "128 half the pixels of one": (one(lambda d: setattr(d, "PixelData", d.PixelData[:4800])), "file.truncated"),
    "132 rows halved": (each(setting(Rows=30)), "px.length"),
    "133 rows and columns claim too much": (each(setting(Rows=65535, Columns=65535)), "res.claim"),
    "157 MR": (each(setting(Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4")), "sel.modality"),
}


def scout(rows: int, columns: int, image_type: list[str]) -> Dataset:
    dataset = make_slice(0)
    setting(SOPInstanceUID="1.2.3.5", ImageType=image_type, Rows=rows, Columns=columns)(dataset)
    dataset.ImageOrientationPatient, dataset.ImagePositionPatient = [1, 0, 0, 0, 0, -1], [-50, 0, 30]
    dataset.PixelData = np.zeros(rows * columns, "<i2").tobytes()
    return dataset


def other_object(sop_class: str, modality: str) -> Dataset:
    dataset = make_slice(3)
    setting(SOPClassUID=sop_class, Modality=modality, SOPInstanceUID="1.2.3.6", SeriesInstanceUID="1.2.3.66")(dataset)
    return dataset


def report() -> Dataset:
    dataset = other_object("1.2.840.10008.5.1.4.1.1.88.22", "SR")
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(dataset, keyword)
    return dataset


def smaller(dataset: Dataset) -> Dataset:
    return copy(dataset, Rows=40, Columns=60, PixelData=dataset.PixelData[: 40 * 60 * 2])


@pytest.mark.parametrize("row", OK)
def test_accepted_rows_are_right_to_rounding(row: str, tmp_path: Path) -> None:
    mutate, code = OK[row]
    datasets = phantom()
    scan = read(save(mutate(datasets) or datasets, tmp_path))
    slope = max(float(d.get("RescaleSlope", 1)) for d in datasets)
    assert worst_error(scan) <= slope / 2 + ROUNDING + 0.2
    codes = {finding.code for finding in scan.findings}
    assert codes - {"geo.nonsquare"} == ({code} - {None, "geo.nonsquare"})
    assert scan.hu.flags.c_contiguous


def test_more_voxels_than_can_be_held_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "MOST_BYTES", 2 * N * 60 * 80 - 1)
    with pytest.raises(InputError) as caught:
        read(save(phantom(), tmp_path))
    assert caught.value.findings[0].code == "res.too_big"


def test_a_slice_that_no_body_makes_so_bright_is_noted(tmp_path: Path) -> None:
    datasets = phantom()
    datasets[9].RescaleIntercept = 0
    finding = next(f for f in read(save(datasets, tmp_path)).findings if f.code == "px.jump")
    assert (finding.severity, finding.slices) == ("limited", (9,))


@pytest.mark.parametrize("row", REFUSED)
def test_refused_rows_say_why(row: str, tmp_path: Path) -> None:
    mutate, code = REFUSED[row]
    datasets = phantom()
    with pytest.raises(InputError) as caught:
        read(save(mutate(datasets) or datasets, tmp_path))
    worst = caught.value.worst()
    assert [finding.code for finding in worst] == [code]
    assert worst[0].remedy
    assert worst[0].found
