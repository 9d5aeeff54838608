"""Three planes through the body with the lungs outlined and the nodules marked."""

import numpy as np

from lungrisk.core.records import Lungs, Nodule, Scan
from lungrisk.report.pictures import canvas
from lungrisk.report.sampling import LUNG, fit, grey, lung_box, project, section, size_mm, steps

TITLE = "Three planes, lung window (-600/1500 HU); every nodule is projected onto each plane"
NAMES = ("axial", "coronal", "sagittal")
LETTERS = (("R", "L", "A", "P"), ("R", "L", "H", "F"), ("A", "P", "H", "F"))
WIDEST_PX = 560
HIGHEST_PX = 640
TOP_PX = 36
BOTTOM_PX = 28
GAP_PX = 8
LEAST_PX = 240  # a sheet's width, however small the scan


def draw_planes(scan: Scan, lungs: Lungs | None, nodules: tuple[Nodule, ...]) -> bytes:
    """PNG of the planes through the first accepted nodule, else through the middle of the lungs."""
    index = choose_planes(scan, lungs, nodules)
    sections = [grey(section(scan.hu, axis, index[axis]), LUNG) for axis in range(3)]
    sizes = [size_mm(picture, steps(scan.spacing, axis)) for axis, picture in enumerate(sections)]
    pixel_mm = max(max(width / WIDEST_PX, height / HIGHEST_PX) for height, width in sizes)
    pixels = [(max(1, round(height / pixel_mm)), max(1, round(width / pixel_mm))) for height, width in sizes]
    figure = canvas.sheet(
        max(LEAST_PX, sum(width for _, width in pixels) + 4 * GAP_PX),
        TOP_PX + max(height for height, _ in pixels) + BOTTOM_PX,
        TITLE,
    )
    left = GAP_PX
    for axis, picture in enumerate(sections):
        height, width = pixels[axis]
        axes = canvas.panel(figure, (left, TOP_PX, width, height))
        canvas.show(axes, fit(picture, steps(scan.spacing, axis), pixel_mm), sizes[axis])
        canvas.caption(axes, f"{NAMES[axis]}, {'kji'[axis]} = {index[axis]}")
        canvas.letters(axes, LETTERS[axis])
        canvas.scale_bar(axes, 50)
        if lungs is not None:
            canvas.outline(axes, section(lungs.left, axis, index[axis]), sizes[axis], canvas.LEFT_COLOUR)
            canvas.outline(axes, section(lungs.right, axis, index[axis]), sizes[axis], canvas.RIGHT_COLOUR)
        canvas.rings(axes, [(nodule, project(scan, nodule.centre_mm, axis)) for nodule in nodules])
        left += width + GAP_PX
    return canvas.save(figure)


def choose_planes(scan: Scan, lungs: Lungs | None, nodules: tuple[Nodule, ...]) -> tuple[int, int, int]:
    """The indices (k, j, i) of the planes: a nodule's place, else the middle of a lung, else of the scan."""
    accepted = [nodule for nodule in nodules if nodule.accepted]
    if accepted:
        place = scan.to_index(accepted[0].centre_mm)
    else:
        box = lung_box(scan, lungs, 0.0)
        place = np.array([(side.start + side.stop - 1) / 2 for side in box])
        place[2] += 0.22 * (box.i.stop - box.i.start)  # into the left lung, off the spine
    k, j, i = np.clip(np.round(place), 0, np.array(scan.hu.shape) - 1).astype(int).tolist()
    return k, j, i
