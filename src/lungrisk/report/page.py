"""The page: the record and its pictures through one template, with a policy that lets nothing in from outside."""

from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from numpy.typing import NDArray
from PIL import Image

from lungrisk.core.records import Assessment, Lungs, Nodule, Scan
from lungrisk.core.vocabulary import visible
from lungrisk.report.crops import Crop, crop
from lungrisk.report.record import to_json
from lungrisk.report.rings import rings_on
from lungrisk.report.sampling import LUNG, contours, encode, fit, grey, project, section, size_mm, steps
from lungrisk.report.scale import likelihood_scale, on_ratings
from lungrisk.report.strips import as_data, strip
from lungrisk.report.words import percent, place, volume, volume_range

HERE = Path(__file__).parent
MOST_PICTURED = 20  # nodules with planes on the page; further ones stand there without
EMBEDDED = {  # pictures of `view` that the page holds too, px wide
    "slices.png": 1240,
    "surface.png": 1340,
    "planes.png": 1340,
    "mip.png": 1340,
    "histogram.png": 1000,
}
POLICY = (
    "default-src 'none'; img-src data:; style-src 'sha256-{style}'; script-src 'sha256-{script}'; "
    "base-uri 'none'; form-action 'none'"
)


def render(assessment: Assessment, pictures: dict[str, bytes]) -> str:
    """The page as text; pictures are those of `view`, file name to PNG."""
    style, script = (HERE / "report.css").read_text("utf-8"), (HERE / "viewer.js").read_text("utf-8")
    data, scan = to_json(assessment), assessment.scan
    named = tuple(replace(nodule, id=visible(nodule.id)) for nodule in assessment.nodules)
    assessment = replace(assessment, nodules=named)
    return _template().render(
        data=data,
        policy=POLICY.format(style=_hash(style), script=_hash(script)),
        style=style,
        script=script,
        scale=None if assessment.likelihood is None else likelihood_scale(assessment.likelihood),
        shares=_shares(assessment),
        nodules=_nodules(assessment, data),
        lungs=_lung_picture(scan, assessment.lungs, assessment.nodules),
        pictures={name: _smaller(pictures[name], width) for name, width in EMBEDDED.items() if name in pictures},
        slices=None if scan is None else _viewer_data(scan, assessment.lungs, assessment.nodules),
        slowest=max(data["provenance"]["seconds"].values(), default=0.0),
    )


def _template() -> Template:
    house = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    house.filters.update(percent=percent, place=place, volume=volume, volume_range=volume_range, on_ratings=on_ratings)
    return house.get_template("report.html.jinja")


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode("ascii")


def _shares(assessment: Assessment) -> list[dict[str, Any]]:
    """What the likelihood is made of: the floor, then each nodule's contribution, as parts of 100 % of the bar."""
    if assessment.likelihood is None:
        return []
    parts = [("no nodule", assessment.likelihood.floor)]
    parts += [(nodule.id, nodule.contribution) for nodule in assessment.nodules if nodule.contribution > 0]
    at, shares = 0.0, []
    for name, share in parts:
        shares.append({"name": name, "share": share, "at": round(100 * at, 3), "width": round(100 * share, 3)})
        at += share
    return shares


def _nodules(assessment: Assessment, data: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodules of the JSON, each with its planes where it is among those that are pictured."""
    shown: list[dict[str, Any]] = []
    for nodule, values in zip(assessment.nodules, data["nodules"], strict=True):
        planes = crop(assessment.scan, nodule) if assessment.scan is not None and len(shown) < MOST_PICTURED else ()
        shown.append({**values, "planes": [_plane(part) for part in planes]})
    return shown


def _plane(part: Crop) -> dict[str, Any]:
    return {
        "name": part.plane,
        "side_mm": part.side_mm,
        "picture": _jpeg(part.picture, 88),
        "outline": " ".join(_path(line) for line in part.outlines),
        "letters": {"axial": "RLAP", "coronal": "RLHF", "sagittal": "APHF"}[part.plane],
    }


def _lung_picture(scan: Scan | None, lungs: Lungs | None, nodules: tuple[Nodule, ...]) -> dict[str, Any] | None:
    """The coronal plane with most lung in it, both outlines, the nodules projected onto it; all in mm."""
    if scan is None or lungs is None or not lungs.mask.any():
        return None
    j = int(lungs.mask.sum(axis=(0, 2)).argmax())
    picture = grey(section(scan.hu, 1, j), LUNG)
    pixel_mm = steps(scan.spacing, 1)
    size = size_mm(picture, pixel_mm)
    return {
        "picture": _jpeg(fit(picture, pixel_mm, max(0.6, size[1] / 640)), 85),
        "height": round(size[0], 2),
        "width": round(size[1], 2),
        "left": " ".join(_path(line) for line in contours(section(lungs.left, 1, j), size)),
        "right": " ".join(_path(line) for line in contours(section(lungs.right, 1, j), size)),
        "rings": rings_on(scan, nodules, 1),
    }


def _viewer_data(scan: Scan, lungs: Lungs | None, nodules: tuple[Nodule, ...]) -> str:
    """JSON for the viewer's script, with nothing in it that could end a script element."""
    slices = strip(scan, lungs)
    middle = (np.array(scan.hu.shape[1:]) - 1) / 2
    data = as_data(slices)
    data["z_mm"] = [round(float(scan.to_mm([k, *middle])[2]), 1) for k in slices.indices]
    data["n_slices"] = int(scan.hu.shape[0])
    data["nodules"] = []
    for nodule in nodules:
        across, down = project(scan, nodule.centre_mm, 0)
        data["nodules"].append(
            {
                "id": nodule.id,
                "accepted": nodule.accepted,
                "slice": nodule.slice_index,
                "x": round((across - slices.corner[1] * scan.spacing[2]) / slices.pixel_mm, 1),
                "y": round((down - slices.corner[0] * scan.spacing[1]) / slices.pixel_mm, 1),
                "r": round(max(nodule.long_mm / 2 + 4, 8) / slices.pixel_mm, 1),
                "reach": round(max(nodule.max_3d_mm, scan.spacing[0]) / 2 / scan.spacing[0], 2),
            }
        )
    text = dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _path(line: NDArray[np.float64]) -> str:
    """A closed line as an SVG path, to a hundredth of a mm."""
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in line[:-1]) + "Z"


def _jpeg(picture: NDArray[np.uint8], quality: int) -> str:
    return b64encode(encode(picture, "jpeg", quality=quality)).decode("ascii")


def _smaller(png: bytes, width: int) -> str:
    """A picture of `view` for the page: JPEG in base64."""
    picture = Image.open(BytesIO(png)).convert("RGB")
    if picture.width > width:
        picture = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
    return b64encode(encode(np.asarray(picture), "jpeg", quality=86)).decode("ascii")
