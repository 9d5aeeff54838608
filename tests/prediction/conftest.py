"""One scan assessed once for all tests of the room."""

from pathlib import Path

import pytest

from lungrisk.assessment import assess
from lungrisk.core.records import Assessment


@pytest.fixture(scope="session")
def assessed(chest: Path) -> Assessment:
    """What the line says of the simulated chest."""
    return assess(chest / "scan")
