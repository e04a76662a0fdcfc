"""This file recognises charts, logs and checkpoints that are given as runs, and says what to type instead."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.runs.filter_text import in_quotes
from scalebayes.runs.names import few, plain
from scalebayes.runs.reading.cells import number
from scalebayes.runs.reading.raw_table import Table
from scalebayes.runs.trackers.charts import NAMES_OF_RUNS, is_chart, is_plain_chart, is_scalar, melted
from scalebayes.runs.trackers.trainer import NAME

if TYPE_CHECKING:
    from scalebayes.runs.checkpoints import Checkpoints
    from scalebayes.runs.table import Runs

STEPS_AHEAD = 2.0  # multiple of the last step that an example in a sentence predicts


class HistoryError(InputError):
    """A table holds the history of runs, but a table with one row per run is needed."""


def refuse_history(table: Table, observable: str, columns: Mapping[str, Any]) -> None:
    """Raise `HistoryError` for a table with one column per run, or with the history of one scalar.

    Args:
        table: The table.

        observable: The name of the observable.

        columns: The setting of the caller. If it names the observable, no error is raised.
    """
    names = list(table.cells)
    if observable in columns:
        return
    if is_scalar(names):
        what, runs = "the history of one run, as TensorBoard writes that of a scalar", []
        steps = next(column for name, column in table.cells.items() if plain(name) == "step")
    elif is_chart(names) or is_plain_chart(table, observable, columns.values()):
        log, axis = melted(table)
        runs, steps = list(dict.fromkeys(log.cells["run"].tolist())), log.cells[axis]
        s = "s" if len(runs) > 1 else ""
        what = f"a chart with the history of {len(runs)} run{s} ({few(runs, 3)}), a run a column"
    else:
        return
    path, which = table.source, "one of them" if len(runs) > 1 else "it"
    run = f" --run {shlex.quote(runs[0])}" if len(runs) > 1 else ""
    typed = f", or forecast {which} with: scalebayes forecast {shlex.quote(path)}{run} --x {_ahead(steps)}"
    raise HistoryError(
        f"{path + ': ' if path else ''}this is {what}, and no table with a row a run; read it as curves: "
        f"sb.read_curves({repr(path) if path else 'table'}){typed if path else ''}"
    )


def _ahead(steps: np.ndarray) -> str:
    """A step beyond the largest step of a chart, as text for an example."""
    known = [value for cell in steps.tolist() if (value := number(cell)) is not None and math.isfinite(value)]
    return f"{STEPS_AHEAD * max(known, default=500.0):g}"


def log_text(runs: Runs) -> str:
    """What to type for a table of runs with one row that holds the last values of a trainer's log; blank for others."""
    source = str(runs.metadata.get("source") or "")
    if len(runs) > 1 or not source.endswith(NAME) or "curve" in runs.metadata:
        return ""
    step = runs.inputs.get("global_step")
    ahead = f"{STEPS_AHEAD * step[0]:g}" if step is not None and step[0] > 0 else "..."
    return (
        f"{source} is one row, of what its run logged last; read the whole log as a curve: "
        f"sb.read_curves({source!r}), or forecast it with: scalebayes forecast {shlex.quote(source)} --x {ahead}"
    )


def checkpoints_text(runs: Runs, signs: Checkpoints) -> str:
    """Why rows of a table of runs seem to be checkpoints, why this matters, and what to do, in words."""
    by, along = (runs.origin.aliases.get(name, name) for name in (signs.by, signs.along))
    s = "s" if signs.runs > 1 else ""
    at = " at one N" if "N" in runs.inputs and signs.by != "N" else ""
    keep = f"sb.last_of(runs, by={signs.by!r}, along={signs.along!r})"
    if signs.last is not None:
        test = f"{runs.origin.name(signs.along)} == {signs.last:.12g}"
        keep = f"where={in_quotes(test)} or {keep}"
    source = str(runs.metadata.get("source") or "")
    read = f"sb.read_curves({repr(source) if source else 'table'}, by={by!r})"
    if source and plain(by) in NAMES_OF_RUNS and signs.by != "N":
        ahead = STEPS_AHEAD * float(runs.inputs["D" if "D" in runs.inputs else signs.along].max())
        command = f"scalebayes forecast {shlex.quote(source)} --run {shlex.quote(signs.example)} --x {ahead:.3g}"
        read += f" ({command} forecasts one)"
    return (
        f"{signs.rows} rows are checkpoints of {signs.runs} run{s}: '{along}' rises within one '{by}'{at}. In the "
        "middle of a schedule the loss is above that of a run that ends there, and the rows of a run are no "
        f"independent evidence. Keep the last of each run: {keep}; or read them as curves: {read}. The rows count "
        "as runs only if the learning rate was constant, or had decayed, at each of them."
    )
