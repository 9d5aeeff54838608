"""Rows of the table of findings: how lungrisk was called, and what it runs on."""

from lungrisk.core.finding_rows import Row

MACHINE_ROWS: dict[str, Row] = {
    # usage and environment
    "use.missing": Row("refused", "there is no such file or folder", "check the path"),
    "use.option": Row("refused", "an option has a value that is not possible", "see --help of the command"),
    "use.output": Row(
        "refused",
        "the output is already there, made by another command, or from other inputs, or with other options",
        "choose another place with -o, or give --overwrite to replace it",
    ),
    "env.extra": Row("refused", "a package that this step needs is not installed", "install the extra that is named"),
    "env.codec": Row("refused", "no installed decoder can read this transfer syntax", "install the named codec"),
    "env.disk": Row("refused", "the output could not be written", "free disk space or choose another folder with -o"),
    "env.memory": Row("refused", "there is not enough memory", "close other programs, or use a machine with more"),
    "env.bundle": Row("refused", "there is no such bundle", "name a shipped bundle (lungrisk info) or give a path"),
    "bun.hash": Row(
        "refused", "a bundle's file is not the one that its bundle.json names", "fetch or build the bundle again"
    ),
    "bun.kind": Row(
        "refused", "this is not a bundle that this version can run", "use a bundle of the named kind and version"
    ),
    "int.defect": Row("refused", "lungrisk failed in a way that it should not", "send the report file to the authors"),
    "demo.simulated": Row(
        "info", "the demo's real scan could not be had; this chest is simulated", "run the demo again with a network"
    ),
}
