"""Real CTs as hospitals and archives hand them out: read, or refused by name, as the list beside them says."""

import csv
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from lungrisk.core.errors import InputError
from lungrisk.core.records import Scan
from lungrisk.formats import read, survey

pytestmark = pytest.mark.shared

# id: slices, spacing mm (k, j, i), vendor, kernel, as the page beside the data gives them
SCANS = {
    "qin-lsc-0014": (109, (3.0, 0.695, 0.695), "SIEMENS", "B41f"),
    "c3n-00247": (99, (3.0, 0.564, 0.564), "SIEMENS", "B70f"),
    "lung-dx-a0001": (64, (5.0, 0.842, 0.842), "Philips", "B"),
    "lidc-idri-0001-part": (16, (2.5, 0.703, 0.703), "GE MEDICAL SYSTEMS", "STANDARD"),
}
REFUSED = {"philips-localizer": "sel.localizer", "ny-sbu-reformats": "geo.too_few"}


def path_of(shared_data: Path, name: str) -> Path:
    with (shared_data / "scans" / "scans.csv").open(newline="") as stream:
        return shared_data / "scans" / next(row["path"] for row in csv.DictReader(stream) if row["id"] == name)


@pytest.fixture(scope="module", params=SCANS)
def known(request: pytest.FixtureRequest, shared_data: Path) -> tuple[str, Scan]:
    return request.param, read(path_of(shared_data, request.param))


def test_a_real_scan_has_the_geometry_and_header_that_its_page_gives(known: tuple[str, Scan]) -> None:
    name, scan = known
    n, spacing, vendor, kernel = SCANS[name]
    assert scan.hu.shape == (n, 512, 512)
    assert np.allclose(scan.spacing, spacing, atol=5e-4)
    assert (scan.header.vendor, scan.header.kernel) == (vendor, kernel)
    assert scan.source.orientation == "axial"
    assert len(scan.source.files) == len(scan.source.instance_uids) == n


def test_a_real_scan_holds_the_values_that_pydicom_decodes(shared_data: Path) -> None:
    folder = path_of(shared_data, "c3n-00247")
    scan = read(folder)
    pytest.importorskip("jpeg_ls")
    for k in (0, 40, 98):
        dataset = pydicom.dcmread(folder / scan.source.files[k])
        hu = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
        assert np.array_equal(scan.hu[k], np.maximum(np.rint(hu), -1024))
        assert np.allclose(scan.to_mm((k, 0, 0)), [float(v) for v in dataset.ImagePositionPatient], atol=1e-3)


def test_what_lies_below_air_outside_the_circle_is_air(known: tuple[str, Scan]) -> None:
    name, scan = known
    assert scan.hu.min() == -1024
    assert ("px.padding" in {f.code for f in scan.findings}) == (name == "lidc-idri-0001-part")


def test_the_contrast_that_a_header_names_is_noted(known: tuple[str, Scan]) -> None:
    name, scan = known
    assert (scan.header.contrast is not None) == (name != "lung-dx-a0001")


def test_the_readings_lie_on_the_scan_they_were_made_on(shared_data: Path) -> None:
    scan = read(path_of(shared_data, "qin-lsc-0014"))
    image = nibabel.load(shared_data / "scans" / "qin-lsc-0014-readings.nii.gz")
    marked = np.argwhere(np.asanyarray(image.dataobj) >= 5)
    ras = nibabel.affines.apply_affine(image.affine, marked)
    k, j, i = np.rint(scan.to_index(ras * [-1, -1, 1])).astype(int).T
    assert 0 <= k.min() <= k.max() < len(scan.hu)
    assert np.median(scan.hu[k, j, i]) > -200  # a lesion, not lung


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_volume_is_refused_by_name(name: str, shared_data: Path) -> None:
    path = path_of(shared_data, name)
    with pytest.raises(InputError) as caught:
        read(path)
    assert {finding.code for finding in caught.value.worst()} == {REFUSED[name]}
    assert not any(row.chosen for row in survey(path))


def test_a_tilted_head_of_two_spacings_is_brought_upright_and_says_so(shared_data: Path) -> None:
    scan = read(path_of(shared_data, "ge-head-tilt"))
    found = {f.code: f for f in scan.findings}
    assert found["geo.tilt"].found == "18.5 degrees"
    assert found["geo.uneven"].severity == "limited"
    assert np.allclose(np.abs(scan.affine[:3, :3]) > 1e-6, np.eye(3)[:, ::-1])
