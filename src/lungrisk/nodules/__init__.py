"""Nodules: found, outlined, measured, rated, a file each; here they become one list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lungrisk.core import findings  # the room has a file named find
from lungrisk.core.bundle import Bundle, open_bundle
from lungrisk.core.geometry import Affine, shift_affine
from lungrisk.core.records import Lungs, Nodule, Rating, Recipe, Scan
from lungrisk.nodules.find import Candidate, find_candidates
from lungrisk.nodules.measure import Measurements, measure, volume_interval
from lungrisk.nodules.place import place_in_lungs
from lungrisk.nodules.rate import nodule_type, rate
from lungrisk.nodules.segment import SPACING, WINDOW_HU, Outline, outline_many
from lungrisk.nodules.unexplained import name_unexplained as name_unexplained

RECIPE = Recipe(name="nodules", spacing=SPACING, window=WINDOW_HU)  # of the finest cubes that the networks see
TASKS = ("candidate", "outline", "malignancy")
MOST_OUTLINED = 24
MOST_LISTED = 12
WORTH_OUTLINING = 0.05  # probability: beyond as many as are listed, what is less than this is not looked at further
SURROUNDINGS_MM = 24.0  # about an outline, that the rating looks at
LEAST_MM = 3.0  # nothing smaller is called a nodule (LIDC's limit)
SAME_SHARE = 0.3  # of the smaller outline inside the larger one: then they are one nodule
THICK_MM, THICK_SLICES = 3.0, 2.0  # in slices thicker than this, a nodule must span this many


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """A candidate with its outline and measurements; box: of its mask on the scan's grid, start and stop (k, j, i)."""

    candidate: Candidate
    outline: Outline
    measured: Measurements
    start: NDArray[np.int64]

    @property
    def stop(self) -> NDArray[np.int64]:
        """End of the mask's box, exclusive."""
        return self.start + self.outline.mask.shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the bundles say beside their networks: the least probability that is accepted, the error of volumes by size."""

    accept: float
    volumes: Sequence[Mapping[str, float]]


def find_nodules(scan: Scan, lungs: Lungs, bundles: Mapping[str, Bundle] | None = None) -> tuple[Nodule, ...]:
    """The nodules of a scan, the most suspicious first: accepted ones, then candidates that were not.

    bundles: task to bundle for "candidate", "outline" and "malignancy"; None: the shipped ones.
    Gives at most 12; `contribution` is 0 until `risk.likelihood` fills it. Where more than are outlined or listed are probable
    nodules, the last one listed carries `nod.many`. Raises EnvironmentFault when a bundle is missing.
    """
    bundles = bundles or {task: open_bundle(task, task) for task in TASKS}
    candidates = find_candidates(scan, lungs, bundles["candidate"])
    n_outlined = n_worth_outlining([candidate.probability for candidate in candidates])
    candidates, unseen = candidates[:n_outlined], candidates[n_outlined:]
    outlines = outline_many(
        scan.hu,
        scan.affine,
        [candidate.centre_mm for candidate in candidates],
        bundles["outline"],
        sizes_mm=[candidate.diameter_mm for candidate in candidates],
    )
    found = part_overlaps([_found(scan, *pair) for pair in zip(candidates, outlines, strict=True)])
    ratings = rate([surroundings(scan, item.outline.mask, item.start) for item in found], bundles["malignancy"])
    rules = Rules(
        accept=float(bundles["candidate"].settings["calibration"]["accept"]),
        volumes=bundles["outline"].settings["calibration"].get("volume", ()),
    )
    nodules = [_nodule(scan, lungs, item, rating, rules) for item, rating in zip(found, ratings, strict=True)]
    n_left_out = sum(candidate.probability >= rules.accept for candidate in unseen)
    return tuple(listed(nodules, n_left_out))


def n_worth_outlining(probabilities: Sequence[float]) -> int:
    """How many candidates, the most probable first, are outlined: as many as are listed, and whatever else may be a nodule.

    >>> n_worth_outlining([0.9, 0.8] + [0.01] * 38), n_worth_outlining([0.9] * 14 + [0.01] * 26), n_worth_outlining([0.9] * 40)
    (12, 14, 24)
    """
    n_likely = sum(probability >= WORTH_OUTLINING for probability in probabilities)
    return min(MOST_OUTLINED, max(MOST_LISTED, n_likely))


def listed(nodules: Sequence[Nodule], n_left_out: int = 0) -> list[Nodule]:
    """The first 12 in order and numbered: accepted ones first, then by suspicion.

    n_left_out: probable nodules that were not even outlined. They and the accepted ones that the list has no room for are
    counted in a finding `nod.many` of the last one listed.
    """
    ranked = sorted(nodules, key=lambda nodule: (not nodule.accepted, -suspicion(nodule)))
    n_left_out += sum(nodule.accepted for nodule in ranked[MOST_LISTED:])
    kept = [replace(nodule, id=f"n{rank}") for rank, nodule in enumerate(ranked[:MOST_LISTED], start=1)]
    if n_left_out:
        many = findings.find("nod.many", found=f"{n_left_out} more", expected=f"at most {MOST_LISTED} nodules")
        kept[-1] = replace(kept[-1], findings=(*kept[-1].findings, many))
    return kept


def suspicion(nodule: Nodule) -> float:
    """What the list is sorted by: how malignant it looks, as far as it is a nodule; 0..4."""
    return nodule.nodule_probability * (nodule.malignancy.mean - 1)


def _found(scan: Scan, candidate: Candidate, outline: Outline) -> Found:
    start = np.round(scan.to_index(outline.affine[:3, 3])).astype(np.int64)
    measured = measure(outline.field, outline.field_affine, outline.hu)
    return Found(candidate=candidate, outline=outline, measured=measured, start=start)


def part_overlaps(found: Sequence[Found]) -> list[Found]:
    """Without those whose outline is one with that of a more probable candidate."""
    kept: list[Found] = []
    for item in sorted(found, key=lambda item: -item.candidate.probability):
        if not any(_overlap(item, other) > SAME_SHARE for other in kept):
            kept.append(item)
    return kept


def _overlap(one: Found, other: Found) -> float:
    """Share of the smaller mask that lies in the larger."""
    low, high = np.maximum(one.start, other.start), np.minimum(one.stop, other.stop)
    if (low >= high).any():
        return 0.0
    parts = [item.outline.mask[tuple(map(slice, low - item.start, high - item.start))] for item in (one, other)]
    return float((parts[0] & parts[1]).sum() / min(one.outline.mask.sum(), other.outline.mask.sum()))


def surroundings(
    scan: Scan, outline: NDArray[np.bool_], start: NDArray[np.int64]
) -> tuple[NDArray[np.int16], Affine, NDArray[np.bool_]]:
    """HU about an outline with the affine, and its mask on the same grid: what a rating looks at.

    outline: (k, j, i), the cropped mask on the scan's grid. start: (3,), index (k, j, i) of its first voxel.
    """
    margin = np.array([1, *np.ceil(SURROUNDINGS_MM / np.array(scan.spacing[1:]))], np.int64)
    stop = start + outline.shape
    low = np.maximum(start - margin, 0)
    high = np.minimum(stop + margin, scan.hu.shape)
    mask = np.zeros(high - low, np.bool_)
    mask[tuple(map(slice, start - low, stop - low))] = outline
    return scan.hu[tuple(map(slice, low, high))], shift_affine(scan.affine, low), mask


def least_mm(scan: Scan) -> float:
    """Diameter from which a nodule may be accepted: in thick slices, overlapping ones too, smaller ones are vessels' bends."""
    return LEAST_MM if scan.slice_mm <= THICK_MM else THICK_SLICES * scan.slice_mm


def _nodule(scan: Scan, lungs: Lungs, item: Found, rating: Rating, rules: Rules) -> Nodule:
    measured = item.measured
    probable = item.candidate.probability >= rules.accept
    large_enough = measured.diameter_mm >= least_mm(scan)
    lost = any(finding.code == "nod.outline" for finding in item.outline.findings)
    k, j, i = np.clip(np.round(scan.to_index(measured.centre_mm)).astype(int), 0, np.array(scan.hu.shape) - 1).tolist()
    side, third = place_in_lungs(lungs, (k, j, i))
    return Nodule(
        id="",
        centre_mm=measured.centre_mm,
        mask=item.outline.mask,
        affine=item.outline.affine,
        side=side,
        third=third,
        diameter_mm=measured.diameter_mm,
        long_mm=measured.long_mm,
        short_mm=measured.short_mm,
        max_3d_mm=measured.max_3d_mm,
        volume_mm3=volume_interval(measured.volume_mm3, rules.volumes),
        mean_hu=measured.mean_hu,
        type=nodule_type(*surroundings(scan, item.outline.mask, item.start)),
        nodule_probability=item.candidate.probability,
        malignancy=rating,
        accepted=probable and large_enough and not lost,
        slice_index=k,
        findings=item.outline.findings if probable else (),  # of what is no nodule nobody needs to know
    )
