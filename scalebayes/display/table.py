"""This file defines `Table`, a pandas DataFrame that prints every column with few digits."""

import shutil
from collections.abc import Callable, Hashable, Mapping
from typing import Any, cast

import numpy as np
import pandas as pd

from scalebayes.display.figures import as_typed, figure, is_short
from scalebayes.display.markup import paragraph
from scalebayes.errors import shown

NARROWEST = 60  # characters of a line; a narrower terminal has to break the lines itself


class Table(pd.DataFrame):
    """A `pandas.DataFrame` that prints all of its columns with few digits.

    Numbers are printed with four significant digits, 71100000000.0 as 7.11e10, and NaN as a dash. The values themselves
    keep all of their digits. Columns that don't fit side by side follow below. If a check of the fit failed,
    `attrs["failed"]` says so, and the printed table begins with it. `pandas.DataFrame(table)` is a plain data frame.

    >>> Table({"N": [7e10], "median": [1.97085321], "lower": [float("nan")]})
       N  median  lower
    7e10   1.971      -
    """

    @property
    def _constructor(self) -> "type[Table]":
        # With this, a part of a table, such as a slice, is a `Table` too.
        return Table

    def __repr__(self) -> str:
        return "\n".join([*_failed(self), text(self)])

    def _repr_html_(self) -> str:
        return "".join([*(paragraph(line, bad=True) for line in _failed(self)), html(self)])


def text(frame: pd.DataFrame) -> str:
    """The data frame of a result as text."""
    width = max(shutil.get_terminal_size().columns, NARROWEST)
    least = pd.get_option("display.min_rows")
    return shown(cast(str, frame.to_string(**_settings(frame), min_rows=least, line_width=width)), "\n")


def html(frame: pd.DataFrame) -> str:
    """The data frame of a result as an HTML table."""
    return shown(cast(str, frame.to_html(**_settings(frame), border=0, justify="right")), "\n")


def _failed(frame: pd.DataFrame) -> list[str]:
    failed = frame.attrs.get("failed")
    return [f"fail    {shown(str(failed))}"] if failed else []


def _settings(frame: pd.DataFrame) -> Mapping[str, Any]:
    most = pd.get_option("display.max_rows")
    return {
        "formatters": [_formatter(frame.iloc[:, i]) for i in range(frame.shape[1])],
        # An index that only counts the rows is not printed: it has no information and takes the room of a column.
        "index": not isinstance(frame.index, pd.RangeIndex) or frame.columns.empty,
        "na_rep": "-",
        "max_rows": most,
        "show_dimensions": bool(most) and len(frame) > most,
    }


def _formatter(column: Any) -> Callable[[Hashable], str]:
    values = column.to_numpy()
    if values.dtype.kind == "f":
        return as_typed if all(map(is_short, np.unique(values))) else figure  # type: ignore[return-value]
    if values.dtype.kind in "biu":
        return str
    return lambda cell: "-" if cell is None or cell != cell else shown(str(cell))
