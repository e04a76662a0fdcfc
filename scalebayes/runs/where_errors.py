"""This file says why a filter can't be read, and what to write instead."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from scalebayes.errors import InputError
from scalebayes.runs.filter_text import TOKEN
from scalebayes.runs.numeric import numeral
from scalebayes.runs.reading.cells import number

ALLOWED = (
    "allowed are column names (in backticks where they hold spaces or signs), numbers, 'text', True, False, "
    "== != < <= > >=, in [...], and, or, not, ( )"
)
REFUSED = {
    ast.BinOp: "arithmetic",
    ast.Call: "a call",
    ast.Attribute: "an attribute",
    ast.Subscript: "an index",
    ast.Lambda: "a lambda",
    ast.IfExp: "an if",
    ast.NamedExpr: "an assignment",
    ast.JoinedStr: "an f-string",
    ast.UnaryOp: "a sign before something else than a number",
    ast.Compare: "a comparison of a comparison",
    ast.BoolOp: "a comparison of and / or",
}
SPELLINGS = {"=": "==", "&&": "and", "&": "and", "||": "or", "|": "or", "!": "not", "~": "not", "<>": "!="}
SPELLINGS |= {"AND": "and", "OR": "or", "NOT": "not", "IN": "in", "is": "=="}


def quoted(text: str) -> str:
    """The filter of runs as a message quotes it: on one line, and cut if it is long."""
    return f'where="{line(text)}"'


def line(text: str) -> str:
    """Text of a filter of runs for a message, on one line of at most 120 characters."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text if len(text) <= 120 else text[:117] + "..."


def refused(node: ast.expr, names: Mapping[str, str]) -> InputError:
    """The error for a node that the grammar of filters of runs does not have. It quotes the node as it was written."""
    written = re.sub(r"column\d+", lambda match: names.get(match[0], match[0]), line(ast.unparse(node)))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
        return InputError(f"& and | are not in the grammar ({written}); write and, or")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
        return InputError(f"~ is not in the grammar ({written}); write not")
    return InputError(f"{REFUSED.get(type(node), 'this')} is not in the grammar ({written})")


def odd_word(text: str) -> str:
    """Why a text can't be read as a filter of runs, if one word of it shows the reason."""
    for token in TOKEN.finditer(text):
        word = token[0]
        if token["number"] and number(word) is None:
            written = numeral(word)
            return f"'{word}' is not a number" + (f"; write {written}" if written else "")
        if token["sign"] and word in "'\"`":
            return f"the quote {word} is not closed"
        if (token["sign"] or token["name"]) and word in SPELLINGS:
            return f"'{word}' can't be read; write {SPELLINGS[word]}"
    signs = [token["sign"] for token in TOKEN.finditer(text)]
    if signs.count("(") != signs.count(")") or signs.count("[") != signs.count("]"):
        return "the brackets don't pair up"
    return "it can't be read as a filter" if text.strip() else "the filter is empty"
