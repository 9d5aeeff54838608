"""The header of an NRRD file as Teem reads it: fields by any of their spellings, each once, numbers as written.

pynrrd, the usual reader, takes "1_0" for 10, "80.9" for 80, `byteskip` for another field than `byte skip` and a key for a field.
Source: https://teem.sourceforge.net/nrrd/format.html
"""

import re
from typing import NamedTuple

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find
from lungrisk.formats.items import Item
from lungrisk.formats.numerals import decimal, integer, shown, text_of
from lungrisk.formats.parts import LIST

MOST_HEADER_BYTES = 256 * 1024
SPACED = (
    "byte skip",
    "line skip",
    "data file",
    "space directions",
    "space origin",
    "space units",
    "axis mins",
    "old min",
    "old max",
)
MAGIC = re.compile(r"NRRD000[1-5]|NRRD00\.01")
LINE = re.compile(r"([^:]+):(=?)\s*(.*)")
VECTORS = re.compile(r"(?:\s*(?:none|\([^()]*\)))*\s*", re.ASCII)
VECTOR = re.compile(r"none|\([^()]*\)")


class NrrdHeader(NamedTuple):
    """fields: by their names in small letters without spaces. listed: lines after `data file: LIST`. size: bytes of the header.

    attached: bytes after it.
    """

    fields: dict[str, str]
    listed: tuple[str, ...]
    size: int
    attached: int

    def text(self, name: str, default: str = "") -> str:
        """The field in small letters."""
        return self.fields.get(name.replace(" ", ""), default).lower()

    def whole(self, name: str, default: int | None = None) -> int:
        """One whole number. Raises InputError: `hdr.value` where it is missing, `hdr.number`."""
        stated = self.fields.get(name.replace(" ", ""))
        if stated is None and default is not None:
            return default
        return self.wholes(name, 1)[0]

    def wholes(self, name: str, n: int) -> tuple[int, ...]:
        """n whole numbers. Raises as `whole`."""
        stated = self._stated(name).split()
        numbers = [integer(part) for part in stated]
        if len(numbers) != n or None in numbers:
            raise _no_number(name, stated, "a whole number" if n == 1 else f"{n} whole numbers")
        return tuple(number for number in numbers if number is not None)

    def vectors(self, name: str, n: int) -> tuple[tuple[float, ...] | None, ...]:
        """n vectors of three numbers, None for `none`. Raises as `whole`."""
        stated = self._stated(name)
        parts = VECTOR.findall(stated) if VECTORS.fullmatch(stated) else []
        vectors = [None if part == "none" else [decimal(x.strip()) for x in part[1:-1].split(",")] for part in parts]
        if len(vectors) != n or any(v is not None and (len(v) != 3 or None in v) for v in vectors):
            raise _no_number(name, [stated], "3 numbers" if n == 1 else f"{n} vectors of 3 numbers")
        return tuple(None if v is None else tuple(x for x in v if x is not None) for v in vectors)

    def _stated(self, name: str) -> str:
        stated = self.fields.get(name.replace(" ", ""))
        if stated is None:
            raise InputError(find("hdr.value", found="nothing", expected=name, tag=name))
        return stated


def read_header(item: Item) -> NrrdHeader:
    """The header's fields. Raises InputError: `file.corrupt`, `hdr.conflict` for a field given twice with two values, OSError."""
    with item.open() as stream:
        head = stream.read(MOST_HEADER_BYTES)
    end = re.search(rb"\r?\n\r?\n", head)
    if end is None and item.size > len(head):
        raise InputError(find("file.corrupt", found="no end of the header", expected="an NRRD header"))
    size = end.end() if end else len(head)
    first, *lines = text_of(head[:size]).split("\n")
    if not MAGIC.fullmatch(first.strip()):
        raise InputError(find("file.corrupt", found=shown(first.strip()), expected="NRRD0001 to NRRD0005"))
    fields: dict[str, str] = {}
    for number, line in enumerate(lines):
        if line.startswith("#") or not line.strip():
            continue
        parts = LINE.fullmatch(line.strip())
        if parts is None:
            raise InputError(find("file.corrupt", found=shown(line.strip()), expected="a field with a colon"))
        name, is_key, value = re.sub(r"\s", "", parts[1]).lower(), parts[2], parts[3].strip()
        if is_key:  # of a user's own, with the values of an older field perhaps
            continue
        if fields.get(name, value) != value:
            found, expected = f"{shown(fields[name])} and {shown(value)}", "one value"
            tag = next((field for field in SPACED if field.replace(" ", "") == name), shown(name))
            raise InputError(find("hdr.conflict", found=found, expected=expected, tag=tag))
        fields[name] = value
        if name == "datafile" and LIST.fullmatch(value):
            listed = tuple(name.strip() for name in lines[number + 1 :] if name.strip())
            return NrrdHeader(fields, listed, item.size, 0)
    return NrrdHeader(fields, (), size, item.size - size)


def _no_number(name: str, stated: list[str], expected: str) -> InputError:
    return InputError(find("hdr.number", found=shown(" ".join(stated)), expected=expected, tag=name))
