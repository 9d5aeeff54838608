"""The command line: words to calls. One file a command; nothing here that a Python user cannot call."""

from lungrisk.cli.exits import leave


def main() -> None:
    """Entry point of `lungrisk`; leaves with the exit code of the contract."""
    from lungrisk.cli.app import build

    leave(build())
