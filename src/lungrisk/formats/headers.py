"""One DICOM file -> its frames: what each is, where it lies and how its pixels are stored. Pixels are not read.

Names and dates stay in here: the records that leave hold a hash of the patient's id and nothing else of the person.
"""

import re
import warnings
from dataclasses import replace
from hashlib import sha256

from pydicom.dataset import Dataset

from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find
from lungrisk.core.records import Header
from lungrisk.formats.elements import (
    INTERCEPT,
    SLOPE,
    UID,
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
    CT,
    ENHANCED_CT,
    MOST_RATIO,
    NATIVE,
    PIXEL_TAGS,
    Frame,
    Storage,
)
from lungrisk.formats.guard import reading
from lungrisk.formats.items import Item
from lungrisk.formats.syntax import Parsed, parsed

LEAST_PACKED_BYTES = 8  # of a compressed frame: the head of its item
STANDARD, OBJECTS = "1.2.840.10008.", "1.2.840.10008.5.1.4."  # UIDs of the standard; those of them that name objects
DIRECTORY = 0x00041220  # of a DICOMDIR
NO_AGENT = re.compile(r"none|no|n|0", re.IGNORECASE)
CONTRAST = re.compile(r"\bc\+|\b(ce|contrast|iv|i\.v\.)(?!\w)", re.IGNORECASE)
NO_CONTRAST = re.compile(r"\bc-|w/o|\b(without|wo|non|no|native|nativ|unenhanced|pre)\b", re.IGNORECASE)


def read_header(item: Item) -> tuple[Frame, ...]:
    """The frames of one DICOM file; () when it is a DICOM object without pixels (a report, a DICOMDIR).

    Raises InputError (`file.unreadable`, `file.corrupt`, `file.truncated`, `hdr.bits`, `res.claim`).
    """
    with reading(item.name), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of what is judged here
        return _frames(item, parsed(item))


def _frames(item: Item, file: Parsed) -> tuple[Frame, ...]:
    dataset = file.dataset
    sop_class = text(dataset, 0x00080016)
    rows, columns = short(dataset, 0x00280010), short(dataset, 0x00280011)
    if rows is None or columns is None:
        _refuse_unless_whole(dataset, sop_class, file.meta_class)
        return ()
    storage = _storage(file)
    faults = [*_too_many_frames(item, storage)]
    faulty = bool(faults)
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
        preamble=file.preamble,
        notes=file.notes,
        faults=tuple(replace(f, files=(item.name,), n_files=1) for f in faults),
    )
    if not faulty and (sop_class in ENHANCED_CT or storage.n_frames > 1):
        return tuple(enhanced_frames(common, dataset))
    return (common,)


def _refuse_unless_whole(dataset: Dataset, sop_class: str, meta_class: str) -> None:
    """A file without rows is no image; one that should be is cut, and one that does not say what it is is damaged."""
    if {sop_class, meta_class} & {CT, *ENHANCED_CT} or (text(dataset, 0x00080060) == "CT" and not sop_class):
        raise InputError(find("file.truncated", found="the end of the file", expected="Rows", tag="(0028,0010) Rows"))
    known = UID.fullmatch(sop_class) and sop_class.startswith(OBJECTS) is sop_class.startswith(STANDARD)
    if not (known or DIRECTORY in dataset):
        found = "no SOP class" if not sop_class else "a SOP class that there is not"
        raise InputError(find("file.corrupt", found=found, expected="a DICOM object", tag="(0008,0016) SOPClassUID"))


def _storage(file: Parsed) -> Storage:
    """Raises InputError (`file.truncated`) where there are no pixels."""
    dataset = file.dataset
    if not file.tag:
        raise InputError(find("file.truncated", found="no pixel data", tag=tag_name(PIXEL_TAGS[0])))
    signed = short(dataset, 0x00280103) == 1
    allocated = short(dataset, 0x00280100) or 16
    stored = short(dataset, 0x00280101) or allocated
    high = short(dataset, 0x00280102)
    return Storage(
        syntax=file.syntax,
        offset=file.offset,
        inflate_from=file.inflate_from,
        tag=file.tag,
        length=file.length,
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
        overlay_bits=_overlay_bits(dataset),
    )


def _overlay_bits(dataset: Dataset) -> int:
    """The bits of the stored values that hold overlays: (60xx,0102) OverlayBitPosition of the planes that have no data of their own."""
    bits = 0
    for group in range(0x6000, 0x6020, 2):
        position = short(dataset, group << 16 | 0x0102)
        if position is not None and position < 16 and group << 16 | 0x3000 not in dataset:
            bits |= 1 << position
    return bits


def _too_many_frames(item: Item, storage: Storage) -> tuple[Finding, ...]:
    """`res.claim` where the file cannot hold as many frames as it says: nothing may be made for each of them."""
    if storage.n_frames == 1:
        return ()
    native = storage.syntax in NATIVE
    least = max(1, storage.rows * storage.columns * storage.bits_allocated // 8) if native else LEAST_PACKED_BYTES
    if storage.n_frames * least <= item.size * (MOST_RATIO if storage.inflate_from else 1):
        return ()
    found = f"{storage.n_frames} frames in {item.size} bytes"
    return (find("res.claim", found=found, tag="(0028,0008) NumberOfFrames"),)


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
