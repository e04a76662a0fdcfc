"""This file defines the errors for wrong input, and the sentences that name the valid words."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def shown(text: str, keep: str = "") -> str:
    r"""Make text safe to print: a character without a glyph, such as a control code, becomes its Python escape.

    Text that this function returned is returned unchanged.

    Args:
        text: The text to print.

        keep: Characters that are not escaped, such as line ends. The default is "", for none.

    Returns:
        The text, safe to print in a terminal.

    >>> print(shown("loss\x1b[2J"), shown("a\nb"), shown("café α"))
    loss\x1b[2J a\nb café α
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


class InputError(ValueError):
    """The input can't be used. The message says on one line where the input is wrong and what to do.

    Control codes in names and paths are escaped (see `shown`).

    Args:
        *args: The message.

    >>> raise InputError("row 3, column 'tokens': the cell is blank; fill it in or leave the row out")
    Traceback (most recent call last):
        ...
    scalebayes.errors.InputError: row 3, column 'tokens': the cell is blank; fill it in or leave the row out
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*(shown(one) if isinstance(one, str) else one for one in args))


def nearest(given: str, valid: Iterable[str]) -> list[str]:
    """The words of `valid` that an error suggests for `given`, the most similar first. Case doesn't count.

    >>> nearest("Chinchila", ["kaplan", "chinchilla"])
    ['chinchilla']
    """
    by_lower: dict[str, list[str]] = {}
    for word in valid:
        by_lower.setdefault(word.lower(), []).append(word)
    close = difflib.get_close_matches(given.lower(), by_lower, n=3, cutoff=0.6)
    return [word for lower in close for word in by_lower[lower]]


def listed(words: Iterable[str]) -> str:
    """Words in quotes for an error message, with commas between them; the word `nothing` if the list is empty.

    >>> listed(["N", "D"])
    "'N', 'D'"
    """
    return ", ".join(f"'{word}'" for word in words) or "nothing"


def unknown(kind: str, given: str, valid: Iterable[str]) -> InputError:
    """The error for a word that is not one of the valid words. The caller raises it.

    Args:
        kind: What the word names, such as "law".

        given: The word.

        valid: The valid words.

    Returns:
        The error, whose message lists the valid words and suggests the most similar one.

    >>> print(unknown("law", "chinchila", ["chinchilla", "kaplan"]))
    unknown law 'chinchila'; did you mean 'chinchilla'? valid: chinchilla, kaplan
    """
    valid = list(valid)
    close = nearest(str(given), valid)
    guess = f"did you mean '{close[0]}'? " if close else ""
    return InputError(f"unknown {kind} '{given}'; {guess}valid: {', '.join(valid) or 'none'}")


class SettingError(InputError, TypeError):
    """A call has a keyword that the function does not know, or a value that must have a keyword and has none."""


class NameNotFound(InputError, KeyError):
    """An object has no item with the name in square brackets.

    The error is an `InputError`, and also a `KeyError`, which is what any mapping raises.
    """

    # A KeyError prints the repr of its message, with quotes and escapes.
    __str__ = InputError.__str__


def known_settings[F: Callable[..., Any]](function: F) -> F:
    """Decorate a function or a class so that a wrong call raises a `SettingError` that says what to type.

    The message for an unknown keyword lists the valid keywords and suggests the most similar one. The message for a
    value that needs a keyword shows the right call. A function that takes any keyword, such as `predict` with its
    inputs, checks its keywords itself.

    Args:
        function: A function, or a class whose constructor is decorated.

    Returns:
        The function that checks its call first, or the same class.

    >>> @known_settings
    ... def NUTS(draws=1000, chains=4): ...
    >>> NUTS(chain=2)
    Traceback (most recent call last):
        ...
    scalebayes.errors.SettingError: unknown setting of NUTS 'chain'; did you mean 'chains'? valid: draws, chains
    >>> @known_settings
    ... def optimum(fit, *, C, seed=0): ...
    >>> optimum("fit", 1e22)
    Traceback (most recent call last):
        ...
    scalebayes.errors.SettingError: optimum takes fit by position and all else by name: optimum(fit, C=1e+22)
    """
    if isinstance(function, type):
        constructor: Any = function
        constructor.__init__ = known_settings(constructor.__init__)
        return constructor
    parameters = inspect.signature(function).parameters
    valid = [name for name in parameters if name != "self"]
    of = function.__qualname__.removesuffix(".__init__")
    kinds = {one.kind for one in parameters.values()}
    open_ = inspect.Parameter.VAR_KEYWORD in kinds

    @functools.wraps(function)
    def checked(*args: Any, **settings: Any) -> Any:
        for name in settings:
            if name not in valid and not open_:
                raise SettingError(str(unknown(f"setting of {of}", name, valid)))
        if inspect.Parameter.VAR_POSITIONAL not in kinds:
            _refuse_unnamed(of, parameters, args, settings)
        return function(*args, **settings)

    return checked  # type: ignore[return-value]


def _refuse_unnamed(
    of: str, parameters: Mapping[str, inspect.Parameter], args: tuple[Any, ...], settings: Mapping[str, Any]
) -> None:
    """Raise `SettingError` for a call with too many values without keywords, or without a value that is needed."""
    each = list(parameters.values())
    taken = [one.name for one in each if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    named = [one for one in each if one.kind == one.KEYWORD_ONLY]
    inputs = ["N=...", "D=..."] if any(one.kind == one.VAR_KEYWORD for one in each) else []
    shown = [name for name in taken if name != "self"]
    if len(args) > len(taken):
        if not named:
            raise SettingError(f"{of} takes at most {len(shown)} values: {', '.join(shown)}")
        first = next((one.name for one in named if one.default is one.empty), named[0].name)
        typed = ", ".join([*shown, *(inputs or [f"{first}={args[len(taken)]!r:.40}"])])
        raise SettingError(
            f"{of} takes {' and '.join(shown) or 'nothing'} by position and all else by name: {of}({typed})"
        )
    there = {*taken[: len(args)], *settings}
    needed = [one for one in each if one.default is one.empty and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]
    if missing := [one.name for one in needed if one.name not in there]:
        texts = [
            f"{one.name}=..." if one.kind == one.KEYWORD_ONLY else one.name for one in needed if one.name != "self"
        ]
        raise SettingError(f"{of} needs {' and '.join(missing)}: {of}({', '.join([*texts, *inputs])})")
