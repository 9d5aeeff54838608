"""What the tests of several formats share."""

from pathlib import Path

import pytest
from gradient_phantom import phantom, save

from lungrisk.core.records import Scan
from lungrisk.formats import read


@pytest.fixture(scope="session")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The phantom's files: to be copied, not changed."""
    return save(phantom(), tmp_path_factory.mktemp("series"))


@pytest.fixture(scope="session")
def plain(series: Path) -> Scan:
    """The phantom as it is read."""
    return read(series)
