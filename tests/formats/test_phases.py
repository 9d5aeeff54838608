"""One acquisition out of several in one series. The truth: each is the formula, the second 200 HU brighter; half of both is neither."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gradient_phantom import ORIGIN, STEP_MM, marked, place, save, series, worst_error
from pydicom.dataset import Dataset

from lungrisk.core.errors import InputError
from lungrisk.formats import read
from lungrisk.formats.phases import strangers

SILENT = ("AcquisitionNumber", "InstanceNumber")


def two(offset: float, n: int = 2) -> list[Dataset]:
    """`n` acquisitions of the phantom, each `offset` mm further on and 200 HU brighter than the one before; nothing tells them apart."""
    datasets = []
    for phase in range(n):
        for k, dataset in enumerate(series(1)):
            place(dataset, (ORIGIN[0], ORIGIN[1], ORIGIN[2] + k * STEP_MM + phase * offset))
            marked(dataset, 200 * phase)
            dataset.SOPInstanceUID = f"1.2.3.4.{phase}.{k}"
            for keyword in SILENT:
                delattr(dataset, keyword)
            datasets.append(dataset)
    return datasets


def with_blocks_of_numbers(datasets: list[Dataset]) -> None:
    for n, dataset in enumerate(datasets):
        dataset.InstanceNumber = n + 1


def with_alternating_numbers(datasets: list[Dataset]) -> None:
    for n, dataset in enumerate(datasets):
        phase, k = divmod(n, 24)
        dataset.InstanceNumber = len(datasets) // 24 * k + phase + 1


def with_times(datasets: list[Dataset]) -> None:
    for n, dataset in enumerate(datasets):
        dataset.AcquisitionTime = f"1012{n // 10:02d}.{n % 10}"


def with_shown_times(datasets: list[Dataset]) -> None:
    for n, dataset in enumerate(datasets):
        dataset.ContentTime = f"1012{n // 10:02d}.{n % 10}"


def with_comments(datasets: list[Dataset]) -> None:
    for n, dataset in enumerate(datasets):
        dataset.ImageComments = f"Gated, {50 * (n // 24)}%"


def with_numbers_of_acquisitions(datasets: list[Dataset]) -> None:
    for n, dataset in enumerate(datasets):
        dataset.AcquisitionNumber = 9 - n // 24


TOLD: dict[str, tuple[float, int, Callable[[list[Dataset]], None]]] = {
    "half a step, blocks of numbers": (1.25, 2, with_blocks_of_numbers),
    "a third of a step, blocks of numbers": (0.83, 2, with_blocks_of_numbers),
    "three of them, blocks of numbers": (0.83, 3, with_blocks_of_numbers),
    "half a step, times": (1.25, 2, with_times),
    "half a step, times of content": (1.25, 2, with_shown_times),
    "half a step, acquisition numbers": (1.25, 2, with_numbers_of_acquisitions),
    "half a step, comments": (1.25, 2, with_comments),
    "one place, alternating numbers": (0.0, 2, with_alternating_numbers),
    "one place, three, alternating numbers": (0.0, 3, with_alternating_numbers),
    "one place, comments": (0.0, 2, with_comments),
    "one place, times": (0.0, 2, with_times),
}


@pytest.mark.parametrize("row", TOLD)
def test_acquisitions_that_something_tells_apart_give_one(row: str, tmp_path: Path) -> None:
    offset, n, tell = TOLD[row]
    datasets = two(offset, n)
    tell(datasets)
    scan = read(save(datasets, tmp_path))
    assert len(scan.hu) == 24
    assert worst_error(scan) <= 0.7
    finding = next(f for f in scan.findings if f.code == "sel.phase")
    assert finding.n_files == 24 * (n - 1)


def test_alternating_numbers_hold_where_a_slice_of_a_phase_is_missing(tmp_path: Path) -> None:
    datasets = two(0.0, 2)
    with_alternating_numbers(datasets)
    scan = read(save([*datasets[:-3], *datasets[-2:]], tmp_path))
    assert len(scan.hu) == 24
    assert worst_error(scan) <= 0.7


UNTOLD = {
    "half a step": (1.25, 2, lambda datasets: None),
    "half a step, alternating numbers": (1.25, 2, with_alternating_numbers),
    "a third of a step": (0.83, 2, lambda datasets: None),
    "three of them": (0.83, 3, lambda datasets: None),
}


@pytest.mark.parametrize("row", UNTOLD)
def test_acquisitions_that_nothing_tells_apart_are_refused_by_their_content(row: str, tmp_path: Path) -> None:
    offset, n, tell = UNTOLD[row]
    datasets = two(offset, n)
    tell(datasets)
    with pytest.raises(InputError) as caught:
        read(save(datasets, tmp_path))
    assert caught.value.findings[0].code == "sel.ambiguous"


def test_overlapping_slices_of_one_acquisition_stay_one_scan(tmp_path: Path) -> None:
    scan = read(save(series(1, 40, 0.5, SliceThickness=1.0), tmp_path))
    assert worst_error(scan) <= 0.7
    assert {f.code for f in scan.findings} == {"geo.nonsquare"}  # the phantom's pixels


def stations(shared: int, tell: Callable[[list[Dataset]], None]) -> list[Dataset]:
    """40 places: the first 25 of one acquisition, and from `shared` slices before its end those of another, 40 HU brighter."""
    whole = series(1, 40)
    other = [marked(d, 40) for d in series(1, 40)][25 - shared :]
    for n, dataset in enumerate(other):
        dataset.SOPInstanceUID = f"1.2.3.4.9.{n}"
    datasets = [*whole[:25], *other]
    for dataset in datasets:
        del dataset.AcquisitionNumber, dataset.InstanceNumber
    tell(datasets)
    return datasets


def with_acquisitions(datasets: list[Dataset]) -> None:
    for n, dataset in enumerate(datasets):
        dataset.AcquisitionNumber = 1 + n // 25


@pytest.mark.parametrize("tell", [with_acquisitions, with_blocks_of_numbers])
def test_stations_that_overlap_keep_the_longer_whole(tell: Callable[[list[Dataset]], None], tmp_path: Path) -> None:
    scan = read(save(stations(3, tell), tmp_path))
    assert len(scan.hu) == 40
    assert worst_error(scan) <= 40.7
    finding = next(f for f in scan.findings if f.code == "sel.stations")
    assert (finding.severity, finding.n_files) == ("limited", 3)
    bright = np.array([float(np.median(scan.hu[k])) for k in range(40)])
    assert np.flatnonzero(np.diff(bright) > 30).tolist() == [24]  # one border: at the end of the longer


def test_content_tells_where_and_of_how_many_a_block_is_woven() -> None:
    rng = np.random.default_rng(1)
    smooth = np.cumsum(rng.normal(0, 20, (60, 64, 64)), axis=0)
    assert strangers(smooth.astype(np.int16)) is None
    for n in (2, 3):
        woven = smooth.copy()
        for phase in range(1, n):
            woven[30 + phase :: n] += 300 * phase * np.sign(np.arange(64) - 32)
        lag, start = strangers(woven.astype(np.int16)) or (0, 0)
        assert lag == n
        assert 22 <= start <= 31
    assert strangers(np.full((30, 64, 64), 7, np.int16)) is None
    assert strangers(rng.normal(40, 20, (30, 64, 64)).astype(np.int16)) is None
