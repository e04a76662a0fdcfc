"""What to say where a table of runs is asked for and something else is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scalebayes.errors import InputError


def no_table(given: Any, what: str = "runs") -> InputError:
    """The error for what is no `Runs`; the caller raises it.

    Args:
        given: in place of a table. what: it was given as.

    >>> print(no_table("runs.csv"))
    runs is a table made by sb.read_runs or sb.Runs, not str; give sb.read_runs('runs.csv')
    """
    call = f"sb.read_runs({str(given)!r})" if isinstance(given, str | Path) else "sb.read_runs(...)"
    return InputError(f"{what} is a table made by sb.read_runs or sb.Runs, not {type(given).__name__}; give {call}")
