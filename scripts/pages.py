"""Pages of the documentation of which a script writes a part."""

from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def fill_in(page: str, name: str, text: str) -> None:
    """Put text between the comments `name` and `/name` of a page."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = (DOCS / page).read_text("utf-8").partition(begin)
    (DOCS / page).write_text(f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}", "utf-8")
