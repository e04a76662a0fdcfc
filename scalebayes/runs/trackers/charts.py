"""This file recognises charts with one column per run, and turns them into logs with one row per reading."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from scalebayes.runs.names import INPUTS, LABELS, plain, read_as
from scalebayes.runs.reading.cells import is_missing, objects, typed
from scalebayes.runs.reading.raw_table import Table

BETWEEN = " - "  # the text between the name of a run and its metric
BOUNDS = ("__MIN", "__MAX")  # ends of the names of columns with the bounds of the readings behind each point
UNSAID = "value"  # the name of the metric of a chart that does not name it
# Names of columns of steps, as `plain` writes them. The name that says best how far a run has come is first.
STEPS = (
    *("x", "global_step", "step", "steps", "trainer_global_step", "train_global_step", "train_step", "training_step"),
    *("optimizer_step", "num_updates", "update", "updates", "iteration", "iterations", "iter", "iters", "it", "_step"),
)
# Names of axes that do not count steps. Tokens can't be computed from them.
OTHER_AXES = ("epoch", "epochs", "relative_time_(process)", "relative_time_(wall)", "relative_time", "wall_time")
# Names of columns that name runs, as `plain` writes them. If two columns have equally many names, the first is taken.
NAMES_OF_RUNS = ("run_name", "run", "name", "run_id", "run_uuid", "id")
# Words in the names of metrics. A table with such a column has one column per metric, not one per run.
METRICS = re.compile(
    r"loss|acc|ppl|perplex|bpb|nll|entropy|rate|grad|norm|epoch|time|tokens|flop|second|reward|score|mfu|memory|"
    r"(^|[_/ .])(lr|ce|f1|bleu|mse|mae|eta|ram|gpu|beta|seed|width|depth|layers|batch)($|[_/ .])",
    re.IGNORECASE,
)


def is_axis(name: str) -> bool:
    """Whether a column of a tracker's export can be the axis of a chart: steps, tokens, epochs or time.

    >>> [is_axis(name) for name in ("Step", "trainer/global_step", "tokens", "loss")]
    [True, True, True, False]
    """
    return plain(name) in (*STEPS, *OTHER_AXES) or read_as(name, "loss") in ("D", "x")


def is_chart(names: Sequence[str]) -> bool:
    """Whether the columns are those of a tracker's chart: an axis, and columns with names of the form `run - metric`.

    >>> is_chart(["Step", "tiny - val/loss", "tiny - val/loss__MIN"]), is_chart(["Step", "val - loss", "loss"])
    (True, False)
    """
    lone = [name for name in names if BETWEEN not in name and not _index(name)]
    beside = [name for name in names if BETWEEN in name]
    if not beside or not lone:
        return False
    # The axis of a chart may be any column but a loss or a label.
    other = read_as(lone[0], "loss") != "loss" and not any(lone[0].lower() in words for words in LABELS.values())
    return all(map(is_axis, lone)) or (len(lone) == 1 and other)


def is_plain_chart(table: Table, observable: str, named: Iterable[str] = ()) -> bool:
    """Whether a tracker's table has an axis and one column per run whose name is that of the run alone.

    Args:
        table: The table.

        observable: The name of the observable.

        named: The columns that the caller named as something else. The default is (), for none.
    """
    names = [name for name in table.cells if not _index(name)]
    others = [name for name in _without_bounds(names) if name != names[0]]
    if len(others) < 2 or not is_axis(names[0]) or set(named) & set(others):
        return False
    if any(METRICS.search(name) or is_axis(name) for name in others):
        return False
    ours = {read_as(name, observable) for name in others} | {name.lower() for name in others}
    known = {observable, *INPUTS, *(word for words in LABELS.values() for word in words)}
    return not ours & known and all(typed(table.cells[name]).dtype.kind == "f" for name in others)


def is_scalar(names: Iterable[str]) -> bool:
    """Whether the columns are those of a file with one scalar from TensorBoard."""
    return {plain(name) for name in names if not _index(name)} == {"wall_time", "step", "value"}


def distinct(names: list[str]) -> list[str]:
    """The columns of a tracker's chart, with a number added to the name of a run that occurs again; others unchanged.

    >>> distinct(["Step", "a - loss", "a - loss"])
    ['Step', 'a - loss', 'a (2) - loss']
    """
    if not is_chart(names):
        return names
    seen: Counter[str] = Counter()
    renamed = []
    for name in names:
        seen[name] += 1
        run, metric = split(name) if BETWEEN in name else (name, "")
        renamed.append(f"{run} ({seen[name]}){BETWEEN}{metric}" if metric and seen[name] > 1 else name)
    return renamed


def split(name: str) -> tuple[str, str]:
    """The run and the metric of a column of a tracker's chart.

    The name of a run may hold the text between them too.

    >>> split("lr 1e-3 - long - val/loss")
    ('lr 1e-3 - long', 'val/loss')
    """
    run, _, metric = name.rpartition(BETWEEN)
    return run.strip(), metric.strip()


def melted(table: Table) -> tuple[Table, str]:
    """Turn a tracker's chart into a log with one row per reading of a run, and return the log and its axis.

    The columns of the log are `run`, the axis of the chart, and the metrics.

    >>> cells = {"Step": [1, 2], "a - loss": [3.0, ""], "a - loss__MIN": [2.9, ""], "b - loss": ["", 2.0]}
    >>> log, axis = melted(Table({name: objects(values) for name, values in cells.items()}, np.array([1, 2])))
    >>> {name: column.tolist() for name, column in log.cells.items()}
    {'run': ['a', 'b'], 'Step': [1, 2], 'loss': [3.0, 2.0]}
    """
    lone = [name for name in table.cells if BETWEEN not in name and not _index(name)]
    axis = next((name for name in lone if is_axis(name)), lone[0])
    chart = is_chart(list(table.cells))
    columns: dict[str, dict[str, np.ndarray]] = {}
    for name in _without_bounds([name for name in table.cells if name != axis and not _index(name)]):
        run, metric = split(name) if chart else (name, UNSAID)
        if BETWEEN in name or not chart:
            run, metric = _numbered(run, metric, columns)
            columns.setdefault(run, {})[metric] = table.cells[name]
    names = dict.fromkeys(metric for metrics in columns.values() for metric in metrics if metric != axis)
    cells: dict[str, list] = {"run": [], axis: [], **{name: [] for name in names}}
    rows = []
    for run, metrics in columns.items():
        blank = np.array([[is_missing(cell) for cell in metrics[name]] for name in names if name in metrics], bool)
        for i in np.flatnonzero(~blank.all(axis=0)) if blank.size else ():
            rows.append(table.rows[i])
            cells["run"].append(run)
            cells[axis].append(table.cells[axis][i])
            for name in names:
                cells[name].append(metrics[name][i] if name in metrics else None)
    columns_read = {name: objects(values) for name, values in cells.items()}
    return replace(table, cells=columns_read, rows=np.array(rows, int), named_by="run"), axis


def _without_bounds(names: list[str]) -> list[str]:
    """The columns without those of bounds. A column of bounds has the name of another column and one of `BOUNDS`."""

    def bounds(name: str) -> bool:
        return any(name.endswith(end) and name.removesuffix(end) in names for end in BOUNDS)

    numbered = re.compile(rf"(.+)({'|'.join(BOUNDS)})(\.\d+)?")  # a data frame adds .1 to a name that occurs twice
    return [name for name in names if not (bounds(name) or ((m := numbered.fullmatch(name)) and m[1] in names))]


def _numbered(run: str, metric: str, columns: dict[str, dict[str, np.ndarray]]) -> tuple[str, str]:
    """The run and the metric of a column. A data frame adds a number, as in `loss.1`, if the name occurs again."""
    match = re.fullmatch(r"(.+)\.(\d+)", metric)
    if match and match[1] in columns.get(run, {}):
        return f"{run} ({int(match[2]) + 1})", match[1]
    return run, metric


def _index(name: str) -> bool:
    """Whether a column is the index of a data frame that was written to the file."""
    return not name.strip() or re.fullmatch(r"unnamed[:_]? ?\d+|index", name.strip().lower()) is not None
