"""What the tests of several rooms share."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None, derandomize=True, max_examples=60)  # the same cases on any machine
settings.load_profile("house")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development data beside the clone; tests that use it are marked `shared` and skip by name without it."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is not here")
    return SHARED


@pytest.fixture(scope="session")
def chest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated chest: a folder with scan/ (a DICOM series), truth.json and nodules.csv."""
    from lungrisk.simulation import simulate

    return simulate("scan", tmp_path_factory.mktemp("chest"), 0)
