"""The drawn patients: each from its number alone, with the stated distributions, and nothing but nodules tells the label."""

import numpy as np
import pytest

from lungrisk.simulation.patients import BENIGN, SUSPICIOUS, Nodule, draw_nodules, draw_patient, stream
from lungrisk.simulation.scanners import Scanner, draw_scanner
from lungrisk.simulation.thorax import Thorax, draw_thorax, lung_depth, third_of
from lungrisk.simulation.truth import best_log_loss, risk_of

MANY = 500


@pytest.fixture(scope="module")
def many() -> list[tuple[Thorax, Scanner, tuple[Nodule, ...]]]:
    """Patients without their vessels, which take long to grow and matter to no figure here."""
    drawn = []
    for number in range(MANY):
        key = (77, number)
        thorax = draw_thorax(stream(key, "thorax"))
        scanner = draw_scanner(stream(key, "scanner"), 2 * thorax.half_width_mm)
        drawn.append((thorax, scanner, draw_nodules(stream(key, "nodules"), thorax, key)))
    return drawn


def test_a_patient_follows_from_its_number_alone() -> None:
    assert draw_patient(3, 7) == draw_patient(3, 7)
    others = {draw_patient(seed, number).id for seed, number in ((3, 7), (3, 8), (4, 7), (7, 3))}
    assert len(others) == 4
    assert all(len(one) == 32 and set(one) <= set("0123456789abcdef") for one in others)


def test_the_cohort_is_as_hard_as_stated(many: list[tuple[Thorax, Scanner, tuple[Nodule, ...]]]) -> None:
    risk = np.array([risk_of(nodule.score for nodule in nodules) for _, _, nodules in many])
    pairs = risk[:, None] * (1 - risk[None])
    np.fill_diagonal(pairs, 0.0)
    wins = (risk[:, None] > risk[None]) + 0.5 * (risk[:, None] == risk[None])
    assert 0.26 < risk.mean() < 0.35
    assert 0.29 < best_log_loss(risk) < 0.37
    assert 0.86 < (wins * pairs).sum() / pairs.sum() < 0.93


def test_nodules_lie_in_the_lungs_with_the_numbers_of_their_family(
    many: list[tuple[Thorax, Scanner, tuple[Nodule, ...]]],
) -> None:
    families = {one.name: one for one in (*BENIGN, *SUSPICIOUS)}
    counts = [len(nodules) for _, _, nodules in many]
    assert min(counts) == 0
    assert max(counts) <= 7
    assert 1.4 < np.mean(counts) < 2.1
    for thorax, _, nodules in many:
        for nodule in nodules:
            family = families[nodule.family]
            assert nodule.kind == family.kind
            assert family.limits_mm[0] <= nodule.diameter_mm <= family.limits_mm[1]
            assert lung_depth(thorax, *nodule.centre_mm) > 0.2 * nodule.diameter_mm
            assert nodule.third == third_of(thorax, nodule.centre_mm[2])
            assert (nodule.side == "left") == (nodule.centre_mm[0] > 0)


def test_suspicious_nodules_prefer_the_upper_lobe(many: list[tuple[Thorax, Scanner, tuple[Nodule, ...]]]) -> None:
    names = {one.name for one in SUSPICIOUS}
    upper = [nodule.third == "upper" for _, _, nodules in many for nodule in nodules if nodule.family in names]
    assert 0.45 < np.mean(upper) < 0.72


def test_neither_scanner_nor_body_tells_the_risk(many: list[tuple[Thorax, Scanner, tuple[Nodule, ...]]]) -> None:
    """The correlation of what is drawn beside the nodules with the risk stays within four standard errors of none."""
    risk = np.array([risk_of(nodule.score for nodule in nodules) for _, _, nodules in many])
    columns = {
        "slices": [thorax.size / scanner.spacing_mm for thorax, scanner, _ in many],
        "spacing": [scanner.spacing_mm for _, scanner, _ in many],
        "thickness": [scanner.thickness_mm for _, scanner, _ in many],
        "pixel": [scanner.pixel_mm for _, scanner, _ in many],
        "noise": [scanner.noise_hu for _, scanner, _ in many],
        "sharp": [scanner.sharp for _, scanner, _ in many],
        "bare": [scanner.bare for _, scanner, _ in many],
        "rising": [scanner.rising for _, scanner, _ in many],
        "unsigned": [scanner.storing == "unsigned" for _, scanner, _ in many],
        "vendor": [scanner.vendor.name == "SIEMENS" for _, scanner, _ in many],
        "dose": [scanner.current_ma for _, scanner, _ in many],
        "size": [thorax.size for thorax, _, _ in many],
        "width": [thorax.half_width_mm for thorax, _, _ in many],
        "depth": [thorax.half_depth_mm for thorax, _, _ in many],
        "fat": [thorax.fat_mm for thorax, _, _ in many],
        "breasts": [thorax.breasts for thorax, _, _ in many],
        "lung": [thorax.lung_hu for thorax, _, _ in many],
        "emphysema": [thorax.emphysema for thorax, _, _ in many],
    }
    told = {name: abs(np.corrcoef(np.array(values, float), risk)[0, 1]) for name, values in columns.items()}
    assert max(told.values()) < 4 / MANY**0.5, told


def test_labels_are_drawn_from_the_risk() -> None:
    patients = [draw_patient(21, number) for number in range(40)]
    risk, label = (np.array(one) for one in zip(*[(one.risk, one.label) for one in patients], strict=True))
    spread = np.sqrt((risk * (1 - risk)).sum())
    assert abs(label.sum() - risk.sum()) < 4 * spread
    assert label[risk > 0.7].mean() > label[risk < 0.3].mean() + 0.3
