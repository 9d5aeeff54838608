"""The patients of a simulated cohort: everything about one is drawn here, from (seed, number) alone, and applied elsewhere.

Each part has its own stream of random numbers: a scanner, a chest and a label cannot lean on each other by way of the draw.
"""

from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np

from lungrisk.core.geometry import Triple
from lungrisk.simulation.scanners import Scanner, draw_scanner
from lungrisk.simulation.thorax import Thorax, draw_thorax, lung_depth, lung_heights, third_of
from lungrisk.simulation.truth import Kind, nodule_score, risk_of
from lungrisk.simulation.vessels import grow_airways, grow_vessels

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Family:
    """How nodules of one sort are drawn.

    share: among the benign or the suspicious ones. median_mm, spread, limits_mm: of the log-normal diameter. spiculation,
    lobulation: 1..5, uniform. upper: chance of the upper third.
    """

    name: str
    kind: Kind
    share: float
    median_mm: float
    spread: float
    limits_mm: Range
    spiculation: Range
    lobulation: Range
    upper: float


BENIGN = (
    Family("granuloma", "calcified", 0.36, 5.5, 0.30, (3.5, 11.0), (1.0, 1.0), (1.0, 1.6), 0.35),
    Family("lymph node", "solid", 0.44, 5.0, 0.22, (3.5, 8.0), (1.0, 1.3), (1.0, 1.6), 0.25),
    Family("hamartoma", "solid", 0.10, 8.2, 0.18, (6.0, 11.5), (1.0, 1.3), (1.0, 2.0), 0.33),
    Family("small ground glass", "ground-glass", 0.10, 7.0, 0.22, (5.0, 11.0), (1.0, 1.4), (1.0, 1.6), 0.45),
)
SUSPICIOUS = (
    Family("spiculated", "solid", 0.50, 16.0, 0.30, (9.0, 30.0), (3.0, 5.0), (2.0, 4.0), 0.62),
    Family("lobulated", "solid", 0.22, 17.0, 0.28, (11.0, 30.0), (1.5, 2.5), (3.0, 5.0), 0.50),
    Family("part-solid", "part-solid", 0.20, 17.0, 0.24, (10.0, 28.0), (2.0, 4.0), (2.0, 4.0), 0.62),
    Family("large ground glass", "ground-glass", 0.08, 15.0, 0.20, (10.0, 24.0), (1.5, 2.5), (1.5, 3.0), 0.62),
)
BENIGN_MEAN, BENIGN_MOST = 1.4, 5
SUSPECT_SHARE, SECOND_SHARE = 0.30, 0.08  # patients with a suspicious nodule, and of those the ones with a second
PLEURAL_SHARE = 0.12  # nodules that touch the pleura
APART_MM, CLEAR_MM = 10.0, 4.0
TRIES = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodule:
    """A nodule as drawn. centre_mm: in the chest's own frame. diameter_mm: of the ball of its volume, without spicules.

    solid_share: diameter of the solid part of a part-solid one, share of the whole. form: seed of its surface and texture.
    """

    family: str
    kind: Kind
    centre_mm: Triple
    diameter_mm: float
    spiculation: float
    lobulation: float
    solid_share: float
    hu: float
    side: str
    third: str
    form: tuple[int, ...]

    @property
    def score(self) -> float:
        """Its suspicion on the readers' scale."""
        return nodule_score(self.kind, self.diameter_mm, self.spiculation, self.lobulation, self.third == "upper")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """Everything drawn of a patient. origin_mm: LPS place of the chest's middle. label: cancer, 0 or 1, drawn from the risk."""

    id: str
    key: tuple[int, int]
    thorax: Thorax
    scanner: Scanner
    nodules: tuple[Nodule, ...]
    origin_mm: Triple
    label: int

    @property
    def risk(self) -> float:
        """The stated chance of cancer given the nodules."""
        return risk_of(nodule.score for nodule in self.nodules)


def stream(key: tuple[int, int], name: str) -> np.random.Generator:
    """The random numbers of one part of one patient."""
    return np.random.default_rng([*key, int(sha256(name.encode()).hexdigest()[:8], 16)])


def patient_id(key: tuple[int, int]) -> str:
    """32 hex digits, as the Bowl's ids.

    >>> len(patient_id((1, 0))), patient_id((1, 0)) == patient_id((0, 1))
    (32, False)
    """
    return sha256(f"lungrisk simulated patient {key[0]} {key[1]}".encode()).hexdigest()[:32]


def draw_patient(seed: int, number: int) -> Patient:
    """Draw patient `number` of the cohort of `seed`; no other patient matters.

    >>> draw_patient(1, 5) == draw_patient(1, 5), draw_patient(1, 5) == draw_patient(1, 6)
    (True, False)
    """
    key = (seed, number)
    thorax = draw_thorax(stream(key, "thorax"))
    rng = stream(key, "trees")
    thorax = replace(thorax, vessels=tuple(grow_vessels(rng, thorax)), airways=tuple(grow_airways(rng, thorax)))
    nodules = draw_nodules(stream(key, "nodules"), thorax, key)
    rng = stream(key, "place")
    origin = np.round(rng.uniform((-12.0, -40.0, -320.0), (12.0, 10.0, 260.0)), 2)
    risk = risk_of(nodule.score for nodule in nodules)
    return Patient(
        id=patient_id(key),
        key=key,
        thorax=thorax,
        scanner=draw_scanner(stream(key, "scanner"), 2.0 * thorax.half_width_mm),
        nodules=nodules,
        origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        label=int(stream(key, "label").random() < risk),
    )


def draw_nodules(rng: np.random.Generator, thorax: Thorax, key: tuple[int, int]) -> tuple[Nodule, ...]:
    """Draw the nodules of a chest: suspicious ones in some patients, benign ones in most, the suspicious first."""
    suspects = int(rng.random() < SUSPECT_SHARE) and 1 + int(rng.random() < SECOND_SHARE)
    others = min(int(rng.poisson(BENIGN_MEAN)), BENIGN_MOST)
    nodules: list[Nodule] = []
    for number, families in enumerate([SUSPICIOUS] * suspects + [BENIGN] * others):
        family = families[rng.choice(len(families), p=[one.share for one in families])]
        nodules.append(_draw_nodule(rng, thorax, family, nodules, (*key, number)))
    return tuple(nodules)


def _draw_nodule(
    rng: np.random.Generator, thorax: Thorax, family: Family, others: list[Nodule], form: tuple[int, ...]
) -> Nodule:
    diameter = float(np.clip(rng.lognormal(np.log(family.median_mm), family.spread), *family.limits_mm))
    third = str(rng.choice(["upper", "middle", "lower"], p=[family.upper, *[(1.0 - family.upper) / 2] * 2]))
    hu = {
        "solid": rng.uniform(15.0, 50.0),
        "part-solid": rng.uniform(-520.0, -380.0),
        "ground-glass": rng.uniform(-600.0, -460.0),
        "calcified": rng.uniform(300.0, 900.0),
    }[family.kind]
    spiculation, lobulation = rng.uniform(*family.spiculation), rng.uniform(*family.lobulation)
    solid_share = rng.uniform(0.5, 0.8) if family.kind == "part-solid" else 0.0
    centre = _place(rng, thorax, diameter, third, others)
    return Nodule(
        family=family.name,
        kind=family.kind,
        centre_mm=centre,
        diameter_mm=round(diameter, 2),
        spiculation=round(float(spiculation), 2),
        lobulation=round(float(lobulation), 2),
        solid_share=round(float(solid_share), 2),
        hu=round(float(hu), 1),
        side="left" if centre[0] > 0 else "right",
        third=third_of(thorax, centre[2]),
        form=form,
    )


def _place(rng: np.random.Generator, thorax: Thorax, diameter: float, third: str, others: list[Nodule]) -> Triple:
    """A place in the third of the lung: clear of thick vessels and of other nodules, in the lung or on its surface."""
    pleural = third != "" and rng.random() < PLEURAL_SHARE
    low, high = lung_heights(thorax, third)
    ends = np.array([point for one in thorax.vessels if one[2] > 1.5 for point in one[:2]]).reshape(-1, 3)
    radius = diameter / 2
    for _ in range(TRIES):
        x, y, z = np.round(rng.uniform((-130.0, -95.0, low), (130.0, 95.0, high)), 2).tolist()
        depth = lung_depth(thorax, x, y, z)
        fits = 0.5 * radius < depth < 0.9 * radius if pleural else depth > radius + CLEAR_MM
        if not fits:
            continue
        free = not len(ends) or np.linalg.norm(ends - (x, y, z), axis=1).min() > radius + CLEAR_MM
        apart = all(
            np.linalg.norm(np.subtract(one.centre_mm, (x, y, z))) > radius + one.diameter_mm / 2 + APART_MM
            for one in others
        )
        if (free or third == "") and apart:
            return x, y, z
    return _place(rng, thorax, diameter, "", others)  # a crowded chest: anywhere
