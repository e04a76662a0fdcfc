"""This file finds the column that names the runs of a log, and the readings of each run that count."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scalebayes.errors import InputError, unknown
from scalebayes.runs.curves.axis import Axis
from scalebayes.runs.names import plain
from scalebayes.runs.reading.cells import number, objects, text
from scalebayes.runs.reading.raw_table import Table
from scalebayes.runs.trackers.charts import NAMES_OF_RUNS

OFTEN = 0.1  # share of the readings that repeat the step before; above it the rows belong to several runs


def named(read: Table, by: str | Sequence[str] | None, alone: str) -> tuple[np.ndarray, list[str]]:
    """The name of the run of each row of a log, (row,), and the columns that it comes from; None if a cell is blank.

    Args:
        read: The table of the log.

        by: The columns that the caller named; None for none.

        alone: The name of the only run, if no column names runs.

    >>> cells = {"model": objects(["a", "a"]), "seed": np.array([0, 1])}
    >>> named(Table(cells, np.array([1, 2])), ("model", "seed"), "")[0].tolist()
    ['a, 0', 'a, 1']
    """
    columns = [by] if isinstance(by, str) else list(by or ())
    for name in columns:
        if name not in read.cells:
            raise unknown("column in by=", name, read.cells)
    if not columns and read.named_by:
        columns = [read.named_by]
    if not columns:
        columns = _known(read)
    if not columns:
        return objects([alone] * len(read.rows)), []
    parts = [text(read.cells[name]).tolist() for name in columns]
    return objects([None if None in row else ", ".join(row) for row in zip(*parts, strict=True)]), columns


def _known(read: Table) -> list[str]:
    """The column that names runs, by its name. Of several, the one with most names, but not one per row, is taken."""
    words = {plain(name): name for name in reversed(list(read.cells))}
    named = [words[word] for word in NAMES_OF_RUNS if word in words]
    count = {name: len(set(text(read.cells[name]).tolist())) for name in named}
    repeated = [name for name in named if count[name] < len(read.rows)]
    return sorted(repeated or named, key=lambda name: -count[name])[:1]


def settled(
    read: Table, axis: Axis, rows: np.ndarray, run: str, label: Sequence[str], metric: str, dropped: dict[str, int]
) -> np.ndarray:
    """The rows of a run's log that count in its curve, in the order of their steps.

    If a step was logged twice, the later row counts, because the run was resumed.

    Raises:
        InputError: The rows belong to several runs: the steps start again, or many steps are there twice.
    """
    pairs = list(zip(axis.values[rows].tolist(), map(number, read.cells[metric][rows].tolist()), strict=True))
    rows = rows[sorted({pair: i for i, pair in reversed(list(enumerate(pairs)))}.values())]
    x = axis.values[rows]
    last = {step: i for i, step in enumerate(x.tolist())}
    if (twice := len(x) - len(last)) and not read.tracked:
        again = bool((x[1:] <= x[0]).any())
        beside = int((np.diff(x) == 0).sum())
        if again or beside > max(1, OFTEN * len(x)):
            first = next(i for i, step in enumerate(x.tolist()) if last[step] != i)
            raise _several(read, axis, rows, (first, last[float(x[first])]), run, label, metric)
    if twice:
        dropped["readings of a step that was logged again later"] = (
            dropped.get("readings of a step that was logged again later", 0) + twice
        )
    return rows[[last[step] for step in sorted(last)]]


def _several(
    read: Table, axis: Axis, rows: np.ndarray, pair: tuple[int, int], run: str, label: Sequence[str], metric: str
) -> InputError:
    """The error for rows of several runs that have one name. It names the column that distinguishes the runs."""
    x = axis.values[rows].tolist()
    cure = "name the column that tells the runs apart with by=...; finished runs are read with sb.read_runs(...)"
    for name in read.cells:
        if name in (*label, axis.theirs, metric):
            continue
        cells = text(read.cells[name])[rows].tolist()
        if None not in cells and len(set(cells)) <= len(cells) / 2 and len(set(zip(cells, x, strict=True))) == len(x):
            columns = [*label, name]
            cure = f"say which columns name the runs: by={columns if label else name!r}"
            break
    prefix = f"{read.source}: " if read.source else ""
    whose = f"run '{run}' has" if label else "there are"
    first, second = (read.rows[rows[i]] for i in pair)
    return InputError(
        f"{prefix}{whose} two readings at {axis.theirs} {read.cells[axis.theirs][rows[pair[0]]]} (rows {first} and "
        f"{second}), as several runs have; {cure}"
    )
