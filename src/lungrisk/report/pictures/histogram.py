"""The histogram of HU: what the scan is made of, and whether the values are Hounsfield units at all."""

from collections.abc import Iterable

import numpy as np
from matplotlib.ticker import NullLocator
from numpy.typing import NDArray

from lungrisk.core.records import Lungs, Nodule, Scan
from lungrisk.report.pictures import canvas

LOW, HIGH, STEP = -1024, 1600, 8
BANDS = (  # HU of what a chest is made of, by name
    ("air", -1024, -950, "#dfe7ee"),
    ("lung", -950, -500, "#d6ecf5"),
    ("fat", -150, -30, "#f7ecc9"),
    ("soft tissue", 0, 100, "#f3dad6"),
    ("bone", 300, 1600, "#ece6dc"),
)


def draw_histogram(scan: Scan, lungs: Lungs | None, nodules: tuple[Nodule, ...]) -> bytes:
    """PNG: litres in each step of HU, on a logarithmic axis, of the whole scan and of the lungs."""
    figure = canvas.sheet(1000, 460, "Hounsfield units in the scan")
    axes = figure.add_axes((0.075, 0.16, 0.90, 0.70))
    litres = _counts(scan.hu) * scan.voxel_mm3 / 1e6
    axes.stairs(litres, _edges(), color=canvas.INK, linewidth=1.2, label="whole scan")
    if lungs is not None:
        lung = (hu[inside] for hu, inside in zip(scan.hu, lungs.mask, strict=True))
        axes.stairs(
            _counts(lung) * scan.voxel_mm3 / 1e6,
            _edges(),
            color=canvas.LEFT_COLOUR,
            fill=True,
            alpha=0.45,
            label="lungs",
        )
    axes.set_yscale("log")
    top = max(float(litres.max()), 1e-6) * 6
    axes.set_ylim(max(float(litres[litres > 0].min(initial=top)), 1e-6), top)
    axes.set_xlim(LOW, HIGH)
    for name, low, high, colour in BANDS:
        axes.axvspan(low, high, color=colour, zorder=0, linewidth=0)
        at, side = (low, "left") if name == "soft tissue" else (max((low + high) / 2, LOW + 40), "center")
        axes.text(at, top / 1.35, name, ha=side, va="top", size=9, color=canvas.INK)
    ticks = [10.0**power for power in range(-6, 4) if axes.get_ylim()[0] <= 10.0**power <= top]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("HU", size=9, color=canvas.INK)
    axes.set_ylabel(f"litres in {STEP} HU", size=9, color=canvas.INK)
    axes.tick_params(labelsize=8, colors=canvas.INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9, loc="upper right", bbox_to_anchor=(1.0, 0.9))
    return canvas.save(figure)


def _edges() -> NDArray[np.int64]:
    return np.arange(LOW, HIGH + STEP, STEP)


def _counts(slices: Iterable[NDArray[np.int16]]) -> NDArray[np.int64]:
    """Voxels in each bin, slice by slice to keep memory small; what lies beyond the ends is in the first and last."""
    counts = np.zeros((HIGH - LOW) // STEP, np.int64)
    for hu in slices:
        counts += np.bincount((hu.ravel().clip(LOW, HIGH - 1) - LOW) // STEP, minlength=len(counts))
    return counts
