"""A sheet of paper for a picture: a matplotlib figure without pyplot, so without global state, saved as PNG bytes."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Polygon
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from lungrisk.core.records import NOTICE, Nodule
from lungrisk.report.rings import rings_at
from lungrisk.report.sampling import Grey, contours

DPI = 100
INK = "#1d2733"
PAPER = "#ffffff"
LEFT_COLOUR = "#4f9bd9"
RIGHT_COLOUR = "#3fb39d"
NODULE_COLOUR = "#ffb000"
OTHER_COLOUR = "#c9d1d9"
LETTER_PX, LINE_PX = 7.5, 12.0  # of the names of nodules, size 8
HALO = [withStroke(linewidth=2.2, foreground="#000000b0")]


def sheet(width_px: float, height_px: float, title: str) -> Figure:
    """An empty figure with its title on top and the notice at the bottom."""
    figure = Figure(figsize=(width_px / DPI, height_px / DPI), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    figure.text(12 / width_px, 1 - 11 / height_px, title, color=INK, size=11, va="top", weight="bold")
    figure.text(1 - 12 / width_px, 8 / height_px, NOTICE, color="#6b7683", size=8, va="bottom", ha="right")
    return figure


def panel(figure: Figure, box_px: tuple[float, float, float, float]) -> Axes:
    """Axes without ticks at (left, top, width, height) in pixels from the figure's upper left."""
    left, top, width, height = box_px
    full_width, full_height = figure.get_size_inches() * DPI
    axes = figure.add_axes(
        (left / full_width, 1 - (top + height) / full_height, width / full_width, height / full_height)
    )
    axes.set_axis_off()
    return axes


def show(axes: Axes, picture: Grey, size_mm: tuple[float, float]) -> None:
    """Put a grey (rows, columns) or colour (rows, columns, 3) picture of (height, width) mm; mm are then the axes' unit."""
    colours = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    height, width = size_mm
    axes.imshow(colours, interpolation="nearest", aspect="auto", extent=(0.0, width, height, 0.0))


def caption(axes: Axes, text: str) -> None:
    """Words in the upper left corner of a picture."""
    axes.text(0.02, 0.98, text, transform=axes.transAxes, color="white", size=8, va="top", path_effects=HALO)


def letters(axes: Axes, names: tuple[str, str, str, str]) -> None:
    """The patient's directions at the left, right, upper and lower edge."""
    places = (
        (0.015, 0.5, "left", "center"),
        (0.985, 0.5, "right", "center"),
        (0.5, 0.985, "center", "top"),
        (0.5, 0.015, "center", "bottom"),
    )
    for name, (x, y, across, down) in zip(names, places, strict=True):
        axes.text(x, y, name, transform=axes.transAxes, color="#ffe9b8", size=8, ha=across, va=down, path_effects=HALO)


def scale_bar(axes: Axes, length_mm: float) -> None:
    """A bar of length_mm with its length, in the lower left corner of a picture in mm."""
    width, height = axes.get_xlim()[1], axes.get_ylim()[0]
    x, y = 0.04 * width, 0.95 * height
    axes.add_line(Line2D([x, x + length_mm], [y, y], color="white", linewidth=2, path_effects=HALO))
    axes.text(x, 0.935 * height, f"{length_mm:g} mm", color="white", size=7, va="bottom", path_effects=HALO)


def rings(axes: Axes, places: Sequence[tuple[Nodule, tuple[float, float]]]) -> None:
    """A circle around each nodule at (across, down) mm, with its name; thin and grey for those that were not accepted."""
    pixel_mm = axes.get_xlim()[1] / axes.bbox.width
    for one in rings_at(places, LETTER_PX * pixel_mm, LINE_PX * pixel_mm):
        colour, width = (NODULE_COLOUR, 1.4) if one["accepted"] else (OTHER_COLOUR, 0.8)
        axes.add_patch(Circle((one["x"], one["y"]), one["r"], fill=False, edgecolor=colour, linewidth=width))
        x, y = one["label"]
        axes.text(x, y, one["id"], color=colour, size=8, va="baseline", path_effects=HALO, clip_on=True)


def outline(axes: Axes, mask: NDArray[np.bool_], size_mm: tuple[float, float], colour: str) -> None:
    """The edge of a (rows, columns) mask over a picture of the same (height, width) mm."""
    for line in contours(mask, size_mm):
        axes.add_patch(Polygon(line, fill=False, edgecolor=colour, linewidth=1.0))


def save(figure: Figure) -> bytes:
    """The figure as PNG; nothing in it but pixels."""
    stream = BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None}, pil_kwargs={"compress_level": 4})
    return stream.getvalue()
