"""Text in the cells of a CSV: a spreadsheet takes what begins with = + - @, a tab or a carriage return for a formula and would run it.

Ids that begin so are refused where patients are looked for: with a mark before it an id would no longer be the id, here and in
the tables of others. Other texts of ours are written with an apostrophe before them, as spreadsheets themselves mark text.
"""

import re

FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
MARKED = re.compile(r"'+[=+\-@\t\r\n]")


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would take the text for a formula.

    >>> is_formula("=1+1"), is_formula("0021")
    (True, False)
    """
    return FORMULA.match(text) is not None and not text.startswith("'")


def safe_cell(text: str) -> str:
    """The text as it is written.

    >>> safe_cell("=1+1"), safe_cell("0021"), safe_cell("'=")
    ("'=1+1", '0021', "''=")
    """
    return f"'{text}" if FORMULA.match(text) else text


def plain_cell(text: str) -> str:
    """The text of a cell as it was before `safe_cell`; any other as it stands.

    >>> plain_cell("'=1+1"), plain_cell("'s Gravenhage")
    ('=1+1', "'s Gravenhage")
    """
    return text[1:] if MARKED.match(text) else text
