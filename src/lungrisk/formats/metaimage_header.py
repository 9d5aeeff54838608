"""The header of a MetaImage: `Key = value` lines down to ElementDataFile, each read as written or refused.

Source: the MetaIO documentation and its reader, which also takes `Key : value`; SimpleITK is the oracle where it is installed.
"""

import re
from typing import NamedTuple

from lungrisk.core.errors import InputError
from lungrisk.core.findings import find
from lungrisk.formats.items import Item
from lungrisk.formats.numerals import decimal, integer, shown, text_of

MOST_HEADER_BYTES = 256 * 1024
LINE = re.compile(r"([A-Za-z]\w{0,63})\s*[=:](.*)", re.ASCII)
FIRST_LINE = re.compile(rb"\s*[A-Za-z]\w{0,63}\s*[=:][^\n]*\n")
KEYS = re.compile(rb"^\s*(?:ObjectType|NDims|DimSize|ElementType|ElementDataFile)\s*[=:]", re.MULTILINE | re.IGNORECASE)
TRUE, FALSE = ("true", "t", "1"), ("false", "f", "0")


class MetaHeader(NamedTuple):
    """fields: by their names in small letters. rest: lines after ElementDataFile. size: bytes to the end of ElementDataFile's line."""

    fields: dict[str, str]
    rest: tuple[str, ...]
    size: int

    def text(self, *names: str) -> str | None:
        """The value of the first of the names that is there; synonyms must agree. Raises InputError (`hdr.conflict`)."""
        stated = [(name, self.fields[name.lower()]) for name in names if name.lower() in self.fields]
        if len({value.lower() for _, value in stated}) > 1:
            found = " and ".join(f"{name} {shown(value)}" for name, value in stated)
            raise InputError(find("hdr.conflict", found=found, expected="one value", tag=stated[0][0]))
        return stated[0][1] if stated else None

    def wholes(self, n: int, name: str) -> tuple[int, ...]:
        """n whole numbers. Raises InputError: `hdr.value` where they are missing, `hdr.number`."""
        numbers = [integer(part) for part in (self.text(name) or "").split()]
        if len(numbers) != n or None in numbers:
            raise self._no_number(name, "a whole number" if n == 1 else f"{n} whole numbers")
        return tuple(number for number in numbers if number is not None)

    def decimals(self, n: int, *names: str) -> tuple[float, ...] | None:
        """n numbers, None where they are missing. Raises InputError (`hdr.number`)."""
        stated = self.text(*names)
        if stated is None:
            return None
        numbers = [decimal(part) for part in stated.split()]
        if len(numbers) != n or None in numbers:
            raise self._no_number(
                next(name for name in names if name.lower() in self.fields), "a number" if n == 1 else f"{n} numbers"
            )
        return tuple(number for number in numbers if number is not None)

    def flag(self, *names: str) -> bool | None:
        """True, False or not stated. Raises InputError (`hdr.value`)."""
        stated = (self.text(*names) or "").lower()
        if stated and stated not in (*TRUE, *FALSE):
            raise InputError(find("hdr.value", found=shown(stated), expected="True or False", tag=names[0]))
        return stated in TRUE if stated else None

    def _no_number(self, name: str, expected: str) -> InputError:
        stated = self.fields.get(name.lower())
        code = "hdr.value" if stated is None else "hdr.number"
        return InputError(find(code, found="nothing" if stated is None else shown(stated), expected=expected, tag=name))


def looks_so(head: bytes) -> bool:
    """The first line is a key and its value, and two of the format's own keys are there."""
    return FIRST_LINE.match(head) is not None and len({key.strip().lower() for key in KEYS.findall(head)}) > 1


def read_header(item: Item) -> MetaHeader:
    """The header's fields. Raises InputError: `file.corrupt`, `hdr.conflict` for a key given twice with two values, OSError."""
    with item.open() as stream:
        head = stream.read(MOST_HEADER_BYTES)
    fields: dict[str, str] = {}
    size = 0
    for line in head.split(b"\n"):
        size += len(line) + 1
        if not line.strip():
            continue
        parts = LINE.fullmatch(text_of(line).strip())
        if parts is None:
            raise InputError(find("file.corrupt", found=shown(text_of(line)), expected="a key and its value"))
        name, value = parts[1].lower(), parts[2].strip()
        if fields.get(name, value) != value:
            found = f"{shown(fields[name])} and {shown(value)}"
            raise InputError(find("hdr.conflict", found=found, expected="one value", tag=parts[1]))
        fields[name] = value
        if name == "elementdatafile":
            rest = text_of(head[size:]).splitlines() if item.size <= MOST_HEADER_BYTES else ()
            return MetaHeader(fields, tuple(text.strip() for text in rest if text.strip()), min(size, item.size))
    raise InputError(find("file.corrupt", found="no ElementDataFile", expected="a MetaImage header"))
