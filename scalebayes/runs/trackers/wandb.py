"""This file reads runs of Weights & Biases without its package: mappings, or objects like the Run of its API."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from scalebayes.errors import InputError
from scalebayes.runs.reading.raw_table import Table, flat, from_records, from_runs

# The fields of a run that are read besides its config and its summary.
ATTRIBUTES = ("name", "id", "state", "group", "job_type", "created_at")
# The names that the config and the summary of a run may have.
CONFIG, SUMMARY = ("config", "rawconfig"), ("summary", "summary_metrics", "summaryMetrics")


def read_items(items: Sequence[Any], source: str = "") -> Table:
    """The table of a list of runs of a tracker, each with `config` and `summary`, or of a list of one dict per row.

    The columns of a run are its fields (`name`, `id`, `state`, ...), and the names in its config and its summary after
    `config.` and `summary.`. Nested names are joined by dots. The summary has the last value of each metric.

    Raises:
        InputError: The list is empty, or has other items.

    >>> run = {"name": "tiny", "state": "finished", "config": {"n_params": 124e6}, "summary": {"val/loss": 3.1}}
    >>> list(read_items([run]).cells)
    ['name', 'state', 'config.n_params', 'summary.val/loss']
    """
    prefix = f"{source}: " if source else ""
    if not items:
        raise InputError(f"{prefix}the list is empty; give at least one run")
    tracked = [is_run(item) for item in items]
    for i, item in enumerate(items, 1):
        if not (isinstance(item, Mapping) or tracked[i - 1]):
            what = f"a list is not a table where its items aren't runs: item {i} is of type {type(item).__name__}"
            run = "one object a run" if source else "one dict a run"
            example = '[{"N": 1e9, "D": 2e10, "loss": 2.6}, ...]'
            raise InputError(f"{prefix}{what}; give {run}, as in {example}")
        if tracked[i - 1] != tracked[0]:
            with_config, without = (1, i) if tracked[0] else (i, 1)
            raise InputError(
                f"{prefix}item {with_config} of the list has a config and a summary, and item {without} has none; "
                "give runs of one kind, or leave those out"
            )
    if not tracked[0]:
        return from_records([flat(item) for item in items], source)
    runs = [run_cells(item, f"{prefix}item {i} of the list") for i, item in enumerate(items, 1)]
    return from_runs(runs, ("name", "id"), source)


def unpacked(table: Table) -> Table:
    """Replace columns `config` and `summary` that hold mappings, or mappings as text, by one column per entry.

    The example of an export by W&B itself writes such columns. Any other table is returned unchanged.

    >>> import numpy as np
    >>> cells = {"name": ["a"], "config": ["{'n_params': 1e8}"], "summary": ["{'val/loss': 3.1}"]}
    >>> list(unpacked(Table({name: np.array(x, object) for name, x in cells.items()}, np.array([1]))).cells)
    ['name', 'config.n_params', 'summary.val/loss']
    """
    packed = {
        name: [entries_of(cell) for cell in table.cells[name]] for name in ("config", "summary") if name in table.cells
    }
    if not packed or any(cell is None for cells in packed.values() for cell in cells):
        return table
    runs = [
        {name: packed[name][i] if name in packed else column[i] for name, column in table.cells.items()}
        for i in range(len(table.rows))
    ]
    return replace(read_items(runs, table.source), rows=table.rows)


def entries_of(cell: Any) -> Mapping[str, Any] | None:
    """The mapping in a cell of a table from W&B, in JSON or in Python; None if the cell holds anything else."""
    if isinstance(cell, str) and cell.lstrip().startswith("{"):
        for read in (json.loads, ast.literal_eval):
            try:
                cell = read(cell)
                break
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
    return cell if isinstance(cell, Mapping) else None


def is_run(item: Any) -> bool:
    """Whether an item of a list is a run of W&B with a config or a summary, and not a plain row of cells."""
    if isinstance(item, Mapping):
        return any(isinstance(item.get(name), Mapping) for name in (*CONFIG, *SUMMARY))
    return hasattr(item, "config") and hasattr(item, "summary")


def run_cells(run: Any, place: str) -> dict[str, Any]:
    """The cells of one run of W&B by the names of the columns.

    `place` is its place in the list, for error messages.
    """
    if isinstance(run, Mapping):
        attributes = {name: value for name, value in run.items() if name not in (*CONFIG, *SUMMARY)}
        config, summary = (next((run[name] for name in names if name in run), None) for names in (CONFIG, SUMMARY))
    else:
        attributes = {name: getattr(run, name, None) for name in ATTRIBUTES}
        config, summary = run.config, run.summary
    settings = {name: unwrapped(value) for name, value in entries(config, f"{place}, config").items()}
    return flat(attributes) | flat(settings, "config.") | flat(entries(summary, f"{place}, summary"), "summary.")


def entries(values: Any, place: str) -> dict[str, Any]:
    """The entries of a config or a summary of W&B, without the records of the package itself."""
    values = getattr(values, "_json_dict", values)  # the attribute of a summary with its plain values
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise InputError(f"{place}: it is a {type(values).__name__}, not a mapping of names to values; give a dict")
    return {str(name): value for name, value in values.items() if not str(name).startswith("_wandb")}


def unwrapped(value: Any) -> Any:
    """The value of a setting in a raw config of W&B, which has the form {'value': ..., 'desc': ...}."""
    wrapped = isinstance(value, Mapping) and "value" in value and set(value) <= {"value", "desc"}
    return value["value"] if wrapped else value
