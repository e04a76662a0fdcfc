"""The error that a user's input raises, and the sentence for a word that isn't known."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def shown(text: str, keep: str = "") -> str:
    r"""Text as it is safe to print: what has no glyph, such as what a terminal obeys, is written as Python writes it.

    Text that was shown before stays as it is.

    Args:
        text: to print. keep: characters that stay as they are, such as the ends of lines.

    >>> print(shown("loss\x1b[2J"), shown("a\nb"), shown("café α"))
    loss\x1b[2J a\nb café α
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


class InputError(ValueError):
    """What was given can't be used; the message says where it is wrong and what to do, on one line.

    Names and paths in it are `shown`.

    >>> raise InputError("row 3, column 'tokens': the cell is blank; fill it in or leave the row out")
    Traceback (most recent call last):
        ...
    scalebayes.errors.InputError: row 3, column 'tokens': the cell is blank; fill it in or leave the row out
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*(shown(one) if isinstance(one, str) else one for one in args))


def nearest(given: str, valid: Iterable[str]) -> list[str]:
    """The words of `valid` that look like `given`, nearest first, whatever their case.

    >>> nearest("Chinchila", ["kaplan", "chinchilla"])
    ['chinchilla']
    """
    by_lower: dict[str, list[str]] = {}
    for word in valid:
        by_lower.setdefault(word.lower(), []).append(word)
    close = difflib.get_close_matches(given.lower(), by_lower, n=3, cutoff=0.6)
    return [word for lower in close for word in by_lower[lower]]


def listed(words: Iterable[str]) -> str:
    """Words in quotes with commas between; `nothing` where there are none.

    >>> listed(["N", "D"])
    "'N', 'D'"
    """
    return ", ".join(f"'{word}'" for word in words) or "nothing"


def unknown(kind: str, given: str, valid: Iterable[str]) -> InputError:
    """The error for a word `given` that is none of the `valid` words of its kind; the caller raises it.

    >>> print(unknown("law", "chinchila", ["chinchilla", "kaplan"]))
    unknown law 'chinchila'; did you mean 'chinchilla'? valid: chinchilla, kaplan
    """
    valid = list(valid)
    close = nearest(str(given), valid)
    guess = f"did you mean '{close[0]}'? " if close else ""
    return InputError(f"unknown {kind} '{given}'; {guess}valid: {', '.join(valid) or 'none'}")


class SettingError(InputError, TypeError):
    """A keyword that a function or a method doesn't know, or a value without the keyword that it needs."""


class NameNotFound(InputError, KeyError):
    """A name in square brackets that is none of an object's: an `InputError`, and a `KeyError` as of any mapping."""

    # A KeyError prints its message as Python writes it, with quotes around and escapes inside.
    __str__ = InputError.__str__


def known_settings[F: Callable[..., Any]](function: F) -> F:
    """Make a function, or a class, refuse unknown keywords with the valid ones and the nearest, as a `SettingError`.

    A value without a keyword where one is needed is refused with what to type. A function that takes any keyword, as
    `predict` takes inputs, judges keywords itself.

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
    scalebayes.errors.SettingError: optimum takes fit, and all else by name: optimum(fit, C=1e+22)
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
    """Refuse values without names beyond those that a function takes so, and a call without what it needs."""
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
        raise SettingError(f"{of} takes {' and '.join(shown) or 'nothing'}, and all else by name: {of}({typed})")
    there = {*taken[: len(args)], *settings}
    needed = [one for one in each if one.default is one.empty and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]
    if missing := [one.name for one in needed if one.name not in there]:
        texts = [
            f"{one.name}=..." if one.kind == one.KEYWORD_ONLY else one.name for one in needed if one.name != "self"
        ]
        raise SettingError(f"{of} needs {' and '.join(missing)}: {of}({', '.join([*texts, *inputs])})")
