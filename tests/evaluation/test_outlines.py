"""Oracle: stacks made here, whose nodule is a ball, and figures worked out by hand."""

from pathlib import Path

import numpy as np
import pytest

from lungrisk.cohort.nodule_folder import RATINGS, NoduleStack, read_nodules
from lungrisk.core.bundle import Bundle, open_bundle
from lungrisk.core.geometry import axis_affine
from lungrisk.evaluation import outlines
from lungrisk.evaluation.outlines import Judged, calibrate_volume, judge, outline_stack

SPACING = (1.25, 0.7, 0.7)


def stack_of_a_ball(diameter: float, patient: str = "nobody") -> NoduleStack:
    n = int(diameter / SPACING[0])
    k, j, i = ((np.arange(size) - (size - 1) / 2) * step for size, step in zip((n, 64, 64), SPACING, strict=True))
    apart = np.sqrt(k[:, None, None] ** 2 + j[:, None] ** 2 + i**2)
    noise = np.random.default_rng(0).normal(0, 20, apart.shape)
    hu = -850 + 890 / (1 + np.exp((apart - diameter / 2) / 0.4)) + noise
    return NoduleStack(
        id=f"{patient}_n0",
        patient=patient,
        hu=hu.astype(np.float32),
        readers=np.stack([apart <= diameter / 2 + extra for extra in (-0.3, 0.0, 0.3)]),
        ratings={name: np.ones(3) for name in RATINGS},
        affine=axis_affine(SPACING),
        hu_quality=3,
        row={"diameter_eq_mm": str(diameter)},
    )


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return open_bundle("outline", "outline")


def test_a_ball_in_a_stack_that_ends_with_it_is_outlined(bundle: Bundle) -> None:
    stack = stack_of_a_ball(10.0)
    row = judge(stack, bundle)
    assert row.dice > 0.8
    assert row.dice <= row.dice_within
    assert row.spilled < 0.15
    assert outline_stack(stack, bundle).shape == stack.hu.shape
    assert judge(stack, bundle) == row  # the made-up slices come from the nodule's name


def test_a_patient_that_the_bundle_knows_is_judged_by_the_network_of_its_fold(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    folds: list[int | None] = []
    outline = outlines.outline

    def spy(*args: object, fold: int | None) -> object:
        folds.append(fold)
        return outline(*args, fold=fold)  # type: ignore[arg-type]

    monkeypatch.setattr(outlines, "outline", spy)
    outline_stack(stack_of_a_ball(8.0), bundle)
    outline_stack(stack_of_a_ball(8.0, "LIDC-IDRI-0002"), bundle)
    known = bundle.settings["fold_of_patient"][outlines.patient_key("LIDC-IDRI-0002")]
    assert folds == [None, known]


def test_the_demo_patient_is_in_no_fold(bundle: Bundle) -> None:
    assert outlines.patient_key("LIDC-IDRI-0001") not in bundle.settings["fold_of_patient"]


def test_the_volume_calibration_is_the_percentiles_of_its_size() -> None:
    def row(measured: float, true: float, mass: bool = False) -> Judged:
        return Judged(
            patient="a", readers_mm=5.0, n_readers=3, dice=1.0, dice_within=1.0, spilled=0.0, volume_mm3=measured,
            true_volume_mm3=true, diameter_mm=5.0, true_diameter_mm=5.0, lost=False,
            mass=mass,
        )  # fmt: skip

    small = [row(100.0, 100.0 * share) for share in np.linspace(0.5, 1.5, 101)]
    large = [row(5000.0, 4000.0)]
    first, last = calibrate_volume([*small, *large, row(400_000.0, 100.0, mass=True)])
    assert (first["from_mm"], first["below_mm"], first["n"]) == (0, 6, 101)
    assert (first["low"], first["median"], first["high"]) == pytest.approx((0.525, 1.0, 1.475), abs=0.002)
    assert (last["from_mm"], last["low"], last["high"]) == (15, 0.8, 0.8)
    assert "below_mm" not in last


@pytest.mark.shared
def test_nodules_of_real_patients_are_outlined_by_networks_that_did_not_see_them(
    bundle: Bundle, shared_data: Path
) -> None:
    stacks = [stack for stack in read_nodules(shared_data / "nodules") if stack.n_readers >= 3]
    rows = [judge(stack, bundle) for stack in stacks[1::70]]
    assert np.median([row.dice for row in rows]) > 0.78
    assert np.median([abs(row.diameter_mm - row.true_diameter_mm) for row in rows]) < 1.0
