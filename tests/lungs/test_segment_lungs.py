import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from lung_phantom import CARINA_Z, Chest, Made, Z, crop, dice, make

from lungrisk.core.records import Lungs, Scan
from lungrisk.formats import read
from lungrisk.lungs import segment_lungs
from lungrisk.lungs import shapes as shapes_module


@pytest.fixture(scope="module")
def plain() -> Made:
    return make(Chest())


@pytest.fixture(scope="module")
def found(plain: Made) -> Lungs:
    return segment_lungs(plain.scan)


def codes(lungs: Lungs) -> list[str]:
    return [finding.code for finding in lungs.findings]


@pytest.mark.parametrize("spacing", [(2.5, 1.85, 1.85), (5.0, 1.2, 1.2), (1.0, 1.85, 1.85), (3.0, 0.95, 1.1)])
def test_both_lungs_of_a_known_chest_are_found_at_any_spacing(spacing: tuple[float, float, float]) -> None:
    made = make(Chest(spacing=spacing))
    lungs = segment_lungs(made.scan)
    assert dice(lungs.left, made.left) >= 0.97
    assert dice(lungs.right, made.right) >= 0.97
    for value, truth in ((lungs.left_ml, made.left), (lungs.right_ml, made.right)):
        assert value == pytest.approx(truth.sum() * made.scan.voxel_mm3 / 1000, rel=0.04)
    assert lungs.findings == ()
    assert lungs.coverage == 1.0


def test_the_left_lung_is_at_larger_x_and_they_do_not_overlap(plain: Made, found: Lungs) -> None:
    left, right = (plain.scan.to_mm(np.argwhere(side).mean(0))[0] for side in (found.left, found.right))
    assert left > 0 > right
    assert not (found.left & found.right).any()


def test_trachea_and_main_bronchi_are_outside_and_vessels_inside(plain: Made, found: Lungs) -> None:
    lumen = plain.parts["lumen"]
    trachea = lumen & (np.arange(len(lumen)) > (CARINA_Z - Z[0]) / 2.5 + 4)[:, None, None]
    assert found.mask[trachea].mean() < 0.001
    assert found.mask[lumen].mean() < 0.1  # the bronchi's ends lie in the lung
    assert found.mask[plain.parts["vessels"]].mean() > 0.98


def test_table_arms_and_bowel_gas_do_not_matter(found: Lungs) -> None:
    bare = segment_lungs(make(Chest(table=False, arms=False, bowel=False)).scan)
    assert dice(found.left, bare.left) > 0.999
    assert dice(found.right, bare.right) > 0.999


def test_noise_and_a_missing_trachea_do_not_matter() -> None:
    made = make(Chest(noise=110, airways=False))
    lungs = segment_lungs(made.scan)
    assert min(dice(lungs.left, made.left), dice(lungs.right, made.right)) > 0.96


@pytest.mark.parametrize("where", ["chest wall", "diaphragm", "inside"])
@pytest.mark.parametrize("radii", [(4.0, 10.0), (6.0, 15.0), (20.0,)])
def test_nodules_of_8_to_40_mm_on_the_pleura_stay_inside(where: str, radii: tuple[float, ...]) -> None:
    wall, dome = -60 - 48, -160 + (90**2 - 20**2) ** 0.5  # x of the wall at y = z = 0; z of the right dome at y = 20
    balls = []
    for sign, radius in zip((-1, 1), radii, strict=False):
        centre = {
            "chest wall": (sign * (-wall - 0.6 * radius - 0.5), 0.0, 0.0),
            "diaphragm": (-60.0, 20.0, dome + 0.6 * radius) if sign < 0 else (60.0, 20.0, dome - 5 + 0.6 * radius),
            "inside": (sign * 65.0, 10.0, 0.0),
        }[where]
        balls.append((*centre, radius, 30))
    made = make(Chest(balls=tuple(balls)))
    lungs = segment_lungs(made.scan)
    points = made.scan.to_mm(np.stack(np.indices(made.scan.hu.shape), -1))
    for *centre, radius, _ in balls:
        ball = np.linalg.norm(points - centre, axis=-1) <= radius
        part = ball & (made.left | made.right)  # what lies in the wall was never lung
        assert lungs.mask[part].mean() >= (0.95 if radius >= 6 else 0.8), radius
    assert dice(lungs.mask, made.left | made.right) > 0.97


@pytest.mark.parametrize(("gone", "there"), [("left", "right"), ("right", "left")])
def test_a_missing_lung_is_said_and_the_other_keeps_its_side(gone: str, there: str) -> None:
    made = make(Chest(without=(gone,)))
    lungs = segment_lungs(made.scan)
    assert "anat.one_lung" in codes(lungs)
    assert not getattr(lungs, gone).any()
    assert dice(getattr(lungs, there), getattr(made, there)) > 0.96


def test_no_lungs_are_refused() -> None:
    lungs = segment_lungs(make(Chest(without=("left", "right"))).scan)
    assert codes(lungs) == ["anat.no_lung"]
    assert lungs.findings[0].severity == "refused"
    assert not lungs.mask.any()


def test_lungs_of_pure_air_are_refused_for_what_they_are(plain: Made) -> None:
    hu = np.where(plain.left | plain.right, -1000, plain.scan.hu).astype(np.int16)
    (finding,) = segment_lungs(Scan(hu=hu, affine=plain.scan.affine)).findings
    assert (finding.code, finding.severity) == ("anat.no_lung", "refused")
    assert "pure air" in str(finding.found)


@pytest.mark.parametrize("value", [-940, -700])
def test_gas_of_the_bowel_is_no_lung_whatever_its_values(plain: Made, found: Lungs, value: int) -> None:
    hu = plain.scan.hu.copy()
    x, y, z = np.moveaxis(plain.scan.to_mm(np.stack(np.indices(hu.shape), -1)), -1, 0)
    hu[(np.hypot(x - 45, y + 45) < 26) & (z < -110)] = value  # a colon that the scan's lower end cuts
    lungs = segment_lungs(Scan(hu=hu, affine=plain.scan.affine))
    assert codes(lungs) == []
    assert lungs.coverage == 1.0
    assert dice(lungs.left, found.left) > 0.99


@pytest.mark.parametrize("constant", [-1024, -850, 0, 3000])
def test_a_constant_array_has_no_lungs(constant: int) -> None:
    scan = Scan(hu=np.full((40, 90, 91), constant, np.int16), affine=np.diag([4.0, 4.0, 4.0, 1.0])[[2, 1, 0, 3]])
    assert codes(segment_lungs(scan)) == ["anat.no_lung"]


def test_a_mirrored_chest_is_said(plain: Made) -> None:
    lungs = segment_lungs(Scan(hu=plain.scan.hu[..., ::-1].copy(), affine=plain.scan.affine))
    assert codes(lungs) == ["anat.mirror"]
    assert dice(lungs.left, plain.right[..., ::-1]) > 0.97


def test_lungs_that_touch_before_the_heart_are_parted() -> None:
    made = make(Chest(joined=True))
    lungs = segment_lungs(made.scan)
    assert min(dice(lungs.left, made.left), dice(lungs.right, made.right)) > 0.96


@pytest.mark.parametrize("end", ["upper", "lower"])
@pytest.mark.parametrize("share", [0.15, 0.3, 0.6])
def test_lungs_that_the_scan_cuts_are_limited_or_refused(plain: Made, end: str, share: float) -> None:
    slices = np.flatnonzero((plain.left | plain.right).any((1, 2)))
    cut = round(share * len(slices))
    part = slice(0, int(slices[-1]) + 1 - cut) if end == "upper" else slice(int(slices[0]) + cut, None)
    made = crop(plain, (part, slice(None), slice(None)))
    lungs = segment_lungs(made.scan)
    assert lungs.coverage == pytest.approx(1 - share, abs=0.15)
    finding = next(finding for finding in lungs.findings if finding.code.startswith("cov.lung"))
    assert finding.severity == ("refused" if share > 0.5 else "limited")
    assert end in str(finding.found)


def test_a_few_slices_of_lung_are_refused_as_a_part(plain: Made) -> None:
    middle = round(-Z[0] / 2.5)
    lungs = segment_lungs(crop(plain, (slice(middle - 8, middle + 8), slice(None), slice(None))).scan)
    assert codes(lungs) == ["cov.lung_part"]


@pytest.mark.parametrize("padded", [False, True])
def test_a_small_field_is_limited_and_the_lung_in_it_found(plain: Made, padded: bool) -> None:
    if padded:
        j, i = np.indices(plain.scan.hu.shape[1:])
        outside = np.hypot(j - 100, i - 100) * 1.85 > 95
        hu = plain.scan.hu.copy()
        hu[:, outside] = -1024
        made = Made(Scan(hu=hu, affine=plain.scan.affine), plain.left & ~outside, plain.right & ~outside)
    else:
        made = crop(plain, (slice(None), slice(47, 157), slice(47, 154)))
    lungs = segment_lungs(made.scan)
    assert "cov.fov_cut" in codes(lungs)
    assert dice(lungs.left, made.left) > 0.9
    assert dice(lungs.right, made.right) > 0.9


def test_a_large_mass_at_the_wall_is_inside_and_named() -> None:
    made = make(Chest(balls=((-90.0, 25.0, 40.0, 26.0, 40),)))
    lungs = segment_lungs(made.scan)
    assert "nod.opacity" in codes(lungs)
    found = next(str(finding.found) for finding in lungs.findings if finding.code == "nod.opacity")
    place = [float(text) for text in found.split("(")[1].split(")")[0].split(",")]
    assert np.linalg.norm(np.array(place) - (-85.0, 24.0, 40.0)) < 15


def test_fluid_behind_one_lung_is_named(plain: Made) -> None:
    hu = plain.scan.hu.copy()
    y, z = plain.scan.to_mm(np.indices(hu.shape)[:, :, :, :1].transpose(1, 2, 3, 0))[..., 1:].transpose(3, 0, 1, 2)
    hu[plain.left & (y > 15) & (z > -60)] = 15
    assert "nod.opacity" in codes(segment_lungs(Scan(hu=hu, affine=plain.scan.affine)))


def test_the_answer_is_the_same_twice_and_without_the_fast_packages(
    plain: Made, found: Lungs, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("cc3d", "edt"):
        monkeypatch.setitem(sys.modules, package, None)
    again = segment_lungs(plain.scan)
    assert np.array_equal(again.left, found.left)
    assert np.array_equal(again.right, found.right)
    folder = Path(shapes_module.__file__).parent
    assert not any(name in path.read_text("utf-8") for path in folder.glob("*.py") for name in ("cc3d", "edt."))


def test_the_masks_are_on_the_scans_grid_and_read_only(plain: Made, found: Lungs) -> None:
    assert found.left.shape == found.right.shape == plain.scan.hu.shape
    assert not found.left.flags.writeable


@pytest.mark.shared
@pytest.mark.parametrize("name", ["qin-lsc-0014.zip", "c3n-00247"])
def test_whole_real_scans_have_two_lungs_and_no_finding(shared_data: Path, name: str) -> None:
    lungs = segment_lungs(read(shared_data / "scans" / name))
    assert lungs.findings == ()
    assert 1500 < lungs.left_ml < lungs.right_ml < 3500


@pytest.mark.shared
def test_the_consensus_of_nine_readings_stays_inside(shared_data: Path) -> None:
    scan = read(shared_data / "scans" / "qin-lsc-0014.zip")
    readings = nibabel.loadsave.load(shared_data / "scans" / "qin-lsc-0014-readings.nii.gz")  # a count, no CT
    held = np.argwhere(np.asanyarray(readings.dataobj) >= 5)
    index = np.rint(scan.to_index(nibabel.affines.apply_affine(readings.affine, held) * (-1, -1, 1))).astype(int)
    assert segment_lungs(scan).mask[tuple(index.T)].mean() >= 0.95


@pytest.mark.shared
def test_sixteen_slices_of_a_chest_are_refused(shared_data: Path) -> None:
    lungs = segment_lungs(read(shared_data / "scans" / "lidc-idri-0001-part.zip"))
    assert codes(lungs) == ["cov.lung_part"]


@pytest.mark.shared
def test_the_large_mass_of_a_real_scan_is_named_at_its_place(shared_data: Path) -> None:
    lungs = segment_lungs(read(shared_data / "scans" / "lung-dx-a0001.zip"))
    named = [str(finding.found) for finding in lungs.findings if finding.code == "nod.opacity"]
    places = [np.array([float(text) for text in found.split("(")[1].split(")")[0].split(",")]) for found in named]
    assert min(np.linalg.norm(place - (43, 203, -209)) for place in places) < 15
