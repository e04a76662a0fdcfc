"""This file finds the column for `runs[...]`, and has the error for anything else than the name of a column."""

from __future__ import annotations

from typing import Any

import numpy as np

from scalebayes.errors import InputError, NameNotFound, unknown


def column_named(runs: Any, name: Any) -> np.ndarray:
    """The column of runs with this name. See `Runs.__getitem__`."""
    if not isinstance(name, str):
        raise InputError(_cure(name, len(runs)))
    columns = runs.columns()
    if (ours := runs.name_of(name)) in columns:
        return columns[ours]
    raise NameNotFound(str(unknown("column", name, [*columns, *runs.aliases.values()])))


def _cure(key: Any, rows: int) -> str:
    """What to type for a key in square brackets that is not text."""
    if isinstance(key, list) and key and all(isinstance(name, str) for name in key):
        return f"runs[...] is one column; runs.to_pandas()[{key!r}] has several"
    at = "..."
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        at = f"[{key}]"
    elif isinstance(key, slice):
        at = f"{range(rows)[key]}"
    return f"runs[...] is a column by its name, such as runs['N']; runs.take({at}) has the runs at these positions"
