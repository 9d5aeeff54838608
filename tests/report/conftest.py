"""An assessment of known truth: a chest of ellipsoids with a ball in the left lung, made here by arithmetic alone."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from lungrisk.core.findings import find
from lungrisk.core.geometry import Affine, apply_affine, axis_affine, shift_affine
from lungrisk.core.records import (
    Assessment,
    Estimate,
    Header,
    Likelihood,
    Lungs,
    Nodule,
    Rating,
    Scan,
    Source,
)

SHAPE = (56, 88, 100)
SPACING = (5.0, 3.5, 3.5)
ORIGIN = (-173.0, -152.0, -140.0)
BALL_MM = (72.0, 10.0, 20.0)  # in the left lung
BALL_RADIUS_MM = 11.0


def places(shape: tuple[int, ...], affine: Affine) -> NDArray[np.float64]:
    return apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1))


def ellipsoid(at: NDArray[np.float64], centre: tuple[float, ...], radii: tuple[float, ...]) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (((at - centre) / radii) ** 2).sum(axis=-1) <= 1.0
    return inside


def make_nodule(name: str, centre: tuple[float, float, float], radius: float, scan: Scan) -> Nodule:
    """A ball whose mask lies on its own, finer grid."""
    affine = shift_affine(axis_affine((1.0, 1.0, 1.0), centre), (-20, -20, -20))
    mask = np.linalg.norm(places((41, 41, 41), affine) - centre, axis=-1) <= radius
    size = 4 / 3 * np.pi * radius**3
    return Nodule(
        id=name,
        centre_mm=centre,
        mask=mask,
        affine=affine,
        side="left",
        third="middle",
        diameter_mm=2 * radius,
        long_mm=2 * radius,
        short_mm=2 * radius,
        max_3d_mm=2 * radius,
        volume_mm3=Estimate(value=size, low=0.9 * size, high=1.1 * size),
        mean_hu=30.0,
        type="solid",
        nodule_probability=0.97,
        malignancy=Rating(mean=4.0, sd=0.4, low=3.2, high=4.8),
        accepted=True,
        slice_index=round(float(scan.to_index(centre)[0])),
        contribution=0.38,
    )


@pytest.fixture(scope="session")
def scan() -> Scan:
    affine = axis_affine(SPACING, ORIGIN)
    at = places(SHAPE, affine)
    hu = np.full(SHAPE, -1000, np.int16)
    hu[ellipsoid(at * (1, 1, 0), (0, 0, 0), (165, 120, 1))] = 40
    for side in (-1, 1):
        hu[ellipsoid(at, (side * 75, 0, 0), (55, 80, 115))] = -850
    hu[ellipsoid(at * (1, 1, 0), (0, 85, 0), (18, 18, 1))] = 700
    hu[np.linalg.norm(at - BALL_MM, axis=-1) <= BALL_RADIUS_MM] = 30
    return Scan(
        hu=hu,
        affine=affine,
        header=Header(vendor="Maker", kernel="SOFT", kvp=120.0, thickness_mm=5.0),
        source=Source(format="dicom", series_hash="0a" * 32, instance_uids=tuple(f"uid-{k}" for k in range(SHAPE[0]))),
        findings=(find("px.padding"),),
    )


@pytest.fixture(scope="session")
def lungs(scan: Scan) -> Lungs:
    at = places(SHAPE, scan.affine)
    left, right = (ellipsoid(at, (side * 75, 0, 0), (55, 80, 115)) for side in (1, -1))
    litre = scan.voxel_mm3 / 1000
    return Lungs(left=left, right=right, left_ml=left.sum() * litre, right_ml=right.sum() * litre, coverage=1.0)


@pytest.fixture(scope="session")
def nodules(scan: Scan) -> tuple[Nodule, ...]:
    other = make_nodule("N2", (-60.0, 20.0, -40.0), 4.0, scan)
    return (
        make_nodule("N1", BALL_MM, BALL_RADIUS_MM, scan),
        replace(other, side="right", third="lower", accepted=False, contribution=0.0, nodule_probability=0.2),
    )


@pytest.fixture(scope="session")
def assessment(scan: Scan, lungs: Lungs, nodules: tuple[Nodule, ...]) -> Assessment:
    return Assessment(
        status="limited",
        scan=scan,
        lungs=lungs,
        nodules=nodules,
        likelihood=Likelihood(
            value=0.4212345678,
            low=0.11,
            high=0.8,
            floor=0.0412345678,
            prevalence=0.2627,
            basis="It means this. It was fitted so.",
        ),
        findings=(find("acq.contrast"), find("geo.thick", found="5 mm", expected="2.5 mm or less")),
        provenance={
            "lungrisk": "0.1.0",
            "bundles": [{"name": "outline", "sha256": "cd" * 32}, {"name": "malignancy", "sha256": "ab" * 32}],
            "recipe_hash": "0123456789abcdef",
            "platform": "a machine",
            "seconds": {"formats": 0.5, "lungs": 1.25},
            "date": "2026-01-01T00:00:00Z",
        },
    )


@pytest.fixture(scope="session")
def refused() -> Assessment:
    return Assessment(
        status="refused",
        scan=None,
        lungs=None,
        nodules=(),
        likelihood=None,
        findings=(find("geo.too_few", found=2, expected="8 or more", files=["a/1.dcm"]),),
        provenance={},
    )
