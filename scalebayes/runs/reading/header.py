"""This file finds the title lines, the header, the columns and the rows of a table in a grid of cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.runs.reading.cells import is_missing, number, objects
from scalebayes.runs.reading.raw_table import Table, numbered, refuse_twice
from scalebayes.runs.reading.spelling import spelled
from scalebayes.runs.trackers.charts import distinct

# Line breaks, tabs and wide spaces in a name. They become spaces, because a filter can't hold them.
OTHER_SPACE = re.compile(r"[^\S ]+")
# Number of lines above a header that may be titles; with more of them the first line is the header.
MOST_TITLES = 10

Cells = Sequence[Any]


@dataclass(frozen=True)
class Grid:
    """A header and the rows below it, each with its number. The line below the header is row 1. See `grid`."""

    names: tuple[str, ...]
    rows: tuple[tuple[int, Cells], ...]
    titles: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.names)

    @property
    def uneven(self) -> list[tuple[int, int]]:
        """The rows that have more or fewer cells than the header, each as its number and its number of cells."""
        return [(row, len(cells)) for row, cells in self.rows if len(cells) != self.width]


def grid(lines: Sequence[Cells], header: Cells | None = None) -> Grid | None:
    """Find the user's table in lines of cells; None if all lines are blank.

    Lines with one cell above the header are titles. The header is the first line after them, if it has at least two
    names. Blank cells beyond the last name of the header are left out.

    Args:
        lines: The lines, each a sequence of cells.

        header: The header, if it is not among the lines. The default is None.

    >>> grid([["spring"], [], ["N", "loss", ""], ["1e8", "3.1", ""]])
    Grid(names=('N', 'loss'), rows=((1, ['1e8', '3.1']),), titles=('spring',))
    """
    filled = [i for i, cells in enumerate(lines) if not blank(cells)]
    if not filled:
        return None
    start = -1 if header is not None else after_titles(lines, filled)
    above = lines[start] if header is None else header
    body = [i for i in filled if i > start]
    # A column with a blank header counts if some row has a cell in it.
    width = max([len(trimmed(above)), *(min(len(above), len(trimmed(lines[i]))) for i in body)])
    titles = [next(cell for cell in lines[i] if not is_missing(cell)) for i in filled if i < start]
    return Grid(
        tuple("" if is_missing(name) else OTHER_SPACE.sub(" ", str(name)).strip() for name in above[:width]),
        tuple((i - start, fitted(lines[i], width)) for i in body),
        tuple(OTHER_SPACE.sub(" ", str(title)).strip() for title in titles),
    )


def after_titles(lines: Sequence[Cells], filled: Sequence[int]) -> int:
    """The position of the table's header: the first line with cells, or the line below titles of one cell each."""
    for i in filled[: MOST_TITLES + 1]:
        if len(present(lines[i])) > 1:
            return i if is_header(lines[i]) else filled[0]
    return filled[0]


def is_header(cells: Cells) -> bool:
    """Whether a line of the user's table can be its header: at least two cells, and no number or blank word in them."""
    given = present(cells)
    return len(given) > 1 and not any(is_number(cell) for cell in given)


def is_number(cell: Any) -> bool:
    """Whether a cell of the user's table is a number in any notation, or blank."""
    return number(cell) is not None or (isinstance(cell, str) and spelled(cell) is not None)


def present(cells: Cells) -> list[Any]:
    """The cells of a line of the user's table that are not blank."""
    return [cell for cell in cells if not is_missing(cell)]


def blank(cells: Iterable[Any]) -> bool:
    """Whether all cells of a line of the user's table are blank."""
    return all(is_missing(cell) for cell in cells)


def trimmed(cells: Cells) -> list[Any]:
    """A line of the user's table without the blank cells at its end."""
    last = max((i for i, cell in enumerate(cells) if not is_missing(cell)), default=-1)
    return list(cells[: last + 1])


def fitted(cells: Cells, width: int) -> list[Any]:
    """A line of the user's table without the blank cells beyond the width of the header."""
    return list(cells[:width]) if blank(cells[width:]) else trimmed(cells)


def as_table(parsed: Grid, source: str) -> Table:
    """The user's table from a grid whose rows all fit. A column without a name and without cells is left out."""
    if parsed.rows and parsed.names and all(is_number(name) for name in parsed.names):
        raise InputError(
            f"{source}: the first line holds numbers only, so the columns have no names; "
            "put a line with their names above it, such as N,D,loss"
        )
    names = distinct([name or f"unnamed_{i}" for i, name in enumerate(parsed.names, 1)])
    refuse_twice(names, source)
    columns = {name: objects([cells[i] for _, cells in parsed.rows]) for i, name in enumerate(names)}
    named_or_filled = {
        name: column for i, (name, column) in enumerate(columns.items()) if parsed.names[i] or not blank(column)
    }
    return Table(numbered(named_or_filled, source).cells, np.array([row for row, _ in parsed.rows]), source)
