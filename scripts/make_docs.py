"""Write the generated pages of the documentation from the tables in the code; with --check, only compare.

commands.md follows from the help of each command, findings.md from the table of findings, bundles.md from the shipped cards.
"""

import sys
from inspect import cleandoc
from pathlib import Path
from typing import Any

from typer.main import get_command

from lungrisk.cli.app import COMMANDS, build
from lungrisk.core.bundle import SHIPPED, list_bundles
from lungrisk.core.findings import FINDINGS

DOCS = Path(__file__).parents[1] / "docs"
MADE = "<!-- made by scripts/make_docs.py: edit the code that it reads, then `make docs` -->\n"
# the first part of a code: what it is about
FAMILIES = {
    "use": "The call",
    "env": "The machine",
    "bun": "Bundles",
    "int": "Defects",
    "demo": "The demo",
    "file": "Files",
    "sec": "Safety of archives",
    "res": "Size",
    "sel": "Which series",
    "id": "Who and what",
    "ord": "Order and completeness",
    "geo": "Geometry",
    "pos": "Position of the patient",
    "px": "Values",
    "hdr": "Numbers in headers",
    "acq": "Acquisition",
    "nii": "NIfTI",
    "nrrd": "NRRD",
    "mha": "MetaImage",
    "anat": "Anatomy",
    "cov": "Coverage",
    "nod": "Nodules",
    "coh": "Cohorts and stores",
    "lab": "Tables of labels",
    "trn": "Training",
    "evl": "Predictions and their evaluation",
}


def commands_page() -> str:
    """Every command with its arguments and options, as its help has them."""
    parts = [MADE, "# Commands\n", "Results go to stdout or to files, progress and errors to stderr. An option means "]
    parts[-1] += (
        "the same in every command. `NO_COLOR` is obeyed; progress is plain lines where stderr is no terminal.\n"
    )
    parts.append(exit_codes())
    group = get_command(build())
    for name in COMMANDS:
        command = group.commands[name]  # type: ignore[attr-defined]
        words = [
            f"{'-o' if '-o' in one.opts else one.opts[0]} {one.metavar}"
            for one in command.params
            if one.required and one.opts[0][0] == "-"
        ]
        places = [one.metavar or one.name for one in command.params if one.opts[0][0] != "-"]
        parts.append(
            f"## lungrisk {name}\n\n`lungrisk {' '.join([name, *places, *words])}`\n\n{cleandoc(command.help)}\n"
        )
        parts.append("| | |\n| --- | --- |\n" + "\n".join(row(one) for one in command.params) + "\n")
    return "\n".join(parts)


def row(parameter: Any) -> str:
    """An argument or option as a row of a table."""
    names = (
        ", ".join(f"`{name}`" for name in parameter.opts) if parameter.opts[0][0] == "-" else f"`{parameter.metavar}`"
    )
    value = f" {parameter.metavar}" if parameter.metavar and parameter.opts[0][0] == "-" else ""
    default = parameter.show_default if isinstance(parameter.show_default, str) else parameter.default
    shown = "" if default is None or default is False or parameter.show_default is False else f" Default: {default}."
    return f"| {names}{value.replace('|', chr(92) + '|')} | {parameter.help}{shown} |"


def exit_codes() -> str:
    """The table of exit codes."""
    rows = {
        "0": "done; a limited result is a result, `status` and the findings say so",
        "2": "usage: an unknown option, a missing file",
        "3": "refused: the input could not be read, placed or judged (with `--strict`: or is limited)",
        "4": "a cohort was done, some patients were refused",
        "5": "the environment: a missing extra, codec or bundle, no disk space, a locked store",
        "70": "a defect of lungrisk: a report file is written, without the message and without header values",
        "130, 143": "interrupted; what was finished is kept",
    }
    lines = ["| exit | meaning |", "| --- | --- |", *(f"| {code} | {text} |" for code, text in rows.items())]
    return "\n".join(lines) + "\n"


def findings_page() -> str:
    """The table of findings, a section for each family of codes."""
    parts = [MADE, "# Findings\n"]
    parts.append(
        "Everything that lungrisk can say about its input. `refused`: no likelihood is given. `limited`: it is given, and "
        "this says what it does not cover. `corrected`: the input was mended. `info`: good to know. The severity is the "
        "usual one; a milder or worse case says so.\n"
    )
    for family, title in FAMILIES.items():
        rows = [(code, row) for code, row in FINDINGS.items() if code.partition(".")[0] == family]
        if rows:
            parts += [f"## {title}\n", "| code | severity | what | what to do |\n| --- | --- | --- | --- |"]
            parts[-1] += (
                "".join(f"\n| `{code}` | {row.severity} | {row.message} | {row.remedy} |" for code, row in rows) + "\n"
            )
    return "\n".join(parts)


def bundles_page() -> str:
    """The cards of the shipped bundles."""
    parts = [MADE, "# Bundles and cards\n"]
    parts.append(
        "A bundle is a folder: `bundle.json` (task, recipe, inputs, outputs, calibration, hash of the split, licence, data), "
        "`model.onnx` and `CARD.md`, with the SHA-256 of both files in `bundle.json`. Nothing in it executes. "
        "`lungrisk info NAME` prints one; `--bundle NAME|PATH` uses one; `lungrisk train` writes one.\n"
    )
    for name in list_bundles():
        card = (SHIPPED / name / "CARD.md").read_text("utf-8")
        lower = "\n".join(f"#{line}" if line.startswith("#") else line for line in card.splitlines())
        parts.append(lower + "\n")
    return "\n".join(parts)


PAGES = {"commands.md": commands_page, "findings.md": findings_page, "bundles.md": bundles_page}


def main() -> int:
    """Write the pages, or compare them. Gives the exit code."""
    check = "--check" in sys.argv[1:]
    stale = []
    for name, make in PAGES.items():
        path, text = DOCS / name, make()
        if not path.is_file() or path.read_text("utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, "utf-8")
    if check and stale:
        print(f"not in step with the code, run make docs: {', '.join(stale)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
