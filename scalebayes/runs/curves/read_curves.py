"""read_curves: what runs logged on their way, one checked table a run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scalebayes.errors import InputError, listed, unknown
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

LOSS = re.compile(r"loss|nll|cross.?entropy", re.IGNORECASE)  # in the name of the only metric there is


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
    """Read what runs logged on their way, a curve a run: the loss against steps, or against tokens.

    Args:
        table: a chart that a tracker exported, a run a column (`Step`, `tiny - val/loss`, ...; `__MIN` and `__MAX` are
            dropped); TensorBoard's download of one scalar, or a folder of such; a `trainer_state.json` of Hugging
            Face, TensorBoard's event files or MLflow's store, for all that they logged; any table that `read_runs`
            takes, with a row a reading; a folder of such files, a run a file; or name of a run -> its table, as
            in `{run.name: run.history() for run in runs}` of the API of Weights & Biases.

        where: a filter of the readings on the log's own names, as in `read_runs`. Of a chart these are `run`, the axis
            and the metrics.

        columns: which column is which, ours -> the log's: the observable, and the axis as `x` or `D`. `{"D": None}`
            leaves tokens out, so that steps are the axis.

        observable: what is read, `loss` by default. Where held-out and training losses were logged, the held-out one
            is read, and `observable="train_loss"` or `columns={"loss": "train_loss"}` asks for the other.

        unit: of the observable; by default what its name says, as `val_bpb` does.

        range: the open interval that the observable lies in, (0, inf) by default.

        units: what a column counts in where its name doesn't say, ours -> a factor or its name, as in {"D": "B"}.

        by: the column that names the runs of a table, or several; by default `run`, `run_id` or the like.

        tokens_per_step: makes tokens D of steps, where tokens were not logged.

    Returns:
        `Curves`, a dict from the run's name to its `Runs`, which have one input: D where tokens were logged, else x.
        Printing it tells how many readings each has, what was read as what, and what was left out: readings at step 0,
        those that are not finite, and of a step that a resumed run logged twice the earlier.

    Raises:
        InputError: what can't be read; a table whose rows are finished runs; several readings of a run at one step.

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
    found = log.table.cells
    roles = {name: numerals.OBSERVED for name in found if name == UNSAID or LOSS.search(name)}
    roles |= roles_of(found, observable, given) | {name: numerals.COUNTED for name in found if is_axis(name)}
    cells = numerals.settled(found, log.table.semicolons, roles)
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
        kept = _kept(plan, rows, dropped)
        kept = settled(read, axis, kept, name, label, metric, dropped) if kept.size else kept
        if kept.size:
            curves[name] = curve_of(plan, name, kept)
    if not curves:
        raise InputError(f"{prefix}no run has a reading of '{metric}' at a positive '{axis.theirs}'; check the columns")
    if any(len(runs) < FEW for runs in curves.values()):
        left_out = [_often(read, name, observable, there.sum()) for name in left_out]
    gone = {*names} - {None, *curves}
    out = [*left_out, *(f"{n} {why if n > 1 else why.replace('s ', ' ', 1)}" for why, n in dropped.items() if n)]
    out += [f"{listed(sorted(gone))} (no reading of {metric})"] if gone else []
    lines = {"read": "; ".join(plan.told()), "left out": ", ".join(out), "where": where or ""}
    curves.told = tuple(f"{name}: {text}" for name, text in lines.items() if text)
    return curves


def _checked(columns: Any, observable: str) -> dict[str, Any]:
    """`columns` as the caller gave it, found to be a mapping from names that curves have."""
    if not (columns is None or isinstance(columns, Mapping)):
        raise InputError(f"columns={columns!r} is no mapping; write our name to the log's: columns={{'x': 'step'}}")
    for ours, theirs in (columns or {}).items():
        if ours not in (observable, "x", "D", "run_id"):
            raise unknown("name in columns of a curve", ours, (observable, "x", "D", "run_id"))
        if not (theirs is None and ours in ("x", "D")) and not isinstance(theirs, str):
            raise InputError(f"columns={{'{ours}': {theirs!r}}} is no column; give its name, as text")
    return dict(columns or {})


def _metric(read: Table, observable: str, given: Mapping[str, Any], label: Sequence[str]) -> tuple[str, list[str]]:
    """The column of the observable, and those that could have been it."""
    metrics = [name for name in read.cells if name not in (*label, given.get("x"), given.get("D"))]

    def same(one: str, other: str) -> bool:
        a, b = typed(read.cells[one]), typed(read.cells[other])
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")

    def found(theirs: str | None) -> tuple[str, list[str]]:
        # Whatever else is logged is not asked for, and may be there twice.
        asked = dict.fromkeys((*INPUTS, *LABELS)) | ({} if theirs is None else {observable: theirs})
        reading = read_names(metrics, observable, asked, same, read.source, tracked=True)
        like = (one for one in reading.left_out if read_as(one, observable) == observable or LOSS.search(one))
        return reading.names[observable], list(like) if observable == "loss" else []

    try:
        return found(given.get(observable))
    except InputError:
        others = [name for name in metrics if not is_axis(name) and typed(read.cells[name]).dtype.kind == "f"]
        lone = others[0] if len(others) == 1 and observable == "loss" and LOSS.search(others[0]) else None
        guess = UNSAID if UNSAID in metrics else lone
        if observable in given or guess is None:
            raise
    return found(guess)


def _kept(plan: Plan, rows: np.ndarray, dropped: dict[str, int]) -> np.ndarray:
    """The rows of one run that can be points of its curve; the others are counted by why not."""
    read, metric, axis = plan.read, plan.metric, plan.axis
    y = np.array([1.0 if (value := number(cell)) is None else value for cell in read.cells[metric][rows].tolist()])
    x = axis.values[rows]
    told = {
        f"readings that are not finite (nan or inf '{metric}')": ~np.isfinite(y),
        f"readings without '{axis.theirs}'": ~np.isfinite(x),
        f"readings at {'step' if axis.per_step else axis.theirs} 0": x == 0,
        f"readings below {axis.theirs} 0": x < 0,
    }
    keep = np.ones(len(rows), bool)
    for why, which in told.items():
        dropped[why] = dropped.get(why, 0) + int((keep & which).sum())
        keep &= ~which
    return rows[keep]


def _logged(cell: Any) -> bool:
    """Whether a cell holds a reading; the word nan is one, of a run that diverged."""
    word = cell.strip().lower() if isinstance(cell, str) else None
    return not is_missing(cell) if word is None else word == "nan" or word not in BLANK_WORDS


def _often(read: Table, name: str, observable: str, chosen: int) -> str:
    """A column that could have been read, and how to where it has more readings."""
    count = sum(_logged(cell) for cell in read.cells[name].tolist())
    return name if count <= chosen else f"{name} ({count} readings: columns={{'{observable}': '{name}'}})"
