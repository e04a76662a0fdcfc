"""This file splits a table by a column, into one table for each of its values."""

from __future__ import annotations

import numpy as np

from scalebayes.errors import InputError, unknown
from scalebayes.runs.filter_text import can_name, comparison, filter_of, in_quotes, name_text, number_text
from scalebayes.runs.table import Runs

MOST = 0.5  # number of values per row; a split with more is refused, because most of its tables would have one run


def table_name(runs: Runs, column: str) -> str:
    """The name of a column in the table that was read. Filters and `columns=` take this name."""
    return str(runs.origin.aliases.get(column, column))


def split(runs: Runs, by: str, setting: str = "by") -> dict[str, Runs]:
    """Split runs by the values of a column.

    Args:
        runs: The table of all runs.

        by: The column, by its name in scalebayes or in the table that was read.

        setting: The name of the argument that names the column, for errors. The default is "by".

    Returns:
        The runs of each value, by the value as text. Numbers are in ascending order, labels in the order of the table.

    Raises:
        InputError: The column is missing or has blank cells, or has so many values that most tables would have one run.

    >>> runs = Runs(x=[1.0, 2.0, 1.0, 2.0], loss=[3.0, 2.0, 3.5, 2.5], lab=["north", "north", "south", "south"])
    >>> {name: len(table) for name, table in split(runs, "lab").items()}
    {'north': 2, 'south': 2}
    """
    columns = {name: x for name, x in runs.columns().items() if name != runs.observable}
    theirs = {name: ours for ours, name in runs.origin.aliases.items() if ours in columns}
    if not isinstance(by, str):
        raise InputError(f"{setting}={by!r} is no name of a column; write it as text, {setting}='experiment'")
    column = by if by in columns else theirs.get(by)
    if column is None:
        raise unknown(f"column in {setting}", by, dict.fromkeys([*columns, *theirs]))
    values = columns[column]
    blank = np.isnan(values) if values.dtype.kind == "f" else np.array([cell is None for cell in values])
    if blank.any():
        rows = ", ".join(str(row) for row in runs.rows[blank][:3]) + (", ..." if blank.sum() > 3 else "")
        name = table_name(runs, column)
        present = comparison(name, "==", name_text(name))  # a blank cell equals nothing
        cure = f", runs.where({in_quotes(present)})" if can_name(name) else ""
        raise InputError(
            f"{setting}={by!r}: column {by!r} is blank in {blank.sum()} of {len(runs)} rows (row {rows}), which then "
            f"belong to no data set; fill them in, or leave them out{cure}"
        )
    levels = list(dict.fromkeys((np.unique(values) if values.dtype.kind == "f" else values).tolist()))
    if len(levels) > max(1, MOST * len(runs)):
        raise InputError(
            f"{setting}={by!r}: column {by!r} has {len(levels)} values in {len(runs)} rows, so that most data sets "
            "would have one run; name a column with few values"
        )
    tables = {}
    for value in levels:
        table, text = runs.take(values == value), filter_of(table_name(runs, column), value)
        name = value if isinstance(value, str) else number_text(value)
        tables[name] = table.noted(filters=[*runs.metadata.get("filters", []), text]) if text else table
    return tables
