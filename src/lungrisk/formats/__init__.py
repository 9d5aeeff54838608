"""A path in, a Scan out: folders at any depth, zips, single files; DICOM, NIfTI, NRRD, MetaImage.

A format is a file of this room with `sniff(first_bytes, name)`, `load(items, given, keep_ids=...)` and `survey(items)`, and a row of FORMATS.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find
from lungrisk.core.records import Scan
from lungrisk.formats import dicom, metaimage, nifti, nrrd
from lungrisk.formats.gathering import gather
from lungrisk.formats.guard import door
from lungrisk.formats.items import Item
from lungrisk.formats.series import Series, broken
from lungrisk.formats.sorting import Sorted, Sorter

__all__ = ["Series", "read", "survey"]


@dataclass(frozen=True, slots=True)
class Format:
    """How files of one format are told, read and surveyed. many: the files of one scan are many. inflates: gzip is unpacked there."""

    name: str
    sniff: Callable[[bytes, str], bool]
    load: Callable[..., Scan]
    survey: Callable[[Sequence[Item]], tuple[Series, ...]]
    many: bool = False
    inflates: bool = False


# asked in this order; the first that knows the file has it
FORMATS = (
    Format("nifti", nifti.sniff, nifti.load, nifti.survey, inflates=True),
    Format("nrrd", nrrd.sniff, nrrd.load, nrrd.survey),
    Format("metaimage", metaimage.sniff, metaimage.load, metaimage.survey),
    Format("dicom", dicom.sniff, dicom.load, dicom.survey, many=True),
)

DATA_NAMES = (".img", ".img.gz", ".raw", ".raw.gz", ".zraw")


def read(path: str | Path, *, keep_ids: bool = False) -> Scan:
    """Read a chest CT: a folder at any depth, a zip, a DICOMDIR, or one file (DICOM multi-frame, NIfTI, NRRD, MetaImage); gzip as it comes.

    Gives a Scan: (k, j, i) int16 HU, nothing below -1024, on a right-angled even grid nearest to the body's axes. Where a folder
    holds several series one is chosen (`sel.series` says which and why). keep_ids: keep instance UIDs as they are instead of hashed.
    Raises UsageFault (`use.missing`), InputError (any refusal in the table of findings), EnvironmentFault (`env.codec`, `env.memory`).

    >>> read("no/such/folder")
    Traceback (most recent call last):
    lungrisk.core.errors.UsageFault: use.missing: there is no such file or folder; found no/such/folder; check the path
    """
    place = Path(path)
    with door():
        files = _sort_out(place)
        chosen = _chosen(files)
        items = files.by_format[chosen.name]
        with door([] if chosen.many else [items[0].name]):
            scan = chosen.load(items, files.given, keep_ids=keep_ids)
        notes = files.notes(scan.source.files, any(one.code == "ord.left_out" for one in scan.findings))
        passed = [item.name for name, items in files.by_format.items() if name != chosen.name for item in items]
        if passed:
            found = f"{chosen.name} slices; not the volumes in {len(passed)} other files"
            notes = (*notes, find("sel.series", found=found, files=passed))
        return replace(scan, findings=(*notes, *scan.findings))


def survey(path: str | Path) -> tuple[Series, ...]:
    """What each series under a path is, from headers alone: chosen or not, and why. Raises as `read` for what cannot be opened.

    >>> survey("no/such/folder")
    Traceback (most recent call last):
    lungrisk.core.errors.UsageFault: use.missing: there is no such file or folder; found no/such/folder; check the path
    """
    place = Path(path)
    with door():
        files = _sort_out(place)
        if not files.by_format:
            raise _none(files)
        rows: list[Series] = []
        for form in sorted(FORMATS, key=lambda form: not form.many):
            items = files.by_format.get(form.name, [])
            if items and (form.many or files.n_volumes == 1):
                rows += form.survey(items)
            else:
                preferred = next((one.name for one in FORMATS if one.many and one.name in files.by_format), None)
                why = f"{preferred} slices are preferred" if preferred else "it is one of several: give one of them"
                rows += [row for item in items for row in _passed(form, item, why)]
        return tuple(rows)


def _passed(form: Format, item: Item, why: str) -> tuple[Series, ...]:
    """The rows of a volume that is not read; one that cannot be read says so and hides no other."""
    try:
        return tuple(replace(row, chosen=False, why=why) for row in form.survey([item]))
    except InputError as error:
        return (broken(form.name, item.name, error.findings),)


def _sort_out(path: Path) -> Sorted:
    def form_of(head: bytes, name: str) -> str | None:
        return next((form.name for form in FORMATS if form.sniff(head, name)), None)

    inflates = frozenset(form.name for form in FORMATS if form.inflates)
    return Sorter(form_of, inflates, Sorted(gather(path))).sort()


def _chosen(files: Sorted) -> Format:
    """The format that is read: DICOM slices before volumes in one file. Raises InputError (`file.none`, `sel.ambiguous`)."""
    if not files.by_format:
        raise _none(files)
    many = next((form for form in FORMATS if form.many and form.name in files.by_format), None)
    if many is not None:
        return many
    if files.n_volumes > 1:
        names = [item.name for items in files.by_format.values() for item in items]
        note = find(
            "sel.ambiguous", found=f"{len(names)} volumes", expected="1", files=names, remedy="give one of them"
        )
        raise InputError(note, *files.notes())
    return next(form for form in FORMATS if form.name in files.by_format)


def _none(files: Sorted) -> InputError:
    """No image: what was left out and may hold one is the reason, where there is such."""
    notes = files.notes()
    reasons = [replace(note, severity="refused") for note in notes if note.severity == "limited"]
    rest = [note for note in notes if note.severity != "limited"]
    bare = files.given.single and files.given.items[0].name.lower().endswith(DATA_NAMES)
    remedy = "give the header beside it (.hdr, .mhd, .nhdr): this file holds bare numbers" if bare else None
    return InputError(*(reasons or [find("file.none", remedy=remedy)]), *rest)
