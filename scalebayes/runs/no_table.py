"""This file has the error for a call that gives something else than a table of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scalebayes.errors import InputError


def no_table(given: Any, what: str = "runs") -> InputError:
    """The error for a value that is not a table of `Runs`. The caller raises it.

    Args:
        given: The value.

        what: The name of the argument that the value was given for. The default is "runs".

    >>> print(no_table("runs.csv"))
    runs is a table made by sb.read_runs or sb.Runs, not str; give sb.read_runs('runs.csv')
    """
    call = f"sb.read_runs({str(given)!r})" if isinstance(given, str | Path) else "sb.read_runs(...)"
    return InputError(f"{what} is a table made by sb.read_runs or sb.Runs, not {type(given).__name__}; give {call}")
