"""The application: the table of commands, and what all of them share."""

import inspect
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any, get_type_hints

import typer

from lungrisk import __version__
from lungrisk.cli.options import KeepNames

# every command and its file: the help, the documentation page and the tests read this row
COMMANDS = (
    "assess",
    "check",
    "view",
    "info",
    "demo",
    "prepare",
    "train",
    "predict",
    "evaluate",
    "calibrate",
    "simulate",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lungrisk {__version__}")
        raise typer.Exit()


def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """From the slices of a chest CT to the likelihood of lung cancer. Research use only. Not a medical device.

    Exit codes: 0 done, 2 usage, 3 refused, 4 a cohort with refusals, 5 the environment, 70 a defect, 130 and 143
    interrupted.
    """


def _with_names(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the option that every command has, `--keep-names`; it acts by itself."""

    @wraps(command)
    def run(**options: Any) -> None:
        del options["keep_names"]
        command(**options)

    hints = get_type_hints(command, include_extras=True)
    own = [one.replace(annotation=hints[name]) for name, one in inspect.signature(command).parameters.items()]
    shared = inspect.Parameter("keep_names", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=KeepNames)
    run.__dict__["__signature__"] = inspect.Signature([*own, shared])
    run.__annotations__ = {**hints, "keep_names": KeepNames}
    return run


def build() -> typer.Typer:
    """The application with all commands; their rooms are imported when a command runs."""
    app = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,  # plain help: rich would cost more than the rest of the start
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in COMMANDS:
        app.command(name)(_with_names(getattr(import_module(f"lungrisk.cli.{name}"), name)))
    return app
