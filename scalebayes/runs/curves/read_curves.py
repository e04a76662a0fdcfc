"""This file defines `read_curves`, which reads the logs of runs into one checked table per run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scalebayes.errors import InputError, known_settings, listed, unknown
from scalebayes.runs.columns import read_names
from scalebayes.runs.curves.axis import Readings, axis_of
from scalebayes.runs.curves.curves import FEW, Curves
from scalebayes.runs.curves.histories import filtered, read_log
from scalebayes.runs.curves.plan import Plan, curve_of, planned
from scalebayes.runs.curves.rows_of_run import named, settled
from scalebayes.runs.names import INPUTS, LABELS, read_as
from scalebayes.runs.reading import text_to_numbers as numerals
from scalebayes.runs.reading.cells import BLANK_WORDS, is_missing, number, typed
from scalebayes.runs.reading.raw_table import Table
from scalebayes.runs.trackers.charts import UNSAID, is_axis
from scalebayes.runs.validate import check_observable, roles_of

LOSS = re.compile(r"loss|nll|cross.?entropy", re.IGNORECASE)  # what the name of a metric contains if it is a loss


@known_settings
def read_curves(
    table: Any,
    where: str | None = None,
    columns: Mapping[str, str | None] | None = None,
    observable: str = "loss",
    unit: str | None = None,
    range: tuple[float, float] | None = None,
    *,
    units: Mapping[str, float | str] | None = None,
    by: str | Sequence[str] | None = None,
    tokens_per_step: float | None = None,
) -> Curves:
    """Read learning curves, one per run: the loss against steps or tokens, as the run logged it.

    Args:
        table: The source of the curves. It is one of these:

            - a chart that a tracker exported, with one column per run (`Step`, `tiny - val/loss`, ...); its columns
              `__MIN` and `__MAX` are left out;
            - a download of one scalar from TensorBoard, or a folder of such files;
            - a `trainer_state.json` of Hugging Face, event files of TensorBoard, or a store of MLflow; all of their
              readings are read;
            - any table that `read_runs` takes, with one row per reading;
            - a folder of such files, with one file per run;
            - a mapping from the name of a run to its table, as in `{run.name: run.history() for run in runs}` with the
              API of Weights & Biases.

        where: A filter of the readings, as in `read_runs`. It uses the names in the log. The names in a chart are
            `run`, the axis and the metrics. The default is None, for no filter.

        columns: Which column of the log is which, as a mapping from the name in scalebayes to the name in the log. The
            names in scalebayes are the observable, and `x` or `D` for the axis. `{"D": None}` leaves tokens out, so
            that steps are the axis. The default is None, which means that columns are recognised by their names.

        observable: The name of the quantity to read. The default is "loss". If both a held-out loss and a training loss
            were logged, the held-out loss is read. `observable="train_loss"` or `columns={"loss": "train_loss"}` reads
            the training loss.

        unit: The unit of the observable. The default is None, which means the unit in the name of its column (as in
            `val_bpb`), if there is one.

        range: The open interval (lower, upper) that contains every value of the observable. The default is None, which
            means (0, inf).

        units: The units of columns whose names state no unit, as a mapping from the name in scalebayes to a factor or
            its name, as in {"D": "B"}. The default is None.

        by: The column that names the runs, or several such columns. The default is None, which means `run`, `run_id` or
            a similar name.

        tokens_per_step: The number of tokens in one step. If it is given, D is computed from the steps. The default is
            None, which means that the axis is the tokens if they were logged, else the steps.

    Returns:
        `Curves`, a dict from the name of a run to its `Runs`. Each has one input: D (tokens) or x (steps). If it is
        printed, it shows the number of readings of each run, which columns were read, and which readings were left out.
        Readings at step 0 and readings that are not finite are left out. If a resumed run logged a step twice, the
        earlier reading is left out.

    Raises:
        InputError: The source can't be read, each row is a finished run, or a run has several readings at one step.

    >>> chart = {"Step": [0, 100, 200, 300], "tiny - val/loss": [9.1, 4.0, 3.2, 2.9], "base - val/loss": [9, 3, 2, ""]}
    >>> curves = read_curves(chart, tokens_per_step=5e5)
    >>> curves
    Curves: 2 runs, loss (unit not said)
      tiny: 3 readings, D 5e7 to 1.5e8, loss 2.9 to 4 (few: a forecast is mostly prior)
      base: 2 readings, D 5e7 to 1e8, loss 2 to 3 (few: a forecast is mostly prior)
      read: val/loss as loss, Step as D, 500000 tokens a step
      left out: 2 readings at step 0
    >>> curves["tiny"].column("D").tolist()
    [50000000.0, 100000000.0, 150000000.0]
    """
    check_observable(observable)
    given = _checked(columns, observable)
    if "run_id" in given:
        by = by or given.pop("run_id")
    log = read_log(table, observable, [name for name in given.values() if name])
    columns_read = log.table.cells
    roles = {name: numerals.OBSERVED for name in columns_read if name == UNSAID or LOSS.search(name)}
    roles |= roles_of(columns_read, observable, given) | {
        name: numerals.COUNTED for name in columns_read if is_axis(name)
    }
    cells = numerals.settled(columns_read, log.table.semicolons, roles)
    read = filtered(replace(log.table, cells=cells), where)
    prefix = f"{read.source}: " if read.source else ""
    for ours, theirs in given.items():
        if theirs is not None and theirs not in read.cells:
            raise unknown(f"column in columns={{'{ours}': ...}}", theirs, read.cells)
    names, label = named(read, by, log.run)
    metric, left_out = _metric(read, observable, given, label)
    there = np.array([_logged(cell) for cell in read.cells[metric].tolist()], bool)
    blank = there & np.array([name is None for name in names], bool)
    there &= ~blank
    if len(set(names[there])) == there.sum():
        raise InputError(
            f"{prefix}no run has more than one reading of '{metric}', and a curve needs several; finished runs are "
            "read with sb.read_runs(...), and by=... names the column that tells the runs of a log apart"
        )
    axis = axis_of(Readings(read.cells, names, there), given, log.axis, tokens_per_step, prefix)
    plan = planned(read, label, metric, axis, observable, unit, range, units, where)
    dropped: dict[str, int] = {"rows without the name of a run": int(blank.sum())}
    curves = Curves()
    for name in dict.fromkeys(names[there]):
        rows = np.flatnonzero(there & (names == name))
        points = _points(plan, rows, dropped)
        points = settled(read, axis, points, name, label, metric, dropped) if points.size else points
        if points.size:
            curves[name] = curve_of(plan, name, points)
    if not curves:
        raise InputError(f"{prefix}no run has a reading of '{metric}' at a positive '{axis.theirs}'; check the columns")
    if any(len(runs) < FEW for runs in curves.values()):
        left_out = [_often(read, name, observable, there.sum()) for name in left_out]
    gone = {*names} - {None, *curves}
    out = [*left_out, *(f"{n} {why if n > 1 else why.replace('s ', ' ', 1)}" for why, n in dropped.items() if n)]
    out += [f"{listed(sorted(gone))} (no reading of {metric})"] if gone else []
    lines = {"read": "; ".join(plan.columns_read()), "left out": ", ".join(out), "where": where or ""}
    curves.told = tuple(f"{name}: {text}" for name, text in lines.items() if text)
    return curves


def _checked(columns: Any, observable: str) -> dict[str, Any]:
    """The setting `columns` as a dict, after a check that it maps names that curves have to names of columns."""
    if not (columns is None or isinstance(columns, Mapping)):
        raise InputError(f"columns={columns!r} is no mapping; write our name to the log's: columns={{'x': 'step'}}")
    for ours, theirs in (columns or {}).items():
        if ours not in (observable, "x", "D", "run_id"):
            raise unknown("name in columns of a curve", ours, (observable, "x", "D", "run_id"))
        if not (theirs is None and ours in ("x", "D")) and not isinstance(theirs, str):
            raise InputError(f"columns={{'{ours}': {theirs!r}}} is no column; give its name, as text")
    return dict(columns or {})


def _metric(read: Table, observable: str, given: Mapping[str, Any], label: Sequence[str]) -> tuple[str, list[str]]:
    """The column of the observable, and the other columns that could have been read as the observable."""
    metrics = [name for name in read.cells if name not in (*label, given.get("x"), given.get("D"))]

    def same(first: str, second: str) -> bool:
        a, b = typed(read.cells[first]), typed(read.cells[second])
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")

    def metric_read(theirs: str | None) -> tuple[str, list[str]]:
        # Other inputs and labels are not read here, so two columns of the log may have the same meaning.
        asked = dict.fromkeys((*INPUTS, *LABELS)) | ({} if theirs is None else {observable: theirs})
        reading = read_names(metrics, observable, asked, same, read.source, tracked=True)
        like = [name for name in reading.left_out if read_as(name, observable) == observable or LOSS.search(name)]
        return reading.names[observable], like if observable == "loss" else []

    try:
        return metric_read(given.get(observable))
    except InputError:
        others = [name for name in metrics if not is_axis(name) and typed(read.cells[name]).dtype.kind == "f"]
        lone = others[0] if len(others) == 1 and observable == "loss" and LOSS.search(others[0]) else None
        guess = UNSAID if UNSAID in metrics else lone
        if observable in given or guess is None:
            raise
    return metric_read(guess)


def _points(plan: Plan, rows: np.ndarray, dropped: dict[str, int]) -> np.ndarray:
    """The rows of one run that are points of its curve. The other rows are counted in `dropped`, by the reason."""
    read, metric, axis = plan.read, plan.metric, plan.axis
    y = np.array([1.0 if (value := number(cell)) is None else value for cell in read.cells[metric][rows].tolist()])
    x = axis.values[rows]
    unused = {
        f"readings that are not finite (nan or inf '{metric}')": ~np.isfinite(y),
        f"readings without '{axis.theirs}'": ~np.isfinite(x),
        f"readings at {'step' if axis.per_step else axis.theirs} 0": x == 0,
        f"readings below {axis.theirs} 0": x < 0,
    }
    keep = np.ones(len(rows), bool)
    for why, which in unused.items():
        dropped[why] = dropped.get(why, 0) + int((keep & which).sum())
        keep &= ~which
    return rows[keep]


def _logged(cell: Any) -> bool:
    """Whether a cell holds a reading. The word nan counts as one: it is the reading of a run that diverged."""
    word = cell.strip().lower() if isinstance(cell, str) else None
    return not is_missing(cell) if word is None else word == "nan" or word not in BLANK_WORDS


def _often(read: Table, name: str, observable: str, chosen: int) -> str:
    """The name of a column that could have been read. If it has more readings, the text says how to read it."""
    count = sum(_logged(cell) for cell in read.cells[name].tolist())
    return name if count <= chosen else f"{name} ({count} readings: columns={{'{observable}': '{name}'}})"
