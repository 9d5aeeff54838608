"""Run every line of the tutorial and write docs/tutorial.md with what they printed: `make tutorial`.

    python scripts/tutorial.py [FOLDER]

The text is scripts/tutorial.template.md; FOLDER (out/tutorial) is emptied first. The pictures on the page are those that the lines drew.
"""

import contextlib
import io
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "scripts" / "tutorial.template.md"
PAGE = ROOT / "docs" / "tutorial.md"
MADE = "<!-- made by scripts/tutorial.py, which ran it: edit scripts/tutorial.template.md, then `make tutorial` -->\n"
BLOCK = re.compile(r"```python\n(.*?)```\n", re.DOTALL)


def run(text: str, folder: Path) -> str:
    """Run the Python blocks of a page one after another in a folder; gives the page with what each printed below it."""
    names: dict[str, Any] = {}

    def with_output(block: re.Match[str]) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block[1], "tutorial", "exec"), names)
        lines = printed.getvalue().strip()
        return block[0] + (f"\n```text\n{lines}\n```\n" if lines else "")

    folder.mkdir(parents=True, exist_ok=True)
    before = Path.cwd()
    os.chdir(folder)
    try:
        return BLOCK.sub(with_output, text)
    finally:
        os.chdir(before)


def main() -> int:
    """Write the page and its pictures. Gives the exit code."""
    from make_pictures import PICTURES, shrink

    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "out" / "tutorial")
    shutil.rmtree(folder, ignore_errors=True)
    PAGE.write_text(MADE + run(TEMPLATE.read_text("utf-8"), folder), "utf-8")
    for drawn, name in (("pictures", "slices"), ("with-lungs", "surface")):
        shrink(folder / drawn / f"{name}.png", PICTURES / f"tutorial-{name}.webp")
    return 0


if __name__ == "__main__":
    sys.exit(main())
