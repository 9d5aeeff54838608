"""Figures and places in words, the same on the page, in the pictures and in the terminal."""

from collections.abc import Mapping
from typing import Any

WORST_FIRST = ("refused", "limited", "corrected", "info")


def percent(share: float) -> str:
    """A likelihood 0..1 as it is read: whole per cent, one decimal where that would say too little.

    >>> percent(0.4712), percent(0.0312), percent(0.9962), percent(0.0001)
    ('47 %', '3.1 %', '99.6 %', '<0.1 %')
    """
    value = 100.0 * share
    if value < 0.1:
        return "<0.1 %"
    if value > 99.9:
        return ">99.9 %"
    return f"{value:.1f} %" if value < 9.95 or value >= 99 else f"{value:.0f} %"


def place(nodule: Mapping[str, Any]) -> str:
    """Where a nodule of assessment.json lies.

    >>> place({"side": "left", "lobe_or_third": "upper third"})
    'left lung, upper third'
    """
    return f"{nodule['side']} lung, {nodule['lobe_or_third']}"


def volume(cubic_mm: float) -> str:
    """A volume in the unit in which it is said.

    >>> volume(412.3), volume(5210)
    ('412 mm³', '5.21 ml')
    """
    return f"{cubic_mm / 1000:.2f} ml" if cubic_mm >= 1000 else f"{cubic_mm:.0f} mm³"


def volume_range(estimate: Mapping[str, float]) -> str:
    """The interval of a volume, in the unit of its value.

    >>> volume_range({"value": 5210, "low": 4700, "high": 5900})
    '4.70 to 5.90 ml'
    """
    low, high = estimate["low"], estimate["high"]
    if estimate["value"] >= 1000:
        return f"{low / 1000:.2f} to {high / 1000:.2f} ml"
    return f"{low:.0f} to {high:.0f} mm³"
