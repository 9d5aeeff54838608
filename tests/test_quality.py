from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lungrisk.core.geometry import axis_affine
from lungrisk.core.records import Header, Scan, Source
from lungrisk.formats import read
from lungrisk.quality import check


def chest(spacing: tuple[float, float, float] = (2.5, 1.5, 1.5), length: float = 300.0, noise: float = 12.0) -> Scan:
    """A round body of fat and muscle with two lungs in air, on a field of 360 mm."""
    n = round(360 / spacing[1])
    y, x = np.meshgrid(*[(np.arange(n) - n / 2 + 0.5) * step for step in spacing[1:]], indexing="ij")
    plane = np.full((n, n), -1000.0)
    plane[np.hypot(x / 150, y / 110) < 1] = -105
    plane[np.hypot(x / 130, y / 90) < 1] = 50
    plane[np.hypot((np.abs(x) - 62) / 45, y / 65) < 1] = -850
    shape = (round(length / spacing[0]), n, n)
    hu = plane[None] + np.random.default_rng(0).normal(0, noise, shape)
    return Scan(hu=np.clip(hu, -1024, 3071).astype(np.int16), affine=axis_affine(spacing))


CHEST = chest()


def with_hu(hu: np.ndarray) -> Scan:
    return replace(CHEST, hu=np.clip(hu, -1024, 3071).astype(np.int16))


def codes(scan: Scan) -> list[str]:
    return [finding.code for finding in check(scan)]


def severities(scan: Scan) -> dict[str, str]:
    return {finding.code: finding.severity for finding in check(scan)}


def test_an_ordinary_chest_has_no_finding() -> None:
    assert check(CHEST) == ()


@pytest.mark.parametrize(
    ("step", "expected"), [(0.6, []), (2.5, []), (3.0, []), (3.2, ["geo.thick"]), (5.0, ["geo.thick"])]
)
def test_slices_above_3_mm_are_limited(step: float, expected: list[str]) -> None:
    spacing = (step, 3.0 / 2, 3.0 / 2)
    assert codes(chest(spacing)) == expected


def test_thick_slices_that_overlap_are_limited_too() -> None:
    assert severities(replace(CHEST, header=Header(thickness_mm=5.0))) == {"geo.thick": "limited"}


def test_a_short_scan_is_refused() -> None:
    assert severities(chest(length=90.0)) == {"cov.short": "refused"}
    assert codes(chest(length=100.0)) == []


@pytest.mark.parametrize("scale", [0.05, 0.3, 2.5, 10.0])
def test_pixels_that_no_ct_of_a_chest_has_are_refused(scale: float) -> None:
    affine = axis_affine((2.5, 1.5 * scale, 1.5 * scale))
    assert severities(replace(CHEST, affine=affine))["geo.spacing_bad"] == "refused"


def test_the_tag_is_named_where_the_scan_came_as_dicom() -> None:
    scan = replace(CHEST, affine=axis_affine((2.5, 9.0, 9.0)), source=Source(format="dicom"))
    assert check(scan)[0].tag == "(0028,0030) PixelSpacing"


def test_pixels_that_are_not_square_are_limited() -> None:
    assert severities(replace(CHEST, affine=axis_affine((2.5, 1.5, 1.4)))) == {"geo.nonsquare": "limited"}


@pytest.mark.parametrize("offset", [-1024, -600, -300, 300, 600, 1024])
def test_values_that_are_far_off_are_refused(offset: int) -> None:
    assert severities(with_hu(CHEST.hu.astype(int) + offset))["px.not_hu"] == "refused"


@pytest.mark.parametrize("offset", [-20, 20])
def test_a_calibration_that_is_off_by_a_little_passes(offset: int) -> None:
    assert codes(with_hu(CHEST.hu.astype(int) + offset)) == []


@pytest.mark.parametrize("slope", [0.06, 0.5, -1.0])
def test_values_on_another_scale_are_refused(slope: float) -> None:
    assert severities(with_hu(CHEST.hu * slope))["px.not_hu"] == "refused"


def test_padding_around_a_round_field_does_not_matter() -> None:
    hu = CHEST.hu.copy()
    j, i = np.indices(hu.shape[1:])
    hu[:, np.hypot(j - 120, i - 120) > 118] = -1024
    assert codes(with_hu(hu)) == []


@pytest.mark.parametrize("background", [0, -1024, -2000])
def test_a_scan_with_all_but_the_lungs_removed_is_limited(background: int) -> None:
    hu = CHEST.hu.copy()
    hu[(hu > -600) | (hu < -930)] = max(background, -1024)
    assert severities(with_hu(hu)).get("px.masked") == "limited"


def test_noise_is_limited_only_where_it_is_strong() -> None:
    assert codes(chest(noise=70.0)) == []
    assert severities(chest(noise=170.0))["acq.noise"] == "limited"


@pytest.mark.parametrize(
    ("kernel", "sharp"),
    [
        ("B70f", True), ("B60s", True), ("I70f\\3", True), ("Br64", True), ("LUNG", True), ("BONEPLUS", True), ("FC51", True),
        ("B30f", False), ("B41f", False), ("Br36", False), ("STANDARD", False), ("B", False), ("C", False), ("FC08", False),
        ("SOFT", False), (None, False),
    ],
)  # fmt: skip
def test_sharp_kernels_are_noted_and_others_not(kernel: str | None, sharp: bool) -> None:
    assert severities(replace(CHEST, header=Header(kernel=kernel))) == ({"acq.kernel": "info"} if sharp else {})


def test_nothing_is_changed() -> None:
    before = CHEST.hu.copy()
    check(CHEST)
    assert np.array_equal(CHEST.hu, before)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("qin-lsc-0014.zip", {}),
        ("c3n-00247", {"acq.kernel": "info"}),
        ("lung-dx-a0001.zip", {"geo.thick": "limited"}),
        ("lidc-idri-0001-part.zip", {"cov.short": "refused"}),
    ],
)
def test_real_scans_are_judged_as_their_table_says(shared_data: Path, name: str, expected: dict[str, str]) -> None:
    assert severities(read(shared_data / "scans" / name)) == expected
