"""A path in, a Scan out: folders at any depth, zips, single files; DICOM, NIfTI, NRRD, MetaImage.

A format is a file of this room with `sniff(first_bytes, name)`, `load(items, given, keep_ids=...)` and `survey(items)`, and a row of FORMATS.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find
from lungrisk.core.records import Scan
from lungrisk.formats import dicom, metaimage, nifti, nrrd
from lungrisk.formats.items import Given, Item, gather
from lungrisk.formats.series import Series

__all__ = ["Series", "read", "survey"]


@dataclass(frozen=True, slots=True)
class Format:
    """How files of one format are told, read and surveyed. many: the files of one scan are many."""

    name: str
    sniff: Callable[[bytes, str], bool]
    load: Callable[..., Scan]
    survey: Callable[[Sequence[Item]], tuple[Series, ...]]
    many: bool = False


# asked in this order; the first that knows the file has it
FORMATS = (
    Format("nifti", nifti.sniff, nifti.load, nifti.survey),
    Format("nrrd", nrrd.sniff, nrrd.load, nrrd.survey),
    Format("metaimage", metaimage.sniff, metaimage.load, metaimage.survey),
    Format("dicom", dicom.sniff, dicom.load, dicom.survey, many=True),
)


def read(path: str | Path, *, keep_ids: bool = False) -> Scan:
    """Read a chest CT: a folder at any depth, a zip, or one file (DICOM multi-frame, NIfTI, NRRD, MetaImage).

    Gives a Scan: (k, j, i) int16 HU, nothing below -1024, on a right-angled even grid nearest to the body's axes. Where a folder
    holds several series one is chosen (`sel.series` says which and why). keep_ids: keep instance UIDs as they are instead of hashed.
    Raises UsageFault (`use.missing`), InputError (any refusal in the table of findings), EnvironmentFault (`env.codec`).

    >>> read("no/such/folder")
    Traceback (most recent call last):
    lungrisk.core.errors.UsageFault: use.missing: there is no such file or folder; found no/such/folder; check the path
    """
    given = gather(Path(path))
    sorted_out, notes = _sort_out(given)
    chosen = _chosen(sorted_out, notes)
    scan = chosen.load(sorted_out[chosen.name], given, keep_ids=keep_ids)
    passed = [item.name for name, items in sorted_out.items() if name != chosen.name for item in items]
    if passed:
        notes = (
            *notes,
            find(
                "sel.series", found=f"{chosen.name} slices; not the volumes in {len(passed)} other files", files=passed
            ),
        )
    return replace(scan, findings=(*(n for n in notes if not _is_part(n, scan)), *scan.findings))


def survey(path: str | Path) -> tuple[Series, ...]:
    """What each series under a path is, from headers alone: chosen or not, and why. Raises as `read` for what cannot be opened.

    >>> survey("no/such/folder")
    Traceback (most recent call last):
    lungrisk.core.errors.UsageFault: use.missing: there is no such file or folder; found no/such/folder; check the path
    """
    sorted_out, notes = _sort_out(gather(Path(path)))
    chosen = _chosen(sorted_out, notes)
    rows = list(chosen.survey(sorted_out[chosen.name]))
    for form in FORMATS:
        if form.name in sorted_out and form is not chosen:
            why = f"{chosen.name} slices are preferred"
            rows += [replace(row, chosen=False, why=why) for row in form.survey(sorted_out[form.name])]
    return tuple(rows)


def _is_part(note: Finding, scan: Scan) -> bool:
    """The files that were no images by themselves hold the voxels of a header's file."""
    parts = scan.source.files[1:]
    return note.code == "file.other" and note.n_files <= len(parts) and set(note.files) <= set(parts)


def _sort_out(given: Given) -> tuple[dict[str, list[Item]], tuple[Finding, ...]]:
    """The items by format, and what was noted of the rest."""
    by_format: dict[str, list[Item]] = {}
    empty, other = [], []
    for item in given.items:
        if item.size == 0:
            empty.append(item.name)
            continue
        try:
            head = item.head()
        except OSError as error:
            raise InputError(find("file.unreadable", found=error.strerror, files=[item.name])) from error
        form = next((form for form in FORMATS if form.sniff(head, item.name)), None)
        if form is None:
            other.append(item.name)
        else:
            by_format.setdefault(form.name, []).append(item)
    notes = list(given.findings)
    if empty:
        notes.append(find("file.empty", found=f"{len(empty)} files", files=empty))
    if other:
        notes.append(find("file.other", found=f"{len(other)} files", files=other))
    return by_format, tuple(notes)


def _chosen(by_format: dict[str, list[Item]], notes: tuple[Finding, ...]) -> Format:
    """The format that is read: DICOM slices before volumes in one file. Raises InputError (`file.none`, `sel.ambiguous`)."""
    if not by_format:
        raise InputError(find("file.none"), *notes)
    many = next((form for form in FORMATS if form.many and form.name in by_format), None)
    if many is not None:
        return many
    files = [item.name for items in by_format.values() for item in items]
    if len(files) > 1:
        raise InputError(find("sel.ambiguous", found=f"{len(files)} volumes", expected="1", files=files))
    return next(form for form in FORMATS if form.name in by_format)
