"""A scan cut to a window says so; a scan with the scanner's own limits, with metal or of few values does not."""

import numpy as np
import pytest

from lungrisk.formats.clipping import clipped


def body(seed: int = 0) -> np.ndarray:  # type: ignore[type-arg]
    """HU like a body's: air, lung, fat, muscle, bone up to 1600."""
    chance = np.random.default_rng(seed)
    parts = [(-1000, 15, 0.4), (-850, 60, 0.2), (-100, 20, 0.15), (40, 20, 0.23), (500, 350, 0.02)]
    values = np.concatenate([chance.normal(mean, sd, int(200_000 * share)) for mean, sd, share in parts])
    chance.shuffle(values)
    return np.clip(values, -1024, 3071).astype(np.int16)[: 50 * 62 * 62].reshape(50, 62, 62)


@pytest.mark.parametrize("window", [(-1000, 400), (-1024, 400), (0, 255), (-160, 240), (-1024, 1023), (-700, 3071)])
def test_a_window_is_named(window: tuple[int, int]) -> None:
    findings = clipped(np.clip(body(), *window))
    assert [finding.code for finding in findings] == ["px.clipped"]


@pytest.mark.parametrize("low", [-1024, -1000])
def test_a_scan_with_its_full_range_is_not(low: int) -> None:
    hu = np.clip(body(), low, 3071)
    assert clipped(hu) == ()
    hu[20, 30:34, 30:40] = 3071
    assert clipped(hu) == ()


def test_made_values_are_not() -> None:
    assert clipped(np.where(np.indices((9, 9, 9))[0] > 4, 40, -1000).astype(np.int16)) == ()
