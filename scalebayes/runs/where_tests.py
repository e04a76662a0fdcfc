"""This file has the tests that a filter consists of. Each test says which rows pass it."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scalebayes.errors import InputError
from scalebayes.runs.numeric import show
from scalebayes.runs.reading.cells import number, text
from scalebayes.runs.reading.spelling import spelled

COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

Columns = Mapping[str, np.ndarray]


def counts(words: np.ndarray) -> np.ndarray:
    """Words in a column that runs are filtered by, as float64 if each is one number, blanks NaN; else unchanged.

    >>> counts(np.array(["0.5M", None], dtype=object)), counts(np.array(["7B", "base"], dtype=object))
    (array([500000.,     nan]), array(['7B', 'base'], dtype=object))
    """
    if words.dtype.kind == "f":
        return words
    spellings = {word: spelled(word) for word in {*words.tolist()} - {None} if number(word) is None}
    if any(read is None or read.value is None for read in spellings.values()) or not any(word for word in words):
        return words
    values = [read.value if (read := spellings.get(word)) else number(word) for word in words]
    return np.array(values, dtype=np.float64)


@dataclass(frozen=True)
class Column:
    """A column by its name. Numbers and booleans become float64; anything else becomes text, with None for a blank."""

    name: str

    def values(self, columns: Columns) -> np.ndarray:
        """The cells of the column, (row,)."""
        column = np.asarray(columns[self.name])
        return column.astype(np.float64) if column.dtype.kind in "biuf" else text(column)

    def kind(self, values: np.ndarray) -> str:
        """Whether the column holds numbers or text, in words."""
        if values.dtype.kind == "f":
            return f"column '{self.name}' holds numbers"
        odd = [cell for cell in values if number(cell) is None] or [cell for cell in values if cell is not None]
        return f"column '{self.name}' holds text" + (f" ({show(odd[0])})" if odd else "")


@dataclass(frozen=True)
class Literal:
    """A number or a text in a filter. True is 1 and False is 0."""

    value: float | str

    def values(self, columns: Columns) -> np.ndarray:
        """The literal as an array of one element."""
        return np.array([self.value], dtype=object if isinstance(self.value, str) else np.float64)

    def kind(self, values: np.ndarray) -> str:
        """Whether the literal is a number or text, in words."""
        return f"{self.value!r} is text" if isinstance(self.value, str) else f"{self.value:g} is a number"


@dataclass(frozen=True)
class Compare:
    """A comparison of two sides, of which at least one is a column.

    >>> early = Compare("<", Column("C"), Literal(1e21))
    >>> early.mask({"C": np.array([1e20, 1e22, np.nan])}).tolist()
    [True, False, False]
    """

    sign: str
    left: Column | Literal
    right: Column | Literal

    def mask(self, columns: Columns) -> np.ndarray:
        """Whether each row passes, bool (row,)."""
        sides = [self.left.values(columns), self.right.values(columns)]
        held = COMPARISONS[self.sign]
        for i, side in enumerate((self.left, self.right)):
            # A number may stand in quotes, as in size == '70M'.
            if isinstance(side, Literal) and sides[1 - i].dtype.kind == "f" and (word := spelled(str(side.value))):
                sides[i] = sides[i] if word.value is None else np.array([word.value])
        # Words such as 7B are names, unless they are compared by < or >, or with numbers.
        if self.sign not in ("==", "!=") or any(side.dtype.kind == "f" for side in sides):
            counted = [counts(side) for side in sides]
            named = any(number(word) is None for side in sides if side.dtype.kind != "f" for word in side)
            sides = counted if named and all(side.dtype.kind == "f" for side in counted) else sides
        numeric = [side.dtype.kind == "f" for side in sides]
        if all(numeric):
            return held(*sides)
        for i, side in enumerate(sides):
            if numeric[i] and np.isnan(side).all():  # a blank column can be compared with text too
                sides[i], numeric[i] = np.full(side.shape, None, dtype=object), False
        if any(numeric):
            both = " and ".join([self.left.kind(sides[0]), self.right.kind(sides[1])])
            raise InputError(f"{both}: they can't be compared; text stands in quotes, numbers without")
        present = np.logical_and(*[np.array([cell is not None for cell in side], dtype=bool) for side in sides])
        words = [np.array([cell or "" for cell in side], dtype=object) for side in sides]
        passed = np.asarray(held(*words), dtype=bool)
        return passed | ~present if self.sign == "!=" else passed & present


@dataclass(frozen=True)
class Not:
    """The rows that do not pass a test."""

    test: Test

    def mask(self, columns: Columns) -> np.ndarray:
        """Whether each row passes, bool (row,)."""
        return ~self.test.mask(columns)


@dataclass(frozen=True)
class Joined:
    """The rows that pass all tests, if `every` is True, or any of them."""

    every: bool
    tests: tuple[Test, ...]

    def mask(self, columns: Columns) -> np.ndarray:
        """Whether each row passes, bool (row,)."""
        join = np.logical_and if self.every else np.logical_or
        return join.reduce([test.mask(columns) for test in self.tests])


Test = Compare | Not | Joined
