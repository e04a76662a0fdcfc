"""Says in one line what went wrong inside the library, and how to report it; --debug prints the traceback too."""

import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from scalebayes.cli.shell import quoted

PACKAGE = Path(__file__).parents[1]
LONGEST = 200  # characters of an error's own text; of a longer one the rest is left to --debug
MEMORY = "RESOURCE_EXHAUSTED"  # how XLA's errors begin where memory isn't enough

Debug = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of an error, as a report of it needs.", show_default=False)
]
DebugHere = Annotated[bool, typer.Option("--debug", help="The same as before the command.", hidden=True)]
_on = False


def show_tracebacks(on: bool) -> None:
    """Set whether errors of the running command are printed with their traceback."""
    global _on
    _on = on


def tell(error: BaseException) -> None:
    """Print the traceback of an error on standard error, if --debug was typed."""
    if _on:
        traceback.print_exception(error, file=sys.stderr)


def line_of(error: Exception, words: list[str]) -> str:
    """Return the line that a command prints of an error that isn't the user's.

    Args:
        error: The error.

        words: What was typed behind `scalebayes`.

    Returns:
        What happened, where, and what to do.

    >>> line_of(ZeroDivisionError("division by zero"), ["fit", "my runs.csv"])
    'ZeroDivisionError: division by zero; this is a bug of scalebayes: please report it with what this prints: ...'
    """
    again = " ".join(["scalebayes", *(quoted(word) for word in words if word != "--debug"), "--debug"])
    if isinstance(error, MemoryError) or str(error).startswith(MEMORY):
        return f"not enough memory; take fewer draws or fewer runs, or see where it went: {again}"
    if isinstance(error, OSError):
        return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    said = " ".join(str(error).split())
    said = said if len(said) <= LONGEST else f"{said[:LONGEST]} ..."
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return f"{what}{_place(error)}; this is a bug of scalebayes: please report it with what this prints: {again}"


def _place(error: Exception) -> str:
    """Return the last line of the package that an error went through, such as " (in plots/key.py, line 80)"."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(PACKAGE):
            return f" (in {path.relative_to(PACKAGE)}, line {frame.lineno})"
    return ""
