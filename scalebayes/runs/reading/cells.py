"""What one cell of a table means: a number, text or a blank."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import takewhile
from typing import Any

import numpy as np

from scalebayes.errors import InputError

BLANK_WORDS = frozenset(
    {
        *("", "na", "n/a", "n.a.", "<na>", "nan", "null", "none", "nil", "missing"),
        *("-", "--", "---", "–", "—", "−", ".", "..", "...", "…", "?"),
        # What spreadsheets write where a formula has no value.
        *("#n/a", "#na", "#nan", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!"),
    }
)


class Numeral(str):
    """A cell of text whose number the whole column decided; its text stays as it was written.

    Attributes:
        value: the number, None where the column leaves two readings.
        kind: how it is written, for the words that tell of it.
        doubt: where the column leaves two readings, both of them and what to write instead.
    """

    value: float | None
    kind: str
    doubt: str

    def __new__(cls, text: str, value: float | None, kind: str = "", doubt: str = "") -> Numeral:
        cell = super().__new__(cls, text)
        cell.value, cell.kind, cell.doubt = value, kind, doubt
        return cell

    def __reduce__(self) -> tuple[Any, ...]:
        return Numeral, (str(self), self.value, self.kind, self.doubt)


def is_missing(cell: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, a data frame's own null, or blank text.

    >>> [is_missing(cell) for cell in (None, float("nan"), "  ", 0.0, "NA")]
    [True, True, True, False, False]
    """
    if isinstance(cell, str):
        return not cell.strip()
    # pandas.NA has no truth value, so it can't take the test for NaN.
    return cell is None or type(cell).__name__ == "NAType" or (np.ndim(cell) == 0 and bool(cell != cell))


def number(cell: Any) -> float | None:
    """A cell as a float, NaN where it is missing, None where it isn't a number.

    Text is read as Python reads it; what else people write is decided by column, and comes as a `Numeral`.

    >>> [number(cell) for cell in ("1e9", 7, "NA", "70B", True)]
    [1000000000.0, 7.0, nan, None, None]
    """
    if is_missing(cell):
        return math.nan
    if isinstance(cell, Numeral):
        return cell.value
    if isinstance(cell, str):
        word = cell.strip()
        if word.lower() in BLANK_WORDS:
            return math.nan
        try:
            # float() reads '1_2' as 12, which would turn names of runs into numbers.
            return None if "_" in word else float(word)
        except ValueError:
            return None
    if isinstance(cell, numbers.Real | Decimal) and not isinstance(cell, bool | np.bool_):
        try:
            return float(cell)
        except OverflowError:
            return math.inf
    return None


def truth(cell: Any) -> float | None:
    """A cell as 1.0 or 0.0 where it is True or False (or those words), NaN where missing, else None."""
    if is_missing(cell):
        return math.nan
    if isinstance(cell, bool | np.bool_):
        return float(cell)
    return {"true": 1.0, "false": 0.0}.get(cell.strip().lower()) if isinstance(cell, str) else None


def typed(cells: np.ndarray) -> np.ndarray:
    """A column as float64 where every cell is a number, a truth value or missing; else as text, None where missing.

    >>> typed(np.array(["1", "", "2.5"], dtype=object))
    array([1. , nan, 2.5])
    """
    if cells.dtype.kind in "biuf":
        return cells.astype(np.float64)
    for read in (number, truth):
        values = list(takewhile(lambda value: value is not None, map(read, cells)))
        if len(values) == len(cells):
            return np.array(values, dtype=np.float64)
    return text(cells)


def text(cells: np.ndarray) -> np.ndarray:
    """A column as an object array of str, None where a cell is missing.

    A float column of whole numbers is written without the point: data frames turn integers
    into floats where one is missing, and run 7 shouldn't become '7.0'.

    >>> text(np.array([7.0, np.nan])).tolist()
    ['7', None]
    """
    given = [cell for cell in cells.tolist() if not is_missing(cell)]
    whole = all(isinstance(cell, float) and cell.is_integer() for cell in given)
    return objects([None if is_missing(cell) else str(int(cell) if whole else cell) for cell in cells.tolist()])


def as_cells(name: str, values: Any) -> np.ndarray:
    """One column as a one-dimensional array of its cells: numbers and booleans by their dtype, the rest as objects.

    Raises `InputError` where `values` isn't one value a run.

    >>> as_cells("N", [1, "70B"])
    array([1, '70B'], dtype=object)
    """
    if isinstance(values, np.ma.MaskedArray):
        values = values.tolist()
    try:
        array = np.asarray(values)
    except ValueError:
        array = None  # lists of unequal length inside: each becomes a cell, and is refused as one
    except TypeError:
        raise InputError(
            f"column '{name}' holds no numbers yet, as inside jax.jit, grad or vmap ({type(values).__name__}); make "
            "the table outside, and inside use the law itself: fit.law(N=..., D=..., **fit.law_draws), or sb.export"
        ) from None
    if array is not None and array.ndim == 0:
        raise InputError(f"column '{name}' is {values!r}, not a list; give one value a run: {name}=[...]")
    if array is not None and array.ndim > 1:
        raise InputError(f"column '{name}' has shape {array.shape}; give one value a run, shape (runs,)")
    if array is not None and array.dtype.kind in "biuf":
        return array
    return objects(list(values))


def objects(items: Sequence[Any]) -> np.ndarray:
    """A sequence as an object array, (run,), so that no cell is converted on account of another."""
    cells = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        cells[i] = item
    return cells


def as_columns(columns: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Columns of equal length as arrays of their cells; raises `InputError` with the lengths where they differ."""
    cells = {name: as_cells(name, values) for name, values in columns.items()}
    lengths = {name: len(column) for name, column in cells.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise InputError(f"the columns have unequal lengths ({told}); give one value a run in each")
    return cells
