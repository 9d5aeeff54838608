"""What is left out of a test run where the extra [train] is not installed."""

from importlib.util import find_spec

import pytest

TRAIN = ["src/lungrisk/networks", "src/lungrisk/training", "tests/networks", "tests/training"]
collect_ignore = [] if find_spec("torch") else TRAIN
collect_ignore_glob = ["tests/*/conftest.py"]  # fixtures, no doctests: two files of one name cannot both be collected


def pytest_report_header() -> list[str]:
    """Say what is left out."""
    return [f"torch is not installed: {', '.join(TRAIN)} are left out"] if collect_ignore else []


# what takes minutes: begun first, so that two workers end together
FIRST = ("tests/test_tutorial.py", "tests/training", "tests/test_fuzz.py", "tests/evaluation")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files first, else as collected."""

    def place(item: pytest.Item) -> int:
        return next((n for n, start in enumerate(FIRST) if item.nodeid.startswith(start)), len(FIRST))

    items.sort(key=place)
