"""This file defines `Table`, a table whose cells are not checked yet, and makes one from columns or from mappings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scalebayes.errors import InputError, listed
from scalebayes.runs.reading.cells import is_missing, objects, text

KINDS = ".csv, .tsv, .txt, .xlsx, .parquet, .pq, .jsonl or .ndjson, or one of them packed as .gz or .zip"
# Levels of objects in each other; a deeper object is refused. Those of a table have a few levels.
DEEPEST = 50


@dataclass(frozen=True)
class Table:
    """A table whose cells are not checked yet.

    Attributes:
        cells: The columns by name, (row,).

        rows: The number of each row, int (row,). The first row of data is 1.

        source: The path of the file. The default is "", for a table that is no file.

        tracked: Whether the rows are runs of a tracker. The default is False.

        named_by: The column that names the runs. The default is "", if none is known to.

        made: Sentences that say how a file that is not plain was read. The default is (), for none.

        semicolons: Whether semicolons separate the columns of the file. The default is False.
    """

    cells: dict[str, np.ndarray]
    rows: np.ndarray
    source: str = ""
    tracked: bool = False
    named_by: str = ""
    made: tuple[str, ...] = ()
    semicolons: bool = False


def local_path(given: str) -> Path:
    """The path of the user's table as it was written, in which ~ is a home folder.

    It raises `InputError` if no user has that home folder.

    >>> local_path("runs.csv").name
    'runs.csv'
    """
    try:
        return Path(given).expanduser()
    except RuntimeError:
        raise InputError(f"{given}: no user has a home folder of that name; write the path in full") from None


def numbered(cells: dict[str, np.ndarray], source: str = "") -> Table:
    """The user's table with rows numbered from 1 on. Raises `InputError` if it has no columns or no rows."""
    prefix = f"{source}: " if source else ""
    if not cells:
        raise InputError(f"{prefix}the table has no columns; give one for the observable and one for each input")
    count = len(next(iter(cells.values())))
    if not count:
        raise InputError(f"{prefix}the table has columns ({listed(cells)}) and no rows; give at least one run")
    return Table(cells, np.arange(1, count + 1), source)


def from_records(records: Sequence[Mapping[str, Any]], source: str = "") -> Table:
    """The user's table from one mapping per row. A key that a row lacks becomes a blank cell.

    >>> from_records([{"N": 1e8, "loss": 3.1}, {"N": 1e9}]).cells["loss"].tolist()
    [3.1, None]
    """
    for record in records:
        refuse_twice([str(name) for name in record], source)
    rows = [{str(name).strip(): cell for name, cell in record.items()} for record in records]
    names = dict.fromkeys(name for row in rows for name in row)
    return numbered({name: objects([row.get(name) for row in rows]) for name in names}, source)


def from_runs(runs: Sequence[Mapping[str, Any]], named_by: Sequence[str], source: str = "") -> Table:
    """A table of the runs of a tracker, from one mapping of cells per run. A column with blank cells only is left out.

    The runs are named by the first column of `named_by` that has a different name for each run.

    >>> from_runs([{"id": "x1", "name": "tiny"}, {"id": "x2", "name": "tiny"}], ["name", "id"]).named_by
    'id'
    """
    table = from_records(runs, source)
    cells = {name: column for name, column in table.cells.items() if not all(map(is_missing, column))}
    names = {name: text(cells[name]).tolist() for name in named_by if name in cells}
    distinct_names = [name for name, column in names.items() if None not in column and len(set(column)) == len(column)]
    return Table(numbered(cells, source).cells, table.rows, source, tracked=True, named_by=(*distinct_names, "")[0])


def flat(values: Mapping[Any, Any], prefix: str = "", depth: int = 1) -> dict[str, Any]:
    """Nested mappings in the user's table as cells.

    The keys are joined by dots after the prefix, and lists become JSON text.

    Raises:
        InputError: Two keys become the same name, or the mappings have too many levels.

    >>> flat({"n_params": 124e6, "model": {"depth": 12, "betas": [0.9, 0.95]}}, "config.")
    {'config.n_params': 124000000.0, 'config.model.depth': 12, 'config.model.betas': '[0.9, 0.95]'}
    """
    if depth > DEEPEST:
        raise InputError(f"'{prefix[:40]}...': the objects nest deeper than {DEEPEST} levels; give flatter ones")
    cells: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            inner = flat(value, f"{prefix}{name}.", depth + 1)
        else:
            many = isinstance(value, list | tuple | set | frozenset | np.ndarray)
            inner = {f"{prefix}{name}": json.dumps(list(value), default=str) if many else value}
        refuse_twice([*cells, *inner] if cells.keys() & inner.keys() else [], "")
        cells |= inner
    return cells


def refuse_twice(names: Iterable[str], source: str) -> None:
    """Raise `InputError` if two columns of the user's table have the same name."""
    prefix = f"{source}: " if source else ""
    twice = [name for name, count in Counter(name.strip() for name in names).items() if count > 1]
    if twice:
        raise InputError(f"{prefix}more than one column is named {listed(twice)}; rename or drop one")
