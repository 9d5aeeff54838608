"""The record of one DICOM image as the header tells it: what it is, where it lies, how its pixels are stored."""

from dataclasses import dataclass, field

from lungrisk.core.findings import Finding
from lungrisk.core.records import Header
from lungrisk.formats.items import Item

CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = ("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")
SECONDARY = "1.2.840.10008.5.1.4.1.1.7"
DEFLATED = "1.2.840.10008.1.2.1.99"
IMPLICIT, EXPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
NATIVE = (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED)
MOST_RATIO = 1032  # of deflate: bytes that one byte can become
PIXEL_TAGS = (0x7FE00010, 0x7FE00008, 0x7FE00009)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """How the pixels of a file are stored. offset: of the pixel element's value in the file; in the inflated bytes where those of the
    file from `inflate_from` on are deflated.

    tag: which pixel element. syntax: transfer syntax UID, by the bytes. length: bytes of the value, None when of undefined length.
    overlay_bits: those bits of a stored value that hold overlays.
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
    inflate_from: int | None = None
    overlay_bits: int = 0

    @property
    def little_endian(self) -> bool:
        """Byte order of native pixels."""
        return self.syntax != BIG_ENDIAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One image: a file of a classic series, or one frame of a multi-frame file. faults: what refuses it if it is used.

    notes: what was put right in its file."""

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
    shown_time: str = field(default="", repr=False)
    comments: str = field(default="", repr=False)
    body_part: str = ""
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
    notes: tuple[Finding, ...] = ()

    @property
    def key(self) -> str:
        """Name of the image in findings."""
        return self.item.name if self.storage.n_frames == 1 else f"{self.item.name}#{self.index + 1}"
