"""This file reads text with one row per line: it finds the separator of the columns, the comments and the header."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scalebayes.errors import InputError
from scalebayes.runs.reading.header import Grid, as_table, grid, is_header, is_number, present, trimmed
from scalebayes.runs.reading.raw_table import Table

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
SPACE = " "
COMMENT = re.compile(r"\s*(?:#|//|%)")
PREFIX = re.compile(r"\s*(?:#+|/{2,}|%+)\s*")
# A cell between spaces. A cell that holds spaces stands in quotes.
WORD = re.compile(r'"[^"]*"|\S+')
# The line with the separator, which Excel writes and reads above a table.
SAID = re.compile(r'"?sep=([,;\t|])"?\s*', re.IGNORECASE)
# The line below the header of a table in a document, or the line that a database writes below its rows.
RULE = re.compile(r"[\s|+:=-]*---[\s|+:=-]*|\(\d+ rows?\)")


@dataclass(frozen=True)
class Parsed:
    """A text read with one separator: its grid, its number of comments, and the problem, blank if there is none."""

    separator: str
    grid: Grid
    comments: int
    problem: str

    @property
    def makes_a_table(self) -> bool:
        """Whether the grid has several columns and no problem."""
        return self.grid.width > 1 and not self.problem


def read_delimited(words: str, source: str, usual: str = ",") -> Table:
    """The cells of a table in text with a header and one row per line.

    The separator is the sign with which every row has as many cells as the header. Lines that begin with #, // or % are
    comments, except one that holds the header. Blank lines and comments count in the numbers of the rows.

    Args:
        words: The text.

        source: The path of the file, for error messages.

        usual: The separator that the extension of the file stands for. The default is ",".

    Raises:
        InputError: No separator makes a table, or two of them do.
    """
    lines = words.split("\n")
    said = SAID.fullmatch(lines[0])
    lines = ["" if RULE.fullmatch(line) or (said and i == 0) else line for i, line in enumerate(lines)]
    signs = [said[1]] if said else [sign for sign in SEPARATORS if any(sign in line for line in lines)]
    attempts = [parsed(lines, sign) for sign in signs or [usual]]
    good = [attempt for attempt in attempts if attempt.makes_a_table]
    # A line without the separator may be a title. It is no title if another separator makes it a header.
    fewest = min((len(attempt.grid.titles) for attempt in good), default=0)
    good = [attempt for attempt in good if len(attempt.grid.titles) == fewest]
    if len(good) > 1:
        good = [attempt for attempt in good if attempt.separator == usual != ","] or good
    if len(good) > 1:
        counts = " and ".join(
            f"{SEPARATORS[attempt.separator]} make {attempt.grid.width} columns of it" for attempt in good
        )
        raise InputError(
            f"{source}: {counts}; put the cells that hold such signs in double quotes, or save it with tabs"
        )
    if not good and not any(attempt.grid.width > 1 for attempt in attempts):
        good = [attempt for attempt in [parsed(lines, SPACE)] if attempt.makes_a_table or in_columns(attempt.grid)]
    best = good[0] if good else max(attempts, key=lambda attempt: (attempt.grid.width, not attempt.problem))
    if best.problem:
        raise InputError(f"{source}: {best.problem}")
    return replace(as_table(best.grid, source), made=made_of(best, usual), semicolons=best.separator == ";")


def in_columns(table: Grid) -> bool:
    """Whether spaces separate the cells of all rows of the user's table, though not those of the header."""
    widths = {len(cells) for _, cells in table.rows}
    return table.width > 1 and len(widths) == 1 and all(map(is_number, table.rows[0][1])) and len(table.rows[0][1]) > 1


def made_of(chosen: Parsed, usual: str) -> tuple[str, ...]:
    """Sentences that say how a table's text was read: its separator, its comments and its titles."""
    between = SEPARATORS.get(chosen.separator, "spaces")
    sentences = [f"{between} between columns"] if chosen.separator != usual and chosen.grid.width > 1 else []
    sentences += (
        [f"{chosen.comments} comment line{'s' if chosen.comments > 1 else ''} left out"] if chosen.comments else []
    )
    return (*sentences, *(f"title line '{title:.60}' left out" for title in chosen.grid.titles))


def parsed(lines: Sequence[str], separator: str) -> Parsed:
    """Read the text of the user's table with one separator."""
    comments = comment_lines(lines)
    uncommented = ["" if i in comments else line for i, line in enumerate(lines)]
    try:
        table = grid(split(uncommented, separator))
        header = None
        if table is not None and (commented := header_among(lines, comments, uncommented, separator)) is not None:
            header = trimmed(split([PREFIX.sub("", lines[commented], count=1)], separator)[0])
            table = grid(split(uncommented[commented + 1 :], separator), header)
            comments = comments - {commented}
        # If all rows begin with the sign of a comment, they are rows and not comments.
        below = first_filled(uncommented)
        if table is not None and not table.rows and any(i > below for i in comments):
            comments = {i for i in comments if i < below}
            table = grid(split(["" if i in comments else line for i, line in enumerate(lines)], separator))
    except csv.Error as error:
        problem = f"the file can't be read as {'CSV' if separator == ',' else 'a table'} ({error}); check its quotes"
        width = lines[0].count(separator) + 1
        return Parsed(separator, Grid(("",) * width, ()), 0, problem)
    if table is None:
        return Parsed(separator, Grid((), ()), 0, "the file holds nothing but comments; give a header and a row")
    problem = uneven_rows(table, separator) or rows_in_comments(lines, comments, table, separator)
    return Parsed(separator, table, len(comments), problem)


def comment_lines(lines: Sequence[str]) -> set[int]:
    """The positions of the lines of a table's text that begin like a comment, outside of quotes."""
    comments, quotes = set(), 0
    for i, line in enumerate(lines):
        if quotes % 2 == 0 and COMMENT.match(line):
            comments.add(i)
        else:
            quotes += line.count('"')
    return comments


def split(lines: Sequence[str], separator: str) -> list[list[str]]:
    """Split the lines of a table's text into lists of cells. A blank line is an empty list.

    It raises `csv.Error` for quotes without a pair.
    """
    if separator == SPACE:
        return [[word.strip('"') for word in WORD.findall(line)] for line in lines]
    text = (line + "\n" for line in lines)
    # A space after a tab is part of the cell. A space after another separator is not.
    cells = csv.reader(text, delimiter=separator, strict=True, skipinitialspace=separator != "\t")
    return [[cell.strip() for cell in row] if separator == "|" else row for row in cells]


def first_filled(lines: Sequence[str]) -> int:
    """The position of the first line of a table's text that is not blank; 0 if there is none."""
    return next((i for i, line in enumerate(lines) if line.strip()), 0)


def header_among(lines: Sequence[str], comments: set[int], uncommented: Sequence[str], separator: str) -> int | None:
    """The position of the comment that is the table's header: the last one above the rows with one name per cell.

    It is None if there is no such comment.
    """
    first = first_filled(uncommented)
    cells = split([uncommented[first]], separator)[0] if uncommented[first].count('"') % 2 == 0 else []
    if not any(is_number(cell) for cell in present(cells)):
        return None
    for i in sorted((i for i in comments if i < first), reverse=True):
        if lines[i].count('"') % 2 == 0:
            names = trimmed(split([PREFIX.sub("", lines[i], count=1)], separator)[0])
            if is_header(names) and len(names) in (len(cells), len(trimmed(cells))):
                return i
    return None


def uneven_rows(table: Grid, separator: str) -> str:
    """The problem in words if rows of the user's table have more or fewer cells than the header has names, or blank."""
    if not table.uneven:
        return ""
    row, count = table.uneven[0]
    more = len(table.uneven) - 1
    others = f" (and {more} more row{'s' if more > 1 else ''} like it)" if more else ""
    sign = SEPARATORS.get(separator, "spaces")
    hint = ", decimal commas too," if separator == "," else ""
    return (
        f"row {row} has {count} cells and the header {table.width} names{others}; "
        f"put cells that hold {sign}{hint} in double quotes, or complete the row"
    )


def rows_in_comments(lines: Sequence[str], comments: set[int], table: Grid, separator: str) -> str:
    """The problem in words if a comment may be a row of the table whose first cell begins so; blank if not."""
    if table.width < 2 or not table.rows or is_number(table.rows[0][1][0]):
        return ""
    for i in sorted(comments):
        if lines[i].count('"') % 2 == 0:
            cells = split([lines[i]], separator)[0]
            if len(cells) == table.width and sum(is_number(cell) for cell in cells) > 1:
                return (
                    f"line {i + 1} can be a comment or a row, '{lines[i].strip():.40}'; "
                    "delete it, or put its first cell in double quotes"
                )
    return ""
