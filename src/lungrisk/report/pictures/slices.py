"""The slice grid: twenty axial slices spread over the lungs in the lung window, five of them in the mediastinal one."""

from typing import NamedTuple

from matplotlib.figure import Figure

from lungrisk.core.records import Lungs, Nodule, Scan
from lungrisk.report.pictures import canvas
from lungrisk.report.sampling import LUNG, MEDIASTINUM, Box, Window, fit, grey, lung_box, project, size_mm, spread

TITLE = "Axial slices, head to feet: lung window (-600/1500 HU), last row mediastinal window (40/400 HU)"
COLUMNS = 5
ROWS = 4
CELL_PX = 300
HIGHEST_PX = 360
GAP_PX = 6
TOP_PX = 36
BOTTOM_PX = 28
MARGIN_MM = 25.0


class Layout(NamedTuple):
    """Where the cells lie: the part of each slice that is shown, mm a pixel, cell height in pixels."""

    box: Box
    pixel_mm: float
    cell_height: int


def draw_slices(scan: Scan, lungs: Lungs | None, nodules: tuple[Nodule, ...]) -> bytes:
    """The grid as PNG; nodules that a slice cuts are ringed."""
    box = lung_box(scan, lungs, MARGIN_MM)
    _, down, across = scan.spacing
    pixel_mm = max((box.i.stop - box.i.start) * across / CELL_PX, (box.j.stop - box.j.start) * down / HIGHEST_PX)
    layout = Layout(box, pixel_mm, max(40, round((box.j.stop - box.j.start) * down / pixel_mm)))
    first, last = lung_ends(scan, lungs)
    upper = spread(first, last, COLUMNS * ROWS)[::-1]
    lower = spread(first, last, COLUMNS + 2)[1:-1][::-1]
    rows = -(-len(upper) // COLUMNS) + (1 if lower else 0)
    height = TOP_PX + rows * (layout.cell_height + GAP_PX) + BOTTOM_PX
    figure = canvas.sheet(COLUMNS * (CELL_PX + GAP_PX) + GAP_PX, height, TITLE)
    for number, k in enumerate(upper):
        _cell(figure, scan, layout, divmod(number, COLUMNS), (k, LUNG, nodules))
    for column, k in enumerate(lower):
        _cell(figure, scan, layout, (rows - 1, column), (k, MEDIASTINUM, nodules))
    return canvas.save(figure)


def lung_ends(scan: Scan, lungs: Lungs | None) -> tuple[int, int]:
    """First and last slice that holds lung; of the scan where no lungs are known."""
    box = lung_box(scan, lungs, 0.0)
    return box.k.start, box.k.stop - 1


def _cell(
    figure: Figure,
    scan: Scan,
    layout: Layout,
    at: tuple[int, int],
    what: tuple[int, Window, tuple[Nodule, ...]],
) -> None:
    (row, column), (k, window, nodules) = at, what
    box, pixel_mm, height = layout
    axes = canvas.panel(
        figure, (GAP_PX + column * (CELL_PX + GAP_PX), TOP_PX + row * (height + GAP_PX), CELL_PX, height)
    )
    picture = grey(scan.hu[k, box.j, box.i], window)
    canvas.show(axes, fit(picture, scan.spacing[1:], pixel_mm), size_mm(picture, scan.spacing[1:]))
    canvas.caption(axes, f"slice {k}")
    canvas.letters(axes, ("R", "L", "A", "P"))
    canvas.scale_bar(axes, 50)
    places = []
    for nodule in nodules:
        at_mm = scan.spacing[0] * abs(float(scan.to_index(nodule.centre_mm)[0]) - k)
        if at_mm <= max(nodule.max_3d_mm, scan.spacing[0]) / 2:
            across, down = project(scan, nodule.centre_mm, 0)
            places.append((nodule, (across - box.i.start * scan.spacing[2], down - box.j.start * scan.spacing[1])))
    canvas.rings(axes, places)
