"""This file finds the axis of learning curves: tokens if they were logged, else steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.runs.names import few, plain, read_as
from scalebayes.runs.reading.cells import number, typed
from scalebayes.runs.trackers.charts import OTHER_AXES, STEPS

ENOUGH = 0.5  # share of the readings that have a value in a column; with a smaller share the column is not the axis


@dataclass(frozen=True)
class Axis:
    """The axis of curves.

    Attributes:
        ours: The name of the axis in scalebayes, D or x.

        theirs: The name of its column in the log.

        values: The values in the log, float64 (row,). A blank cell is NaN.

        per_step: The number of tokens in one step, which the values are multiplied with. The default is 0.0, if the
            values are not multiplied.
    """

    ours: str
    theirs: str
    values: np.ndarray
    per_step: float = 0.0


@dataclass(frozen=True)
class Readings:
    """The rows of a log.

    Attributes:
        cells: The columns by name, (row,).

        names: The name of each row's run, (row,).

        there: Whether each row has a reading of the metric, bool (row,).
    """

    cells: Mapping[str, np.ndarray]
    names: np.ndarray
    there: np.ndarray


def axis_of(
    read: Readings, given: Mapping[str, Any], drawn: str, tokens_per_step: float | None, prefix: str = ""
) -> Axis:
    """Find the axis of a run's log, such as its steps or tokens.

    Args:
        read: The rows of the log.

        given: The columns that the caller named, by the name in scalebayes. None means that the column is not read.

        drawn: The column that a chart is drawn against; blank for a log that is no chart.

        tokens_per_step: The number of tokens in one step; None if it is not known.

        prefix: The beginning of an error message. The default is "".

    Raises:
        InputError: No column is an axis, or `tokens_per_step` is given and the axis has no steps.

    >>> cells = {"step": np.array([1, 2]), "loss": np.array([3.0, 2.5])}
    >>> read = Readings(cells, np.array(["a", "a"], dtype=object), np.array([True, True]))
    >>> axis = axis_of(read, {}, "", 1e6)
    >>> axis.ours, axis.theirs, axis.per_step
    ('D', 'step', 1000000.0)
    """
    if tokens_per_step is not None and not _is_count(tokens_per_step):
        raise InputError(f"tokens_per_step={tokens_per_step!r} is no positive number; give the tokens of a batch")
    axis = _asked(read, given) or _logged(read, given, drawn)
    if axis is None:
        others = [name for name in read.cells if name != "run"]
        raise InputError(
            f"{prefix}no column of steps or tokens that changes within a run; found: {few(others)}; say which it is "
            "with columns={'x': ...}, or columns={'D': ...} for tokens"
        )
    if tokens_per_step is None:
        return axis
    if axis.ours == "D" or plain(axis.theirs) in OTHER_AXES:
        cure = "leave tokens_per_step out" if axis.ours == "D" else "name the steps with columns={'x': ...}"
        what = "tokens" if axis.ours == "D" else "no count of steps"
        raise InputError(f"{prefix}tokens_per_step: the axis is '{axis.theirs}', which is {what}; {cure}")
    return Axis("D", axis.theirs, axis.values, float(tokens_per_step))


def _is_count(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value) and float(value) > 0


def _asked(read: Readings, given: Mapping[str, Any]) -> Axis | None:
    """The axis that the caller named; None if the caller named none."""
    for ours in ("D", "x"):
        theirs = given.get(ours)
        if isinstance(theirs, str):
            cells = read.cells[theirs]
            wrong = next((cell for cell in cells.tolist() if number(cell) is None), None)
            if wrong is not None:
                raise InputError(f"columns={{'{ours}': '{theirs}'}}: the column holds {wrong!r}, which is no number")
            return Axis(ours, theirs, np.array([number(cell) for cell in cells.tolist()], float))
    return None


def _logged(read: Readings, given: Mapping[str, Any], drawn: str) -> Axis | None:
    """The axis by the names of the columns: tokens if every reading has them, else steps, else another axis."""
    words = {word: i for i, word in enumerate((*STEPS, *OTHER_AXES))}
    ordered = sorted((words[plain(name)], name) for name in read.cells if plain(name) in words)
    asked = [drawn] if drawn and plain(drawn) not in OTHER_AXES else []
    steps = [*asked, *(name for _, name in ordered)] if "x" not in given else []
    logged = [(name, values) for name in steps if (values := _values(read, name, ENOUGH)) is not None]
    if "D" not in given:
        for name in read.cells:
            if read_as(name, "loss") != "D":
                continue
            values = _values(read, name, 1.0) if logged else _values(read, name, ENOUGH)
            if values is None and logged:
                values = _values(read, name, 1.0, by=logged[0][1])
            if values is not None:
                return Axis("D", name, values)
    return Axis("x", *logged[0]) if logged else None


def _values(read: Readings, name: str, share: float, by: np.ndarray | None = None) -> np.ndarray | None:
    """The values of a column, (row,); None if too few readings have a value or no run has two different values.

    Args:
        read: The rows of the log.

        name: The name of the column.

        share: The smallest share of the readings that must have a value.

        by: The step of each row. If it is given, a row without a value takes it from a row of the same run and step,
            because some trackers write one row per metric. The default is None.
    """
    values = typed(read.cells[name])
    if values.dtype.kind != "f":
        return None
    if by is not None:
        at = list(zip(read.names.tolist(), by.tolist(), strict=True))
        known = {key: value for key, value in zip(at, values.tolist(), strict=True) if value == value}
        values = np.array([known.get(key, math.nan) for key in at])
    held = read.there & np.isfinite(values)
    if held.sum() < max(share * read.there.sum(), 1):
        return None
    first: dict[Any, float] = {}
    pairs = zip(read.names[held].tolist(), values[held].tolist(), strict=True)
    return values if any(first.setdefault(run, value) != value for run, value in pairs) else None
