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
    """The cells of a text with a header and one row per line.

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
    tried = [parsed(lines, sign) for sign in signs or [usual]]
    good = [one for one in tried if one.makes_a_table]
    # A line without the separator may be a title. It is no title if another separator makes it a header.
    fewest = min((len(one.grid.titles) for one in good), default=0)
    good = [one for one in good if len(one.grid.titles) == fewest]
    if len(good) > 1:
        good = [one for one in good if one.separator == usual != ","] or good
    if len(good) > 1:
        counts = " and ".join(f"{SEPARATORS[one.separator]} make {one.grid.width} columns of it" for one in good)
        raise InputError(
            f"{source}: {counts}; put the cells that hold such signs in double quotes, or save it with tabs"
        )
    if not good and not any(one.grid.width > 1 for one in tried):
        good = [one for one in [parsed(lines, SPACE)] if one.makes_a_table or in_columns(one.grid)]
    best = good[0] if good else max(tried, key=lambda one: (one.grid.width, not one.problem))
    if best.problem:
        raise InputError(f"{source}: {best.problem}")
    return replace(as_table(best.grid, source), made=made_of(best, usual), semicolons=best.separator == ";")


def in_columns(found: Grid) -> bool:
    """Whether spaces separate the cells of all rows, though not those of the header."""
    widths = {len(cells) for _, cells in found.rows}
    return found.width > 1 and len(widths) == 1 and all(map(is_number, found.rows[0][1])) and len(found.rows[0][1]) > 1


def made_of(one: Parsed, usual: str) -> tuple[str, ...]:
    """Sentences that say how the text was read: its separator, its comments and its titles."""
    between = SEPARATORS.get(one.separator, "spaces")
    told = [f"{between} between columns"] if one.separator != usual and one.grid.width > 1 else []
    told += [f"{one.comments} comment line{'s' if one.comments > 1 else ''} left out"] if one.comments else []
    return (*told, *(f"title line '{title:.60}' left out" for title in one.grid.titles))


def parsed(lines: Sequence[str], separator: str) -> Parsed:
    """Read a text with one separator."""
    comments = comment_lines(lines)
    kept = ["" if i in comments else line for i, line in enumerate(lines)]
    try:
        found = grid(split(kept, separator))
        header = None
        if found is not None and (commented := header_among(lines, comments, kept, separator)) is not None:
            header = trimmed(split([PREFIX.sub("", lines[commented], count=1)], separator)[0])
            found = grid(split(kept[commented + 1 :], separator), header)
            comments = comments - {commented}
        # If all rows begin with the sign of a comment, they are rows and not comments.
        below = first_filled(kept)
        if found is not None and not found.rows and any(i > below for i in comments):
            comments = {i for i in comments if i < below}
            found = grid(split(["" if i in comments else line for i, line in enumerate(lines)], separator))
    except csv.Error as error:
        problem = f"the file can't be read as {'CSV' if separator == ',' else 'a table'} ({error}); check its quotes"
        width = lines[0].count(separator) + 1
        return Parsed(separator, Grid(("",) * width, ()), 0, problem)
    if found is None:
        return Parsed(separator, Grid((), ()), 0, "the file holds nothing but comments; give a header and a row")
    problem = uneven_rows(found, separator) or rows_in_comments(lines, comments, found, separator)
    return Parsed(separator, found, len(comments), problem)


def comment_lines(lines: Sequence[str]) -> set[int]:
    """The positions of the lines that begin like a comment, outside of quotes."""
    comments, quotes = set(), 0
    for i, line in enumerate(lines):
        if quotes % 2 == 0 and COMMENT.match(line):
            comments.add(i)
        else:
            quotes += line.count('"')
    return comments


def split(lines: Sequence[str], separator: str) -> list[list[str]]:
    """Split lines into lists of cells. A blank line is an empty list. Raises `csv.Error` for quotes without a pair."""
    if separator == SPACE:
        return [[word.strip('"') for word in WORD.findall(line)] for line in lines]
    text = (line + "\n" for line in lines)
    # A space after a tab is part of the cell. A space after another separator is not.
    cells = csv.reader(text, delimiter=separator, strict=True, skipinitialspace=separator != "\t")
    return [[cell.strip() for cell in row] if separator == "|" else row for row in cells]


def first_filled(lines: Sequence[str]) -> int:
    """The position of the first line that is not blank; 0 if there is none."""
    return next((i for i, line in enumerate(lines) if line.strip()), 0)


def header_among(lines: Sequence[str], comments: set[int], kept: Sequence[str], separator: str) -> int | None:
    """The position of the comment that is the header: the last one above the rows with one name per cell; else None."""
    first = first_filled(kept)
    cells = split([kept[first]], separator)[0] if kept[first].count('"') % 2 == 0 else []
    if not any(is_number(cell) for cell in present(cells)):
        return None
    for i in sorted((i for i in comments if i < first), reverse=True):
        if lines[i].count('"') % 2 == 0:
            names = trimmed(split([PREFIX.sub("", lines[i], count=1)], separator)[0])
            if is_header(names) and len(names) in (len(cells), len(trimmed(cells))):
                return i
    return None


def uneven_rows(found: Grid, separator: str) -> str:
    """The problem in words if rows have more or fewer cells than the header has names; blank if there is none."""
    if not found.uneven:
        return ""
    row, count = found.uneven[0]
    more = len(found.uneven) - 1
    others = f" (and {more} more row{'s' if more > 1 else ''} like it)" if more else ""
    sign = SEPARATORS.get(separator, "spaces")
    hint = ", decimal commas too," if separator == "," else ""
    return (
        f"row {row} has {count} cells and the header {found.width} names{others}; "
        f"put cells that hold {sign}{hint} in double quotes, or complete the row"
    )


def rows_in_comments(lines: Sequence[str], comments: set[int], found: Grid, separator: str) -> str:
    """The problem in words if a comment may be a row whose first cell begins with such a sign; blank if not."""
    if found.width < 2 or not found.rows or is_number(found.rows[0][1][0]):
        return ""
    for i in sorted(comments):
        if lines[i].count('"') % 2 == 0:
            cells = split([lines[i]], separator)[0]
            if len(cells) == found.width and sum(is_number(cell) for cell in cells) > 1:
                return (
                    f"line {i + 1} can be a comment or a row, '{lines[i].strip():.40}'; "
                    "delete it, or put its first cell in double quotes"
                )
    return ""
