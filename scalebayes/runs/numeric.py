"""The checks of a column of numbers, and the words that name the row, the column and the cure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.runs.cells import is_missing, number

POWER_OF_TEN = {"k": 3, "m": 6, "g": 9, "b": 9, "t": 12}


@dataclass(frozen=True)
class Interval:
    """The values that a column may take: finite, above `lower` (or at it, where `closed`) and below `upper`.

    >>> Interval(0.0, 1.0).holds(np.array([0.0, 0.5, 1.0]))
    array([False,  True, False])
    """

    lower: float = 0.0
    upper: float = math.inf
    closed: bool = False

    def holds(self, values: np.ndarray) -> np.ndarray:
        return ((values >= self.lower) if self.closed else (values > self.lower)) & (values < self.upper)

    def tests(self) -> tuple[str, str]:
        """The two halves of the interval as comparisons, '' where there is no bound."""
        above = f"{'>=' if self.closed else '>'} {self.lower:g}" if math.isfinite(self.lower) else ""
        return above, f"< {self.upper:g}" if math.isfinite(self.upper) else ""

    def broken(self, value: float) -> str:
        """The comparison that `value` fails."""
        above, below = self.tests()
        return below if value >= self.upper else above


POSITIVE = Interval()
NOT_NEGATIVE = Interval(closed=True)
AT_LEAST_ONE = Interval(1.0, closed=True)
WORDS = {">=": "is below", ">": "is not above", "<": "is not below"}


@dataclass(frozen=True)
class Origin:
    """Where the rows of a table came from, so that a message can point at the cell that the user sees.

    `rows`: the 1-based data row of each run in its table; `run_ids`: their names or None; `source`: the file's
    path or ''; `aliases`: our name -> the table's name, where they differ; `filters`: whether `where` was on offer;
    `finished`: the filter that keeps the runs that came to their end, '' where the table doesn't tell them.
    """

    rows: np.ndarray
    run_ids: np.ndarray | None = None
    source: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)
    filters: bool = False
    finished: str = ""

    def place(self, i: int, name: str) -> str:
        """Row `i`, 0-based among the rows kept, and the column, as the user knows them."""
        run_id = None if self.run_ids is None else self.run_ids[i]
        run = "" if run_id is None else f" (run_id '{run_id}')"
        theirs = self.aliases.get(name, name)
        read_as = "" if theirs == name else f" (read as {name})"
        prefix = f"{self.source}: " if self.source else ""
        return f"{prefix}row {self.rows[i]}{run}, column '{theirs}'{read_as}"

    def name(self, name: str) -> str:
        """The table's name for a column of ours, as a filter writes it."""
        theirs = self.aliases.get(name, name)
        return theirs if theirs.isidentifier() else f"`{theirs}`"

    def drop(self, name: str, test: str) -> str:
        """The words for leaving rows out, with the filter to write where `where` is on offer."""
        column = self.name(name)
        return f'leave such rows out with where="{column} {test}"' if self.filters and test else "leave the row out"

    def without(self, i: int) -> str:
        """The words for leaving out row `i`, with the filter where the rows have names and `where` is on offer."""
        if self.run_ids is None or self.run_ids[i] is None or not self.filters:
            return "leave the row out"
        run_id = self.run_ids[i]
        numbered = all(number(one) is not None for one in self.run_ids)
        return "leave the row out with " + f'where="{self.name("run_id")} != {run_id if numbered else repr(run_id)}"'


def refuse(origin: Origin, name: str, bad: np.ndarray, problem: Callable[[int], str], cure: str) -> None:
    """Raise `InputError` at the first `bad` row, (run,) bool, counting the others; do nothing where none is bad."""
    if not bad.any():
        return
    first, more = int(np.flatnonzero(bad)[0]), int(bad.sum()) - 1
    others = f" (and {more} more row{'s' if more > 1 else ''} like it)" if more else ""
    raise InputError(f"{origin.place(first, name)}: {problem(first)}{others}; {cure}")


def numeral(cell: Any) -> str:
    """The number that `cell` seems to mean, as it should be written; '' where that can't be told.

    >>> numeral("70B"), numeral("1,000"), numeral("12 apples")
    ('70e9', '1000', '')
    """
    word = str(cell).strip().replace(",", "").replace("_", "")
    suffixed = re.fullmatch(r"([+-]?\d*\.?\d+)\s*([kmgbt])", word, flags=re.IGNORECASE)
    if suffixed:
        return f"{suffixed[1]}e{POWER_OF_TEN[suffixed[2].lower()]}"
    return word if number(word) is not None else ""


def checked(name: str, cells: np.ndarray, origin: Origin, interval: Interval = POSITIVE, cure: str = "") -> np.ndarray:
    """A column as float64, (run,), each cell a finite number inside `interval`.

    Raises `InputError` with the row, the column and the cure; `cure` is added to the one for a value outside.

    >>> checked("N", np.array(["1e9", "70B"], dtype=object), Origin(rows=np.array([1, 2])))
    Traceback (most recent call last):
        ...
    scalebayes.errors.InputError: row 2, column 'N': '70B' is not a number; write it as 70e9
    """
    read = cells.tolist() if cells.dtype.kind in "iuf" else [number(cell) for cell in cells.tolist()]
    not_number = np.array([value is None for value in read], dtype=bool)
    if not_number.any():
        first = int(np.flatnonzero(not_number)[0])
        written = numeral(cells[first])
        advice = f"write it as {written}" if written else f"correct the cell or {origin.without(first)}"
        refuse(origin, name, not_number, lambda i: f"{show(cells[i])} is not a number", advice)

    values = np.array(read, dtype=np.float64)
    missing, infinite = np.isnan(values), np.isinf(values)
    left_out = origin.drop(name, next(filter(None, interval.tests()), ""))
    ended = f', or keep the runs that finished with where="{origin.finished}"' if origin.finished else ""
    refuse(origin, name, missing, lambda i: show(cells[i]), f"fill in the number or {left_out}{ended}")
    if infinite.any():
        left_out = origin.without(int(np.flatnonzero(infinite)[0]))
        refuse(origin, name, infinite, lambda i: f"{values[i]} is not finite", f"correct it or {left_out}")

    bad = ~interval.holds(values)
    if bad.any():
        test = interval.broken(float(values[bad][0]))
        sign, bound = test.split()
        advice = f"correct it{',' if cure else ' or'} {origin.drop(name, test)}{cure}"
        refuse(origin, name, bad, lambda i: f"{values[i]:.12g} {WORDS[sign]} {bound}", advice)
    return values


def show(cell: Any) -> str:
    """A cell in a message: text in quotes, numbers as they print, a blank in words."""
    if is_missing(cell):
        return "the cell is blank or nan" if isinstance(cell, float) else "the cell is blank"
    shown = repr(str(cell)) if isinstance(cell, str) else str(cell)
    shown = shown if len(shown) <= 40 else shown[:37] + "..."
    value = number(cell)
    return f"{shown} is a missing value" if value is not None and math.isnan(value) else shown
