"""This file reads the sheet of an Excel workbook that holds a table."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from scalebayes.errors import InputError, listed
from scalebayes.runs.reading.cells import is_missing
from scalebayes.runs.reading.decode import MOST_BYTES
from scalebayes.runs.reading.header import Grid, as_table, grid
from scalebayes.runs.reading.raw_table import Table

# Number of cells of a sheet, with the blank cells between others; a larger sheet is refused. One cell in the far corner
# makes 17 thousand million.
MOST_CELLS = 20_000_000
# Literal text in a number format, such as a per cent sign after a number that is in per cent already.
LITERAL = re.compile(r'"[^"]*"|\\.')


def read_workbook(data: bytes, source: str) -> Table:
    """The cells of the only sheet of a workbook with a table. Raises `InputError` if none or several have one."""
    try:
        import openpyxl
    except ImportError:
        raise InputError(
            f"{source}: Excel workbooks need openpyxl; install it with: pip install 'scalebayes[excel]'"
        ) from None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            large = sum(info.file_size for info in archive.infolist()) > MOST_BYTES
        if large:
            limit = f"{MOST_BYTES // 2**20} MiB"
            raise InputError(f"{source}: the workbook takes more than {limit} unpacked; save the sheet as .csv")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles and checks of cells that it does not read
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            grids = {sheet.title: grid(lines(sheet, source)) for sheet in book.worksheets}
    except InputError:
        raise
    except Exception as error:  # openpyxl lets any error of its parsers pass
        reason = (str(error).splitlines() or [type(error).__name__])[0][:80].rstrip(".")
        raise InputError(
            f"{source}: the file can't be read as an Excel workbook ({reason}); save it again, or as .csv"
        ) from None
    tables = {title: table for title, table in grids.items() if table is not None and is_a_table(table)}
    if len(tables) != 1:
        what = f"sheets {listed(tables)} each hold a table" if tables else "no sheet holds a header and a row"
        raise InputError(f"{source}: {what}; save the one that is meant as .csv")
    title, table = next(iter(tables.items()))
    sentences = [f"sheet '{title}'"] if len(grids) > 1 else []
    sentences += [f"title line '{line:.60}' left out" for line in table.titles]
    return replace(as_table(table, source), made=tuple(sentences))


def is_a_table(cells: Grid) -> bool:
    """Whether a sheet's grid can be the user's table: it has several columns and at least one row."""
    return cells.width > 1 and bool(cells.rows)


def lines(sheet: Any, source: str) -> list[list[Any]]:
    """The rows of a sheet of the user's workbook, all of the same length, without the blank rows at its end."""
    sheet.reset_dimensions()  # the size of the sheet in the file may be wrong
    rows: list[list[Any]] = []
    count = 0
    for row in sheet.iter_rows():
        count += len(row) + 1
        if count > MOST_CELLS:
            raise InputError(f"{source}: sheet '{sheet.title}' has more than {MOST_CELLS:,} cells; save it as .csv")
        rows.append([shown(cell) for cell in row])
    return padded(rows)


def shown(cell: Any) -> Any:
    """The value of a cell in the user's workbook, where a number that it shows in per cent becomes text with the sign.

    A share of 0.4 that the sheet shows as 40% is read as '40%', as in a text file. A header with '(%)' then does not
    divide it a second time.
    """
    value = cell.value
    if isinstance(value, bool) or not isinstance(value, int | float) or "%" not in (cell.number_format or ""):
        return value
    if "%" not in LITERAL.sub("", cell.number_format):
        return value
    text = f"{Decimal(f'{value * 100:.15g}'):f}"
    # Three digits after a point might be read as thousands, so a zero is added.
    return f"{text}0%" if re.search(r"\.\d{3}$", text) else f"{text}%"


def padded(rows: Iterable[list[Any]]) -> list[list[Any]]:
    """Rows of a sheet of the user's workbook, made the same length, without the blank rows at the end."""
    rows = list(rows)
    while rows and all(is_missing(cell) for cell in rows[-1]):
        rows.pop()
    width = max(map(len, rows), default=0)
    return [row + [None] * (width - len(row)) for row in rows]
