"""This file reads single cells of a table as numbers, text or blanks."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import takewhile
from typing import Any

import numpy as np

from scalebayes.errors import InputError

# Words, in lower case, that stand for a blank cell.
BLANK_WORDS = frozenset(
    {
        *("", "na", "n/a", "n.a.", "<na>", "nan", "null", "none", "nil", "missing"),
        *("-", "--", "---", "–", "—", "−", ".", "..", "...", "…", "?"),
        # Spreadsheets write these if a formula has no value.
        *("#n/a", "#na", "#nan", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!"),
    }
)


class Numeral(str):
    """A cell of text with the number that it stands for. All cells of the column decided which number it is.

    The text is the one in the table.

    Attributes:
        value: The number; None if two readings are left.

        kind: How the number is written, such as "percent" or "suffix".

        doubt: The two readings and what to write instead; blank if there is one reading.
    """

    value: float | None
    kind: str
    doubt: str

    def __new__(cls, text: str, value: float | None, kind: str = "", doubt: str = "") -> Numeral:
        """A word of a cell with the number that it stands for."""
        cell = super().__new__(cls, text)
        cell.value, cell.kind, cell.doubt = value, kind, doubt
        return cell

    def __reduce__(self) -> tuple[Any, ...]:
        return Numeral, (str(self), self.value, self.kind, self.doubt)


def is_missing(cell: Any) -> bool:
    """Whether a cell of the user's table is blank: None, NaN, the null of a data frame, or blank text.

    >>> [is_missing(cell) for cell in (None, float("nan"), "  ", 0.0, "NA")]
    [True, True, True, False, False]
    """
    if isinstance(cell, str):
        return not cell.strip()
    # pandas.NA has no truth value, so the test for NaN can't be used on it.
    return cell is None or type(cell).__name__ == "NAType" or (np.ndim(cell) == 0 and bool(cell != cell))


def number(cell: Any) -> float | None:
    """A cell of the user's table as a float. It is NaN for a blank cell and None for a cell that is no number.

    Text is read as Python reads it. A number that is written in another way is a `Numeral`, which has its value.

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
    """A cell of the user's table as 1.0 for True, 0.0 for False, NaN for a blank cell, and None for anything else.

    The words for True and False count too.
    """
    if is_missing(cell):
        return math.nan
    if isinstance(cell, bool | np.bool_):
        return float(cell)
    return {"true": 1.0, "false": 0.0}.get(cell.strip().lower()) if isinstance(cell, str) else None


def typed(cells: np.ndarray) -> np.ndarray:
    """A column of the user's table as float64 or as text.

    The result is float64 if all cells are numbers, or all are truth values; a blank cell is NaN. Else it is text, with
    None for a blank cell.

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
    """A column of the user's table as an object array of str, with None for a blank cell.

    Whole numbers in a column of floats are written without a point. Data frames turn integers into floats if one is
    missing, and the name of run 7 should not become '7.0'.

    >>> text(np.array([7.0, np.nan])).tolist()
    ['7', None]
    """
    given = [cell for cell in cells.tolist() if not is_missing(cell)]
    whole = all(isinstance(cell, float) and cell.is_integer() for cell in given)
    return objects([None if is_missing(cell) else str(int(cell) if whole else cell) for cell in cells.tolist()])


def as_cells(name: str, values: Any) -> np.ndarray:
    """One column of the user's table as an array of its cells, (run,).

    Numbers and booleans keep their dtype; other cells are objects.

    Raises:
        InputError: `values` does not have one value per run.

    >>> as_cells("N", [1, "70B"])
    array([1, '70B'], dtype=object)
    """
    if isinstance(values, np.ma.MaskedArray):
        values = values.tolist()
    try:
        array = np.asarray(values)
    except ValueError:
        array = None  # the cells are lists of unequal length; each is refused later, as a cell
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
    """Cells of the user's table as an object array, (run,), in which none is converted because of another's type."""
    cells = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        cells[i] = item
    return cells


def as_columns(columns: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Columns of the user's table as arrays of their cells. Raises `InputError` if their lengths differ."""
    cells = {name: as_cells(name, values) for name, values in columns.items()}
    lengths = {name: len(column) for name, column in cells.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise InputError(f"the columns have unequal lengths ({shown}); give one value a run in each")
    return cells
