"""This file checks columns and turns them into the fields of `Runs`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from scalebayes.errors import InputError, listed
from scalebayes.runs.faults import Fault, Origin, faults_text, summed_up
from scalebayes.runs.names import INPUTS, LABELS, look_alikes, meaning
from scalebayes.runs.numeric import AT_LEAST_ONE, NOT_NEGATIVE, POSITIVE, Interval, examined
from scalebayes.runs.reading.cells import text, typed
from scalebayes.runs.reading.text_to_numbers import COUNTED, MEASURED, OBSERVED


def checked_fields(
    cells: Mapping[str, np.ndarray],
    origin: Origin,
    observable: str,
    unit: str | None,
    bounds: tuple[float, float] | None,
    N_counts: str | None,
    metadata: Mapping[str, Any],
) -> dict[str, Any]:
    """The fields of `Runs` from a table's columns (run,). Raises `InputError` for anything that can't be used."""
    check_observable(observable)
    lower, upper = check_range(bounds)
    for name, value in {"unit": unit, "N_counts": N_counts}.items():
        if not (value is None or isinstance(value, str)):
            raise InputError(f"{name}={value!r} is not text; write it as in {name}='...'")
    if observable in cells and not len(cells[observable]):
        raise InputError(f"the columns {listed(cells)} have no rows; give at least one run")

    if "run_id" in cells:
        origin = replace(origin, run_ids=text(cells["run_id"]))
    error = f"{observable}_se"
    scale = f", or give the {observable}'s range=(lower, upper)"
    intervals = {observable: Interval(lower, upper), error: NOT_NEGATIVE, "count": AT_LEAST_ONE}
    intervals |= dict.fromkeys(INPUTS, POSITIVE)
    values: dict[str, np.ndarray] = {}
    faults: list[Fault] = []
    for name in (*(name for name in intervals if name in cells), *(name for name in cells if name not in intervals)):
        if name in intervals:
            cure = scale if name == observable else ""
            values[name], its_faults = examined(name, cells[name], origin, intervals[name], cure)
            faults += its_faults
        elif name == next(iter(cells)) or name in LABELS:
            faults += summed_up(name, cells[name], origin)
    refuse_all(cells, observable, origin, faults)

    inputs, labels = {}, {}
    for name, column in cells.items():
        if name in INPUTS:
            inputs[name] = frozen(values[name])
        elif name in LABELS:
            labels[name] = frozen(text(column))
        elif name not in (observable, error, "count"):
            read = typed(column)
            (inputs if read.dtype.kind == "f" else labels)[name] = frozen(read)
    return {
        "observable": observable,
        "unit": unit or "",
        "range": (lower, upper),
        "y": frozen(values[observable]),
        "inputs": MappingProxyType(inputs),
        "se": frozen(values[error]) if error in values else None,
        "count": frozen(values["count"]) if "count" in values else None,
        "labels": MappingProxyType(labels),
        "N_counts": N_counts,
        "metadata": MappingProxyType(dict(metadata)),
        "derived": MappingProxyType({}),
        "origin": origin,
    }


def roles_of(columns: Iterable[str], observable: str, given: Mapping[str, Any]) -> dict[str, str]:
    """The role of each recognised column of a table, which decides how its numbers are read.

    `given` has the names in the table by the names in scalebayes, as the caller gave them.

    >>> roles_of(["params", "val_loss", "gpus"], "loss", {})
    {'params': 'counted', 'val_loss': 'observed'}
    """
    columns = list(columns)
    quantity = {name: known.ours for name in columns if (known := meaning(name, observable))}
    quantity |= {theirs: ours for ours, theirs in given.items() if isinstance(theirs, str) and ours not in LABELS}
    observed = {observable, *(name for name, ours in quantity.items() if ours == observable)}
    quantity |= {name: observable for name in columns if name.endswith("_se") and name.removesuffix("_se") in observed}
    quantity |= {name: name for name in columns if name == "count"}
    role = {observable: OBSERVED, f"{observable}_se": OBSERVED, "x": MEASURED}
    counts = {"count", *INPUTS} - role.keys()
    return {
        name: role.get(ours, COUNTED if ours in counts else MEASURED)
        for name, ours in quantity.items()
        if name in columns
    }


def refuse_all(cells: Mapping[str, np.ndarray], observable: str, origin: Origin, faults: list[Fault]) -> None:
    """Raise one `InputError` for a table without its observable and for all faults of its cells."""
    problems = []
    if observable not in cells:
        close = look_alikes(observable, cells)
        guess = f" (nearest: {listed(close)})" if close else ""
        problems.append(
            f"no column for the observable '{observable}'; found: {listed(cells)}{guess}; "
            f"give it as {observable}=[...], or name another with observable=..."
        )
    if faults:
        problems.append((f"{origin.source}: " if origin.source else "") + faults_text(origin, faults))
    if problems:
        raise InputError("; besides, ".join(problems))


def check_observable(observable: str) -> None:
    """Raise `InputError` if a table's observable has a blank name, or that of an input or a label."""
    taken = (*INPUTS, *LABELS, "count")
    if not isinstance(observable, str) or not observable.strip():
        raise InputError(f"observable={observable!r} is not a name; give the column that laws predict, such as 'loss'")
    if observable in taken:
        raise InputError(f"observable='{observable}' is the name of an input or label ({listed(taken)}); give another")


def check_range(bounds: tuple[float, float] | None) -> tuple[float, float]:
    """The open interval of a table's observable as two floats; (0, inf) if it is None."""
    try:
        lower, upper = (float(bound) for bound in ((0.0, math.inf) if bounds is None else bounds))
    except (TypeError, ValueError):
        lower, upper = math.nan, math.nan
    if not lower < upper:
        raise InputError(f"range={bounds!r} is not an interval; give (lower, upper) with lower < upper, as in (0, 1)")
    return lower, upper


def positions(index: Any, length: int) -> np.ndarray:
    """The positions of the runs taken by a list, a slice or a mask of `length` values, counted from 0, int (taken,)."""
    index = np.arange(length)[index] if isinstance(index, slice) else np.asarray(index)
    if index.dtype == bool and index.shape != (length,):
        raise InputError(f"a mask of shape {index.shape} doesn't fit {length} runs; give one bool a run")
    at = np.flatnonzero(index) if index.dtype == bool else index
    if at.ndim != 1 or not at.size:
        raise InputError("no rows left; take needs a list of positions, or a mask, with at least one run in it")
    if at.dtype.kind not in "iu" or at.min() < -length or at.max() >= length:
        raise InputError(f"take needs a mask, or whole numbers from 0 to {length - 1}; it got {at.tolist()!r:.60}")
    return at


def frozen(column: np.ndarray) -> np.ndarray:
    """A read-only copy of a column of runs."""
    column = column.copy()
    column.setflags(write=False)
    return column
