"""Finds the Python in a sentence: calls such as sb.NUTS(draws=4000) and arguments such as method='nuts'."""

import ast
import re
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

# A word in quotes is a name of the user's, such as that of a column. A word behind a dash is an option already.
_START = re.compile(
    r"(?<![\w.'\"`=-])(?<!--input )(?<!--columns )(?<!--fix )(?:"
    r"(?P<call>(?:(?:sb|runs|fits)\.\w[\w.]*|read_runs|read_curves|fit_many|best_of|compare|print)(?=\())"
    r"|(?P<name>(?:sb|fits)\.\w+(?:\.\w+)*)"
    r"|(?P<key>[A-Za-z_]\w*)=(?=['\"{\[(]|sb\.|\.\.\.|(?:None|True|False)\b|[-+.]?\d))"
)
_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?(?!\w)")
_CLOSING = {"(": ")", "[": "]", "{": "}"}


class Word(NamedTuple):
    """A placeholder for a value that the sentence leaves open: a bare name, or "..."."""

    text: str


class Call(NamedTuple):
    """A call of a function with its arguments; a bare name of a function has none."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}  # noqa: RUF012


class Argument(NamedTuple):
    """An argument, written name=value."""

    name: str
    value: Any


class Fragment(NamedTuple):
    """A piece of Python and its place in the sentence, from `start` up to `end`."""

    start: int
    end: int
    what: Call | Argument


def fragments(text: str) -> Iterator[Fragment]:
    """Yield the pieces of Python in a sentence that the command line may say in flags, from left to right.

    >>> [one.what for one in fragments("use method='nuts', or sb.Laplace(proposals=100_000).")]
    [Argument(name='method', value='nuts'), Call(name='sb.Laplace', args=(), kwargs={'proposals': 100000.0})]
    """
    at = 0
    while found := _START.search(text, at):
        at = found.end()
        if found["name"]:
            yield Fragment(found.start(), at, Call(found["name"]))
            continue
        end = _end(text, at, found["key"])
        what = _read(text[found.start() : end], found["key"]) if end else None
        if what is None and found["call"]:
            what = Call("")  # it is a call, but no command does the same
        if what is not None and end:
            at = end
            yield Fragment(found.start(), end, what)


def _end(text: str, at: int, key: str | None) -> int | None:
    """Return the end of the value, or of the call's arguments, that begins at `at`; None if it has no end."""
    if text[at] in "'\"":
        return _after_quote(text, at, lenient=key == "where")
    if named := re.match(r"sb\.\w[\w.]*", text[at:]):
        at += named.end()
        if text[at : at + 1] != "(":
            return at
    if text[at] in _CLOSING:
        return _after_bracket(text, at)
    if text.startswith("...", at):
        return at + 3
    if number := _NUMBER.match(text, at):
        return number.end()
    word = re.compile(r"None|True|False").match(text, at)
    return word and word.end()


def _after_quote(text: str, at: int, lenient: bool = False) -> int | None:
    """Return the place after the string that begins at `at`; a lenient one ends at a quote before a blank or stop."""
    quote, i = text[at], at + 1
    while i < len(text):
        if text[i] == "\\" and not lenient:
            i += 1
        elif text[i] == quote and (not lenient or i + 1 == len(text) or text[i + 1] in " ,.;:)"):
            return i + 1
        i += 1
    return None


def _after_bracket(text: str, at: int) -> int | None:
    """Return the place after the bracket that closes the one at `at`; None if none does."""
    open_: list[str] = []
    i: int | None = at
    while i is not None and i < len(text):
        if text[i] in "'\"":
            i = _after_quote(text, i)
            continue
        if text[i] in _CLOSING:
            open_.append(_CLOSING[text[i]])
        elif text[i] in _CLOSING.values():
            if open_.pop() != text[i]:
                return None
            if not open_:
                return i + 1
        i += 1
    return None


def _read(source: str, key: str | None) -> Call | Argument | None:
    """Parse a piece of Python, an argument if `key` is its name; None if it can't be parsed."""
    if key == "where" and source[len("where=")] in "'\"":
        # The filter is returned as it was typed, without the backslashes that `repr` added.
        return Argument(key, source[len("where=") + 1 : -1].replace("\\'", "'").replace("\\\\", "\\"))
    try:
        with warnings.catch_warnings():  # Python warns about unknown escapes in strings
            warnings.simplefilter("ignore")
            node: Any = ast.parse(f"f({source})" if key else source, mode="eval").body
        return Argument(key, _value(node.keywords[0].value)) if key else _value(node)
    except (SyntaxError, ValueError, IndexError, RecursionError, MemoryError):
        return None


def _value(node: ast.expr) -> Any:
    """Return the value of a parsed expression without evaluating it.

    Raises:
        ValueError: The expression is of a kind that sentences don't have.
    """
    match node:
        case ast.Constant(value=bool() | None | str() as value):
            return value
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Constant(value=value) if value is ...:
            return Word("...")
        case ast.Name(id=name):
            return Word(name)
        case ast.Attribute():
            return Call(ast.unparse(node))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -float(value)
        case ast.Dict(keys=keys, values=values):
            names = [_value(key) for key in keys if key is not None]
            named = [one.text if isinstance(one, Word) else str(one) for one in names]
            return dict(zip(named, map(_value, values), strict=True))
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(one) for one in items]
        case ast.Call(func=function, args=args, keywords=keywords):
            own = {one.arg: _value(one.value) for one in keywords if one.arg}
            return Call(ast.unparse(function), tuple(map(_value, args)), own)
    raise ValueError(ast.unparse(node))
