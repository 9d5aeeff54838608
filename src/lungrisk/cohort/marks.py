"""What a preparation notes beside the store, in its lock: of which cohort it is, and the stat of each patient's files when they were read.

It is no part of the store: whether a patient is done is decided by the content that his file names. The stat spares reading it again.
"""

import json
from dataclasses import dataclass, field
from io import TextIOWrapper

from lungrisk.core.locks import lines_of
from lungrisk.core.parsing import parse_json

LONGEST_LINE = 1 << 16


@dataclass(slots=True, eq=False)
class Marks:
    """source: hash of the place of the cohort, empty where not known. stats: by id. stream: the lock."""

    stream: TextIOWrapper
    source: str = ""
    stats: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, stream: TextIOWrapper) -> "Marks":
        """What is noted; lines that cannot be read are left out."""
        marks = cls(stream)
        for line, _ in lines_of(stream, LONGEST_LINE):
            try:
                about = parse_json(line)
                values = {name: about[name] for name in ("source", "id", "stat") if name in about}
                if not all(isinstance(value, str) for value in values.values()):
                    continue
            except (ValueError, TypeError, RecursionError):
                continue
            marks.source = values.get("source", marks.source)
            if {"id", "stat"} <= set(values):
                marks.stats[values["id"]] = values["stat"]
        return marks

    def begin(self, source: str) -> None:
        """Write the notes anew, those of a cohort at this place."""
        self.source = source
        self.stream.truncate(0)
        self._write({"source": source}, *({"id": one, "stat": stat} for one, stat in self.stats.items()))

    def add(self, patient_id: str, stat: str) -> None:
        """Note the stat of a patient's files."""
        if stat and self.stats.get(patient_id) != stat:
            self.stats[patient_id] = stat
            self._write({"id": patient_id, "stat": stat})

    def _write(self, *lines: dict[str, str]) -> None:
        self.stream.write("".join(json.dumps(line) + "\n" for line in lines))
        self.stream.flush()
