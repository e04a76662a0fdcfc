"""This file reads filters of rows such as `C < 1e21 and split == 'fit'`. A filter is never run as code."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scalebayes.errors import InputError, unknown
from scalebayes.runs.filter_text import GRAMMAR, TOKEN
from scalebayes.runs.reading.cells import is_missing
from scalebayes.runs.where_errors import ALLOWED, line, odd_word, quoted, refused
from scalebayes.runs.where_tests import Column, Columns, Compare, Joined, Literal, Not, Test

SIGNS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
MAX_DEPTH = 50  # levels of brackets and operators in each other; a deeper filter is refused
SHOWN = 8  # number of words of a column that a message names; the others are only counted


@dataclass(frozen=True)
class Where:
    """A parsed filter.

    Attributes:
        text: The filter as it was written.

        names: The names of its columns, in order.

        test: The test that each row must pass.
    """

    text: str
    names: tuple[str, ...]
    test: Test

    def mask(self, columns: Columns) -> np.ndarray:
        """Whether each row passes the filter, bool (run,).

        A blank cell passes only the comparisons `!=` and `not in`.

        Args:
            columns: The columns by name, (run,).

        Raises:
            InputError: A column is missing, or text is compared with a number.
        """
        try:
            for name in self.names:
                if name not in columns:
                    of = next((column for column, cells in columns.items() if _holds(cells, name)), None)
                    text = "" if of is None else f"; '{name}' is text of column '{of}', and text stands in quotes"
                    raise InputError(f"{unknown('column', name, columns)}{text}")
            return self.test.mask(columns)
        except InputError as error:
            raise InputError(f"{quoted(self.text)}: {error}") from None

    def none_left(self, columns: Columns) -> str:
        """The error message if no row passes. It says which values the columns of the filter hold."""
        rows = max(map(len, columns.values()), default=0)
        each = "; ".join(f"column '{name}' holds {_held(columns[name])}" for name in self.names)
        return f"no rows left of {rows} after where={self.text!r}; loosen the filter: {each}"


def _holds(cells: np.ndarray, word: str) -> bool:
    return np.asarray(cells).dtype == object and any(isinstance(cell, str) and cell.strip() == word for cell in cells)


def _held(cells: np.ndarray) -> str:
    """The content of a column in words: the range of its numbers, or its different words."""
    cells = np.asarray(cells)
    if cells.dtype.kind in "biuf":
        there = cells[np.isfinite(cells.astype(np.float64))]
        return f"{there.min():.6g} to {there.max():.6g}" if len(there) else "blanks alone"
    words = list(dict.fromkeys(str(cell) for cell in cells if not is_missing(cell)))
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    return ", ".join(f"'{line(word)}'" for word in words[:SHOWN]) + more if words else "blanks alone"


def parse_where(text: str) -> Where:
    """Parse a filter of the rows of runs.

    A filter has comparisons, `in [...]`, and, or, not, and brackets. A name that is no plain word stands in backticks.

    Raises:
        InputError: The text has anything else in it, such as arithmetic, a call or an attribute.

    >>> where = parse_where("1e18 < C <= 1e21 and split in ['fit', 'dev']")
    >>> where.names
    ('C', 'split')
    >>> where.mask({"C": np.array([1e18, 1e20]), "split": np.array(["fit", "dev"])}).tolist()
    [False, True]
    """
    if not isinstance(text, str):
        raise InputError(f"where={text!r} is not text; write a filter such as where=\"C < 1e21 and split == 'fit'\"")
    source, names = with_plain_names(text)
    try:
        with warnings.catch_warnings():  # Python warns about code such as `1 is 2`, which is refused below
            warnings.simplefilter("ignore")
            tree = ast.parse(source, mode="eval").body
        test = read_test(tree, names)
    except InputError as error:
        problem = str(error)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        problem = odd_word(text)
    else:
        return Where(text, tuple(dict.fromkeys(names.values())), test)
    raise InputError(f"{quoted(text)}: {problem}; {ALLOWED}")


def with_plain_names(text: str) -> tuple[str, dict[str, str]]:
    """Replace the names in a filter of runs by `column0`, `column1`, ..., and return the names that these stand for.

    Without this, Python would refuse names that are keywords, and would change some letters (the micro sign to mu).
    """
    names: dict[str, str] = {}

    def plain(token: re.Match) -> str:
        name = token["quoted"] or token["name"]
        if name is None or token["name"] in GRAMMAR:
            # In Python a line break ends an expression, and # starts a comment. Here a line break is a space, and # is
            # a sign that nothing allows.
            return " " if token["space"] else token[0].replace("#", "?") if token["sign"] else token[0]
        names[f"column{len(names)}"] = name
        return f"column{len(names) - 1}"

    return TOKEN.sub(plain, text).strip(), names


def read_test(node: ast.expr, names: Mapping[str, str], depth: int = 0) -> Test:
    """The test of runs for a node of a filter's syntax tree. Raises `InputError` if the node is no test."""
    if depth > MAX_DEPTH:
        raise InputError(f"it nests deeper than {MAX_DEPTH} levels")
    match node:
        case ast.BoolOp(op=join, values=parts):
            return Joined(isinstance(join, ast.And), tuple(read_test(part, names, depth + 1) for part in parts))
        case ast.UnaryOp(op=ast.Not(), operand=part):
            return Not(read_test(part, names, depth + 1))
        case ast.Compare(left=left, ops=[ast.In() | ast.NotIn() as sign], comparators=[right]):
            among = read_in(left, right, names)
            return among if isinstance(sign, ast.In) else Not(among)
        case ast.Compare(left=left, ops=signs, comparators=rest):
            if any(isinstance(sign, ast.In | ast.NotIn) for sign in signs):
                raise InputError("'in' can't be chained with another comparison; join the two with and")
            sides = [read_side(side, names) for side in (left, *rest)]
            pairs = tuple(read_pair(sign, sides[i], sides[i + 1]) for i, sign in enumerate(signs))
            return pairs[0] if len(pairs) == 1 else Joined(True, pairs)
        case ast.Name(id=name):
            raise InputError(
                f"{names[name]} alone is no comparison; write {names[name]} == True, or what it should equal"
            )
        case ast.Constant(value=value):
            raise InputError(f"{value!r} alone is no comparison; compare a column with it")
    raise refused(node, names)


def read_pair(sign: ast.cmpop, left: Column | Literal, right: Column | Literal) -> Compare:
    """The comparison of two sides in a filter of runs. Raises `InputError` for `is` and for two literals."""
    if type(sign) not in SIGNS:
        raise InputError("'is' is not a comparison of values; write == or !=")
    if isinstance(left, Literal) and isinstance(right, Literal):
        raise InputError("a comparison of two literals names no column")
    return Compare(SIGNS[type(sign)], left, right)


def read_in(left: ast.expr, right: ast.expr, names: Mapping[str, str]) -> Joined:
    """The test of a filter of runs that a column equals one literal of a list.

    It raises `InputError` for anything else.
    """
    column = read_side(left, names)
    if not isinstance(column, Column) or not isinstance(right, ast.List | ast.Tuple) or not right.elts:
        raise InputError("'in' takes a column and a list of literals, as in split in ['fit', 'dev']")
    literals = [read_side(element, names) for element in right.elts]
    if not all(isinstance(literal, Literal) for literal in literals):
        raise InputError("the list after 'in' holds numbers and 'text' in quotes, nothing else")
    return Joined(False, tuple(Compare("==", column, literal) for literal in literals))


def read_side(node: ast.expr, names: Mapping[str, str]) -> Column | Literal:
    """The column or the literal for a node of a filter of runs. Raises `InputError` if it is neither."""
    match node:
        case ast.Name(id=name):
            return Column(names[name])
        case ast.Constant(value=str() as word):
            return Literal(word)
        case ast.Constant(value=int() | float() as value):
            return Literal(float(value))
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=ast.Constant(value=int() | float() as value)):
            return Literal(-float(value) if isinstance(sign, ast.USub) else float(value))
        case ast.Constant(value=None):
            raise InputError("None is no literal; a blank equals nothing, so x == x keeps the rows that have x")
    raise refused(node, names)
