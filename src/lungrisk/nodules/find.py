"""Candidates: places in the lungs that look like a nodule, each with the probability that it is one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.bundle import Bundle
from lungrisk.core.geometry import Triple
from lungrisk.core.records import Lungs, Scan
from lungrisk.engine import run
from lungrisk.nodules.blobs import Blobs, dotness, find_blobs, search_grid
from lungrisk.nodules.planes import MAIN, OBLIQUE, cut_planes
from lungrisk.nodules.thickness import FREE_MM, settle

MOST_BLOBS = 400  # by brightness and roundness, before the network
MOST_JUDGED = 80  # by the three main planes, before the oblique ones
MOST_GIVEN = 40
VIEW_DIAMETERS = 2.0  # a picture shows at least this many diameters of its blob
WIDEST_VIEW_MM = 100.0  # but not more than this
DOTNESS_HU = 50.0  # dotness of a middling blob
NEAR_MM = 5.0
NEAR_SHARE = 0.65  # a blob is one with a better one when nearer than this share of the better one's diameter
NEAR_SHARE_BEFORE = 0.35  # before the network has spoken
AROUND_SHARE = 0.25  # or when it holds the better one near its middle


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A place that may be a nodule.

    centre_mm: LPS. diameter_mm: from the scale of the blob; rough. probability: of being a nodule, 0..1. response_hu: how
    far it stands out. roundness: weakest over strongest curvature, 1 for a ball, 0 for a tube or a plate.
    thickness_mm: diameter of the largest ball of dense tissue there, for large blobs, else 0. logit: mean log odds of the
    network over all planes, lowest_logit: over the third of them that speak against it most.
    """

    centre_mm: Triple
    diameter_mm: float
    probability: float
    response_hu: float
    roundness: float
    thickness_mm: float
    logit: float
    lowest_logit: float


def find_candidates(scan: Scan, lungs: Lungs, bundle: Bundle) -> tuple[Candidate, ...]:
    """The most probable nodules of a scan, best first; none where there are no lungs.

    bundle: of task "candidate". Blobs of eight sizes are sought on a coarse grid inside the lungs, judged by the network on
    planes through them (a vessel looks like a nodule across its course, but not along it), and thinned so that no two are one.
    """
    mask = lungs.mask
    if not mask.any():
        return ()
    grid, affine = search_grid(scan.hu, mask, scan.affine)
    blobs = find_blobs(grid, affine, MOST_BLOBS)
    if not len(blobs.response):
        return ()
    blobs = settle(blobs.take(apart(blobs, dotness(blobs.curvature), NEAR_SHARE_BEFORE)), grid, affine)
    main = judge(scan, blobs, bundle, np.array(MAIN))
    best = np.argsort(-combine(blobs, main, bundle), kind="stable")[:MOST_JUDGED]
    blobs = blobs.take(best)
    logits = np.concatenate([main[best], judge(scan, blobs, bundle, np.array(OBLIQUE))], axis=1)
    probability = combine(blobs, logits, bundle)
    chosen = apart(blobs, probability, NEAR_SHARE)[:MOST_GIVEN]
    return tuple(_candidate(blobs, logits, probability, row) for row in chosen)


def judge(scan: Scan, blobs: Blobs, bundle: Bundle, planes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The network's log odds on planes through each blob, (n, planes): mean over its folds, or those of `use_folds`."""
    size, finest = int(bundle.settings["view"]["pixels"]), float(bundle.settings["view"]["pixel_mm"])
    pixel_mm = np.maximum(finest, np.minimum(VIEW_DIAMETERS * blobs.diameter_mm, WIDEST_VIEW_MM) / size)
    pictures = cut_planes(scan.hu, scan.affine, blobs.centre_mm, pixel_mm, size, planes)
    logits = run(bundle, hu=pictures.reshape(-1, size, size))["fold_logits"]
    use = bundle.settings.get("use_folds")
    logits = (logits if use is None else logits[:, use]).mean(axis=1)
    return np.asarray(logits.reshape(len(pictures), len(planes)), np.float64)


def lowest(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the lowest third of the planes, (n, p) to (n,)."""
    third = max(1, logits.shape[1] // 3)
    return np.asarray(np.sort(logits, axis=1)[:, :third].mean(axis=1))


def combine(blobs: Blobs, logits: NDArray[np.float64], bundle: Bundle) -> NDArray[np.float64]:
    """Probability of a nodule, (n,), by the logistic sum that the bundle's calibration gives.

    Tissue thicker than FREE_MM counts by its thickness, all else by how ball-like and bright it is.
    """
    weights = bundle.settings["calibration"]["weights"]
    total = weights["offset"] + weights["mean"] * logits.mean(axis=1) + weights["lowest"] * lowest(logits)
    round_and_bright = weights["log_dotness"] * np.log(np.maximum(dotness(blobs.curvature), 1.0) / DOTNESS_HU)
    beyond = blobs.thickness_mm - FREE_MM
    total += np.where(beyond > 0, weights["thickness"] * np.minimum(beyond, FREE_MM), round_and_bright)
    return np.asarray(1 / (1 + np.exp(-total)))


def apart(blobs: Blobs, worth: NDArray[np.float64], near_share: float) -> NDArray[np.int64]:
    """Rows of blobs by falling worth, without those that are one with a better one."""
    kept: list[int] = []
    for row in np.argsort(-worth, kind="stable"):
        distance = np.linalg.norm(blobs.centre_mm[kept] - blobs.centre_mm[row], axis=1) if kept else np.zeros(0)
        reach = np.maximum(near_share * blobs.diameter_mm[kept], AROUND_SHARE * blobs.diameter_mm[row])
        reach = np.maximum(NEAR_MM, reach)
        if not (distance < reach).any():
            kept.append(int(row))
    return np.array(kept, np.int64)


def _candidate(blobs: Blobs, logits: NDArray[np.float64], probability: NDArray[np.float64], row: int) -> Candidate:
    x, y, z = (float(value) for value in blobs.centre_mm[row])
    curvature = blobs.curvature[row]
    return Candidate(
        centre_mm=(x, y, z),
        diameter_mm=float(blobs.diameter_mm[row]),
        probability=float(probability[row]),
        response_hu=float(blobs.response[row]),
        roundness=float(max(curvature[0], 0.0) / max(curvature[2], 1e-6)),
        thickness_mm=float(blobs.thickness_mm[row]),
        logit=float(logits[row].mean()),
        lowest_logit=float(lowest(logits[row : row + 1])[0]),
    )
