"""A table as people save it: whatever the encoding, the separator and the ends of lines, its cells as text with line numbers."""

import codecs
import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lungrisk.core.cells import is_formula
from lungrisk.core.errors import InputError, UsageFault
from lungrisk.core.findings import Finding, find
from lungrisk.core.parsing import Malformed, read_regular

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
SHOWN = 5  # lines that a finding names
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """rows: (number of the line in the file, column to text), blank lines left out. corrections: what was read all the same.

    decimal_comma: numbers may be written 1,5, because commas do not separate.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]
    corrections: tuple[Finding, ...]
    decimal_comma: bool


def read_table(path: Path, known: Sequence[str], required: Sequence[str]) -> Table:
    """Read a table with a header row.

    known: columns that it may have (empty: any); names are compared without case and outer spaces. Cells are text, as they stand.
    Raises UsageFault (`use.missing`), InputError (`lab.columns`, `lab.cells`, `file.corrupt`).
    """
    table, faults = scan_table(path, known, required)
    if faults:
        raise InputError(*faults)
    return table


def scan_table(path: Path, known: Sequence[str], required: Sequence[str]) -> tuple[Table, tuple[Finding, ...]]:
    """`read_table` for one who wants to tell everything that is wrong at once: the lines that can be read, and the faults.

    Without a required column there are no rows. Raises UsageFault (`use.missing`), InputError (`file.corrupt`; `lab.columns` of an
    empty file).
    """
    text, forms = _decode(path)
    header, _, _ = text.partition("\n")
    separator = max(SEPARATORS, key=header.count) if any(map(header.count, SEPARATORS)) else ","
    if separator != ",":
        forms.append(SEPARATORS[separator])
    try:
        reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=separator, strict=True)
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise InputError(find("file.corrupt", found=str(error), expected="a table", files=[path.name])) from error
    if not lines:
        raise InputError(find("lab.columns", found="an empty file", expected=", ".join(required), files=[path.name]))
    seen = lines[0][1]
    columns = tuple(cell.strip().casefold() for cell in seen)
    if list(columns) != seen:
        forms.append("header " + ",".join(cell.strip() for cell in seen))
    faults = _judge_columns(path, columns, known, required)
    wrong = [number for number, cells in lines[1:] if len(cells) != len(columns)]
    if wrong:
        expected = f"{len(columns)} cells a line"
        faults += (find("lab.cells", found=in_lines(wrong), expected=expected, files=[path.name]),)
    usable = lines[1:] if set(required) <= set(columns) else []
    bad = set(wrong)
    table = Table(
        columns=columns,
        rows=tuple((number, dict(zip(columns, cells, strict=False))) for number, cells in usable if number not in bad),
        corrections=(find("lab.form", found=", ".join(forms), files=[path.name]),) if forms else (),
        decimal_comma=separator != ",",
    )
    return table, faults


def in_lines(lines: Sequence[int]) -> str:
    """Which lines, at most five and a count.

    >>> in_lines([2, 4])
    'line 2, 4'
    """
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return "line " + ", ".join(map(str, lines[:SHOWN])) + more


def refuse_formulas(ids: Iterable[str]) -> None:
    """Raises InputError (`coh.formula`) when ids would be formulas in a table, see `core.cells`."""
    odd = [repr(one) for one in ids if is_formula(one)]
    if odd:
        raise InputError(find("coh.formula", found=listed(odd)))


def listed(names: Sequence[str]) -> str:
    """Names, at most five and a count."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _decode(path: Path) -> tuple[str, list[str]]:
    """The text with plain ends of lines, and in what it differed from UTF-8 with commas."""
    try:
        data = read_regular(path)
    except Malformed as error:  # a folder, a pipe, a device, more than any cohort takes
        found = f"{path}: {error.found}"
        raise UsageFault(find("use.missing", found=found, expected="a table (CSV)")) from error
    except OSError as error:
        raise UsageFault(find("use.missing", found=str(path), expected="a table (CSV)")) from error
    encoding = next((name for mark, name in BOMS if data.startswith(mark)), None) or _guess(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(find("file.corrupt", found="no text", expected="a table (CSV)", files=[path.name])) from error
    forms = [] if encoding == "utf-8" else [{"utf-8-sig": "byte order mark"}.get(encoding, encoding.upper())]
    if "\r" in text:
        forms.append("ends of lines of another system")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, forms


def _guess(data: bytes) -> str:
    """The encoding where no mark tells: every second byte of UTF-16 is 0 in such tables."""
    if data[1:200:2].count(0) > len(data[1:200:2]) / 2:
        return "utf-16-le"
    if data[0:200:2].count(0) > len(data[0:200:2]) / 2:
        return "utf-16-be"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _judge_columns(
    path: Path, columns: tuple[str, ...], known: Sequence[str], required: Sequence[str]
) -> tuple[Finding, ...]:
    odd = [name or "(no name)" for name in columns if known and name not in known]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    lacking = [name for name in required if name not in columns]
    said = [
        f"{what} {', '.join(names)}" for what, names in (("unknown", odd), ("twice", twice), ("no", lacking)) if names
    ]
    if not said:
        return ()
    found = f"{'; '.join(said)} among {', '.join(columns)}"
    return (find("lab.columns", found=found, expected=" ".join(known or required), files=[path.name]),)
