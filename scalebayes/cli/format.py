"""Formats what the command line prints: numbers, tables and sentences as text, or one JSON document."""

import json
import math
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scalebayes.display.figures import LONGEST_NAME, as_typed, digits, figure, shortened
from scalebayes.errors import shown

__all__ = ["figure", "shortened"]  # exported too, so that the commands import all formatting from here

UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
COUNTS = ("N", "D", "U")  # inputs that are written as 70B rather than 7e10
GAP = "  "
WIDEST = 100  # columns of a table; a wider one is made narrower, unless the terminal is as wide
NO_BREAK = "\u00a0"  # a blank at which `prose` doesn't break a line; it prints as an ordinary one


def count(value: float, digits: int = 3) -> str:
    """Return a number of parameters or tokens as a command prints it.

    >>> count(7.2412e10), count(1.4e12), count(999.96e6), count(320.0)
    ('72.4B', '1.40T', '1.00B', '320')
    """
    if math.isfinite(value):
        rounded = float(f"{value:.{digits - 1}e}")
        for unit, letter in UNITS:
            if unit <= rounded < 1e3 * unit:
                return f"{figure(rounded / unit, digits)}{letter}"
    return figure(value, digits)


def given(name: str, value: float) -> str:
    """Return an input nearly as it was typed on the command line: up to six digits, without trailing zeros.

    >>> given("N", 70e9), given("C", 5.76e23), given("x", 1200.0)
    ('70B', '5.76e23', '1200')
    """
    if name in COUNTS:
        for unit, letter in UNITS:
            if unit <= value < 1e3 * unit:
                return f"{value / unit:.6g}{letter}"
    return as_typed(value)


def most_digits(rows: Iterable[Mapping[str, Any]]) -> int:
    """Return how many digits a command prints in a column with intervals: those of the narrowest interval."""
    return max(digits(row["median"], row["lower"], row["upper"]) for row in rows)


def estimate(row: Mapping[str, Any], columns: Iterable[str], number: int) -> list[str]:
    """Return the cells of a row that a command prints, with `number` digits, but three for an sd."""
    return [figure(row[column], 3 if column == "sd" else number) for column in columns]


def grid(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Return a table as a command prints it: the first `left` columns align left, the others right.

    A cell may have several lines. A table of more than 100 columns that is wider than the terminal is made narrower:
    headings are broken at blanks, intervals are put under their medians, and long names are cut in the middle.

    >>> print(grid(["name", "median"], [["alpha", "0.35"], ["E", "1.812"]]))
    name   median
    alpha    0.35
    E       1.812
    """
    cells = [[shown(cell, "\n") for cell in row] for row in [header, *rows]]
    for narrower in (lambda x: x, _broken_headings, _intervals_below, lambda x: _cut_names(x, left), _ends_below):
        cells = narrower(cells)
        if sum(_widths(cells)) + len(GAP) * (len(header) - 1) <= max(width(), WIDEST):
            break
    widths, lines = _widths(cells), []
    for row in [[cell.split("\n") for cell in row] for row in cells]:
        for k in range(max(map(len, row))):
            parts = [cell[k] if k < len(cell) else "" for cell in row]
            padded = [
                c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(parts, widths, strict=True))
            ]
            lines.append(GAP.join(padded).rstrip())
    return "\n".join(lines)


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    """Return the width of each column."""
    return [max(len(line) for cell in column for line in cell.split("\n")) for column in zip(*cells, strict=True)]


def _broken_headings(cells: list[list[str]]) -> list[list[str]]:
    """Break the headings that are wider than what stands below them."""
    below = _widths(cells[1:]) if len(cells) > 1 else [0] * len(cells[0])
    broken = [
        "\n".join(textwrap.wrap(cell, max(wide, 1), break_long_words=False)) or cell
        for cell, wide in zip(cells[0], below, strict=True)
    ]
    return [broken, *cells[1:]]


def _intervals_below(cells: list[list[str]]) -> list[list[str]]:
    """Put the intervals in brackets under the medians."""
    return [cells[0], *([cell.replace(" [", "\n[") for cell in row] for row in cells[1:])]


def _ends_below(cells: list[list[str]]) -> list[list[str]]:
    """Put the upper ends of intervals that stand under their medians on a line of their own."""
    return [cells[0], *([re.sub(r"(\n\[[^,\]]+,) ", r"\1\n", cell) for cell in row] for row in cells[1:])]


def _cut_names(cells: list[list[str]], left: int) -> list[list[str]]:
    """Cut the names in the first columns, as far as needed but not below `LONGEST_NAME` characters."""
    over = sum(_widths(cells)) + len(GAP) * (len(cells[0]) - 1) - max(width(), WIDEST)
    wide = _widths(cells)[:left]
    most = [max(LONGEST_NAME, w - over) if w == max(wide, default=0) else w for w in wide]
    return [[*(shortened(cell, m) for cell, m in zip(row, most, strict=False)), *row[left:]] for row in cells]


def width() -> int:
    """Return the width of the terminal in columns, at least 40; 80 if there is no terminal."""
    return max(shutil.get_terminal_size().columns, 40)


def prose(text: str, hang: int = 0) -> str:
    """Break a sentence that a command prints into lines that fit, and indent those after the first by `hang`.

    Words are never cut.
    """
    filled = textwrap.fill(
        shown(text, NO_BREAK),
        min(width(), 100),
        subsequent_indent=" " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return filled.replace(NO_BREAK, " ")


def sentence(text: str) -> str:
    """Return a clause as a sentence that a command prints; "" for "".

    >>> sentence("medians stay"), sentence("")
    ('Medians stay.', '')
    """
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def lines(text: str, hang: int = 4) -> str:
    """Break each line of a command's output so that it fits the terminal, and indent what follows by `hang` more."""
    return "\n".join(prose(line, len(line) - len(line.lstrip()) + hang) for line in text.splitlines())


def full(value: float) -> str:
    """Return a number as a command prints it with all its digits.

    >>> full(6.4e13), full(2085.4342)
    ('6.4e13', '2085.4342')
    """
    short = given("", value)
    return short if float(short) == value else repr(value)


def fields(rows: Mapping[str, str]) -> str:
    """Return names and their texts as a command prints them, one line each; a name with a blank text is left out."""
    indent = max(map(len, rows)) + len(GAP)
    return "\n".join(prose(f"{name:<{indent}}{text}", indent) for name, text in rows.items() if text)


def records(frame: Any) -> list[dict[str, Any]]:
    """Return the rows of a pandas DataFrame as dicts, for the text or JSON that a command prints."""
    return frame.to_dict("records")


def plain(value: Any) -> Any:
    """Return a value of a command's JSON: NumPy's numbers become Python's, NaN and infinity become None.

    >>> plain({"a": float("nan"), "b": (1, 2.5)})
    {'a': None, 'b': [1, 2.5]}
    """
    if isinstance(value, Mapping):
        return {str(name): plain(x) for name, x in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(x) for x in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, (str, bool, int)):
        return value
    return plain(value.tolist())  # a NumPy array or number


def document(content: Mapping[str, Any]) -> None:
    """Print one JSON document, which is all that a command writes to standard output."""
    text = json.dumps(plain(content), indent=2, allow_nan=False, ensure_ascii=False)
    # Control characters are written as JSON escapes, so that no terminal obeys them. A JSON reader gets them back.
    print("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))


def message(text: str) -> None:
    """Print one line of a command on standard error."""
    print(" ".join(shown(text, "\n").split()), file=sys.stderr, flush=True)
