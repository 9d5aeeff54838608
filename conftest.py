"""What is left out of a test run where the extra [train] is not installed."""

from importlib.util import find_spec

TRAIN = ["src/lungrisk/networks", "src/lungrisk/training", "tests/networks", "tests/training"]
collect_ignore = [] if find_spec("torch") else TRAIN
collect_ignore_glob = ["tests/*/conftest.py"]  # fixtures, no doctests: two files of one name cannot both be collected


def pytest_report_header() -> list[str]:
    """Say what is left out."""
    return [f"torch is not installed: {', '.join(TRAIN)} are left out"] if collect_ignore else []
