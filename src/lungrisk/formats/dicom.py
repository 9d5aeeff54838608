"""DICOM: many files, one series among them, one scan. The other files of this room are its steps, in this order.

headers (what each file says) -> grouping -> assembling (order, duplicates, phases; stacking: spacing) -> choosing -> pixels -> upright.
"""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np

from lungrisk.core.errors import InputError, refusals
from lungrisk.core.findings import Finding, find
from lungrisk.core.records import Header, Scan, Source
from lungrisk.core.vocabulary import stated
from lungrisk.formats.assembling import Assembled
from lungrisk.formats.choosing import SKIPPED, Candidate, candidates, choose, reason, several_patients
from lungrisk.formats.claims import claim, compression
from lungrisk.formats.finishing import finish
from lungrisk.formats.frames import Frame
from lungrisk.formats.grouping import Group, group, unknown_class
from lungrisk.formats.headers import read_header
from lungrisk.formats.items import Given, Item
from lungrisk.formats.phases import strangers
from lungrisk.formats.pixels import load_block
from lungrisk.formats.series import Series
from lungrisk.formats.strays import left_out
from lungrisk.formats.upright import plane_of, upright

APPLE_DOUBLE = b"\x00\x05\x16\x07"


def sniff(head: bytes, name: str) -> bool:
    """DICOM by its magic, by a first element of group 2 or 8 where the preamble is missing, or by its name."""
    if head[:4] == APPLE_DOUBLE or name.rsplit("/", 1)[-1].startswith("._"):
        return False  # what a Mac leaves beside each file of an archive
    if head[128:132] == b"DICM" or (name.lower().endswith((".dcm", ".dicom", ".ima")) and head):
        return True
    little, big = head[:2] in (b"\x02\x00", b"\x08\x00") and head[3:4] == b"\x00", head[:3] == b"\x00\x08\x00"
    return (little or (big and head[4:6].isalpha() and head[4:6].isupper())) and len(head) > 132


def load(items: Sequence[Item], given: Given, *, keep_ids: bool = False) -> Scan:
    """The chest CT among DICOM files. Raises InputError by the findings of this room."""
    groups, notes = _groups(items)
    if given.single and sum(len(g.frames) for g in groups if g.kind not in SKIPPED) == 1:
        raise InputError(
            find("geo.too_few", found="one slice", expected="the folder that holds the series", files=[items[0].name])
        )
    chosen, _, about = choose(groups)
    assembled = chosen.assembled
    if assembled is None:
        raise InputError(*chosen.findings)
    claim(assembled.frames)
    block, values = load_block(assembled.frames)
    refused = refusals(values)
    if refused:
        raise InputError(*refused)
    woven = strangers(block)
    if woven:
        found = (
            f"from slice {woven[1]} on slices differ from their neighbours and agree with those {woven[0]} slices away"
        )
        raise InputError(find("sel.ambiguous", found=found, expected="one acquisition"))
    hu, affine, turned = upright(block, assembled.stack)
    read = {frame.item.name for one in groups for frame in one.frames}
    objects = {item.name for item in items} - read
    unread = [item for item in given.items if item.name not in read]
    header = assembled.frames[len(assembled.frames) // 2].header
    findings = (
        *notes,
        *about,
        *chosen.findings,
        *left_out(assembled, groups, unread, objects),
        *_remarks(chosen, header),
        *compression(assembled.frames),
        *values,
        *turned,
    )
    return finish(hu, affine, header, _source(assembled, len(hu), keep_ids), findings)


def survey(items: Sequence[Item]) -> tuple[Series, ...]:
    """Every series among DICOM files, the one that `load` takes marked."""
    groups, _ = _groups(items)
    ranked = candidates(groups)
    mixed = several_patients(ranked)
    rows = []
    for n, candidate in enumerate(ranked):
        chosen = n == 0 and candidate.error is None and mixed is None
        if candidate.error:
            why = "it cannot be read"
        elif mixed:
            why = "one of several patients"
        else:
            why = reason(candidate, ranked[1:]) if chosen else f"another is preferred: {reason(ranked[0], [candidate])}"
        rows.append(_series(candidate.group, chosen, why, candidate))
    rows += [_series(g, False, f"it is no slice of a scan: {g.kind}", None) for g in groups if g.kind in SKIPPED]
    return tuple(rows)


def _series(g: Group, chosen: bool, why: str, candidate: Candidate | None) -> Series:
    frame = g.frames[0]
    stack = candidate.assembled.stack if candidate and candidate.assembled else None
    return Series(
        format="dicom",
        description=frame.header.description or "",
        modality=frame.modality,
        kind=g.kind,
        uid=hashed(frame.series),
        n_files=len({f.item.name for f in g.frames}),
        n_slices=len(g.frames),
        matrix=(frame.storage.rows, frame.storage.columns),
        spacing=(stack.step, *stack.spacing) if stack else None,
        chosen=chosen,
        why=why,
        findings=candidate.findings if candidate else (),
    )


def _groups(items: Sequence[Item]) -> tuple[list[Group], tuple[Finding, ...]]:
    """The images in groups, and what was noted of the files."""
    frames: list[Frame] = []
    plain: list[str] = []
    for item in items:
        read = read_header(item)
        frames += read
        if not read:
            plain.append(item.name)
    bare = [frame.item.name for frame in frames if not frame.preamble]
    notes = []
    if plain:
        notes.append(find("sel.not_image", found=f"{len(plain)} files skipped", files=plain))
    if bare:
        notes.append(find("file.no_preamble", files=bare))
    if not frames:
        raise InputError(find("file.none", found=f"{len(plain)} DICOM files without pixels", files=plain))
    return group(frames), tuple(notes)


def _remarks(chosen: Candidate, header: Header) -> tuple[Finding, ...]:
    """What the header says of the scan as a whole."""
    frame = chosen.group.frames[0]
    notes = []
    if chosen.group.reformat:
        notes.append(find("sel.reformat", found=stated("\\".join(frame.image_type)), tag="(0008,0008) ImageType"))
    if frame.modality == "" and frame.sop_class == "":
        notes.append(
            find("sel.modality", severity="limited", found="not stated", expected="CT", tag="(0008,0060) Modality")
        )
    strange = [f for f in chosen.group.frames if unknown_class(f)]
    if strange:
        found, files = stated(strange[0].sop_class), [f.item.name for f in strange]
        notes.append(find("hdr.sop_class", found=found, tag="(0008,0016) SOPClassUID", files=files))
    if header.contrast:
        notes.append(find("acq.contrast", found=header.checked().contrast, tag="(0018,0010) ContrastBolusAgent"))
    if frame.patient_position[2:] in ("P", "DL", "DR") or frame.orientation[4] < -0.5:
        notes.append(find("pos.prone", found=stated(frame.patient_position) or None, tag="(0018,5100) PatientPosition"))
    return tuple(notes)


def _source(assembled: Assembled, n: int, keep_ids: bool) -> Source:
    frames, stack = list(assembled.frames), assembled.stack
    plane = plane_of(stack.normal)
    if plane == "axial" and stack.normal[2] < 0:
        frames.reverse()
    uids: tuple[str, ...] = ()
    if plane == "axial" and all(frame.storage.n_frames == 1 for frame in frames):
        nearest = np.rint(np.linspace(0, len(frames) - 1, n)).astype(int)
        uids = tuple(frames[k].sop if keep_ids else hashed(frames[k].sop) for k in nearest)
    names = dict.fromkeys(frame.item.name for frame in frames)
    return Source(format="dicom", files=tuple(names), instance_uids=uids, orientation=plane)


def hashed(uid: str) -> str:
    """What stands for a UID: 16 hex digits of its SHA-256."""
    return sha256(uid.encode()).hexdigest()[:16]
