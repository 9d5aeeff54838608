"""The chest in three dimensions: bone and lungs as surfaces in mm, seen from three sides.

A ray for each pixel runs through a grid of 1.25 mm to the first voxel above the threshold; the hit is refined along the
ray and shaded by the gradient there. There is no mesh to build, so three views take well under a second.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lungrisk.core.records import Lungs, Nodule, Scan
from lungrisk.report.pictures import canvas
from lungrisk.report.pictures.rays import Floats, Hits, View, cast, coarse, look, smooth, without_specks
from lungrisk.report.sampling import Grey, lung_box

TITLE = "Above 400 HU: bone, and contrast agent where it was given"
BONE_HU = 400.0
SPECK_MM3 = 300.0  # smaller parts above 400 HU are left out
GRID_MM = 1.25
VIEWS = (("from the front", 0.0), ("from the front left", 40.0), ("from the left", 90.0))
PANEL_PX = 500
HIGHEST_PX = 640
LEAST_PX = 240  # a sheet's width, however small the scan
MARGIN_PX = 8  # left around what is seen
TOP_PX, BOTTOM_PX, GAP_PX = 36, 28, 6
LIGHT = np.array([-0.40, -0.77, 0.50], np.float32)  # towards the light, in view axes: right, away, up
BONE_RGB = np.array([0.96, 0.90, 0.79], np.float32)
LEFT_RGB = np.array([0.36, 0.62, 0.90], np.float32)
RIGHT_RGB = np.array([0.27, 0.74, 0.64], np.float32)
NODULE_RGB = np.array([1.0, 0.55, 0.10], np.float32)
BACK_RGB = np.array([0.08, 0.105, 0.14], np.float32)


def draw_surface(scan: Scan, lungs: Lungs | None, nodules: tuple[Nodule, ...]) -> bytes:
    """PNG: bone at 400 HU, the lungs before and beside it as glass, the accepted nodules as balls of their size."""
    return compose(render(scan, lungs, nodules), lungs)


def render(scan: Scan, lungs: Lungs | None, nodules: tuple[Nodule, ...]) -> list[Grey]:
    """The views as colour pictures (rows, columns, 3) with pixels of GRID_MM; arrays alone, so that a thread may do it."""
    bone = without_specks(coarse(scan.hu, scan.spacing, GRID_MM), BONE_HU, SPECK_MM3)
    sides = () if lungs is None else ((lungs.left, LEFT_RGB), (lungs.right, RIGHT_RGB))
    box = lung_box(scan, lungs, 3 * GRID_MM)
    glass = [
        (smooth(coarse(mask[:, box.j, box.i], scan.spacing, GRID_MM, (box.j.start, box.i.start))), colour)
        for mask, colour in sides
    ]
    pictures = []
    for _, degrees in VIEWS:
        view = look(bone, np.deg2rad(degrees))
        hits = cast(bone, BONE_HU, view)
        colours = _bone(hits)
        panes = sorted(((cast(grid, 0.5, view), colour) for grid, colour in glass), key=lambda pane: -_nearest(pane[0]))
        for nodule in nodules:
            if nodule.accepted:
                _lay_ball(colours, hits, view, _centre(scan, nodule), nodule.max_3d_mm / 2)
        for pane, colour in panes:  # the farther lung first
            _lay_glass(colours, hits, pane, colour)
        pictures.append(
            _trim((np.clip(colours[::-1], 0.0, 1.0) * 255).astype(np.uint8), [hits, *(p for p, _ in panes)])
        )
    return pictures


def compose(pictures: list[Grey], lungs: Lungs | None) -> bytes:
    """PNG of the views side by side at one scale."""
    enlarge = min(min(PANEL_PX / picture.shape[1], HIGHEST_PX / picture.shape[0]) for picture in pictures)
    pixels = [
        (max(1, round(picture.shape[0] * enlarge)), max(1, round(picture.shape[1] * enlarge))) for picture in pictures
    ]
    width = max(LEAST_PX, GAP_PX + sum(across + GAP_PX for _, across in pixels))
    figure = canvas.sheet(width, TOP_PX + pixels[0][0] + BOTTOM_PX, TITLE + ("" if lungs is None else "; lungs"))
    left = GAP_PX
    for picture, (down, across), (name, _) in zip(pictures, pixels, VIEWS, strict=True):
        axes = canvas.panel(figure, (left, TOP_PX, across, down))
        large = Image.fromarray(picture).resize((across, down), Image.Resampling.BICUBIC)
        canvas.show(axes, np.asarray(large), (picture.shape[0] * GRID_MM, picture.shape[1] * GRID_MM))
        canvas.caption(axes, name)
        canvas.scale_bar(axes, 50)
        left += across + GAP_PX
    return canvas.save(figure)


def _bone(hits: Hits) -> Floats:
    light = 0.28 + 0.72 * np.clip(hits.normal @ LIGHT, 0.0, 1.0)
    seen = np.isfinite(hits.depth)
    depth = np.where(seen, hits.depth, 0.0)
    near, far = (depth[seen].min(), depth[seen].max()) if seen.any() else (0.0, 1.0)
    haze = 1.0 - 0.55 * (depth - near) / max(far - near, 1.0)  # what is farther is darker
    colours = BONE_RGB * (light * haze)[..., None]
    return np.where(seen[..., None], colours, BACK_RGB).astype(np.float32)


def _lay_glass(colours: Floats, bone: Hits, pane: Hits, colour: Floats) -> None:
    """A lung over what is behind it: more opaque where its surface turns away, as glass is."""
    facing = np.clip(-pane.normal[..., 1], 0.0, 1.0)
    light = 0.45 + 0.75 * np.clip(pane.normal @ LIGHT, 0.0, 1.0)
    opacity = 0.28 + 0.50 * (1.0 - facing) ** 2
    opacity = np.where(pane.depth < bone.depth, opacity, np.where(np.isfinite(pane.depth), 0.10, 0.0))[..., None]
    colours[:] = colours * (1.0 - opacity) + opacity * colour * light[..., None]


def _lay_ball(colours: Floats, bone: Hits, view: View, centre: NDArray[np.float64], radius_mm: float) -> None:
    """A nodule as a lit ball; weaker where bone lies before it."""
    up, across, away = view.place(centre)
    distance2 = (view.rows[:, None] - up) ** 2 + (view.across[None, :] - across) ** 2
    inside = distance2 < radius_mm**2
    height = np.sqrt(np.maximum(radius_mm**2 - distance2, 0.0))
    normal = np.stack(
        np.broadcast_arrays(view.across[None, :] - across, -height, view.rows[:, None] - up), axis=-1
    ) / max(radius_mm, 1e-3)
    light = 0.5 + 0.6 * np.clip(normal @ LIGHT, 0.0, 1.0)
    opacity = np.where(inside, np.where(away - height < bone.depth, 1.0, 0.45), 0.0)[..., None]
    colours[:] = colours * (1.0 - opacity) + opacity * NODULE_RGB * light[..., None]


def _trim(picture: Grey, seen: list[Hits]) -> Grey:
    """The picture without empty columns at its sides."""
    columns = np.flatnonzero(np.any([np.isfinite(hits.depth).any(axis=0) for hits in seen], axis=0))
    if not len(columns):
        return picture
    return picture[:, max(0, columns[0] - MARGIN_PX) : columns[-1] + 1 + MARGIN_PX]


def _nearest(hits: Hits) -> float:
    return float(hits.depth.min(initial=np.inf))


def _centre(scan: Scan, nodule: Nodule) -> NDArray[np.float64]:
    """A nodule's place in mm along (k, j, i) from the scan's first voxel."""
    along: NDArray[np.float64] = scan.to_index(nodule.centre_mm) * np.array(scan.spacing)
    return along
