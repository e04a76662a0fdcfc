"""This file splits a table by a column, into one table for each of its values."""

from __future__ import annotations

import numpy as np

from scalebayes.errors import InputError, unknown
from scalebayes.runs.table import Runs
from scalebayes.runs.where import parse_where

MOST = 0.5  # number of values per row; a split with more is refused, because most of its tables would have one run


def table_name(runs: Runs, column: str) -> str:
    """The name of a column in the table that was read. Filters and `columns=` take this name."""
    return str(runs.origin.aliases.get(column, column))


def filter_of(name: str, value: str | float | None) -> str | None:
    """The filter that keeps the rows in which a column has a value; None if no filter can express this.

    >>> filter_of("experiment", "north"), filter_of("config.lr", 0.001)
    ("experiment == 'north'", '`config.lr` == 0.001')
    """
    if value is None or value in (np.inf, -np.inf) or value != value:
        return None
    told = repr(value) if isinstance(value, str) else number_name(value)
    for column in (name, f"`{name}`"):
        text = f"{column} == {told}"
        try:
            if text.isprintable() and parse_where(text).names == (name,):
                return text
        except InputError:
            continue
    return None


def number_name(value: float) -> str:
    """A number as text, with all digits that its value needs.

    >>> number_name(64.0), number_name(2.5e-4)
    ('64', '0.00025')
    """
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def split(runs: Runs, by: str) -> dict[str, Runs]:
    """Split runs by the values of a column.

    Args:
        runs: The table of all runs.

        by: The column, by its name in scalebayes or in the table that was read.

    Returns:
        The runs of each value, by the value as text. Numbers are in ascending order, labels in the order of the table.

    Raises:
        InputError: The column is missing or has blank cells, or has so many values that most tables would have one run.

    >>> runs = Runs(x=[1.0, 2.0, 1.0, 2.0], loss=[3.0, 2.0, 3.5, 2.5], lab=["north", "north", "south", "south"])
    >>> {name: len(table) for name, table in split(runs, "lab").items()}
    {'north': 2, 'south': 2}
    """
    own = {name: x for name, x in runs.columns().items() if name != runs.observable}
    theirs = {name: ours for ours, name in runs.origin.aliases.items() if ours in own}
    if not isinstance(by, str):
        raise InputError(f"by={by!r} is no name of a column; write it as text, by='experiment'")
    column = by if by in own else theirs.get(by)
    if column is None:
        raise unknown("column in by", by, dict.fromkeys([*own, *theirs]))
    values = own[column]
    blank = np.isnan(values) if values.dtype.kind == "f" else np.array([cell is None for cell in values])
    if blank.any():
        rows = ", ".join(str(row) for row in runs.rows[blank][:3]) + (", ..." if blank.sum() > 3 else "")
        name = filter_of(table_name(runs, column), 0.0)
        same = name and f"{name.removesuffix(' == 0')} == {name.removesuffix(' == 0')}"
        cure = f', runs.where("{same}")' if same else ""
        raise InputError(
            f"by={by!r}: column {by!r} is blank in {blank.sum()} of {len(runs)} rows (row {rows}), which then belong "
            f"to no data set; fill them in, or leave them out{cure}"
        )
    found = dict.fromkeys(values.tolist()) if values.dtype.kind != "f" else dict.fromkeys(np.unique(values).tolist())
    if len(found) > max(1, MOST * len(runs)):
        raise InputError(
            f"by={by!r}: column {by!r} has {len(found)} values in {len(runs)} rows, so that most data sets would have "
            "one run; name a column with few values"
        )
    tables = {}
    for value in found:
        kept, text = runs.take(values == value), filter_of(table_name(runs, column), value)
        name = value if isinstance(value, str) else number_name(value)
        tables[name] = kept.noted(filters=[*runs.metadata.get("filters", []), text]) if text else kept
    return tables
