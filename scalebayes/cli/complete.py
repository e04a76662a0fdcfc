"""Completes names in a shell: of laws, noises, methods, parts of a discrepancy, data sets, columns and parameters."""

import csv
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import typer

HEADER = 65_536  # characters of a table that are looked at for its header; a longer one isn't completed
SEPARATORS = ",;\t|"  # what may stand between the columns of a table
RECOMMENDED = "recommended"


def laws(incomplete: str) -> list[str]:
    """Return the names of laws that begin with the text typed so far."""
    from scalebayes.laws import names

    return _begun(names(), incomplete)


def laws_and_recommended(incomplete: str) -> list[str]:
    """Return the names of laws, and "recommended", that begin with the text typed so far."""
    from scalebayes.laws import names

    return _begun((RECOMMENDED, *names()), incomplete)


def noises(incomplete: str) -> list[str]:
    """Return the names of noises that begin with the text typed so far."""
    from scalebayes.noise.families import names

    return _begun(names(), incomplete)


def methods(incomplete: str) -> list[str]:
    """Return the names of methods that begin with the text typed so far."""
    from scalebayes.infer import METHODS

    return _begun(METHODS, incomplete)


def discrepancies(incomplete: str) -> list[str]:
    """Return "none", "gp" and parts that begin with the text, or, after a comma, the list completed by one part."""
    before, comma, last = incomplete.rpartition(",")
    words = parts() if comma else ("none", "gp", *parts())
    return [f"{before}{comma}{word}" for word in _begun(words, last)]


def parts() -> tuple[str, ...]:
    """Return the names of the parts of a discrepancy that can be typed."""
    from scalebayes.discrepancy.kernels import COMPONENTS

    return tuple(COMPONENTS)


def datasets(incomplete: str) -> list[str]:
    """Return the names of data sets that begin with the text typed so far."""
    from scalebayes.datasets import names

    return _begun(names(), incomplete)


def columns(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the columns that begin with the text typed so far, of the table that stands before it on the line.

    Only tables of text are looked at, so that TAB waits for no library.
    """
    # Where the option to be completed has no value yet, what stands before it is left in `args`.
    typed = [ctx.params.get("runs"), *ctx.args]
    words = [word for one in typed for word in (one if isinstance(one, list | tuple) else [one]) if word]
    path = next((path for path in (Path(word).expanduser() for word in words) if path.is_file()), None)
    text = ""
    if path is not None:
        with suppress(OSError, UnicodeDecodeError), path.open(encoding="utf-8-sig") as file:
            text = file.readline(HEADER)
    separator = max(SEPARATORS, key=text.count)
    header = next(csv.reader([text], delimiter=separator), []) if text.count(separator) else []
    return _begun((name.strip() for name in header), incomplete)


def parameters(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the parameters of the law that stands before it on the line, each with "=", as --fix takes them."""
    from scalebayes.errors import InputError
    from scalebayes.laws import get

    typed = ctx.params.get("law") or "chinchilla"
    names = [str(name).partition(":")[0] for name in (typed if isinstance(typed, list | tuple) else [typed])]
    found: dict[str, None] = {}
    for name in names:
        with suppress(InputError):
            found |= dict.fromkeys(get(name).params)
    return [f"{name}=" for name in _begun(found, incomplete)]


def _begun(words: Iterable[str], incomplete: str) -> list[str]:
    """Return the words that begin with the text typed so far."""
    return [word for word in words if word.startswith(incomplete)]
