"""What the command line prints: numbers, tables and sentences for people, or one JSON document."""

import json
import math
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scalebayes.display.figures import as_typed, figure
from scalebayes.errors import shown

__all__ = ["figure"]  # the commands have all of what they print with from here

UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
COUNTS = ("N", "D", "U")  # read as 70B rather than 7e10
GAP = "  "
NO_BREAK = "\u00a0"  # a blank at which `prose` breaks no line


def count(value: float, digits: int = 3) -> str:
    """A number of parameters or tokens.

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
    """An input as it was typed, or nearly: up to six digits, none of them a trailing zero.

    >>> given("N", 70e9), given("C", 5.76e23), given("x", 1200.0)
    ('70B', '5.76e23', '1200')
    """
    if name in COUNTS:
        for unit, letter in UNITS:
            if unit <= value < 1e3 * unit:
                return f"{value / unit:.6g}{letter}"
    return as_typed(value)


def digits(median: float, lower: float, upper: float) -> int:
    """How many digits a number is worth, three to five: down to the second of its interval's width.

    >>> digits(1.9708, 1.9587, 1.9836), digits(476.1, 370.6, 614.2)
    (4, 3)
    """
    width = upper - lower
    if not (math.isfinite(width) and width > 0 and median):
        return 4
    return min(max(_power(median) - _power(width) + 2, 3), 5)


def most_digits(rows: Iterable[Mapping[str, Any]]) -> int:
    """The digits of a column of rows with median, lower and upper: those of the narrowest interval."""
    return max(digits(row["median"], row["lower"], row["upper"]) for row in rows)


def _power(value: float) -> int:
    return math.floor(math.log10(abs(value)))


def estimate(row: Mapping[str, Any], columns: Iterable[str], number: int) -> list[str]:
    """The cells of a row with median, lower and upper, to so many digits; three for an sd."""
    return [figure(row[column], 3 if column == "sd" else number) for column in columns]


def grid(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table as text, never cut: the first `left` columns to the left, the others to the right; cells may be tall.

    >>> print(grid(["name", "median"], [["alpha", "0.35"], ["E", "1.812"]]))
    name   median
    alpha    0.35
    E       1.812
    """
    split = [[shown(cell, "\n").split("\n") for cell in row] for row in [header, *rows]]
    widths = [max(len(line) for row in split for line in row[i]) for i in range(len(header))]
    lines = []
    for row in split:
        for k in range(max(map(len, row))):
            cells = [cell[k] if k < len(cell) else "" for cell in row]
            padded = [
                c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))
            ]
            lines.append(GAP.join(padded).rstrip())
    return "\n".join(lines)


def width() -> int:
    """Columns of the terminal; 80 where there is none."""
    return max(shutil.get_terminal_size().columns, 40)


def prose(text: str, hang: int = 0) -> str:
    """A sentence in lines that fit, those after the first moved in by `hang`; words are never cut."""
    filled = textwrap.fill(
        shown(text, NO_BREAK),
        min(width(), 100),
        subsequent_indent=" " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return filled.replace(NO_BREAK, " ")


def sentence(text: str) -> str:
    """A clause as a sentence; blank for none.

    >>> sentence("medians stay"), sentence("")
    ('Medians stay.', '')
    """
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def lines(text: str, hang: int = 4) -> str:
    """Lines that are made to fit, each moved in where it goes on."""
    return "\n".join(prose(line, len(line) - len(line.lstrip()) + hang) for line in text.splitlines())


def full(value: float) -> str:
    """A number with all its digits.

    >>> full(6.4e13), full(2085.4342)
    ('6.4e13', '2085.4342')
    """
    short = given("", value)
    return short if float(short) == value else repr(value)


def fields(rows: Mapping[str, str]) -> str:
    """Names and what they are, a line each; blank ones are left out."""
    indent = max(map(len, rows)) + len(GAP)
    return "\n".join(prose(f"{name:<{indent}}{text}", indent) for name, text in rows.items() if text)


def records(frame: Any) -> list[dict[str, Any]]:
    """The rows of a pandas DataFrame."""
    return frame.to_dict("records")


def plain(value: Any) -> Any:
    """A value as JSON has it: NumPy's numbers as Python's, NaN and infinity as null.

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
    """Print one JSON document, all there is on standard output."""
    text = json.dumps(plain(content), indent=2, allow_nan=False, ensure_ascii=False)
    # What a terminal obeys is written as JSON writes it, and is the same text to who reads the document.
    print("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))


def message(text: str) -> None:
    """One line on standard error."""
    print(" ".join(shown(text, "\n").split()), file=sys.stderr, flush=True)
