"""What a run's log is read against: tokens where they were logged, else steps."""

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

ENOUGH = 0.5  # share of the readings that have a step; below it a column is no axis, and another is looked for


@dataclass(frozen=True)
class Axis:
    """The axis of curves: our name for it, the log's, and the log's own values (row,) with NaN where blank.

    `per_step`: the tokens of a step, by which steps are to be multiplied; 0 where the values are the axis.
    """

    ours: str
    theirs: str
    values: np.ndarray
    per_step: float = 0.0


@dataclass(frozen=True)
class Readings:
    """The rows of a log: its cells, the run of each row, and which rows have a reading of the metric (row,)."""

    cells: Mapping[str, np.ndarray]
    names: np.ndarray
    there: np.ndarray


def axis_of(
    read: Readings, given: Mapping[str, Any], drawn: str, tokens_per_step: float | None, prefix: str = ""
) -> Axis:
    """The axis of a log.

    Args:
        given: our name -> the log's, or None for one that is not to be read. drawn: the column that a chart is drawn
            against, or ''. tokens_per_step: by which steps become tokens.

    Raises:
        InputError: no column is one; tokens can't be told from what is.

    >>> cells = {"step": np.array([1, 2]), "loss": np.array([3.0, 2.5])}
    >>> read = Readings(cells, np.array(["a", "a"], dtype=object), np.array([True, True]))
    >>> found = axis_of(read, {}, "", 1e6)
    >>> found.ours, found.theirs, found.per_step
    ('D', 'step', 1000000.0)
    """
    if tokens_per_step is not None and not _is_count(tokens_per_step):
        raise InputError(f"tokens_per_step={tokens_per_step!r} is no positive number; give the tokens of a batch")
    found = _asked(read, given) or _logged(read, given, drawn)
    if found is None:
        others = [name for name in read.cells if name != "run"]
        raise InputError(
            f"{prefix}no column of steps or tokens that changes within a run; found: {few(others)}; say which it is "
            "with columns={'x': ...}, or columns={'D': ...} for tokens"
        )
    if tokens_per_step is None:
        return found
    if found.ours == "D" or plain(found.theirs) in OTHER_AXES:
        cure = "leave tokens_per_step out" if found.ours == "D" else "name the steps with columns={'x': ...}"
        what = "tokens" if found.ours == "D" else "no count of steps"
        raise InputError(f"{prefix}tokens_per_step: the axis is '{found.theirs}', which is {what}; {cure}")
    return Axis("D", found.theirs, found.values, float(tokens_per_step))


def _is_count(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value) and float(value) > 0


def _asked(read: Readings, given: Mapping[str, Any]) -> Axis | None:
    """The axis that the caller names."""
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
    """The axis that the columns' names say: tokens that every reading has, else steps, else another axis."""
    words = {word: i for i, word in enumerate((*STEPS, *OTHER_AXES))}
    ordered = sorted((words[plain(name)], name) for name in read.cells if plain(name) in words)
    own = [drawn] if drawn and plain(drawn) not in OTHER_AXES else []
    steps = [*own, *(name for _, name in ordered)] if "x" not in given else []
    found = [(name, values) for name in steps if (values := _values(read, name, ENOUGH)) is not None]
    if "D" not in given:
        for name in read.cells:
            if read_as(name, "loss") != "D":
                continue
            values = _values(read, name, 1.0) if found else _values(read, name, ENOUGH)
            if values is None and found:
                values = _values(read, name, 1.0, by=found[0][1])
            if values is not None:
                return Axis("D", name, values)
    return Axis("x", *found[0]) if found else None


def _values(read: Readings, name: str, share: float, by: np.ndarray | None = None) -> np.ndarray | None:
    """A column's values (row,) where enough readings have one and they change within a run; None elsewhere.

    Args:
        by: the step of each row, of which another row may have the value: some trackers write a row a metric.
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
