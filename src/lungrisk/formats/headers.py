"""One DICOM file -> its frames: what each is, where it lies and how its pixels are stored. Pixels are not read.

Names and dates stay in here: the records that leave hold a hash of the patient's id and nothing else of the person.
"""

import warnings
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import BinaryIO, Literal, NamedTuple

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import dcmread

from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find
from lungrisk.core.records import Header
from lungrisk.formats.deflate import inflate
from lungrisk.formats.elements import inner, numbers, raw, sequence, short, soft_number, tag_name, text
from lungrisk.formats.items import Item

CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = ("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")
SECONDARY = "1.2.840.10008.5.1.4.1.1.7"
DEFLATED = "1.2.840.10008.1.2.1.99"
IMPLICIT, EXPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
NATIVE = (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED)
PIXEL_TAGS = (0x7FE00010, 0x7FE00008, 0x7FE00009)
SLOPE, INTERCEPT = 0x00281053, 0x00281052


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """How the pixels of a file are stored. offset: of the pixel element in the file (or in the inflated bytes).

    keyword: which pixel element. syntax: transfer syntax UID. length: bytes of the value, None when of undefined length.
    """

    syntax: str
    offset: int
    tag: int
    length: int | None
    n_frames: int
    rows: int
    columns: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    padding: int | None = None
    padding_limit: int | None = None

    @property
    def little_endian(self) -> bool:
        """Byte order of native pixels."""
        return self.syntax != BIG_ENDIAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One image: a file of a classic series, or one frame of a multi-frame file. faults: what refuses it if it is used."""

    item: Item = field(repr=False)
    index: int
    storage: Storage
    series: str
    study: str
    patient: str
    reference: str
    sop: str
    sop_class: str
    modality: str
    image_type: tuple[str, ...]
    acquisition: str
    moment: str
    instance: int | None
    study_date: str = field(repr=False)
    header: Header
    patient_position: str = ""
    rescale_type: str = ""
    lossy: str = ""
    orientation: tuple[float, ...] = ()
    position: tuple[float, ...] = ()
    spacing: tuple[float, ...] = ()
    rescale: tuple[float | None, float | None] = (None, None)
    lut: bool = False
    preamble: bool = True
    faults: tuple[Finding, ...] = ()

    @property
    def key(self) -> str:
        """Name of the image in findings."""
        return self.item.name if self.storage.n_frames == 1 else f"{self.item.name}#{self.index + 1}"


def read_header(item: Item) -> tuple[Frame, ...]:
    """The frames of one DICOM file; () when it is a DICOM object without pixels (a report, a DICOMDIR).

    Raises InputError (`file.unreadable`, `file.corrupt`, `file.truncated`, `hdr.bits`, `res.claim`).
    """
    try:
        with item.open() as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom warns of what is judged here
            return _frames(item, _parse(stream))
    except OSError as error:
        raise InputError(find("file.unreadable", found=error.strerror or str(error), files=[item.name])) from error
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


def _parse(stream: BinaryIO) -> Parsed:
    preamble = stream.read(132)[128:] == b"DICM"
    stream.seek(0)
    dataset = dcmread(stream, stop_before_pixels=True, force=True)
    meta: FileMetaDataset | Dataset = getattr(dataset, "file_meta", Dataset())
    syntax = str(getattr(meta, "TransferSyntaxUID", ""))
    if syntax == DEFLATED:
        stream.seek(0)
        inflated = inflate(stream)
        dataset = dcmread(inflated, stop_before_pixels=True, force=True)
        return Parsed(dataset, syntax, inflated.tell(), inflated.read(12), preamble)
    if not syntax:
        implicit, little = dataset.original_encoding
        syntax = IMPLICIT if implicit or implicit is None else EXPLICIT if little else BIG_ENDIAN
    return Parsed(dataset, syntax, stream.tell(), stream.read(12), preamble)


def _frames(item: Item, parsed: Parsed) -> tuple[Frame, ...]:
    dataset = parsed.dataset
    sop_class = text(dataset, 0x00080016)
    rows, columns = short(dataset, 0x00280010), short(dataset, 0x00280011)
    if rows is None or columns is None:
        if not parsed.preamble and not sop_class and not text(dataset, 0x0020000E):
            raise InputError(find("file.corrupt", found="no DICOM elements", expected="a DICOM file"))
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
        image_type=_image_type(dataset),
        acquisition=text(dataset, 0x00200012),
        moment=text(dataset, 0x00200100) or text(dataset, 0x00080032),
        instance=_integer(dataset, 0x00200013),
        study_date=text(dataset, 0x00080020),
        header=_header(dataset),
        patient_position=text(dataset, 0x00185100),
        rescale_type=text(dataset, 0x00281054),
        lossy=_lossy(dataset),
        orientation=_soft(dataset, 0x00200037, faults),
        position=_soft(dataset, 0x00200032, faults),
        spacing=_soft(dataset, 0x00280030, faults),
        rescale=(_first(_soft(dataset, SLOPE, faults)), _first(_soft(dataset, INTERCEPT, faults))),
        lut=0x00283000 in dataset,
        preamble=parsed.preamble,
        faults=tuple(replace(f, files=(item.name,), n_files=1) for f in faults),
    )
    if sop_class in ENHANCED_CT or storage.n_frames > 1:
        return tuple(_enhanced(common, dataset))
    return (common,)


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
        n_frames=max(1, int(soft_number(dataset, 0x00280008) or 1)),
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


def _enhanced(common: Frame, dataset: Dataset) -> list[Frame]:
    """One frame for each of a multi-frame file, from the shared and the per-frame functional groups."""
    shared = inner(dataset, 0x52009229)
    groups = list(sequence(dataset, 0x52009230))
    n = common.storage.n_frames
    if len(groups) != n:
        found = f"{len(groups)} per-frame groups for {n} frames"
        fault = find("geo.no_position", found=found, tag=tag_name(0x52009230), files=[common.item.name])
        return [replace(common, index=k, faults=(*common.faults, fault)) for k in range(n)]
    return [_with_groups(replace(common, index=k), shared, group) for k, group in enumerate(groups)]


def _with_groups(frame: Frame, shared: Dataset | None, group: Dataset) -> Frame:
    faults: list[Finding] = []

    def macro(tag: int) -> Dataset | None:
        return inner(group, tag) or inner(shared, tag)

    def values(sequence_tag: int, tag: int, otherwise: tuple[float, ...]) -> tuple[float, ...]:
        item = macro(sequence_tag)
        return otherwise if item is None else _soft(item, tag, faults)

    slope = _first(values(0x00289145, SLOPE, ())) if macro(0x00289145) else frame.rescale[0]
    intercept = _first(values(0x00289145, INTERCEPT, ())) if macro(0x00289145) else frame.rescale[1]
    kind = macro(0x00189329)  # CT Image Frame Type
    content = macro(0x00209111)
    temporal = soft_number(content, 0x00209128) if content is not None else None
    return replace(
        frame,
        position=values(0x00209113, 0x00200032, frame.position),
        orientation=values(0x00209116, 0x00200037, frame.orientation),
        spacing=values(0x00289110, 0x00280030, frame.spacing),
        rescale=(slope, intercept),
        image_type=_image_type(kind, 0x00089007) if kind is not None else frame.image_type,
        moment=str(temporal) if temporal is not None else frame.moment,
        header=_frame_header(frame.header, macro(0x00289110), macro(0x00189314)),
        faults=(*frame.faults, *(replace(f, files=(frame.item.name,), n_files=1) for f in faults)),
    )


def _header(dataset: Dataset) -> Header:
    agent = text(dataset, 0x00180010)
    return Header(
        vendor=text(dataset, 0x00080070) or None,
        model=text(dataset, 0x00081090) or None,
        kernel=text(dataset, 0x00181210) or None,
        kvp=soft_number(dataset, 0x00180060),
        exposure_mas=soft_number(dataset, 0x00181152),
        thickness_mm=soft_number(dataset, 0x00180050),
        contrast=agent if agent.lower() not in ("none", "no", "n") and agent else None,
        description=text(dataset, 0x0008103E) or None,
    )


def _frame_header(header: Header, measures: Dataset | None, reconstruction: Dataset | None) -> Header:
    thickness = soft_number(measures, 0x00180050) if measures is not None else None
    kernel = text(reconstruction, 0x00181210) if reconstruction is not None else ""
    return replace(header, thickness_mm=thickness or header.thickness_mm, kernel=kernel or header.kernel)


def _soft(dataset: Dataset, tag: int, faults: list[Finding]) -> tuple[float, ...]:
    """Numbers whose fault is kept until the frame is used: a bad value in a skipped series refuses nothing."""
    try:
        return numbers(dataset, tag)
    except InputError as error:
        faults.extend(error.findings)
        return ()


def _first(values: tuple[float, ...]) -> float | None:
    return values[0] if values else None


def _integer(dataset: Dataset, tag: int) -> int | None:
    value = soft_number(dataset, tag)
    return None if value is None or value != value or abs(value) > 2**31 else int(value)


def _image_type(dataset: Dataset, tag: int = 0x00080008) -> tuple[str, ...]:
    value = raw(dataset, tag) or b""
    return tuple(part.strip().upper() for part in value[:512].decode("latin-1").split("\\"))


def _lossy(dataset: Dataset) -> str:
    if text(dataset, 0x00282110) != "01":
        return ""
    ratio = soft_number(dataset, 0x00282112)
    return f"ratio {ratio:g}" if ratio else "ratio not stated"


def _hashed(identifier: str) -> str:
    return sha256(identifier.encode()).hexdigest()[:16] if identifier else ""
