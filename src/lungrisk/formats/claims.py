"""What headers claim of pixels, judged before anything is decoded or allocated."""

from collections import defaultdict
from collections.abc import Sequence

from lungrisk.core.errors import InputError
from lungrisk.core.findings import Finding, find
from lungrisk.formats.codecs import DECODERS, decoder_for
from lungrisk.formats.elements import INTERCEPT, SLOPE, tag_name
from lungrisk.formats.frames import MOST_RATIO, NATIVE, PIXEL_TAGS, Frame, Storage
from lungrisk.formats.guard import with_name

MOST_SLOPE = 64.0
MOST_BYTES = 4 * 2**30
MOST_SURPLUS_BYTES = 4096  # of padding after the pixels, within their element


def claim(frames: Sequence[Frame]) -> None:
    """Refuse, before anything is decoded, what cannot be decoded or held: the header's claims against the files.

    Raises InputError: `res.claim`, `res.too_big`, `px.length`, `file.truncated`, `file.syntax`, `px.rgb`, `hdr.bits`, `px.no_rescale`,
    `px.slope_bad`, `px.lut`; EnvironmentFault `env.codec`.
    """
    for frame in frames:
        try:
            _claim(frame)
        except InputError as error:
            raise with_name(error, frame.key) from error
    n_bytes = sum(2 * f.storage.rows * f.storage.columns for f in frames)
    if n_bytes > MOST_BYTES:
        raise InputError(
            find("res.too_big", found=f"{n_bytes / 2**30:.1f} GiB", expected=f"at most {MOST_BYTES / 2**30:.0f} GiB")
        )


def _claim(frame: Frame) -> None:
    storage = frame.storage
    if storage.tag not in PIXEL_TAGS:
        raise InputError(find("file.truncated", found="no pixel data", tag=tag_name(PIXEL_TAGS[0])))
    if storage.samples != 1 or storage.photometric not in ("MONOCHROME1", "MONOCHROME2", ""):
        found = f"{storage.photometric} with {storage.samples} samples"
        raise InputError(
            find("px.rgb", found=found, expected="MONOCHROME2", tag="(0028,0004) PhotometricInterpretation")
        )
    if not storage.rows * storage.columns:
        found = f"{storage.rows} x {storage.columns} pixels"
        raise InputError(find("px.length", found=found, expected="at least one", tag="(0028,0010) Rows"))
    _claim_bits(storage)
    _claim_rescale(frame)
    if storage.syntax in NATIVE:
        _claim_native(frame)
    else:
        decoder_for(storage.syntax)
        if storage.rows * storage.columns * storage.n_frames > 2000 * frame.item.size:
            found = f"{storage.rows} x {storage.columns} x {storage.n_frames} pixels in {frame.item.size} bytes"
            raise InputError(find("res.claim", found=found, tag="(0028,0010) Rows"))


def _claim_bits(storage: Storage) -> None:
    allocated, stored, high = storage.bits_allocated, storage.bits_stored, storage.high_bit
    if storage.tag == PIXEL_TAGS[0] and (
        allocated not in (8, 16, 32) or not 1 <= stored <= allocated or high != stored - 1
    ):
        found = f"{allocated} allocated, {stored} stored, high bit {high}"
        raise InputError(find("hdr.bits", found=found, tag="(0028,0101) BitsStored"))


def _claim_rescale(frame: Frame) -> None:
    slope, intercept = frame.rescale
    if frame.faults:
        raise InputError(*frame.faults)
    if slope is None or intercept is None:
        if frame.lut:
            raise InputError(find("px.lut", found="no slope and intercept", tag=tag_name(0x00283000)))
        raise InputError(find("px.no_rescale", found="nothing", tag=tag_name(SLOPE if slope is None else INTERCEPT)))
    if not 0 < slope <= MOST_SLOPE:
        raise InputError(
            find("px.slope_bad", found=slope, expected=f"above 0, at most {MOST_SLOPE:g}", tag=tag_name(SLOPE))
        )
    if not abs(intercept) <= 1e5:
        raise InputError(
            find("px.slope_bad", found=intercept, expected="an intercept near -1024", tag=tag_name(INTERCEPT))
        )


def _claim_native(frame: Frame) -> None:
    storage, size = frame.storage, frame.item.size
    held = size * (1 if storage.inflate_from is None else MOST_RATIO)
    need = storage.rows * storage.columns * storage.n_frames * storage.bits_allocated // 8
    tag = tag_name(storage.tag)
    if need > held:
        code = "res.claim" if need > 4 * held else "file.truncated"
        raise InputError(find(code, found=f"{need} bytes of pixels in a file of {size}", tag="(0028,0010) Rows"))
    if storage.length is None:
        raise InputError(find("file.corrupt", found="native pixels of undefined length", tag=tag))
    if storage.length < need:
        raise InputError(find("file.truncated", found=f"{storage.length} bytes", expected=f"{need}", tag=tag))
    if _whole_lines(storage, storage.length - need) or storage.length > need + MOST_SURPLUS_BYTES:
        raise InputError(find("px.length", found=f"{storage.length} bytes", expected=f"{need}", tag=tag))
    rest = held - storage.offset
    if rest < storage.length:
        raise InputError(find("file.truncated", found=f"{rest} bytes left", expected=f"{storage.length}", tag=tag))


def _whole_lines(storage: Storage, surplus: int) -> bool:
    """What is over is rows or columns that Rows or Columns leave out."""
    width = storage.bits_allocated // 8
    return surplus > 1 and any(surplus % (n * width) == 0 for n in (storage.rows, storage.columns))


def _lossy(frame: Frame) -> bool:
    """What the header says; where it says nothing, what the transfer syntax allows."""
    decoder = DECODERS.get(frame.storage.syntax)
    return frame.lossy not in ("", "no") or (frame.lossy == "" and decoder is not None and decoder.lossy)


def compression(frames: Sequence[Frame]) -> tuple[Finding, ...]:
    """`px.lossy` where the header or the transfer syntax says so, `px.depth` for 8-bit values, and what the frames' files note."""
    findings = []
    noted: dict[Finding, set[str]] = defaultdict(set)
    for frame in frames:
        for note in frame.notes:
            noted[note].add(frame.item.name)
    findings += [find(n.code, found=n.found, expected=n.expected, tag=n.tag, files=f) for n, f in noted.items()]
    lossy = [frame for frame in frames if _lossy(frame)]
    if lossy:
        name = (
            DECODERS[lossy[0].storage.syntax].name if lossy[0].storage.syntax in DECODERS else "an earlier compression"
        )
        found = f"{name}, {lossy[0].lossy or 'ratio not stated'}"
        findings.append(
            find("px.lossy", found=found, tag="(0028,2110) LossyImageCompression", files={f.item.name for f in lossy})
        )
    if any(f.storage.bits_stored <= 8 for f in frames):
        findings.append(find("px.depth", found="8 bits", tag="(0028,0101) BitsStored"))
    return tuple(findings)
