"""The cells of a label: what each may hold, and what is said of those that hold something else."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from lungrisk.cohort.tables import in_lines
from lungrisk.core.cohort import Label
from lungrisk.core.findings import Finding, find
from lungrisk.core.parsing import Malformed, number

NUMBERS = ("time_years", "age", "thickness_mm")
TEXTS = ("group", "sex", "vendor", "kernel")
COLUMNS = ("id", "cancer", "event", *NUMBERS, *TEXTS)
TRUTH = {"0": 0, "1": 1}


class Cells:
    """Reads rows into labels and keeps what was wrong, with the numbers of the lines.

    unknown: texts that mean "not known" beside an empty cell, e.g. "-1".
    """

    def __init__(self, *, decimal_comma: bool, unknown: Sequence[str] = ()) -> None:
        self.decimal_comma = decimal_comma
        self.unknown = ("", *unknown)
        self.said: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))

    def label(self, line: int, row: dict[str, str]) -> Label:
        """The label of a row; a cell that cannot be used is None in it and noted."""
        values: dict[str, Any] = {name: row.get(name, "").strip() or None for name in TEXTS}
        for name in NUMBERS:
            values[name] = self._number(line, name, row.get(name, ""))
        for name in ("cancer", "event"):
            values[name] = self._truth(line, name, row.get(name, ""))
        if not row["id"].strip():
            self.note("lab.id", "no id", line)
        if values["event"] is not None and values["time_years"] is None:
            self.note("lab.event", "event without time_years", line)
        if values["event"] == 0 and values["cancer"] == 1:
            self.note("lab.event", "cancer 1 with event 0", line)
        if values["cancer"] is None:
            self.note("lab.unknown", "no cancer", line)
        return Label(id=row["id"], **values)

    def note(self, code: str, what: str, line: int) -> None:
        """Keep that `what` was found in a line."""
        self.said[code][what].append(line)

    def findings(self) -> tuple[Finding, ...]:
        """What was noted, a finding a code, with the lines of each value."""
        return tuple(
            find(code, found="; ".join(f"{what} in {in_lines(lines)}" for what, lines in sorted(said.items())))
            for code, said in sorted(self.said.items())
        )

    def _truth(self, line: int, name: str, text: str) -> int | None:
        bare = text.strip()
        if bare in self.unknown:
            return None
        if text in TRUTH:
            return TRUTH[text]
        for whole, value in TRUTH.items():
            if bare in {whole, f"{whole}.", f"{whole}.0", f"{whole},0"}:
                self.note("lab.spelling", f"{name} {text!r}", line)
                return value
        self.note("lab.value", f"{name} {text!r}", line)
        return None

    def _number(self, line: int, name: str, text: str) -> float | None:
        bare = text.strip()
        if not bare:
            return None
        try:
            value = number(bare.replace(",", ".") if self.decimal_comma else bare)
        except Malformed:
            value = math.nan
        if not value >= 0:
            self.note("lab.value", f"{name} {text!r}", line)
            return None
        return value
