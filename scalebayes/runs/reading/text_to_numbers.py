"""This file reads the words of columns as numbers. The other words of the column, or of the table, decide how."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass

import numpy as np

from scalebayes.runs.reading.cells import BLANK_WORDS, Numeral, is_missing, number
from scalebayes.runs.reading.spelling import COMMA, POINT, Spelled, brief, spelled

# Words for a blank that every program writes. A note says if another word was read as a blank.
USUAL_BLANKS = frozenset({"", "na", "nan", "null", "none", "<na>"})
# A decimal mark, or a mark between thousands, with the three digits after it.
GROUP = re.compile(r"([.,])([0-9]{3})")
# The roles of columns. The decimal marks in columns with a role decide for other columns. A column without a role, such
# as a list of devices (0,1), does not.
OBSERVED, COUNTED, MEASURED = "observed", "counted", "measured"


@dataclass(frozen=True)
class Words:
    """The different words of a column of text.

    Attributes:
        read: Each word that can be read as a number, with its value if the decimal mark is a point and its value if it
            is a comma. Words of digits alone are left out, since both values are the same.

        all: Whether every word is a number, words of digits alone included.
    """

    read: Mapping[str, Spelled]
    all: bool

    @property
    def marks(self) -> frozenset[str]:
        """The decimal marks that words of the column need."""
        return frozenset(word.mark for word in self.read.values() if word.mark)

    @property
    def suffixed(self) -> bool:
        """Whether a word has a suffix. 7B may be the name of a model, and 5m may be minutes."""
        return any(word.kind in ("suffix", "m") for word in self.read.values())


def settled(
    columns: Mapping[str, np.ndarray], semicolons: bool = False, roles: Mapping[str, str] | None = None
) -> dict[str, np.ndarray]:
    """Replace each number in the user's table that is not written as in Python by a `Numeral`.

    A word such as 1,234 has two readings. The other words of its column decide which one is right. If they do not, the
    other columns with a role decide. A point before three digits is a decimal point, except in two cases: a count in a
    table with decimal commas, and a file in which semicolons make decimal commas likely. A word that nothing decides is
    a `Numeral` without a value.

    Args:
        columns: The columns by name, (row,).

        semicolons: Whether semicolons separate the columns of the file. The default is False.

        roles: The role of each column: OBSERVED for the observable and its standard error, which another column never
            makes a thousand times larger; COUNTED for parameters, tokens and FLOPs; or MEASURED. In a column without a
            role, 7B is a name. Such a column has decimal commas only if columns with a role have them, or if
            semicolons separate the columns. The default is None, which means that all columns are COUNTED.

    Returns:
        The columns by name, (row,).

    >>> column = np.array(["1,234", "12,345,678"], dtype=object)
    >>> [cell.value for cell in settled({"N": column})["N"]]
    [1234.0, 12345678.0]
    >>> settled({"N": column[:1]})["N"][0].doubt
    'can be read as 1234 or as 1.234; write 1234 or 1,2340, whichever is meant'
    """
    given = {name: given_words(column) for name, column in columns.items() if column.dtype == object}
    # Most tables hold only plain numbers and labels, and are returned here.
    odd = (word for different in given.values() for word in different if number(word) is None)
    if not semicolons and not any(spelled(word) for word in odd):
        return dict(columns)
    words = {name: words_of(different) for name, different in given.items()}
    roles = dict.fromkeys(columns, COUNTED) if roles is None else roles
    table = frozenset(mark for name, read in words.items() if read.all and name in roles for mark in read.marks)

    def holds_numerals(name: str) -> bool:
        of_column = words[name]
        commas = COMMA in of_column.marks and not semicolons and table != {COMMA}
        return bool(of_column.read) and (name in roles or not (commas or of_column.suffixed))

    return {
        name: spelled_out(column, words[name], table, semicolons, roles.get(name, ""))
        if name in words and holds_numerals(name)
        else column
        for name, column in columns.items()
    }


def given_words(column: np.ndarray) -> set[str]:
    """The different words of a table's column, (row,), without blanks."""
    words = {str(cell) for cell in column if isinstance(cell, str)}
    return {word for word in words if word.strip().lower() not in BLANK_WORDS}


def words_of(given: set[str]) -> Words:
    """The different words of a table's column as `Words`."""
    # A word of digits alone is the same number with any decimal mark.
    read = {word: values for word in given if not word.isdecimal() and (values := spelled(word)) is not None}
    return Words(read, all(word in read or number(word) is not None for word in given))


def spelled_out(
    column: np.ndarray, words: Words, table: frozenset[str], semicolons: bool, role: str = COUNTED
) -> np.ndarray:
    """One column of the user's table, (row,), with its numerals.

    `table` has the decimal marks that columns of the table need.
    """
    marks = words.marks
    mark = next(iter(marks)) if len(marks) == 1 else next(iter(table)) if not marks and len(table) == 1 else ""
    strict = semicolons or COMMA in table | marks
    kinds = {read.kind: text for text, read in words.read.items() if read.kind in ("percent", "suffix", "m")}
    million = next(
        (text for text, read in words.read.items() if read.kind == "suffix" and text.rstrip()[-1] == "M"), ""
    )

    def lent(cell: str, mark: str) -> bool:
        """Whether other columns may decide on a cell: they make it smaller, or its role allows a larger number."""
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
        elif not word.doubtful or (COMMA not in cell and not strict) or (mark and (marks or lent(cell, mark))):
            value = word.value if not word.doubtful else word.comma if mark == COMMA else word.point
            if value is not None and value != number(str(cell)):
                cells[i] = Numeral(cell, value, word.kind)
        else:
            cells[i] = Numeral(cell, None, word.kind, two_readings(cell, word))
    return cells


def two_readings(cell: str, word: Spelled) -> str:
    """The two readings as a number of a word in a table, and how to write each of them without the other reading."""
    large, small = sorted((word.point or 0.0, word.comma or 0.0), key=abs, reverse=True)
    # A fourth digit after the mark shows that it is a decimal mark, also for the other cells of the column.
    whole, part = GROUP.sub(r"\2", cell.strip()), GROUP.sub(r"\1\g<2>0", cell.strip())
    return f"can be read as {brief(large)} or as {brief(small)}; write {whole} or {part}, whichever is meant"


def beside_per_cent(cell: str, value: float | None, example: str) -> Numeral:
    """A number without a per cent sign in a table's column with such signs. It has two readings."""
    both = "may be per cent or not" if value is None else f"can be read as {brief(value)} or as {brief(value / 100)}"
    doubt = f"{both} beside '{example.strip()}'; write % behind each number of the column or behind none"
    return Numeral(cell, None, "percent", doubt)


def reading_notes(columns: Mapping[str, np.ndarray], texts: Container[str]) -> list[str]:
    """Sentences that say how the cells of a table's columns were read. The columns in `texts` are kept as text."""
    return [note for name, cells in columns.items() for note in (doubts if name in texts else notes)(name, cells)]


def notes(name: str, cells: np.ndarray) -> list[str]:
    """How cells of a table's numeric column, (row,), were read that are no plain numbers: one sentence per kind.

    >>> column = settled({"N": np.array(["60M", "1B", "-"], dtype=object)})["N"]
    >>> notes("params", column)
    ["params: '60M' as 6e7 (2 cells)", "params: '-' as a blank (1 cell)"]
    """
    readings: dict[str, list[str]] = {}
    for cell in cells if cells.dtype == object else ():
        if isinstance(cell, Numeral):
            readings.setdefault(cell.kind, []).append(f"'{cell.strip()}' as {brief(cell.value or 0.0)}")
        elif isinstance(cell, str) and (word := cell.strip().lower()) in BLANK_WORDS - USUAL_BLANKS:
            readings.setdefault(f"blank {word}", []).append(f"'{cell.strip()}' as a blank")
    return [
        f"{name}: {notes_of_kind[0]} ({len(notes_of_kind)} cell{'s' if len(notes_of_kind) > 1 else ''})"
        for notes_of_kind in readings.values()
    ]


def doubts(name: str, cells: np.ndarray) -> list[str]:
    """Why a column of the table, (row,), in which all words are numbers is kept as text: one word has two readings."""
    words = cells if cells.dtype == object else ()
    first = next((cell for cell in words if isinstance(cell, Numeral) and cell.doubt), None)
    if first is None:
        return []
    others = (cell for cell in words if not (is_missing(cell) or (isinstance(cell, Numeral) and cell.doubt)))
    if any(number(cell) is None for cell in others):
        return []
    return [f"{name}: kept as text, since '{first.strip()}' {first.doubt.partition('; ')[0]}"]
