"""The pictures of `view`: one file each, drawn from a scan with what is known of it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeAlias

from lungrisk.core.records import Lungs, Nodule, Scan
from lungrisk.report.pictures.histogram import draw_histogram
from lungrisk.report.pictures.mip import draw_mip
from lungrisk.report.pictures.planes import draw_planes
from lungrisk.report.pictures.slices import draw_slices
from lungrisk.report.pictures.surface import compose, draw_surface, render

Draw: TypeAlias = Callable[[Scan, Lungs | None, tuple[Nodule, ...]], bytes]


class Picture(NamedTuple):
    """A picture of `view`: its file, what it shows in words (also its text alternative), the function that draws it."""

    file: str
    words: str
    draw: Draw


PICTURES = (
    Picture("slices.png", "Axial slices spread over the lungs, in fixed windows", draw_slices),
    Picture(
        "planes.png", "Axial, coronal and sagittal plane with the lungs outlined and the nodules marked", draw_planes
    ),
    Picture("mip.png", "Maximum intensity projections of the lungs and of axial slabs of 10 mm", draw_mip),
    Picture("surface.png", "Bone and lungs in three dimensions from three sides", draw_surface),
    Picture("histogram.png", "Histogram of the Hounsfield units of the scan and of the lungs", draw_histogram),
)


def draw(scan: Scan, lungs: Lungs | None, nodules: tuple[Nodule, ...]) -> Iterator[tuple[str, bytes]]:
    """Every picture of PICTURES: its file name and its PNG. Empty lungs are as good as none.

    The views in three dimensions are reckoned on a second thread while the other pictures are drawn.
    """
    known = lungs if lungs is not None and lungs.mask.any() else None
    with ThreadPoolExecutor(1) as pool:
        views = pool.submit(render, scan, known, nodules)
        for picture in PICTURES:
            if picture.draw is draw_surface:
                yield picture.file, compose(views.result(), known)
            else:
                yield picture.file, picture.draw(scan, known, nodules)
