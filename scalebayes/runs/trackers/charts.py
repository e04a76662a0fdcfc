"""Charts as trackers export them, a run a column: what is one, and its columns as a log with a row a reading."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from scalebayes.runs.names import INPUTS, LABELS, plain, read_as
from scalebayes.runs.reading.cells import is_missing, objects, typed
from scalebayes.runs.reading.raw_table import Table

BETWEEN = " - "  # what stands between a run's name and its metric
BOUNDS = ("__MIN", "__MAX")  # of the runs, or of the readings, that a point of a chart stands for
UNSAID = "value"  # the metric of a chart that doesn't name it
# What a column of steps is called, by `plain`; the better measure of how far a run has come is first.
STEPS = (
    *("x", "global_step", "step", "steps", "trainer_global_step", "train_global_step", "train_step", "training_step"),
    *("optimizer_step", "num_updates", "update", "updates", "iteration", "iterations", "iter", "iters", "it", "_step"),
)
# Axes that are no count of steps, so that tokens can't be told from them.
OTHER_AXES = ("epoch", "epochs", "relative_time_(process)", "relative_time_(wall)", "relative_time", "wall_time")
# What a column that names runs is called, by `plain`; of two that tell as many apart the first is taken.
NAMES_OF_RUNS = ("run_name", "run", "name", "run_id", "run_uuid", "id")
# Words in the names of metrics: a table that has one logs a metric a column, and not a run a column.
METRICS = re.compile(
    r"loss|acc|ppl|perplex|bpb|nll|entropy|rate|grad|norm|epoch|time|tokens|flop|second|reward|score|mfu|memory|"
    r"(^|[_/ .])(lr|ce|f1|bleu|mse|mae|eta|ram|gpu|beta|seed|width|depth|layers|batch)($|[_/ .])",
    re.IGNORECASE,
)


def is_axis(name: str) -> bool:
    """Whether a column is one that charts are drawn against: steps, tokens, epochs or time.

    >>> [is_axis(name) for name in ("Step", "trainer/global_step", "tokens", "loss")]
    [True, True, True, False]
    """
    return plain(name) in (*STEPS, *OTHER_AXES) or read_as(name, "loss") in ("D", "x")


def is_chart(names: Sequence[str]) -> bool:
    """Whether the columns are those of a chart: what it is drawn against, and beside it each `run - metric`.

    >>> is_chart(["Step", "tiny - val/loss", "tiny - val/loss__MIN"]), is_chart(["Step", "val - loss", "loss"])
    (True, False)
    """
    lone = [name for name in names if BETWEEN not in name and not _index(name)]
    beside = [name for name in names if BETWEEN in name]
    if not beside or not lone:
        return False
    # A chart may be drawn against anything; a loss or the name of a run is no such thing.
    other = read_as(lone[0], "loss") != "loss" and not any(lone[0].lower() in words for words in LABELS.values())
    return all(map(is_axis, lone)) or (len(lone) == 1 and other)


def is_plain_chart(table: Table, observable: str, named: Iterable[str] = ()) -> bool:
    """Whether a table is an axis with a column a run that is named by the run alone, its metric nowhere said.

    Args:
        named: columns that the caller said are something else.
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
    """Whether the columns are those of TensorBoard's download of one scalar."""
    return {plain(name) for name in names if not _index(name)} == {"wall_time", "step", "value"}


def distinct(names: list[str]) -> list[str]:
    """The columns of a chart, where two runs of one name are told apart by their number; other columns as they are.

    >>> distinct(["Step", "a - loss", "a - loss"])
    ['Step', 'a - loss', 'a (2) - loss']
    """
    if not is_chart(names):
        return names
    seen: Counter[str] = Counter()
    kept = []
    for name in names:
        seen[name] += 1
        run, metric = split(name) if BETWEEN in name else (name, "")
        kept.append(f"{run} ({seen[name]}){BETWEEN}{metric}" if metric and seen[name] > 1 else name)
    return kept


def split(name: str) -> tuple[str, str]:
    """The run and the metric of a chart's column; a run's own name may hold what stands between them.

    >>> split("lr 1e-3 - long - val/loss")
    ('lr 1e-3 - long', 'val/loss')
    """
    run, _, metric = name.rpartition(BETWEEN)
    return run.strip(), metric.strip()


def melted(table: Table) -> tuple[Table, str]:
    """A chart as a log, a row a reading of a run, with the columns `run`, the chart's axis and its metrics; its axis.

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
    names = dict.fromkeys(metric for own in columns.values() for metric in own if metric != axis)
    cells: dict[str, list] = {"run": [], axis: [], **{name: [] for name in names}}
    rows = []
    for run, own in columns.items():
        blank = np.array([[is_missing(cell) for cell in own[name]] for name in names if name in own], bool)
        for i in np.flatnonzero(~blank.all(axis=0)) if blank.size else ():
            rows.append(table.rows[i])
            cells["run"].append(run)
            cells[axis].append(table.cells[axis][i])
            for name in names:
                cells[name].append(own[name][i] if name in own else None)
    columns_read = {name: objects(values) for name, values in cells.items()}
    return replace(table, cells=columns_read, rows=np.array(rows, int), named_by="run"), axis


def _without_bounds(names: list[str]) -> list[str]:
    """The columns without those of bounds, which stand beside the column that they bound."""

    def bounds(name: str) -> bool:
        return any(name.endswith(end) and name.removesuffix(end) in names for end in BOUNDS)

    numbered = re.compile(rf"(.+)({'|'.join(BOUNDS)})(\.\d+)?")  # a data frame's .1 of a name that is there twice
    return [name for name in names if not (bounds(name) or ((m := numbered.fullmatch(name)) and m[1] in names))]


def _numbered(run: str, metric: str, columns: dict[str, dict[str, np.ndarray]]) -> tuple[str, str]:
    """The run and the metric of a column that a data frame numbered, since its name was there before: `loss.1`."""
    found = re.fullmatch(r"(.+)\.(\d+)", metric)
    if found and found[1] in columns.get(run, {}):
        return f"{run} ({int(found[2]) + 1})", found[1]
    return run, metric


def _index(name: str) -> bool:
    """Whether a column is the index that a data frame was written with."""
    return not name.strip() or re.fullmatch(r"unnamed[:_]? ?\d+|index", name.strip().lower()) is not None
