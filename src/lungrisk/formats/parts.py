"""The data files that a header names: one, a numbered series ("s%03d.raw 0 108 1"), or a list."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find
from lungrisk.formats.items import Given, Item
from lungrisk.formats.numerals import integer, shown

LIST = re.compile(r"LIST(?:\s+\d+)?", re.IGNORECASE | re.ASCII)
NUMBERED = re.compile(r"([^%]*)%(0?\d?)d([^%]*)", re.ASCII)
MOST_FILES = 4096
LONGEST_NAME = 255
BESIDE = "put the data file beside its header, and name it there without a path"


def companion(given: Given, item: Item, name: str) -> Item:
    """The data file that a header names. Raises InputError: `sec.path`, `file.unreadable`."""
    longest = max(len(part.encode("utf-8", "replace")) for part in name.replace("\\", "/").split("/"))
    if len(name) > 4 * LONGEST_NAME or longest > LONGEST_NAME or not name.isprintable():
        raise InputError(
            find("sec.path", found=shown(name), expected="a file beside the header", files=[item.name], remedy=BESIDE)
        )
    try:
        return given.companion(item, name)
    except InputError as error:
        raise InputError(*(replace(finding, remedy=BESIDE) for finding in error.findings)) from error


def companions(given: Given, item: Item, names: Sequence[str]) -> tuple[Item, ...]:
    """The data files in order. Raises InputError: `sec.path`, `file.unreadable`, `hdr.value` for none or far too many,
    `hdr.conflict` for one named twice.
    """
    if not 1 <= len(names) <= MOST_FILES:
        raise InputError(find("hdr.value", found=f"{len(names)} data files", expected=f"1 to {MOST_FILES}"))
    if len(set(names)) < len(names):
        raise InputError(find("hdr.conflict", found="a data file named twice", expected="each once"))
    folder, known = PurePosixPath(item.name).parent, {other.name: other for other in given.items}
    found = (
        known.get((folder / name).as_posix()) for name in names
    )  # one look each, however many files the folder has
    return tuple(one or companion(given, item, name) for one, name in zip(found, names, strict=True))


def numbered_names(text: str) -> list[str] | None:
    """Names out of a pattern, the first number, the last and the step; None where the text is no pattern.

    Raises InputError (`hdr.value`) for a pattern whose numbers lead nowhere.

    >>> numbered_names("s%02d.raw 1 5 2")
    ['s01.raw', 's03.raw', 's05.raw']
    >>> numbered_names("scan 1.raw") is None
    True
    """
    if "%" not in text:
        return None
    for n_numbers in (4, 3):  # the fourth, if any, is the number of dimensions in a file
        name, *stated = text.rsplit(maxsplit=n_numbers)
        numbers = [number for number in map(integer, stated) if number is not None]
        pattern = NUMBERED.fullmatch(name)
        if pattern and len(numbers) == n_numbers:
            break
    else:
        expected = "a pattern such as s%03d.raw with the first number, the last and the step"
        raise InputError(find("hdr.value", found=shown(text), expected=expected))
    first, last, step = numbers[:3]
    count = (last - first) // step + 1 if step else 0
    if not 1 <= count <= MOST_FILES or min(first, last) < 0:
        raise InputError(find("hdr.value", found=shown(text), expected=f"1 to {MOST_FILES} files"))
    before, width, after = pattern.groups()
    return [f"{before}{n:{width}d}{after}" for n in range(first, first + count * step, step)]
