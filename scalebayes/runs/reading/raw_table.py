"""A table of runs before it is checked: its cells as they came, from columns or from one mapping a run."""

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
# Objects in one another; a table's are a few deep.
DEEPEST = 50


@dataclass(frozen=True)
class Table:
    """Cells as they came: name -> array (row,), the 1-based data row of each, and the file's path or ''.

    `tracked`: the rows are a tracker's runs, which `named_by` is the column to name them by, '' where none is.
    `made`: what was made of the file, where it isn't plain; `semicolons`: whether they stand between its columns.
    """

    cells: dict[str, np.ndarray]
    rows: np.ndarray
    source: str = ""
    tracked: bool = False
    named_by: str = ""
    made: tuple[str, ...] = ()
    semicolons: bool = False


def local_path(given: str) -> Path:
    """A path as the user wrote it, with ~ for a home folder; raises `InputError` for the home of nobody.

    >>> local_path("runs.csv").name
    'runs.csv'
    """
    try:
        return Path(given).expanduser()
    except RuntimeError:
        raise InputError(f"{given}: no user has a home folder of that name; write the path in full") from None


def numbered(cells: dict[str, np.ndarray], source: str = "") -> Table:
    """A table whose rows count from 1; raises `InputError` where it has none."""
    prefix = f"{source}: " if source else ""
    if not cells:
        raise InputError(f"{prefix}the table has no columns; give one for the observable and one for each input")
    count = len(next(iter(cells.values())))
    if not count:
        raise InputError(f"{prefix}the table has columns ({listed(cells)}) and no rows; give at least one run")
    return Table(cells, np.arange(1, count + 1), source)


def from_records(records: Sequence[Mapping[str, Any]], source: str = "") -> Table:
    """A table of one mapping a row; a key that a row lacks is a blank cell.

    >>> from_records([{"N": 1e8, "loss": 3.1}, {"N": 1e9}]).cells["loss"].tolist()
    [3.1, None]
    """
    for record in records:
        refuse_twice([str(name) for name in record], source)
    rows = [{str(name).strip(): cell for name, cell in record.items()} for record in records]
    names = dict.fromkeys(name for row in rows for name in row)
    return numbered({name: objects([row.get(name) for row in rows]) for name in names}, source)


def from_runs(runs: Sequence[Mapping[str, Any]], named_by: Sequence[str], source: str = "") -> Table:
    """A table of a tracker's runs, one mapping of cells each; columns that are blank throughout are left out.

    They are named by the first of the columns `named_by` that has a name of its own for every run.

    >>> from_runs([{"id": "x1", "name": "tiny"}, {"id": "x2", "name": "tiny"}], ["name", "id"]).named_by
    'id'
    """
    table = from_records(runs, source)
    cells = {name: column for name, column in table.cells.items() if not all(map(is_missing, column))}
    names = {name: text(cells[name]).tolist() for name in named_by if name in cells}
    own = [name for name, column in names.items() if None not in column and len(set(column)) == len(column)]
    return Table(numbered(cells, source).cells, table.rows, source, tracked=True, named_by=(*own, "")[0])


def flat(values: Mapping[Any, Any], prefix: str = "", depth: int = 1) -> dict[str, Any]:
    """Nested mappings as cells: keys joined by dots after the prefix, lists as JSON text.

    Raises `InputError` where two keys come to the same name, and where mappings nest too deep.

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
    """Raise `InputError` where two columns have the same name."""
    prefix = f"{source}: " if source else ""
    twice = [name for name, count in Counter(name.strip() for name in names).items() if count > 1]
    if twice:
        raise InputError(f"{prefix}more than one column is named {listed(twice)}; rename or drop one")
