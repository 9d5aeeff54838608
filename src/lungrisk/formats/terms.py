"""The findings of geometry and values are worded for DICOM slices; here they are said in the terms of a volume's own format."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding
from lungrisk.formats.items import Item

AGAIN = "convert the scan again from its DICOM slices"


class Terms(NamedTuple):
    """What a format calls the fields that place a volume, and those that give the size of its voxels."""

    place: str
    spacing: str


TERMS = {
    "nifti": Terms("sform and qform", "pixdim"),
    "nrrd": Terms("space directions and space origin", "space directions"),
    "metaimage": Terms("TransformMatrix and Offset", "ElementSpacing"),
}


def said(finding: Finding, form: str, names: tuple[str, ...]) -> Finding:
    """The finding without DICOM tags and remedies, its field named; names: the file, where the finding names none."""
    terms = TERMS[form]
    tag, remedy, found = finding.tag, finding.remedy, finding.found
    if tag is not None and tag.startswith("("):
        tag = terms.spacing if "spac" in finding.code or "square" in finding.code else terms.place
    elif tag is not None and found is not None and tag.lower() not in found.lower():
        found = f"{tag} {found}"  # the field is half of what was found, and a sentence has no place of its own for it
    if remedy.startswith("export"):
        remedy = AGAIN
    elif remedy == "check PixelSpacing":
        remedy = f"check {terms.spacing}"
    if finding.severity == "refused" and not finding.files:
        return replace(finding, tag=tag, remedy=remedy, found=found, files=names, n_files=len(names))
    return replace(finding, tag=tag, remedy=remedy, found=found)


@contextmanager
def terms_of(form: str, item: Item) -> Iterator[None]:
    """What is raised inside is said in the terms of the format, and of this file where it names none."""
    try:
        yield
    except InputError as error:
        raise InputError(*(said(finding, form, (item.name,)) for finding in error.findings)) from error
