"""Values out of a DICOM dataset by tag, straight from the stored bytes: a bad value is a finding, never an exception of the parser.

pydicom converts lazily; the raw element is taken where there is one, because its conversion raises (or warns) on what hospitals write.
"""

import re
import struct
from collections.abc import Iterator

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from lungrisk.core import vocabulary
from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find
from lungrisk.core.parsing import NUMBER

UID = re.compile(r"[0-9.]+")  # the characters that a UID can have
SLOPE, INTERCEPT = 0x00281053, 0x00281052

NOT_FINITE = {"nan", "inf"}  # refused where they are used, by what they are used for
MOST_TEXT = 64  # characters of a text that are looked at: header strings are hostile


def tag_name(tag: int) -> str:
    """The tag as findings write it.

    >>> tag_name(0x00200032)
    '(0020,0032) ImagePositionPatient'
    """
    return f"({tag >> 16:04x},{tag & 0xFFFF:04x}) {keyword_for_tag(tag)}".rstrip()


def raw(dataset: Dataset, tag: int) -> bytes | None:
    """The element's bytes; None when it is absent or empty."""
    element = dataset.get_item(tag)
    if isinstance(element, RawDataElement):
        return element.value or None
    if element is None or element.value is None:
        return None
    value = element.value
    return value if isinstance(value, bytes) else str(value).encode("ascii", "replace")


def text(dataset: Dataset, tag: int) -> str:
    """The element as text, trimmed; empty when absent. Unprintable characters are dropped."""
    value = raw(dataset, tag)
    if value is None:
        return ""
    decoded = value[: 4 * MOST_TEXT].decode("latin-1").split("\\")[0]
    return "".join(c for c in decoded if c.isprintable()).strip()[:MOST_TEXT]


def numbers(dataset: Dataset, tag: int) -> tuple[float, ...]:
    """A decimal or integer string as numbers; () when absent or empty. Raises InputError (`hdr.number`)."""
    element = dataset.get_item(tag)
    value = raw(dataset, tag)
    if value is None or element is None:
        return ()
    if isinstance(element, RawDataElement) and element.VR in ("FD", "FL"):
        kind, size = ("d", 8) if element.VR == "FD" else ("f", 4)
        n = len(value) // size
        return struct.unpack(f"{'<' if element.is_little_endian else '>'}{n}{kind}", value[: n * size])
    stated = value.decode("latin-1").strip(" \0")
    if not stated:
        return ()
    parts = [part.strip(" \0") for part in stated.split("\\")]
    if not all(NUMBER.fullmatch(part) or part.lstrip("+-").lower() in NOT_FINITE for part in parts):
        found = repr(vocabulary.stated(stated))
        raise InputError(find("hdr.number", tag=tag_name(tag), found=found, expected="decimal numbers"))
    return tuple(float(part) for part in parts)


def number(dataset: Dataset, tag: int) -> float | None:
    """The first number of the element, None when absent. Raises InputError (`hdr.number`)."""
    values = numbers(dataset, tag)
    return values[0] if values else None


def soft_number(dataset: Dataset, tag: int) -> float | None:
    """As `number`, for what only describes: None where it cannot be read."""
    try:
        return number(dataset, tag)
    except InputError:
        return None


def short(dataset: Dataset, tag: int, *, signed: bool = False) -> int | None:
    """The first 16-bit (or wider) binary integer of the element whatever its VR says; None when absent."""
    element = dataset.get_item(tag)
    if element is None:
        return None
    if not isinstance(element, RawDataElement):
        return int(element.value) if element.value is not None else None
    if not element.value or len(element.value) < 2:
        return None
    order = "little" if element.is_little_endian else "big"
    width = 4 if element.VR in ("UL", "SL") and len(element.value) >= 4 else 2
    return int.from_bytes(element.value[:width], order, signed=signed)


def sequence(dataset: Dataset, tag: int) -> Iterator[Dataset]:
    """The items of a sequence; none when it is absent or no sequence."""
    if tag in dataset:
        value = dataset[tag].value
        if isinstance(value, Sequence):
            yield from value


def inner(dataset: Dataset | None, tag: int) -> Dataset | None:
    """The first item of a sequence, None when absent."""
    return None if dataset is None else next(sequence(dataset, tag), None)


def soft_numbers(dataset: Dataset, tag: int, faults: list[Finding]) -> tuple[float, ...]:
    """Numbers whose fault is kept until the frame is used: a bad value in a skipped series refuses nothing."""
    try:
        return numbers(dataset, tag)
    except InputError as error:
        faults.extend(error.findings)
        return ()


def only(dataset: Dataset, tag: int, faults: list[Finding]) -> float | None:
    """The one number of an element that has one, None when absent; several are a fault that is kept as in `soft_numbers`."""
    values = soft_numbers(dataset, tag, faults)
    if len(values) > 1:
        faults.append(find("hdr.number", tag=tag_name(tag), found=f"{len(values)} values", expected="1"))
    return values[0] if values else None


def image_type(dataset: Dataset, tag: int = 0x00080008) -> tuple[str, ...]:
    """The values of ImageType (or of a frame's FrameType) in capitals."""
    value = raw(dataset, tag) or b""
    return tuple(part.strip().upper() for part in value[:512].decode("latin-1").split("\\"))
