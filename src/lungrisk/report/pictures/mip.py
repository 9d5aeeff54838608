"""Maximum intensity projections: nodules among the vessels, without ribs and spine before them."""

import numpy as np
from matplotlib.figure import Figure

from lungrisk.core.records import Lungs, Nodule, Scan
from lungrisk.report.pictures import canvas
from lungrisk.report.pictures.slices import lung_ends
from lungrisk.report.sampling import Box, Window, fit, grey, lung_box, project, size_mm, spread, steps

LUNGS_TITLE = "Maximum intensity: the lungs alone (coronal, sagittal), and axial slabs of 10 mm, head to feet"
WHOLE_TITLE = "Maximum intensity: the whole scan (coronal, sagittal), and axial slabs of 10 mm, head to feet"
DEEP = Window("vessels through the whole lung", -700, 200)  # through so many voxels noise alone reaches -600
SLAB = Window("vessels in a slab", -900, 150)
WHOLE = Window("whole body", -200, 1000)
LETTERS = {1: ("R", "L", "H", "F"), 2: ("A", "P", "H", "F")}
SLAB_MM = 10.0
MARGIN_MM = 12.0
ROWS, COLUMNS = 3, 2
PROJECTION_PX = 460
WIDEST_SLAB_PX = 320
TOP_PX = 36
BOTTOM_PX = 28
GAP_PX = 6


def draw_mip(scan: Scan, lungs: Lungs | None, nodules: tuple[Nodule, ...]) -> bytes:
    """PNG: coronal and sagittal projection of the lungs alone, and beside them axial slabs spread over them.

    Without lungs the projections are of the whole scan.
    """
    box = lung_box(scan, lungs, MARGIN_MM)
    inside = scan.hu[box] if lungs is None else np.where(lungs.mask[box], scan.hu[box], np.int16(-1024))
    views = {axis: grey(inside.max(axis=axis)[::-1], WHOLE if lungs is None else DEEP) for axis in (1, 2)}
    sizes = {axis: size_mm(view, steps(scan.spacing, axis)) for axis, view in views.items()}
    pixel_mm = max(*(width for _, width in sizes.values()), sizes[1][0]) / PROJECTION_PX
    pixels = {
        axis: (max(1, round(height / pixel_mm)), max(1, round(width / pixel_mm)))
        for axis, (height, width) in sizes.items()
    }
    height = max(240, pixels[1][0])
    slab = _slab_px(scan, box, height)
    left = 2 * GAP_PX + sum(across + GAP_PX for _, across in pixels.values())
    figure = canvas.sheet(
        left + COLUMNS * (slab[1] + GAP_PX),
        TOP_PX + height + BOTTOM_PX,
        WHOLE_TITLE if lungs is None else LUNGS_TITLE,
    )
    _draw_slabs(figure, scan, nodules, (box, left, slab, lung_ends(scan, lungs)))
    left = GAP_PX
    for axis, view in views.items():
        axes = canvas.panel(figure, (left, TOP_PX, pixels[axis][1], pixels[axis][0]))
        canvas.show(axes, fit(view, steps(scan.spacing, axis), pixel_mm), sizes[axis])
        canvas.letters(axes, LETTERS[axis])
        canvas.scale_bar(axes, 50)
        canvas.rings(axes, [(nodule, _within(scan, nodule, axis, box)) for nodule in nodules])
        left += pixels[axis][1] + GAP_PX
    return canvas.save(figure)


def _slab_px(scan: Scan, box: Box, height: int) -> tuple[int, int]:
    """(height, width) in pixels of a slab's picture, so that ROWS of them are at most `height` high."""
    down = (box.j.stop - box.j.start) * scan.spacing[1]
    across = (box.i.stop - box.i.start) * scan.spacing[2]
    enlarge = min((height - (ROWS - 1) * GAP_PX) / ROWS / down, WIDEST_SLAB_PX / across)
    return max(1, round(down * enlarge)), max(1, round(across * enlarge))


def _draw_slabs(
    figure: Figure,
    scan: Scan,
    nodules: tuple[Nodule, ...],
    place: tuple[Box, int, tuple[int, int], tuple[int, int]],
) -> None:
    box, left, (height, width), (first, last) = place
    half = SLAB_MM / 2 / scan.spacing[0]
    middles = spread(first, last, ROWS * COLUMNS + 2)[1:-1] or [first]
    for number, k in enumerate(reversed(middles)):
        row, column = divmod(number, COLUMNS)
        slab = scan.hu[max(0, round(k - half)) : round(k + half) + 1, box.j, box.i]
        picture = grey(slab.max(axis=0), SLAB)
        size = size_mm(picture, scan.spacing[1:])
        axes = canvas.panel(figure, (left + column * (width + GAP_PX), TOP_PX + row * (height + GAP_PX), width, height))
        canvas.show(axes, fit(picture, scan.spacing[1:], size[1] / width), size)
        canvas.caption(axes, f"about slice {k}")
        canvas.scale_bar(axes, 50)
        shown = [
            nodule
            for nodule in nodules
            if abs(float(scan.to_index(nodule.centre_mm)[0]) - k) <= half + nodule.max_3d_mm / 2 / scan.spacing[0]
        ]
        canvas.rings(axes, [(nodule, _within(scan, nodule, 0, box)) for nodule in shown])


def _within(scan: Scan, nodule: Nodule, axis: int, box: Box) -> tuple[float, float]:
    """A nodule's place on a view of the box along `axis`: mm (across, down) from its upper left corner."""
    across, down = project(scan, nodule.centre_mm, axis)
    sides = {"k": box.k, "j": box.j, "i": box.i}
    row, column = (name for at, name in enumerate("kji") if at != axis)
    n_rows = scan.hu.shape["kji".index(row)]
    above = sides[row].start if axis == 0 else n_rows - sides[row].stop
    row_mm, column_mm = scan.spacing["kji".index(row)], scan.spacing["kji".index(column)]
    return across - sides[column].start * column_mm, down - above * row_mm
