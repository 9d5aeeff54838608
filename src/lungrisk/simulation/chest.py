"""A simulated chest CT with nodules of known place: parameters are drawn first and then applied, so a case can be replayed."""

import csv
import io
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.files import write_atomic
from lungrisk.core.geometry import Affine, Triple, axis_affine
from lungrisk.simulation.anatomy import Body, grow_vessels, lung_distance, paint_airways, slice_hu
from lungrisk.simulation.dicom_series import write_series
from lungrisk.simulation.shapes import Floats, around, coverage, ellipsoid, paint, paint_tube, places

Kind: TypeAlias = Literal["solid", "ground-glass", "calcified"]
SLICES, MATRIX, SPACING = 120, 320, (2.5, 1.1, 1.1)
FIELD_MM = 174.0  # radius of the reconstructed circle; outside is padding
PADDING = -1024
KINDS: tuple[tuple[Kind, float, float], ...] = (  # type, least and greatest diameter in mm
    ("solid", 17.0, 22.0),
    ("solid", 8.0, 11.0),
    ("ground-glass", 12.0, 16.0),
    ("calcified", 5.0, 7.0),
)
NODULE_HU: dict[Kind, float] = {"solid": 35.0, "ground-glass": -620.0, "calcified": 420.0}
BORDER_MM = 9.0  # a nodule keeps this far from the lung's surface


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesion:
    """A nodule as drawn: a ball of known size; spikes (ends in LPS mm) make the largest spiculated."""

    centre_mm: Triple
    diameter_mm: float
    type: Kind
    spikes: tuple[Triple, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chest:
    """Everything that was drawn: from it and the seed of the noise the scan follows."""

    seed: int
    body: Body
    lesions: tuple[Lesion, ...]


def draw(seed: int) -> Chest:
    """Draw a chest and its nodules.

    >>> draw(3) == draw(3), draw(3) == draw(4)
    (True, False)
    """
    rng = np.random.default_rng(seed)
    body = Body(
        size=rng.uniform(0.94, 1.02),
        dome_mm=rng.uniform(45.0, 60.0),
        lung_hu=rng.uniform(-885.0, -850.0),
        noise_hu=rng.uniform(12.0, 20.0),
    )
    body = replace(body, vessels=tuple(grow_vessels(rng, body)))
    lesions: list[Lesion] = []
    for kind, least, greatest in KINDS:
        diameter = rng.uniform(least, greatest)
        centre = _place(rng, body, diameter, lesions)
        spikes = _spikes(rng, centre, diameter) if not lesions else ()
        lesions.append(Lesion(centre_mm=centre, diameter_mm=diameter, type=kind, spikes=spikes))
    return Chest(seed=seed, body=body, lesions=tuple(lesions))


def _place(rng: np.random.Generator, body: Body, diameter: float, others: list[Lesion]) -> Triple:
    ends = np.array([(one[0], one[1]) for one in body.vessels if one[2] > 1.5]).reshape(-1, 3)
    while True:
        point = rng.uniform((-130.0, -75.0, -100.0), (130.0, 75.0, 100.0))
        inside = float(lung_distance(body, *point)) < -(diameter / 2 + BORDER_MM)
        free = np.linalg.norm(ends - point, axis=1).min() > diameter / 2 + 5.0
        apart = all(np.linalg.norm(np.subtract(one.centre_mm, point)) > 45.0 for one in others)
        if inside and free and apart:
            x, y, z = np.round(point, 2).tolist()
            return x, y, z


def _spikes(rng: np.random.Generator, centre: Triple, diameter: float) -> tuple[Triple, ...]:
    ways = rng.normal(size=(14, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    ends = np.asarray(centre) + ways * (diameter / 2 + rng.uniform(3.0, 7.0, size=(14, 1)))
    return tuple((x, y, z) for x, y, z in ends.tolist())


def render(chest: Chest) -> tuple[NDArray[np.int16], Affine]:
    """The scan of a chest: (k, j, i) int16 HU and its affine to LPS mm."""
    half = (MATRIX - 1) / 2 * SPACING[1]
    affine = axis_affine(SPACING, (-half, -half, -150.0))
    x, y, z = places(affine, (slice(0, SLICES), slice(0, MATRIX), slice(0, MATRIX)))
    hu = np.stack([slice_hu(chest.body, x[0], y[0], float(one), SPACING[1]) for one in z.ravel()])
    for tube in chest.body.vessels:
        paint_tube(hu, affine, tube, 40.0)
    paint_airways(hu, affine)
    for lesion in chest.lesions:
        _paint_lesion(hu, affine, lesion)
    _add_noise(hu, np.random.default_rng([chest.seed, 1]), chest.body.noise_hu)
    hu[:, (x**2 + y**2)[0] > FIELD_MM**2] = PADDING
    return np.clip(np.rint(hu), PADDING, 3071).astype(np.int16), affine


def _paint_lesion(hu: Floats, affine: Affine, lesion: Lesion) -> None:
    for end in lesion.spikes:
        paint_tube(hu, affine, (lesion.centre_mm, end, 0.7), 0.0)
    radius = lesion.diameter_mm / 2
    centre = np.asarray(lesion.centre_mm)
    box = around(affine, hu.shape, centre - radius - 3.0, centre + radius + 3.0)
    if box is not None:
        ball = coverage(ellipsoid(places(affine, box), lesion.centre_mm, (radius,) * 3), SPACING[1])
        paint(hu[box], ball, NODULE_HU[lesion.type])


def _add_noise(hu: Floats, rng: np.random.Generator, sd_hu: float) -> None:
    """Noise of a soft kernel: white noise averaged over 2 x 2 pixels of a slice, with the stated deviation."""
    for plane in hu:
        white = rng.normal(scale=2.0 * sd_hu, size=(plane.shape[0] + 1, plane.shape[1] + 1)).astype(np.float32)
        plane += (white[1:, 1:] + white[:-1, 1:] + white[1:, :-1] + white[:-1, :-1]) / 4.0


def simulate_scan(folder: Path, seed: int) -> Path:
    """Write a DICOM series to folder/scan, the truth to folder/truth.json and folder/nodules.csv. Gives the folder."""
    chest = draw(seed)
    hu, affine = render(chest)
    write_series(hu, affine, folder / "scan", description=f"simulated chest, seed {seed}")
    truth = {"kind": "lungrisk-simulated-scan", "version": 1, "seed": seed, "spacing_mm": SPACING, **asdict(chest)}
    write_atomic(folder / "truth.json", json.dumps(truth, indent=1) + "\n")
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["nodule", "x_mm", "y_mm", "z_mm", "diameter_mm", "type"])
    for number, one in enumerate(chest.lesions, 1):
        writer.writerow([number, *one.centre_mm, round(one.diameter_mm, 2), one.type])
    write_atomic(folder / "nodules.csv", table.getvalue())
    return folder
