"""This file checks columns of numbers, and describes cells that are no number."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from scalebayes.runs.faults import Fault, Origin, refuse
from scalebayes.runs.reading.cells import Numeral, is_missing, number
from scalebayes.runs.reading.spelling import POWERS


@dataclass(frozen=True)
class Interval:
    """The values that a column may have: above `lower`, or equal to it if `closed` is True, and below `upper`.

    >>> Interval(0.0, 1.0).holds(np.array([0.0, 0.5, 1.0]))
    array([False,  True, False])
    """

    lower: float = 0.0
    upper: float = math.inf
    closed: bool = False

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Whether each value is in the interval, bool (run,)."""
        return ((values >= self.lower) if self.closed else (values > self.lower)) & (values < self.upper)

    def tests(self) -> tuple[str, str]:
        """The lower and the upper bound as comparisons; blank for a bound that is infinite."""
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


def numeral(cell: Any) -> str:
    """The number that a cell of the user's table seems to mean, in a form that can be read; blank if this is unclear.

    >>> numeral("70B"), numeral("1,000"), numeral("12 apples")
    ('70e9', '1000', '')
    """
    word = str(cell).strip().lstrip("~≈").strip().replace(",", "").replace("_", "")
    suffixed = re.fullmatch(r"([+-]?\d*\.?\d+)\s*([kmgbt])", word, flags=re.IGNORECASE)
    if suffixed:
        return f"{suffixed[1]}e{POWERS[suffixed[2].lower()]}"
    value = number(word)
    return "" if value is None or math.isnan(value) else word


def checked(name: str, cells: np.ndarray, origin: Origin, interval: Interval = POSITIVE, cure: str = "") -> np.ndarray:
    """A table's column as float64, (run,), after a check that each cell is a finite number inside of the interval.

    Args:
        name: The name of the column.

        cells: The cells, (run,).

        origin: Where the rows come from.

        interval: The interval of the allowed values. The default is positive values.

        cure: A sentence to add to the cure for a value outside of the interval. The default is "".

    Raises:
        InputError: A cell is no such number. The message names the row, the column and the cure.

    >>> checked("N", np.array(["1e9", "7_000"], dtype=object), Origin(rows=np.array([1, 2])))
    Traceback (most recent call last):
        ...
    scalebayes.errors.InputError: row 2, column 'N': '7_000' is not a number; write it as 7000 or leave the row out
    """
    values, faults = examined(name, cells, origin, interval, cure)
    refuse(origin, faults)
    return values


def examined(
    name: str, cells: np.ndarray, origin: Origin, interval: Interval = POSITIVE, cure: str = ""
) -> tuple[np.ndarray, list[Fault]]:
    """A table's column as float64, (run,), and all of its faults. See `checked`."""
    faults: list[Fault] = []

    def halves(cell: Numeral) -> tuple[str, str]:
        problem, _, cure = cell.doubt.partition("; ")
        return problem, cure

    def correction(i: int) -> str:
        written = numeral(cells[i])
        if not written and not_number.all() and len(items) > 1 and origin.filters:
            return f"correct the cells, or name another column with columns={{'{name}': ...}}"
        return f"write it as {written}" if written else "correct the cell"

    def add(bad: np.ndarray, problem: Callable[[int], str], cure: Callable[[int], str] | str, **more: Any) -> None:
        at = [int(i) for i in np.flatnonzero(bad)]
        if at:
            others = f" (and {len(at) - 1} more row{'s' if len(at) > 2 else ''} like it)" if len(at) > 1 else ""
            first = at[0]
            sentence = f"{origin.place(first, name)}: {problem(first)}{others}"
            faults.append(Fault(sentence, cure if isinstance(cure, str) else cure(first), tuple(at), **more))

    if cells.dtype.kind in "iuf":
        values = cells.astype(np.float64)
        if np.isfinite(values).all() and interval.holds(values).all():  # as in every fit's checks, many times over
            return values, faults
    items = cells.tolist()
    read = items if cells.dtype.kind in "iuf" else [number(cell) for cell in items]
    doubtful = np.array([isinstance(cell, Numeral) and bool(cell.doubt) for cell in items], dtype=bool)
    not_number = np.array([value is None for value in read], dtype=bool)
    values = np.array([math.nan if value is None else value for value in read], dtype=np.float64)
    add(doubtful, lambda i: f"{show(cells[i])} {halves(cells[i])[0]}", lambda i: halves(cells[i])[1])
    add(not_number & ~doubtful, lambda i: f"{show(cells[i])} is not a number", correction)

    def comparison(test: str) -> str:
        return f"{origin.name(name)} {test}" if test and not not_number.any() and origin.compares(name) else ""

    missing, infinite = np.isnan(values) & ~not_number, np.isinf(values)
    present = comparison(next(filter(None, interval.tests()), ""))
    add(missing, lambda i: show(cells[i]), "fill in the number", test=present, ended=True)
    add(infinite, lambda i: f"{values[i]} is not finite", "correct it")
    outside = np.isfinite(values) & ~interval.holds(values)
    broken = np.array([interval.broken(value) if out else "" for value, out in zip(values, outside, strict=True)])
    for test in filter(None, interval.tests()):
        sign, bound = test.split()
        said = f"{WORDS[sign]} {bound}"
        problem = partial(lambda said, i: f"{values[i]:.12g} {said}", said)
        add(broken == test, problem, "correct it", test=comparison(test), more=cure)
    return values, faults


def show(cell: Any) -> str:
    """A cell of the user's table in a message: text in quotes, a number as it prints, a blank cell in words."""
    if is_missing(cell):
        return "the cell is blank or nan" if isinstance(cell, float) else "the cell is blank"
    shown = repr(str(cell)) if isinstance(cell, str) else str(cell)
    shown = shown if len(shown) <= 40 else shown[:37] + "..."
    value = number(cell)
    return f"{shown} is a missing value" if value is not None and math.isnan(value) else shown
