"""Packages that only some need: the error names the extra that brings them."""

from importlib import import_module
from types import ModuleType

from lungrisk.core.errors import EnvironmentFault
from lungrisk.core.findings import find


def need(package: str, *, extra: str) -> ModuleType:
    """Import a package of an extra. Raises EnvironmentFault (`env.extra`) with the command that installs it.

    >>> need("math", extra="train").__name__
    'math'
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        raise EnvironmentFault(
            find("env.extra", found=f"no {error.name}", expected=f'pip install "lungrisk[{extra}]"')
        ) from error
