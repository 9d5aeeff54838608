"""The line: what it gives, what it refuses, and that a refusal carries no number."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lungrisk.assessment import assess
from lungrisk.core.errors import EnvironmentFault, UsageFault
from lungrisk.core.geometry import axis_affine
from lungrisk.core.records import Assessment, Scan
from lungrisk.formats import read
from lungrisk.simulation.chest import draw, render


@pytest.fixture(scope="module")
def done(chest: Path) -> Assessment:
    return assess(chest / "scan")


def head_of(size: int = 50) -> Scan:
    """A ball of soft tissue in air: something, but no chest."""
    k, j, i = np.indices((size, 160, 160))
    inside = ((k - size / 2) * 5) ** 2 + ((j - 80) * 1.9) ** 2 + ((i - 80) * 1.9) ** 2 < 80**2
    return Scan(hu=np.where(inside, 40, -1000).astype(np.int16), affine=axis_affine((2.5, 1.9, 1.9)))


def test_a_chest_gets_a_likelihood_with_its_interval_and_its_basis(done: Assessment) -> None:
    assert done.status in {"assessed", "limited"}
    chance = done.likelihood
    assert chance is not None
    assert 0 < chance.low < chance.value < chance.high < 1
    assert "Bowl" in chance.basis
    assert chance.floor + sum(nodule.contribution for nodule in done.nodules) == pytest.approx(chance.value)


def test_every_room_tells_its_seconds_and_its_name(chest: Path) -> None:
    rooms: list[str] = []
    result = assess(chest / "scan", progress=rooms.append)
    assert rooms == ["read", "check", "lungs", "nodules", "risk"] == list(result.provenance["seconds"])


def test_a_scan_in_hand_is_assessed_as_its_files_are(chest: Path, done: Assessment) -> None:
    again = assess(read(chest / "scan"))
    assert again.likelihood == done.likelihood


def test_another_prevalence_moves_the_likelihood_and_is_named(chest: Path, done: Assessment) -> None:
    rare = assess(chest / "scan", prevalence=0.01).likelihood
    assert rare is not None
    assert done.likelihood is not None
    assert rare.value < done.likelihood.value
    assert rare.prevalence == 0.01
    assert "1.0%" in rare.basis


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (head_of(), "anat.no_lung"),
        (head_of(12), "cov.short"),
    ],
    ids=["no lungs", "short"],
)
def test_what_cannot_be_judged_is_refused_without_a_number(source: Scan, code: str) -> None:
    result = assess(source)
    assert result.status == "refused"
    assert result.likelihood is None
    assert result.nodules == ()
    assert code in {finding.code for finding in result.findings if finding.severity == "refused"}


def test_files_that_cannot_be_read_are_refused_with_the_readers_finding(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    result = assess(tmp_path)
    assert (result.status, result.scan, result.likelihood) == ("refused", None, None)
    assert any(finding.code == "file.none" for finding in result.findings)


def test_a_chest_without_nodules_gets_the_floor_and_says_so() -> None:
    hu, affine = render(replace(draw(0), lesions=()))
    result = assess(Scan(hu=hu, affine=affine))
    assert result.likelihood is not None
    assert not any(nodule.accepted for nodule in result.nodules)
    assert result.likelihood.value == pytest.approx(result.likelihood.floor)
    assert "nod.none" in {finding.code for finding in result.findings}


def test_cut_lungs_are_never_given_a_number_without_a_word(chest: Path) -> None:
    scan = read(chest / "scan")
    upper = replace(scan, hu=scan.hu[scan.hu.shape[0] // 2 :])
    result = assess(upper)
    assert result.status in {"limited", "refused"}
    assert {"cov.lung_cut", "cov.lung_part", "cov.short"} & {finding.code for finding in result.findings}


def test_a_wrong_call_and_a_missing_bundle_are_raised(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=r"use\.missing"):
        assess(tmp_path / "nowhere")
    with pytest.raises(UsageFault, match=r"use\.option"):
        assess(tmp_path, prevalence=2)
    with pytest.raises(EnvironmentFault, match=r"env\.bundle"):
        assess(tmp_path, malignancy=tmp_path)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("qin-lsc-0014.zip", (-21.1, -137.2, 237.1)),
        ("c3n-00247", (-81, -190, -191)),
        ("lung-dx-a0001.zip", (43, 203, -209)),
    ],
    ids=["qin-lsc-0014", "c3n-00247", "lung-dx-a0001"],
)
def test_the_known_lesion_of_a_real_scan_is_among_the_first_three(
    shared_data: Path, name: str, place: tuple[float, float, float]
) -> None:
    result = assess(shared_data / "scans" / name)
    assert result.likelihood is not None
    distances = [np.linalg.norm(np.subtract(nodule.centre_mm, place)) for nodule in result.nodules[:3]]
    assert min(distances) < 10
