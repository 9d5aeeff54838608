"""What a row of the table of findings holds."""

from typing import Literal, NamedTuple, TypeAlias

Severity: TypeAlias = Literal["info", "corrected", "limited", "refused"]


class Row(NamedTuple):
    """One kind of finding: its usual severity, what happened, and what the reader of it can do."""

    severity: Severity
    message: str
    remedy: str
