"""A DICOMDIR given as the path: the files that it names, in its own folder or below."""

import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find
from lungrisk.formats.items import Given, Item, file_item
from lungrisk.formats.sorting import is_harmless

STORAGE = b"1.2.840.10008.1.3.10"  # the SOP class of a DICOMDIR
MOST_BYTES = 64 * 2**20  # some 100,000 records
MOST_FILES = 100_000
RECORDS, UNDEFINED = 0x00041220, 0xFFFFFFFF


def is_dicomdir(head: bytes) -> bool:
    """By its SOP class in the meta header."""
    return head[128:132] == b"DICM" and STORAGE in head[132:1024]


def named_in(item: Item, folder: Path) -> Given:
    """The files that a DICOMDIR names. folder: where it lies; nothing outside is followed.

    Raises InputError: `sec.path` for a name that leads out, `res.many`, and what the parser raises, for the guard round it. Files that are
    not there are in the finding `file.unreadable`, limited.
    """
    if item.size > MOST_BYTES:
        raise InputError(find("res.many", found=f"a DICOMDIR of {item.size} bytes", expected=f"at most {MOST_BYTES}"))
    items: dict[str, Item] = {}
    missing: list[str] = []
    root = folder.resolve()
    for parts in _references(item):
        name = "/".join(parts)
        if not all(parts) or any(part in (".", "..") or set(part) & {"/", "\0", ":"} for part in parts):
            raise InputError(find("sec.path", found=name[:64], expected="a file below the DICOMDIR", files=[item.name]))
        found = _existing(folder, parts)
        if found is None:
            missing.append(name)
        elif not found.resolve().is_relative_to(root):
            raise InputError(find("sec.path", found="a link out of the folder", files=[name]))
        else:
            name = found.relative_to(folder).as_posix()
            items[name] = file_item(found, name)
    notes = []
    if missing:
        words = f"{len(missing)} files that the DICOMDIR names, not there"
        notes.append(find("file.unreadable", severity="limited", found=words, files=missing))
    unnamed = _unnamed(folder, items)
    if unnamed:
        notes.append(find("file.unnamed", found=f"{len(unnamed)} files", files=unnamed))
    return Given(tuple(items.values()), findings=tuple(notes))


def _references(item: Item) -> Iterator[tuple[str, ...]]:
    from pydicom.dataelem import RawDataElement
    from pydicom.filereader import dcmread

    with item.open() as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = dcmread(stream, force=True)
        raw: Any = dataset.get_item(RECORDS) if RECORDS in dataset else None
        if raw is None or (isinstance(raw, RawDataElement) and len(raw.value or b"") < raw.length < UNDEFINED):
            raise InputError(find("file.truncated", found="a DICOMDIR that breaks off", files=[item.name]))
        records: Any = dataset[RECORDS].value
        if len(records) > 2 * MOST_FILES:
            raise InputError(find("res.many", found=f"{len(records)} records", expected=f"at most {2 * MOST_FILES}"))
        for record in records:
            value: Any = record.get("ReferencedFileID")
            if value:
                yield tuple(str(part).strip() for part in ([value] if isinstance(value, str) else value))


def _unnamed(folder: Path, items: Mapping[str, Item]) -> list[str]:
    """Files that lie where the named ones lie and may be slices."""
    places = {name.rpartition("/")[0] for name in items}
    names = (f"{place}/{name}".lstrip("/") for place in sorted(places) for name in os.listdir(folder / place))
    return [name for name in names if name not in items and not is_harmless(name) and os.path.isfile(folder / name)]


def _existing(folder: Path, parts: tuple[str, ...]) -> Path | None:
    """The file as named, or in the other case or with the version number that a disc's file system gives it."""
    for change in (str, str.lower, str.upper):
        path = folder.joinpath(*map(change, parts))
        for candidate in (path, path.with_name(path.name + ";1")):
            if os.path.isfile(candidate):
                return candidate
    return None
