"""Maximum intensity projections: nodules among the vessels, without ribs and spine before them."""

import numpy as np
from matplotlib.figure import Figure

from lungrisk.core.records import Lungs, Nodule, Scan
from lungrisk.report.pictures import canvas
from lungrisk.report.pictures.slices import lung_ends
from lungrisk.report.sampling import Box, Window, fit, grey, lung_box, project, size_mm, spread, steps

LUNGS_TITLE = "Maximum intensity: the lungs alone (coronal, sagittal) and axial slabs of 10 mm"
WHOLE_TITLE = "Maximum intensity: the whole scan (coronal, sagittal) and axial slabs of 10 mm"
VESSELS = Window("vessels", -950, 150)
WHOLE = Window("whole body", -200, 1000)
LETTERS = {1: ("R", "L", "H", "F"), 2: ("A", "P", "H", "F")}
SLAB_MM = 10.0
MARGIN_MM = 12.0
COLUMNS = 3
SLAB_PX = 280
PROJECTION_PX = 460
TOP_PX = 36
BOTTOM_PX = 28
GAP_PX = 6


def draw_mip(scan: Scan, lungs: Lungs | None, nodules: tuple[Nodule, ...]) -> bytes:
    """PNG: coronal and sagittal projection of the lungs alone, and below axial slabs spread over them, head first.

    Without lungs the projections are of the whole scan.
    """
    box = lung_box(scan, lungs, MARGIN_MM)
    part = scan.hu[box]
    inside = part if lungs is None else np.where(lungs.mask[box], part, np.int16(-1024))
    window = WHOLE if lungs is None else VESSELS
    views = {axis: grey(inside.max(axis=axis)[::-1], window) for axis in (1, 2)}
    sizes = {axis: size_mm(view, steps(scan.spacing, axis)) for axis, view in views.items()}
    pixel_mm = max(width for _, width in sizes.values()) / PROJECTION_PX
    pixels = {axis: (round(height / pixel_mm), round(width / pixel_mm)) for axis, (height, width) in sizes.items()}
    upper = max(height for height, _ in pixels.values())
    slab_height = round(SLAB_PX * part.shape[1] * scan.spacing[1] / (part.shape[2] * scan.spacing[2]))
    width = max(GAP_PX + COLUMNS * (SLAB_PX + GAP_PX), 3 * GAP_PX + sum(across for _, across in pixels.values()))
    figure = canvas.sheet(
        width,
        TOP_PX + upper + GAP_PX + 2 * (slab_height + GAP_PX) + BOTTOM_PX,
        WHOLE_TITLE if lungs is None else LUNGS_TITLE,
    )
    left = GAP_PX
    for axis, view in views.items():
        axes = canvas.panel(figure, (left, TOP_PX, pixels[axis][1], pixels[axis][0]))
        canvas.show(axes, fit(view, steps(scan.spacing, axis), pixel_mm), sizes[axis])
        canvas.letters(axes, LETTERS[axis])
        canvas.scale_bar(axes, 50)
        for nodule in nodules:
            canvas.ring(axes, nodule, _within(scan, nodule, axis, box))
        left += pixels[axis][1] + GAP_PX
    _draw_slabs(figure, scan, nodules, (box, TOP_PX + upper + GAP_PX, slab_height, lung_ends(scan, lungs)))
    return canvas.save(figure)


def _draw_slabs(
    figure: Figure,
    scan: Scan,
    nodules: tuple[Nodule, ...],
    place: tuple[Box, int, int, tuple[int, int]],
) -> None:
    box, top, height, (first, last) = place
    half = SLAB_MM / 2 / scan.spacing[0]
    middles = spread(first, last, 2 * COLUMNS + 2)[1:-1] or [first]
    for number, k in enumerate(reversed(middles)):
        row, column = divmod(number, COLUMNS)
        slab = scan.hu[max(0, round(k - half)) : round(k + half) + 1, box.j, box.i]
        picture = grey(slab.max(axis=0), VESSELS)
        size = size_mm(picture, scan.spacing[1:])
        axes = canvas.panel(
            figure, (GAP_PX + column * (SLAB_PX + GAP_PX), top + row * (height + GAP_PX), SLAB_PX, height)
        )
        canvas.show(axes, fit(picture, scan.spacing[1:], size[1] / SLAB_PX), size)
        canvas.caption(axes, f"about slice {k}")
        canvas.letters(axes, ("R", "L", "A", "P"))
        canvas.scale_bar(axes, 50)
        for nodule in nodules:
            if abs(float(scan.to_index(nodule.centre_mm)[0]) - k) <= half + nodule.max_3d_mm / 2 / scan.spacing[0]:
                canvas.ring(axes, nodule, _within(scan, nodule, 0, box))


def _within(scan: Scan, nodule: Nodule, axis: int, box: Box) -> tuple[float, float]:
    """A nodule's place on a view of the box along `axis`: mm (across, down) from its upper left corner."""
    across, down = project(scan, nodule.centre_mm, axis)
    sides = {"k": box.k, "j": box.j, "i": box.i}
    row, column = (name for at, name in enumerate("kji") if at != axis)
    n_rows = scan.hu.shape["kji".index(row)]
    above = sides[row].start if axis == 0 else n_rows - sides[row].stop
    row_mm, column_mm = scan.spacing["kji".index(row)], scan.spacing["kji".index(column)]
    return across - sides[column].start * column_mm, down - above * row_mm
