"""One DICOM file -> its frames: what each is, where it lies and how its pixels are stored. Pixels are not read.

Names and dates stay in here: the records that leave hold a hash of the patient's id and nothing else of the person.
"""

import io
import re
import warnings
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import BinaryIO, Literal, NamedTuple

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import dcmread

from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find
from lungrisk.core.records import Header
from lungrisk.formats.deflate import MOST_RATIO, inflate
from lungrisk.formats.elements import (
    INTERCEPT,
    SLOPE,
    image_type,
    only,
    short,
    soft_number,
    soft_numbers,
    tag_name,
    text,
)
from lungrisk.formats.enhanced import enhanced_frames
from lungrisk.formats.frames import (
    BIG_ENDIAN,
    CT,
    DEFLATED,
    ENHANCED_CT,
    EXPLICIT,
    IMPLICIT,
    NATIVE,
    PIXEL_TAGS,
    Frame,
    Storage,
)
from lungrisk.formats.items import Item

FIRST_BYTES, PIXEL_HEAD_BYTES = 64 * 1024, 12
MOST_HEADER_BYTES = 16 * 2**20  # of a deflated file, before its pixels
FEWEST_BYTES = 8  # of a frame in a packed pixel element: the head of its item
ORDERS: tuple[Literal["little"], Literal["big"]] = ("little", "big")
DIRECTORY = 0x00041220  # of a DICOMDIR
NO_AGENT = re.compile(r"none|no|n|0", re.IGNORECASE)
CONTRAST = re.compile(r"\bc\+|\b(ce|contrast|iv|i\.v\.)(?!\w)", re.IGNORECASE)
NO_CONTRAST = re.compile(r"\bc-|w/o|\b(without|wo|non|no|native|nativ|unenhanced|pre)\b", re.IGNORECASE)


def read_header(item: Item) -> tuple[Frame, ...]:
    """The frames of one DICOM file; () when it is a DICOM object without pixels (a report, a DICOMDIR).

    Raises InputError (`file.unreadable`, `file.corrupt`, `file.truncated`, `hdr.bits`, `res.claim`).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom warns of what is judged here
            return _frames(item, _parsed(item))
    except OSError as error:
        if error.errno is None:  # pydicom's own complaint about the bytes
            raise InputError(find("file.corrupt", found=type(error).__name__, files=[item.name])) from error
        raise InputError(find("file.unreadable", found=error.strerror, files=[item.name])) from error
    except InputError as error:
        raise InputError(
            *(replace(f, files=f.files or (item.name,), n_files=f.n_files or 1) for f in error.findings)
        ) from error
    except Exception as error:  # a parser under hostile bytes raises anything: it is the file's fault
        raise InputError(find("file.corrupt", found=type(error).__name__, files=[item.name])) from error


class Parsed(NamedTuple):
    """A file up to its pixels. offset: of the pixel element, start: its first 12 bytes."""

    dataset: Dataset
    syntax: str
    offset: int
    start: bytes
    preamble: bool


def _parsed(item: Item) -> Parsed:
    """Of a member of an archive the first bytes are enough where they hold the header."""
    if item.packed and item.size > FIRST_BYTES:
        start = item.head(FIRST_BYTES)
        with suppress(Exception):  # cut within an element, pydicom raises anything: then the whole file is asked
            if DEFLATED.encode() not in start:
                parsed = _parse(io.BytesIO(start))
                if len(parsed.start) == PIXEL_HEAD_BYTES:
                    return parsed
    with item.open() as stream:
        return _parse(stream)


def _parse(stream: BinaryIO) -> Parsed:
    preamble = stream.read(132)[128:] == b"DICM"
    stream.seek(0)
    dataset = dcmread(stream, stop_before_pixels=True, force=True)
    meta: FileMetaDataset | Dataset = getattr(dataset, "file_meta", Dataset())
    syntax = str(getattr(meta, "TransferSyntaxUID", ""))
    if syntax == DEFLATED:
        stream.seek(0)
        inflated = inflate(stream, MOST_HEADER_BYTES, whole=False)
        dataset = dcmread(inflated, stop_before_pixels=True, force=True)
        return Parsed(dataset, syntax, inflated.tell(), inflated.read(PIXEL_HEAD_BYTES), preamble)
    offset, start = stream.tell(), stream.read(PIXEL_HEAD_BYTES)
    if syntax in ("", *NATIVE):  # what the pixel element itself shows counts, not what the meta header claims
        syntax = _encoding(start) or syntax or IMPLICIT
    return Parsed(dataset, syntax, offset, start, preamble)


def _encoding(start: bytes) -> str | None:
    """How the pixel element is written, from its first bytes; None where they are no pixel element."""
    little, big = (int.from_bytes(start[:2], order) << 16 | int.from_bytes(start[2:4], order) for order in ORDERS)
    explicit = start[4:6] in (b"OB", b"OW", b"OF", b"OD", b"UN")
    if little in PIXEL_TAGS:
        return EXPLICIT if explicit else IMPLICIT
    return BIG_ENDIAN if big in PIXEL_TAGS and explicit else None


def _frames(item: Item, parsed: Parsed) -> tuple[Frame, ...]:
    dataset = parsed.dataset
    sop_class = text(dataset, 0x00080016)
    rows, columns = short(dataset, 0x00280010), short(dataset, 0x00280011)
    if rows is None or columns is None:
        _refuse_unless_whole(dataset, sop_class)
        return ()
    storage = _storage(parsed)
    faults: list[Finding] = []
    common = Frame(
        item=item,
        index=0,
        storage=storage,
        series=text(dataset, 0x0020000E),
        study=text(dataset, 0x0020000D),
        patient=_hashed(text(dataset, 0x00100020)),
        reference=text(dataset, 0x00200052),
        sop=text(dataset, 0x00080018),
        sop_class=sop_class,
        modality=text(dataset, 0x00080060),
        image_type=image_type(dataset),
        acquisition=text(dataset, 0x00200012),
        moment=text(dataset, 0x00200100) or text(dataset, 0x00080032),
        instance=_integer(dataset, 0x00200013),
        study_date=text(dataset, 0x00080020),
        header=_header(dataset),
        shown_time=text(dataset, 0x00080033),
        comments=text(dataset, 0x00204000),
        body_part=text(dataset, 0x00180015).upper(),
        patient_position=text(dataset, 0x00185100),
        rescale_type=text(dataset, 0x00281054),
        lossy=_lossy(dataset),
        orientation=soft_numbers(dataset, 0x00200037, faults),
        position=soft_numbers(dataset, 0x00200032, faults),
        spacing=soft_numbers(dataset, 0x00280030, faults),
        rescale=(only(dataset, SLOPE, faults), only(dataset, INTERCEPT, faults)),
        lut=0x00283000 in dataset,
        preamble=parsed.preamble,
        faults=tuple(replace(f, files=(item.name,), n_files=1) for f in faults),
    )
    if sop_class in ENHANCED_CT or storage.n_frames > 1:
        beyond = _beyond(storage, item)
        return (
            (replace(common, faults=(*common.faults, beyond)),) if beyond else tuple(enhanced_frames(common, dataset))
        )
    return (common,)


def _beyond(storage: Storage, item: Item) -> Finding | None:
    """More frames than the bytes of the file can hold: none of them is made."""
    one = storage.rows * storage.columns * storage.bits_allocated // 8 if storage.syntax in NATIVE else FEWEST_BYTES
    held = item.size * (MOST_RATIO if storage.syntax == DEFLATED else 1) // max(one, FEWEST_BYTES)
    if storage.n_frames <= held:
        return None
    found, tag = f"{storage.n_frames} frames in a file of {item.size} bytes", tag_name(0x00280008)
    return find("res.claim", found=found, expected=f"at most {held}", tag=tag, files=[item.name])


def _refuse_unless_whole(dataset: Dataset, sop_class: str) -> None:
    """A file without rows is no image; one that should be is cut, and one that says nothing is no DICOM object."""
    if sop_class in (CT, *ENHANCED_CT) or (text(dataset, 0x00080060) == "CT" and not sop_class):
        raise InputError(find("file.truncated", found="the end of the file", expected="Rows", tag="(0028,0010) Rows"))
    if not sop_class and DIRECTORY not in dataset:
        raise InputError(
            find("file.corrupt", found="no SOP class", expected="a DICOM object", tag="(0008,0016) SOPClassUID")
        )


def _storage(parsed: Parsed) -> Storage:
    dataset = parsed.dataset
    tag, length = _pixel_element(parsed)
    signed = short(dataset, 0x00280103) == 1
    allocated = short(dataset, 0x00280100) or 16
    stored = short(dataset, 0x00280101) or allocated
    high = short(dataset, 0x00280102)
    return Storage(
        syntax=parsed.syntax,
        offset=parsed.offset,
        tag=tag,
        length=length,
        n_frames=max(1, _integer(dataset, 0x00280008) or 1),
        rows=short(dataset, 0x00280010) or 0,
        columns=short(dataset, 0x00280011) or 0,
        samples=short(dataset, 0x00280002) or 1,
        photometric=text(dataset, 0x00280004),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=stored - 1 if high is None else high,
        signed=signed,
        padding=short(dataset, 0x00280120),
        padding_limit=short(dataset, 0x00280121),
    )


def _pixel_element(parsed: Parsed) -> tuple[int, int | None]:
    """Tag and length of the pixel element. Raises InputError (`file.truncated`) when there is none."""
    order: Literal["big", "little"] = "big" if parsed.syntax == BIG_ENDIAN else "little"
    start = parsed.start
    if len(start) < 8:
        raise InputError(find("file.truncated", found="no pixel data", tag=tag_name(PIXEL_TAGS[0])))
    tag = int.from_bytes(start[:2], order) << 16 | int.from_bytes(start[2:4], order)
    length = int.from_bytes(start[4:8] if parsed.syntax == IMPLICIT else start[8:12], order)
    return tag, None if length == 0xFFFFFFFF else length


def _header(dataset: Dataset) -> Header:
    return Header(
        vendor=text(dataset, 0x00080070) or None,
        model=text(dataset, 0x00081090) or None,
        kernel=text(dataset, 0x00181210) or None,
        kvp=soft_number(dataset, 0x00180060),
        exposure_mas=soft_number(dataset, 0x00181152),
        thickness_mm=soft_number(dataset, 0x00180050),
        contrast=_contrast(dataset),
        description=text(dataset, 0x0008103E) or None,
    )


def _contrast(dataset: Dataset) -> str | None:
    """The contrast agent, or where a description names one; None where nothing says so."""
    agent = text(dataset, 0x00180010)
    if agent and not NO_AGENT.fullmatch(agent):
        return agent
    for tag, where in ((0x0008103E, "the series description"), (0x00081030, "the study description")):
        said = text(dataset, tag)
        if CONTRAST.search(said) and not NO_CONTRAST.search(said):
            return f"stated in {where}"
    return None


def _integer(dataset: Dataset, tag: int) -> int | None:
    value = soft_number(dataset, tag)
    return None if value is None or value != value or abs(value) > 2**31 else int(value)


def _lossy(dataset: Dataset) -> str:
    stated = text(dataset, 0x00282110)
    if stated != "01":
        return "no" if stated == "00" else ""
    ratio = soft_number(dataset, 0x00282112)
    return f"ratio {ratio:g}" if ratio else "ratio not stated"


def _hashed(identifier: str) -> str:
    return sha256(identifier.encode()).hexdigest()[:16] if identifier else ""
