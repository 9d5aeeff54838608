"""What an image is, by the words inside its ImageType: made up headers, judged by the defined terms of PS3.3 and vendors' own."""

from pathlib import Path

import pytest
from gradient_phantom import make_slice, phantom, save, series, worst_error

from lungrisk.core.errors import InputError
from lungrisk.formats import read
from lungrisk.formats.frames import Frame
from lungrisk.formats.gathering import gather
from lungrisk.formats.grouping import Group, group, kind_of
from lungrisk.formats.headers import read_header


def frame_of(folder: Path, **tags: object) -> Frame:
    dataset = make_slice(0)
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    dataset.save_as(folder / "one.dcm", enforce_file_format=True)
    return read_header(gather(folder / "one.dcm").items[0])[0]


KINDS = {
    r"DERIVED\PRIMARY\AXIAL\CT_SOM5 MIP": "projection",
    r"DERIVED\PRIMARY\AXIAL\MIP_THIN": "projection",
    r"DERIVED\SECONDARY\MIP10": "projection",
    r"DERIVED\SECONDARY\AXIAL\MINIP": "projection",
    r"DERIVED\SECONDARY\AXIAL\CSA MIP THICK": "projection",
    r"DERIVED\SECONDARY\AXIAL\CSAMIP": "projection",
    r"DERIVED\SECONDARY\AXIAL\MAXIP": "projection",
    r"DERIVED\PRIMARY\VOLUME\MAX_IP": "projection",
    r"DERIVED\SECONDARY\PROJECTION IMAGE": "projection",
    r"DERIVED\SECONDARY\SUBTRACTION": "projection",
    r"DERIVED\SECONDARY\AXIAL\VRT": "projection",
    r"DERIVED\SECONDARY\VOLUME RENDERING": "projection",
    r"DERIVED\SECONDARY\MPR\CURVED": "projection",
    r"DERIVED\SECONDARY\VOLUME": "projection",
    r"ORIGINAL\PRIMARY\LOCALIZER": "localizer",
    r"ORIGINAL\PRIMARY\AXIAL\CT_SOM5 TOP": "localizer",
    r"DERIVED\PRIMARY\AXIAL\CT_SOM5 MPR": "reformat",
    r"DERIVED\SECONDARY\AXIAL\THIN MPR": "reformat",
    r"DERIVED\SECONDARY\CSA MPR THICK": "reformat",
    r"DERIVED\SECONDARY\AXIAL\MPR_THICK": "reformat",
    r"DERIVED\SECONDARY\REFORMATTED\AVERAGE": "reformat",
    r"DERIVED\SECONDARY\AXIAL\AVG": "reformat",
    r"DERIVED\SECONDARY\MPR\CSAPARALLEL": "reformat",
    r"ORIGINAL\PRIMARY\AXIAL\CT_SOM5 SPI": "slice",
    r"ORIGINAL\PRIMARY\VOLUME\NONE": "slice",
    r"DERIVED\PRIMARY\AXIAL\CT_SOM7 SPP DUAL": "slice",
    r"DERIVED\SECONDARY\AXIAL\CSAMANIPULATED": "slice",
    r"ORIGINAL\PRIMARY\AXIAL\STOP": "slice",
    "": "slice",
}


@pytest.mark.parametrize("stated", KINDS)
def test_the_words_inside_an_image_type_tell_the_kind(stated: str, tmp_path: Path) -> None:
    frame = frame_of(tmp_path, ImageType=stated.split("\\"))
    kind = kind_of(frame)
    assert ("reformat" if kind == "slice" and Group(kind, (frame,)).reformat else kind) == KINDS[stated]


def test_a_description_supports_what_a_derived_image_leaves_open_and_decides_nothing_alone(tmp_path: Path) -> None:
    said = "MIP ax 15.0"
    assert kind_of(frame_of(tmp_path, ImageType=["DERIVED", "SECONDARY"], SeriesDescription=said)) == "projection"
    assert kind_of(frame_of(tmp_path, ImageType=["ORIGINAL", "PRIMARY", "AXIAL"], SeriesDescription=said)) == "slice"


def test_volume_is_an_ordinary_word_of_enhanced_images(tmp_path: Path) -> None:
    enhanced = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2.1"}
    assert kind_of(frame_of(tmp_path, ImageType=["DERIVED", "PRIMARY", "VOLUME", "MEAN"], **enhanced)) == "slice"
    assert (
        kind_of(frame_of(tmp_path, ImageType=["DERIVED", "PRIMARY", "VOLUME", "MAXIMUM"], **enhanced)) == "projection"
    )


def test_a_projection_is_refused_and_never_taken_before_an_original(tmp_path: Path) -> None:
    slabs = series(2, 40, 1.0, 300, ImageType=["DERIVED", "PRIMARY", "AXIAL", "CT_SOM5 MIP"])
    save(slabs, tmp_path / "mip")
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert caught.value.findings[0].code == "sel.derived"
    save(series(1), tmp_path / "ct")
    assert worst_error(read(tmp_path)) <= 0.7


def test_a_class_that_no_standard_knows_is_read_as_ct_and_said(tmp_path: Path) -> None:
    scan = read(save([d for d in phantom() if not setattr(d, "SOPClassUID", "2.25.123456789")], tmp_path))
    assert worst_error(scan) <= 0.7
    finding = next(f for f in scan.findings if f.code == "hdr.sop_class")
    assert (finding.severity, finding.tag) == ("limited", "(0008,0016) SOPClassUID")


def test_a_modality_that_is_no_ct_is_named(tmp_path: Path) -> None:
    pet = {"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.128"}
    with pytest.raises(InputError) as caught:
        read(save(series(1, **pet), tmp_path))
    finding = caught.value.findings[0]
    assert finding.code == "sel.modality"
    assert finding.found != finding.expected
    assert "1.1.128" in str(finding.found)


def test_slices_with_a_study_and_a_series_of_their_own_are_one_stack(tmp_path: Path) -> None:
    datasets = phantom()
    for k, dataset in enumerate(datasets):
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"1.9.{k}", f"1.8.{k}"
    frames = [f for item in gather(save(datasets, tmp_path)).items for f in read_header(item)]
    assert [len(g.frames) for g in group(frames)] == [24]
    scan = read(tmp_path)
    assert worst_error(scan) <= 0.7
    assert {"id.study_split", "ord.series_split"} <= {f.code for f in scan.findings}
