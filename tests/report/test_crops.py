import numpy as np
import pytest

from lungrisk.core.records import Nodule, Scan
from lungrisk.report.crops import N_PIXELS, SIDE_MM, crop

RADIUS = 11.0


def area(line: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> float:
    x, y = line.T
    return float(0.5 * abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])))


def test_the_three_planes_cut_a_ball_through_its_middle(scan: Scan, nodules: tuple[Nodule, ...]) -> None:
    planes = crop(scan, nodules[0])
    assert [plane.plane for plane in planes] == ["axial", "coronal", "sagittal"]
    for plane in planes:
        (line,) = plane.outlines
        assert plane.picture.shape == (N_PIXELS, N_PIXELS)
        assert plane.side_mm == SIDE_MM
        assert area(line) == pytest.approx(np.pi * RADIUS**2, rel=0.03)
        assert (line.max(axis=0) + line.min(axis=0)) / 2 == pytest.approx([25.0, 25.0], abs=0.5)


def test_the_picture_shows_the_ball_bright_inside_its_outline(scan: Scan, nodules: tuple[Nodule, ...]) -> None:
    for plane in crop(scan, nodules[0]):
        assert plane.picture[N_PIXELS // 2, N_PIXELS // 2] > 220  # 30 HU
        assert plane.picture[N_PIXELS // 2, 8] < 100  # -850 HU, lung


def test_a_large_nodule_gets_a_larger_field(scan: Scan, nodules: tuple[Nodule, ...]) -> None:
    from dataclasses import replace

    assert {plane.side_mm for plane in crop(scan, replace(nodules[0], max_3d_mm=60.0))} == {100.0}


def test_a_nodule_at_the_edge_of_the_scan_is_still_drawn(scan: Scan, nodules: tuple[Nodule, ...]) -> None:
    from dataclasses import replace

    corner = tuple(scan.to_mm((0, 0, 0)).tolist())
    planes = crop(scan, replace(nodules[0], centre_mm=corner, slice_index=0))
    assert all(plane.outlines == [] for plane in planes)  # its mask lies elsewhere
    assert planes[0].picture[0, 0] == 55  # outside the scan: -1024 HU
