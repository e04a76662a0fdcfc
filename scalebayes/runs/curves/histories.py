"""This file reads the logs of runs from files, folders, trackers and tables into one table with one row per reading."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.runs.names import plain, read_as
from scalebayes.runs.reading.cells import is_missing, objects, typed
from scalebayes.runs.reading.formats import read_table
from scalebayes.runs.reading.raw_table import Table, local_path, numbered
from scalebayes.runs.trackers import read_tracked
from scalebayes.runs.trackers.charts import UNSAID, is_chart, is_plain_chart, is_scalar, melted
from scalebayes.runs.where import parse_where

FILES = (".csv", ".csv.gz", ".tsv", ".jsonl", ".ndjson", ".parquet", ".pq")
# Names of the column with the name of the metric, in a table with one row per value.
METRIC = ("metric", "metric_name", "metric_key", "key", "tag")
# Words of metrics. If the name of a file from TensorBoard has no other words, it is the name of a metric.
WORDS = re.compile(
    r"((train|training|val|valid|validation|eval|test|dev|loss|acc|accuracy|top1|top5|lr|learning|rate|grad|gradient|"
    r"norm|ppl|perplexity|bpb|reward|score|f1|mse|mae|epoch|time|throughput)(_|$))+"
)
TAGGED = re.compile(r"run-(.+)-tag-(.+)")  # the name that TensorBoard gives to a file


@dataclass(frozen=True)
class Log:
    """A log of runs, with one row per reading.

    Attributes:
        table: The table. Its `named_by` is the column with the name of the run; blank if no column is known to have it.

        axis: The column that a chart is drawn against. The default is "", for a log that is no chart.

        run: The name of the only run, if no column names runs. The default is "".
    """

    table: Table
    axis: str = ""
    run: str = ""


def read_log(table: Any, observable: str, named: Iterable[str] = ()) -> Log:
    """Read the log of training curves in a file, a folder, a tracker's store or a table.

    Args:
        table: The source of the log.

        observable: The name of the observable.

        named: The columns that the caller named. The default is (), for none.
    """
    if isinstance(table, str | os.PathLike):
        logged = read_tracked(str(table), history=True)
        if logged is not None:
            return Log(logged)
        path = local_path(str(table))
        return read_folder(path, observable, named) if path.is_dir() else read_one(path, observable, named)
    if isinstance(table, Mapping) and table and all(map(is_table, table.values())):
        return read_each(table, observable, named)
    return log_of(read_table(table), observable, named, run="run")


def is_table(value: Any) -> bool:
    """Whether a value in the user's dict is the whole log of a run and not one column."""
    rows = isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value)
    return bool(rows) or isinstance(value, Mapping) or hasattr(value, "columns")


def read_one(path: Path, observable: str, named: Iterable[str]) -> Log:
    """The log of training curves in one file.

    The name of a file from TensorBoard holds the name of the run and of the scalar.
    """
    run, metric = (
        re.sub(r"(?<=.)\.(csv|tsv|txt|xlsx|jsonl|ndjson|json|parquet|pq)(\.(gz|zip))?$", "", path.name, flags=re.I),
        UNSAID,
    )
    table = read_table(str(path))
    if is_scalar(table.cells):
        if match := TAGGED.fullmatch(run):
            run, metric = match[1], match[2]
        elif read_as(run, "loss") == "loss" or WORDS.fullmatch(plain(run)):
            run, metric = path.absolute().parent.name, run
        cells = {metric if plain(name) == "value" else name: column for name, column in table.cells.items()}
        return Log(replace(table, cells=cells), run=run)
    return log_of(table, observable, named, run)


def log_of(table: Table, observable: str, named: Iterable[str], run: str) -> Log:
    """A user's table as a log of training curves, with one row per reading.

    The columns of a chart are put below each other. If one column has the name of the metric and another its value,
    each metric becomes a column. Any other table is kept as it is.
    """
    if is_chart(list(table.cells)) or is_plain_chart(table, observable, named):
        return Log(*melted(table))
    words = {plain(name): name for name in table.cells}
    metric = next((words[word] for word in METRIC if word in words), None)
    if metric and "value" in words and not any(read_as(name, observable) == observable for name in table.cells):
        metrics = dict.fromkeys(str(cell) for cell in table.cells[metric] if not is_missing(cell))
        cells = {name: column for name, column in table.cells.items() if name not in (metric, words["value"])}
        values, of = table.cells[words["value"]], table.cells[metric]
        spread = {
            name: objects([v if str(m) == name else None for v, m in zip(values, of, strict=True)]) for name in metrics
        }
        return Log(replace(table, cells={**cells, **spread}), run=run)
    return Log(table, run=run)


def read_folder(folder: Path, observable: str, named: Iterable[str]) -> Log:
    """The logs of training curves in the files of a folder and of the folders in it.

    A file that does not name runs is one run, with the name of the file. If all files have the same name, such as
    metrics.csv, each run has the name of its folder.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name.lower().endswith(FILES))
    if not paths:
        raise InputError(
            f"{folder} is a folder without logs: no trainer_state.json, no event files of TensorBoard, no table "
            f"({', '.join(FILES)}); give the folder or the file that the runs were logged to"
        )
    alike = len(paths) > 1 and len({path.name for path in paths}) == 1
    parts = []
    for path in paths:
        log = read_one(path, observable, named)
        if log.table.named_by:
            parts.append(log.table)
            continue
        below = path.relative_to(folder).parent
        run = below.as_posix() if alike else (below / log.run).as_posix()
        run = below.as_posix() if below.name == log.run else run
        names = objects([run] * len(log.table.rows))
        parts.append(replace(log.table, cells={"run": names, **log.table.cells}, named_by="run"))
    return Log(joined(parts, str(folder)))


def read_each(tables: Mapping[Any, Any], observable: str, named: Iterable[str]) -> Log:
    """The logs of several runs' training curves, from a mapping of names to tables with one row per reading."""
    parts = []
    for name, table in tables.items():
        read = log_of(read_table(table), observable, named, str(name)).table
        names = objects([str(name)] * len(read.rows))
        parts.append(replace(read, cells={**read.cells, "run": names}, named_by="run"))
    return Log(joined(parts, ""))


def joined(parts: Sequence[Table], source: str) -> Table:
    """Put logs of training curves that have the column `run` below each other.

    A column that a log lacks is blank in its rows.
    """
    columns = dict.fromkeys(name for part in parts for name in part.cells)
    cells = {
        name: objects([cell for part in parts for cell in part.cells.get(name, objects([None] * len(part.rows)))])
        for name in columns
    }
    rows = np.concatenate([part.rows for part in parts])
    return replace(numbered(cells, source), rows=rows, named_by="run")


def filtered(read: Table, where: str | None) -> Table:
    """The rows of a log of training curves that pass a filter on its names. Raises `InputError` if no row passes."""
    if where is None:
        return read
    test = parse_where(where)
    cells = {name: typed(column) if name in test.names else column for name, column in read.cells.items()}
    mask = test.mask(cells)
    if not mask.any():
        prefix = f"{read.source}: " if read.source else ""
        raise InputError(f"{prefix}{test.none_left(cells)}")
    passing = {name: column[mask] for name, column in read.cells.items()}
    return replace(read, cells=passing, rows=read.rows[mask])
