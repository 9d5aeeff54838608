"""The bytes of one DICOM file up to its pixels, by what they are: byte order and VRs as written, not as the meta header claims."""

import io
from typing import BinaryIO, Literal, NamedTuple

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.valuerep import EXPLICIT_VR_LENGTH_16, EXPLICIT_VR_LENGTH_32

from lungrisk.core import vocabulary
from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find
from lungrisk.formats.codecs import DECODERS
from lungrisk.formats.deflate import inflate
from lungrisk.formats.elements import tag_name, text
from lungrisk.formats.frames import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, NATIVE, PIXEL_TAGS
from lungrisk.formats.items import Item

FIRST_BYTES = 64 * 1024  # of a member of an archive: its header, as a rule
PREAMBLE_BYTES, LONGEST_HEAD = 132, 12
LONG_VRS = frozenset(str(vr).encode() for vr in EXPLICIT_VR_LENGTH_32)
VRS = LONG_VRS | frozenset(str(vr).encode() for vr in EXPLICIT_VR_LENGTH_16)
FIRST_GROUPS = (b"\x08\0", b"\0\x08")  # of a dataset, in either byte order
UNDEFINED = 0xFFFFFFFF
MOST_HEADER_BYTES = 16 * 2**20  # of a deflated file: more inflates only with the pixels
SYNTAX_TAG, CLASS_TAG = 0x00020010, 0x00020002


class Parsed(NamedTuple):
    """A file up to its pixels. syntax: of the pixels, by the bytes; stated: what the meta header says.

    tag, length: of the pixel element; tag 0 where there is none, length None where it is undefined. offset: of its value, in the
    inflated bytes where `inflate_from` says at which byte of the file the deflated ones begin. meta_class: the SOP class as the meta header
    says it, before the rest may end.
    """

    dataset: Dataset
    syntax: str
    stated: str
    tag: int
    length: int | None
    offset: int
    preamble: bool
    inflate_from: int | None = None
    meta_class: str = ""

    @property
    def notes(self) -> tuple[Finding, ...]:
        """What the meta header says wrongly."""
        if self.syntax == self.stated or not self.stated or not self.tag:
            return ()
        return (
            find("hdr.syntax", found=vocabulary.stated(self.stated), expected=self.syntax, tag=tag_name(SYNTAX_TAG)),
        )


def parsed(item: Item) -> Parsed:
    """The file of an item. Raises whatever a parser raises under hostile bytes, OSError, InputError."""
    if item.packed and item.size > FIRST_BYTES:  # its first bytes are enough, if they hold the header
        try:
            first = parse(io.BytesIO(item.head(FIRST_BYTES)))
            if first.tag:
                return first
        except Exception:  # cut in the middle of an element: anything may come of that
            pass
    with item.open() as stream:
        return parse(stream)


def parse(stream: BinaryIO) -> Parsed:
    """A whole file, or its first bytes."""
    preamble = stream.read(PREAMBLE_BYTES)[-4:] == b"DICM"
    stream.seek(PREAMBLE_BYTES if preamble else 0)
    meta = read_dataset(stream, False, True, stop_when=lambda tag, vr, length: int(tag) >> 16 != 2)
    stated, meta_class = text(meta, SYNTAX_TAG), text(meta, CLASS_TAG)
    start = stream.tell()
    first = stream.read(2)
    stream.seek(start)
    if stated != DEFLATED or first in FIRST_GROUPS:  # a deflated stream does not begin like an element
        return _of(stream, stated, preamble)._replace(meta_class=meta_class)
    body, whole = inflate(stream.read(), MOST_HEADER_BYTES)
    found = _of(io.BytesIO(body), stated, preamble)
    if not found.tag and not whole:
        raise InputError(find("res.claim", found=f"a header of more than {MOST_HEADER_BYTES} bytes"))
    return found._replace(
        inflate_from=start, meta_class=meta_class, syntax=DEFLATED if found.syntax in NATIVE else found.syntax
    )


def _encoding(stream: BinaryIO) -> tuple[bool, bool]:
    """Little endian, implicit: by the first element, whose group is small and whose VR is one of the standard's."""
    here = stream.tell()
    start = stream.read(6)
    stream.seek(here)
    return int.from_bytes(start[:2], "little") <= int.from_bytes(start[:2], "big"), start[4:6] not in VRS


def _of(stream: BinaryIO, stated: str, preamble: bool) -> Parsed:
    """The dataset that begins here, up to its pixel element, and that element's head."""
    little, implicit = _encoding(stream)
    dataset = read_dataset(stream, implicit, little, stop_when=lambda tag, vr, length: int(tag) in PIXEL_TAGS)
    order: Literal["little", "big"] = "little" if little else "big"
    offset, head = stream.tell(), stream.read(LONGEST_HEAD)
    native = BIG_ENDIAN if not little else IMPLICIT if implicit else EXPLICIT
    if len(head) < 8:
        return Parsed(dataset, stated or native, stated, 0, None, offset, preamble)
    tag = int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:4], order)
    # an implicit length that reads as one of these VRs would be odd, which no length is
    size = 12 if head[4:6] in LONG_VRS else 8
    length = int.from_bytes(head[size - 4 : size], order)
    packed = stated in DECODERS and length == UNDEFINED
    unknown = stated not in (*NATIVE, *DECODERS, "")
    syntax = stated if packed or unknown else native
    return Parsed(dataset, syntax, stated, tag, None if length == UNDEFINED else length, offset + size, preamble)
