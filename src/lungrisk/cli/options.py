"""The options that commands share: the same name means the same in every command."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

ScanPath: TypeAlias = Annotated[
    Path, typer.Argument(metavar="SCAN", help="A folder at any depth, a zip, or one file.", show_default=False)
]
Out: TypeAlias = Annotated[
    Path | None, typer.Option("-o", "--out", metavar="DIR", help="Folder for the results.", show_default=False)
]
Json: TypeAlias = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE|-", help="Write the result as JSON; - is stdout.", show_default=False),
]
BUNDLE_HELP = "The network, by name (see lungrisk info) or by folder."
Bundle: TypeAlias = Annotated[str, typer.Option("--bundle", metavar="NAME|PATH", help=BUNDLE_HELP)]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes on stderr.")]
Strict: TypeAlias = Annotated[bool, typer.Option("--strict", help="A limited result counts as refused (exit 3).")]
KeepIds: TypeAlias = Annotated[
    bool, typer.Option("--keep-ids", help="Keep the instance UIDs of the scan instead of their hashes.")
]
Seed: TypeAlias = Annotated[
    int, typer.Option("--seed", min=0, metavar="S", help="The same seed gives the same result.")
]
