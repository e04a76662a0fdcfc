"""This file joins two tables of runs, where the second may hold rows of the first again."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

import numpy as np

from scalebayes.compute import DERIVED, SOURCES
from scalebayes.errors import InputError, listed
from scalebayes.runs.faults import Origin
from scalebayes.runs.names import INPUTS
from scalebayes.runs.own_cost import said_of, shared
from scalebayes.runs.table import Runs, made
from scalebayes.runs.validate import frozen

NAMED = 5  # names of runs in a message; of those after them only the number is said


def joined(old: Runs, new: Runs) -> tuple[Runs, int]:
    """Join two tables of runs by their columns: the rows of the first, and those of the second that it doesn't hold.

    A row that the first table holds too, with the same cells in all columns that both have, is dropped: tables of
    sweeps grow, and are given whole. A column that only one table has is blank in the rows of the other.

    Args:
        old: The first table. The result has its observable, unit, range, meaning of N and metadata. The cost that its C
            was said to be is kept where it was said of both tables.

        new: The second table, with the same observable.

    Returns:
        The table, and the number of dropped rows.

    Raises:
        InputError: All rows of the second table are dropped; or a `run_id` names a row of each, and the rows differ.

    >>> a = Runs(N=[1e8, 2e8], loss=[3.0, 2.9])
    >>> both, dropped = joined(a, Runs(N=[2e8, 4e8], loss=[2.9, 2.8]))
    >>> both["N"].tolist(), dropped
    ([100000000.0, 200000000.0, 400000000.0], 1)
    """
    six_nd = said_of(old.metadata) is None  # else C of the first table is another cost, and nothing follows from it
    for name in _given(old):
        if six_nd and name in DERIVED and name not in new.inputs and set(SOURCES[name]) <= set(new.inputs):
            new = new.derive(name)
        new = new.numbered(name)
    known = set(_cells(old, new))
    fresh = np.array([cells not in known for cells in _cells(new, old)])
    if not fresh.any():
        raise InputError(f"nothing is new: the fit has all {len(new)} runs already; give the runs that came since")
    dropped, new = len(new) - int(fresh.sum()), new.take(fresh)
    _check_names(old, new)
    inputs = {}
    for name in dict.fromkeys([*_given(old), *_given(new)]):
        there = [name in of.inputs for of in (old, new)]
        if all(there) or name not in INPUTS:
            inputs[name] = frozen(np.concatenate([of.inputs.get(name, np.full(len(of), np.nan)) for of in (old, new)]))
    labels = {
        name: _frozen_cells([*_words(old, name), *_words(new, name)])
        for name in dict.fromkeys([*old.labels, *new.labels])
    }
    total = len(old) + len(new)
    fields = {
        "observable": old.observable,
        "unit": old.unit or new.unit,
        "range": old.range,
        "y": frozen(np.concatenate([old.y, new.y])),
        "inputs": MappingProxyType(inputs),
        "se": _known(old.se, new.se, (len(old), len(new)), 0.0),
        "count": _known(old.count, new.count, (len(old), len(new)), 1.0),
        "labels": MappingProxyType(labels),
        "N_counts": old.N_counts or new.N_counts,
        "metadata": MappingProxyType(shared(old.metadata, new.metadata)),
        "derived": MappingProxyType({}),
        "origin": Origin(frozen(np.arange(1, total + 1)), labels.get("run_id")),
    }
    return made(fields), dropped


def _given(runs: Runs) -> list[str]:
    """The numeric columns that were given, and not derived from others."""
    return [name for name in runs.inputs if name not in runs.derived]


def _cells(runs: Runs, other: Runs) -> Iterable[tuple[object, ...]]:
    """For each row, its cells in the columns that both tables have, in one order, so that equal rows are equal."""
    names = sorted(set(_given(runs)) & set(other.inputs) | set(_given(other)) & set(runs.inputs))
    columns = [runs.y, *(runs.inputs[name] for name in names)]
    columns += [np.zeros(len(runs)) if runs.se is None else runs.se]
    columns += [np.ones(len(runs)) if runs.count is None else runs.count]
    # A blank number isn't equal to itself, and text is.
    numbers = [[repr(float(cell)) for cell in column] for column in columns]
    words = [_words(runs, name) for name in sorted(set(runs.labels) & set(other.labels))]
    return zip(*numbers, *words, strict=True)


def _words(runs: Runs, name: str) -> list[object]:
    return runs.labels[name].tolist() if name in runs.labels else [None] * len(runs)


def _frozen_cells(cells: list[object]) -> np.ndarray:
    found = np.empty(len(cells), dtype=object)
    found[:] = cells
    found.setflags(write=False)
    return found


def _known(
    old: np.ndarray | None, new: np.ndarray | None, sizes: tuple[int, int], otherwise: float
) -> np.ndarray | None:
    """The standard errors or the counts of both tables; None where neither has them."""
    if old is None and new is None:
        return None
    parts = [np.full(size, otherwise) if x is None else x for x, size in zip((old, new), sizes, strict=True)]
    return frozen(np.concatenate(parts))


def _check_names(old: Runs, new: Runs) -> None:
    """Refuse a run that has other values than the run of the same name had.

    Raises:
        InputError: There is such a run; the message says which.
    """
    seen = {name for name in _words(old, "run_id") if name is not None}
    again = [str(name) for name in _words(new, "run_id") if name in seen]
    if again:
        more = f" and {len(again) - NAMED} more" if len(again) > NAMED else ""
        raise InputError(
            f"run_id {listed(again[:NAMED])}{more}: the fit has such a run with other values; leave it out, or fit the "
            "whole table anew"
        )
