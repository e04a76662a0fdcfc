"""What the words of a column are as numbers: each column decides how its own are written, else its table does."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass

import numpy as np

from scalebayes.runs.reading.cells import BLANK_WORDS, Numeral, is_missing, number
from scalebayes.runs.reading.spelling import COMMA, POINT, Spelled, brief, spelled

# Blanks that every program writes; others are told.
USUAL_BLANKS = frozenset({"", "na", "nan", "null", "none", "<na>"})
# A decimal mark, or one of thousands, with the three digits behind it.
GROUP = re.compile(r"([.,])([0-9]{3})")
# What a column is read as. The marks of these decide for other columns: a list of devices, 0,1, doesn't.
OBSERVED, COUNTED, MEASURED = "observed", "counted", "measured"


@dataclass(frozen=True)
class Words:
    """The different words of a column of text, those that are numbers as `read`, and whether `all` are."""

    read: Mapping[str, Spelled]
    all: bool

    @property
    def marks(self) -> frozenset[str]:
        """The decimal marks that the words show."""
        return frozenset(word.mark for word in self.read.values() if word.mark)

    @property
    def suffixed(self) -> bool:
        """Whether one has a suffix, as 7B has, which may be the name of a model, and 5m, which may be minutes."""
        return any(word.kind in ("suffix", "m") for word in self.read.values())


def settled(
    columns: Mapping[str, np.ndarray], semicolons: bool = False, roles: Mapping[str, str] | None = None
) -> dict[str, np.ndarray]:
    """Columns of cells, (row,), with a `Numeral` for each number that isn't written as Python writes it.

    Where a word has two readings, as 1,234 has, the other words of its column decide, then those of the other columns
    with a role. A point before three digits is a decimal point, but in a count whose table has decimal commas, or
    where `semicolons` between its columns make them likely. What nothing decides is a `Numeral` without a value.

    Args:
        semicolons: whether they stand between the columns of the file.
        roles: the column -> OBSERVED (the observable and its standard error, whose values another column never makes a
            thousand times larger), COUNTED (parameters, tokens, FLOPs) or MEASURED. None: each is COUNTED. In a column
            without a role 7B is a name, and decimal commas are there only where columns with a role have them, or
            behind semicolons.

    >>> column = np.array(["1,234", "12,345,678"], dtype=object)
    >>> [cell.value for cell in settled({"N": column})["N"]]
    [1234.0, 12345678.0]
    >>> settled({"N": column[:1]})["N"][0].doubt
    'can be read as 1234 or as 1.234; write 1234 or 1,2340, whichever is meant'
    """
    given = {name: given_words(column) for name, column in columns.items() if column.dtype == object}
    # Most tables hold nothing but plain numbers and labels.
    odd = (word for found in given.values() for word in found if number(word) is None)
    if not semicolons and not any(spelled(word) for word in odd):
        return dict(columns)
    words = {name: words_of(found) for name, found in given.items()}
    roles = dict.fromkeys(columns, COUNTED) if roles is None else roles
    table = frozenset(mark for name, one in words.items() if one.all and name in roles for mark in one.marks)

    def read(name: str) -> bool:
        own = words[name]
        commas = COMMA in own.marks and not semicolons and table != {COMMA}
        return bool(own.read) and (name in roles or not (commas or own.suffixed))

    return {
        name: spelled_out(column, words[name], table, semicolons, roles.get(name, ""))
        if name in words and read(name)
        else column
        for name, column in columns.items()
    }


def given_words(column: np.ndarray) -> set[str]:
    """The different words of a column, (row,), blanks left out."""
    words = {str(cell) for cell in column if isinstance(cell, str)}
    return {word for word in words if word.strip().lower() not in BLANK_WORDS}


def words_of(given: set[str]) -> Words:
    # Digits alone are one number under any mark.
    read = {word: one for word in given if not word.isdecimal() and (one := spelled(word)) is not None}
    return Words(read, all(word in read or number(word) is not None for word in given))


def spelled_out(
    column: np.ndarray, words: Words, table: frozenset[str], semicolons: bool, role: str = COUNTED
) -> np.ndarray:
    """One column, (row,), with its numerals; `table` are the decimal marks that the table's columns show."""
    own = words.marks
    mark = next(iter(own)) if len(own) == 1 else next(iter(table)) if not own and len(table) == 1 else ""
    strict = semicolons or COMMA in table | own
    kinds = {one.kind: word for word, one in words.read.items() if one.kind in ("percent", "suffix", "m")}
    million = next((word for word, one in words.read.items() if one.kind == "suffix" and word.rstrip()[-1] == "M"), "")

    def lent(cell: str, mark: str) -> bool:
        """Whether the mark of other columns may decide: it makes the number smaller, or it may be made larger."""
        if (COMMA in cell) == (mark == COMMA):
            return True
        return role != OBSERVED and (mark == POINT or semicolons or role == COUNTED)

    cells = column.copy()
    for i, cell in enumerate(column):
        word = words.read.get(cell) if isinstance(cell, str) else None
        if word is None:
            value = number(cell)
            if "percent" in kinds and value and math.isfinite(value):
                cells[i] = beside_per_cent(str(cell), value, kinds["percent"])
        elif "percent" in kinds and word.kind == "digits" and word.value != 0:
            cells[i] = beside_per_cent(cell, word.value, kinds["percent"])
        elif word.kind == "m" and million:
            doubt = f"can be millions or thousandths beside '{million}'; write M for millions, or the whole number"
            cells[i] = Numeral(cell, None, "suffix", doubt)
        elif not word.doubtful or (COMMA not in cell and not strict) or (mark and (own or lent(cell, mark))):
            value = word.value if not word.doubtful else word.comma if mark == COMMA else word.point
            if value is not None and value != number(str(cell)):
                cells[i] = Numeral(cell, value, word.kind)
        else:
            cells[i] = Numeral(cell, None, word.kind, two_readings(cell, word))
    return cells


def two_readings(cell: str, word: Spelled) -> str:
    """Both numbers of a word with one decimal mark, and how to write each so that it has no other reading."""
    large, small = sorted((word.point or 0.0, word.comma or 0.0), key=abs, reverse=True)
    # A fourth digit behind the mark makes it a decimal mark, that of the other cells of the column too.
    whole, part = GROUP.sub(r"\2", cell.strip()), GROUP.sub(r"\1\g<2>0", cell.strip())
    return f"can be read as {brief(large)} or as {brief(small)}; write {whole} or {part}, whichever is meant"


def beside_per_cent(cell: str, value: float | None, example: str) -> Numeral:
    both = "may be per cent or not" if value is None else f"can be read as {brief(value)} or as {brief(value / 100)}"
    doubt = f"{both} beside '{example.strip()}'; write % behind each number of the column or behind none"
    return Numeral(cell, None, "percent", doubt)


def told(columns: Mapping[str, np.ndarray], texts: Container[str]) -> list[str]:
    """What was made of columns, name -> cells (row,), in sentences; those in `texts` are kept as text."""
    return [note for name, cells in columns.items() for note in (doubts if name in texts else notes)(name, cells)]


def notes(name: str, cells: np.ndarray) -> list[str]:
    """What was made of the cells of a column of numbers, (row,), that weren't plain numbers: a sentence a kind.

    >>> column = settled({"N": np.array(["60M", "1B", "-"], dtype=object)})["N"]
    >>> notes("params", column)
    ["params: '60M' as 6e7 (2 cells)", "params: '-' as a blank (1 cell)"]
    """
    found: dict[str, list[str]] = {}
    for cell in cells if cells.dtype == object else ():
        if isinstance(cell, Numeral):
            found.setdefault(cell.kind, []).append(f"'{cell.strip()}' as {brief(cell.value or 0.0)}")
        elif isinstance(cell, str) and (word := cell.strip().lower()) in BLANK_WORDS - USUAL_BLANKS:
            found.setdefault(f"blank {word}", []).append(f"'{cell.strip()}' as a blank")
    return [f"{name}: {told[0]} ({len(told)} cell{'s' if len(told) > 1 else ''})" for told in found.values()]


def doubts(name: str, cells: np.ndarray) -> list[str]:
    """Why a column, (row,), whose words are all numbers is kept as text: one of them has two readings."""
    found = cells if cells.dtype == object else ()
    first = next((cell for cell in found if isinstance(cell, Numeral) and cell.doubt), None)
    if first is None:
        return []
    words = (cell for cell in found if not (is_missing(cell) or (isinstance(cell, Numeral) and cell.doubt)))
    if any(number(cell) is None for cell in words):
        return []
    return [f"{name}: kept as text, since '{first.strip()}' {first.doubt.partition('; ')[0]}"]
