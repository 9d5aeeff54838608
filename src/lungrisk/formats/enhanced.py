"""Multi-frame files: each frame with what its functional groups say of it (DICOM PS3.3 C.7.6.16)."""

from dataclasses import replace

from pydicom.dataset import Dataset

from lungrisk.core.findings import Finding, find
from lungrisk.core.records import Header
from lungrisk.formats.elements import (
    INTERCEPT,
    SLOPE,
    image_type,
    inner,
    only,
    sequence,
    short,
    soft_number,
    soft_numbers,
    tag_name,
    text,
)
from lungrisk.formats.frames import Frame


def enhanced_frames(common: Frame, dataset: Dataset) -> list[Frame]:
    """One frame for each of a multi-frame file, from the shared and the per-frame functional groups."""
    shared = inner(dataset, 0x52009229)
    groups = list(sequence(dataset, 0x52009230))
    n = common.storage.n_frames
    if len(groups) != n:
        found = f"{len(groups)} per-frame groups for {n} frames"
        fault = find("geo.no_position", found=found, tag=tag_name(0x52009230), files=[common.item.name])
        return [replace(common, faults=(*common.faults, fault))]
    return [_with_groups(replace(common, index=k), shared, group) for k, group in enumerate(groups)]


def _with_groups(frame: Frame, shared: Dataset | None, group: Dataset) -> Frame:
    faults: list[Finding] = []

    def macro(tag: int) -> Dataset | None:
        return inner(group, tag) or inner(shared, tag)

    def values(sequence_tag: int, tag: int, otherwise: tuple[float, ...]) -> tuple[float, ...]:
        item = macro(sequence_tag)
        return otherwise if item is None else soft_numbers(item, tag, faults)

    own = macro(0x00289145)  # Pixel Value Transformation
    rescale = frame.rescale if own is None else (only(own, SLOPE, faults), only(own, INTERCEPT, faults))
    kind = macro(0x00189329)  # CT Image Frame Type
    content = macro(0x00209111)
    temporal = short(content, 0x00209128) if content is not None else None
    acquisition = short(content, 0x00209156) if content is not None else None
    return replace(
        frame,
        position=values(0x00209113, 0x00200032, frame.position),
        orientation=values(0x00209116, 0x00200037, frame.orientation),
        spacing=values(0x00289110, 0x00280030, frame.spacing),
        rescale=rescale,
        image_type=frame.image_type if kind is None else (*image_type(kind, 0x00089007), text(kind, 0x00089207)),
        acquisition=frame.acquisition if acquisition is None else str(acquisition),
        moment=str(temporal) if temporal is not None else frame.moment,
        header=_frame_header(frame.header, macro(0x00289110), macro(0x00189314)),
        faults=(*frame.faults, *(replace(f, files=(frame.item.name,), n_files=1) for f in faults)),
    )


def _frame_header(header: Header, measures: Dataset | None, reconstruction: Dataset | None) -> Header:
    thickness = soft_number(measures, 0x00180050) if measures is not None else None
    kernel = text(reconstruction, 0x00181210) if reconstruction is not None else ""
    return replace(header, thickness_mm=thickness or header.thickness_mm, kernel=kernel or header.kernel)
