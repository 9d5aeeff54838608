"""Numbers in header text, read as written or not at all, and header text as a finding may show it."""

from lungrisk.core.parsing import Malformed, number, whole
from lungrisk.core.vocabulary import stated

MOST_CHARACTERS = 64


def decimal(text: str) -> float | None:
    """The finite number that the text is, None where it is none.

    >>> decimal("-2.5e1"), decimal("1_0"), decimal("nan"), decimal("1e999")
    (-25.0, None, None, None)
    """
    try:
        return number(text) if len(text) <= MOST_CHARACTERS else None
    except Malformed:
        return None


def integer(text: str) -> int | None:
    """The whole number that the text is, None where it is none.

    >>> integer("80"), integer("80.9"), integer("1_0")
    (80, None, None)
    """
    try:
        return whole(text)
    except Malformed:
        return None


def shown(text: object) -> str:
    r"""Header text as a finding may show it: its first 64 characters, without what a terminal would obey or what can name a person.

    >>> shown("NRRD0004 " + chr(27) + "[31m"), shown("1_0"), shown("Doe 5")
    ('NRRD0004 \\*[*', '1_0', '* 5')
    """
    return stated(" ".join(str(text)[: 4 * MOST_CHARACTERS].split()))


def text_of(content: bytes) -> str:
    """Header bytes as text: UTF-8 where they are that (names of data files), else Latin-1, which every byte is."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")
