"""Slices beside their neighbours: what no anatomy makes between two of them was made by a damaged file."""

import numpy as np
from numpy.typing import NDArray

from lungrisk.core.findings import Finding, find

BANDS = 8  # of rows
MOST_JUMP = 200  # HU between the means of a band in neighbouring slices, up and down again; real scans stay below 65
MOST_JUMP_AT_END = 300
PARTS = 4  # of a slice, by rows: bytes that are lost or put in move all that follows them
STEP = 4  # pixels, along rows
LEAST_LAG = 2  # steps
LEAST_GAIN, LEAST_LIKENESS = (
    0.3,
    0.6,
)  # of the correlation, by moving, and when moved; real slices gain at most 0.17, by 5 mm of anatomy


def jumps(block: NDArray[np.int16]) -> tuple[Finding, ...]:
    """`px.jump` where a band of rows of (k, j, i) HU is brighter or darker than in both neighbouring slices as no body makes it."""
    if len(block) < 2:
        return ()
    rows = max(1, block.shape[1] // BANDS)
    cut = block[:, : block.shape[1] // rows * rows, ::4].reshape(len(block), -1, rows, block[0, 0, ::4].size)
    means = cut[:, :, ::2].mean(axis=(2, 3), dtype=np.float64)
    step = np.diff(means, axis=0)
    most = np.zeros(len(block))
    there_and_back = np.where(step[:-1] * step[1:] < 0, np.minimum(np.abs(step[:-1]), np.abs(step[1:])), 0)
    most[1:-1] = there_and_back.max(axis=1)
    ends = np.abs(step[[0, -1]].mean(axis=1))  # with one neighbour, a whole slice must differ, and by more
    most[[0, -1]] = np.where(ends > MOST_JUMP_AT_END, ends, 0)
    k = np.flatnonzero(most > MOST_JUMP)
    if not len(k):
        return ()
    found = f"{most[k[0]]:.0f} HU between slice {k[0]} and both beside it"
    return (find("px.jump", found=found, expected=f"at most {MOST_JUMP} HU", slices=k.tolist()),)


def shifts(block: NDArray[np.int16]) -> tuple[Finding, ...]:
    """`px.shift` where a part of a slice of (k, j, i) HU is like both its neighbours only when it is moved along its rows."""
    if len(block) < 3 or block.shape[1] < 2 * PARTS or block.shape[2] < 8 * STEP:
        return ()
    moved: list[tuple[int, int]] = []
    before = after = _lines(block[0])
    lag_before = np.zeros(PARTS, np.int64)
    for k in range(1, len(block)):
        after = _lines(block[k])
        lags = _lags(before, after)
        both = (lags != 0) & (lag_before != 0) & (_apart(lags + lag_before, before.shape[2]) <= 1)
        if both.any():
            moved.append((k - 1, int(np.abs(lags[both]).max()) * STEP))
        before, lag_before = after, lags
    if not moved:
        return ()
    found = f"slice {moved[0][0]} moved by about {moved[0][1]} pixels"
    return (find("px.shift", found=found, slices=[k for k, _ in moved]),)


def _apart(lag: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Steps from 0, around a row of n."""
    return np.minimum(lag % n, -lag % n)


def _lines(plane: NDArray[np.int16]) -> NDArray[np.float32]:
    """Some rows, without their means: (PARTS, rows, columns)."""
    n = plane.shape[0] // PARTS * PARTS
    lines = np.clip(plane[:n, ::STEP], -1024, 400).astype(np.float32).reshape(PARTS, n // PARTS, -1)[:, ::4]
    result: NDArray[np.float32] = lines - lines.mean(axis=2, keepdims=True)
    return result


def _lags(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.int64]:
    """By how many steps each part of `other` lies to the side of `one`; 0 where it is as like without being moved."""
    n = one.shape[2]
    spectrum = np.fft.rfft(other, axis=2) * np.conj(np.fft.rfft(one, axis=2))
    likeness = np.fft.irfft(spectrum.sum(axis=1), n=n, axis=1)
    size = np.sqrt((one**2).sum(axis=(1, 2)) * (other**2).sum(axis=(1, 2))) + 1e-9
    best = likeness.argmax(axis=1)
    top = likeness[np.arange(len(best)), best] / size
    lag = np.where(best > n // 2, best - n, best)
    plain = (top - likeness[:, 0] / size < LEAST_GAIN) | (top < LEAST_LIKENESS) | (np.abs(lag) < LEAST_LAG)
    result: NDArray[np.int64] = np.where(plain, 0, lag)
    return result
