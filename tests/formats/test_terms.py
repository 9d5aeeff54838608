"""What is said of a volume in one file is said in the words of its format."""

import io

import pytest

from lungrisk.core.errors import InputError
from lungrisk.core.findings import FINDINGS, find
from lungrisk.formats.items import Item
from lungrisk.formats.terms import TERMS, said, terms_of


@pytest.mark.parametrize("form", TERMS)
@pytest.mark.parametrize("code", [code for code in FINDINGS if code.startswith(("geo.", "px.", "hdr."))])
def test_no_finding_of_place_or_values_names_a_dicom_field(code: str, form: str) -> None:
    finding = said(find(code, found="1", tag="(0028,0030) PixelSpacing"), form, ("scan",))
    assert finding.tag in TERMS[form]
    assert not any(word in finding.remedy for word in ("PixelSpacing", "Rescale", "ImagePosition", "ImageOrientation"))


def test_the_field_and_the_file_are_named_once() -> None:
    assert said(find("hdr.value", found="4", tag="vox_offset"), "nifti", ("a.nii",)).found == "vox_offset 4"
    assert said(find("hdr.value", found="HeaderSize 4", tag="HeaderSize"), "metaimage", ("a",)).found == "HeaderSize 4"
    with pytest.raises(InputError) as caught, terms_of("nrrd", Item("a.nrrd", 1, io.BytesIO)):
        raise InputError(find("hdr.value", found="x"), find("file.unreadable", found="y", files=["b.raw"]))
    assert [finding.files for finding in caught.value.findings] == [("a.nrrd",), ("b.raw",)]
