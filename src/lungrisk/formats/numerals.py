"""Numbers in header text, read as written or not at all: Python's own int() and float() also take "1_0", "infinity" and other scripts' digits."""

import math
import re

DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
MOST_CHARACTERS = 64


def decimal(text: str) -> float | None:
    """The finite number that the text is, None where it is none.

    >>> decimal("-2.5e1"), decimal("1_0"), decimal("nan"), decimal("1e999")
    (-25.0, None, None, None)
    """
    if len(text) > MOST_CHARACTERS or not DECIMAL.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def integer(text: str) -> int | None:
    """The whole number that the text is, None where it is none.

    >>> integer("80"), integer("80.9"), integer("1_0")
    (80, None, None)
    """
    return int(text) if INTEGER.fullmatch(text) else None


def shown(text: object) -> str:
    """Header text as a finding may show it: its first 64 characters, without what a terminal would obey.

    >>> shown("NRRD" + chr(27) + "[31m")
    'NRRD?[31m'
    """
    return "".join(c if " " <= c <= "~" else "?" for c in str(text)[:MOST_CHARACTERS])
