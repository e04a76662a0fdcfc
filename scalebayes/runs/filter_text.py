"""This file writes filters of rows such as `C < 1e21`, so that a message can say what to type.

It also has the words that a filter consists of.
"""

from __future__ import annotations

import math
import re

# The name of the number of a row in a filter, if no column has that name.
ROW = "row"
# The words of a filter that are no names of columns.
GRAMMAR = frozenset({"and", "or", "not", "in", "is", "True", "False", "None"})
PLAIN_NAME = r"[^\W\d]\w*"
TOKEN = re.compile(
    r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|(?P<space>\s+)|(?P<number>\d[\w.]*)"
    rf"|`(?P<quoted>[^`]+)`|(?P<name>{PLAIN_NAME})|(?P<sign>[=!<>]=|<>|&&|\|\||.)"
)


def name_text(column: str) -> str:
    """The name of a column as a filter of runs needs it: in backticks if it is no plain word.

    >>> name_text("lr"), name_text("val/loss"), name_text("in")
    ('lr', '`val/loss`', '`in`')
    """
    return column if re.fullmatch(PLAIN_NAME, column) and column not in GRAMMAR else f"`{column}`"


def number_text(value: float) -> str:
    """A number in a filter of runs, with all digits that its value needs.

    >>> number_text(64.0), number_text(2.5e-4)
    ('64', '0.00025')
    """
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def comparison(column: str, sign: str, *values: str) -> str:
    """The filter of runs that compares a column with a value, or with one of several.

    Args:
        column: The name of the column.

        sign: The sign of the comparison. With several values it is "==" or "!=".

        *values: The values, each as it stands in a filter: a number, or text in quotes.

    Returns:
        The filter.

    >>> comparison("val/loss", "<", "3"), comparison("run", "!=", "'a'"), comparison("row", "!=", "3", "7")
    ('`val/loss` < 3', "run != 'a'", 'row not in [3, 7]')
    """
    if len(values) == 1:
        return f"{name_text(column)} {sign} {values[0]}"
    return f"{name_text(column)} {'in' if sign == '==' else 'not in'} [{', '.join(values)}]"


def can_name(column: str) -> bool:
    """Whether a filter of runs can name a column. A backtick in the name would end it."""
    return bool(column) and "`" not in column and column.isprintable()


def filter_of(column: str, value: str | float | None, sign: str = "==") -> str | None:
    """The filter of runs that compares a column with a value; None if no filter can express this.

    >>> filter_of("experiment", "north"), filter_of("config.lr", 0.001), filter_of("lr", 0.001, "<")
    ("experiment == 'north'", '`config.lr` == 0.001', 'lr < 0.001')
    """
    if not can_name(column) or value is None or (not isinstance(value, str) and not math.isfinite(value)):
        return None
    return comparison(column, sign, repr(value) if isinstance(value, str) else number_text(value))


def in_quotes(text: str) -> str:
    """A filter of runs in quotes, as a user types it in Python.

    >>> print(in_quotes("lab == 'north'"), in_quotes('lab == "north"'))
    "lab == 'north'" 'lab == "north"'
    """
    return f'"{text}"' if '"' not in text else repr(text)
