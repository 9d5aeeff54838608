"""The error tree: one class for each thing that a caller can do about it. Every error carries its findings.

LungriskError
├── UsageFault        exit 2   the call is wrong: unknown option, missing file
├── InputError        exit 3   the input cannot be read, placed or judged: repair or replace it
├── EnvironmentFault  exit 5   a missing extra, codec or bundle, no space, a locked store: repair the machine
└── InternalFault     exit 70  a defect of ours: report it
"""

from collections.abc import Iterable

from lungrisk.core.findings import Finding


class LungriskError(Exception):
    """What went wrong, as findings; `str(error)` is their sentences, ready to be printed."""

    exit_code = 70

    def __init__(self, *findings: Finding) -> None:
        self.findings: tuple[Finding, ...] = findings
        super().__init__(*findings)

    def __str__(self) -> str:
        return "\n".join(finding.sentence() for finding in self.worst())

    def __reduce__(self) -> tuple[type["LungriskError"], tuple[Finding, ...]]:
        """An error comes back from another process with its findings."""
        return type(self), self.findings

    def worst(self) -> tuple[Finding, ...]:
        """The findings that refused; all of them when none is marked so."""
        return refusals(self.findings) or self.findings


class UsageFault(LungriskError):
    """The call is wrong: an unknown option, a file that is not there."""

    exit_code = 2


class InputError(LungriskError):
    """The input could not be read, placed or judged."""

    exit_code = 3


class EnvironmentFault(LungriskError):
    """The machine lacks something: an extra, a codec, a bundle, disk space, a lock."""

    exit_code = 5


class InternalFault(LungriskError):
    """A defect of lungrisk itself."""

    exit_code = 70


def refusals(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those findings that refuse.

    >>> refusals([])
    ()
    """
    return tuple(finding for finding in findings if finding.severity == "refused")
