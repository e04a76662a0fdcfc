"""This file converts runs to arrays and a record of JSON data for a file, and back, whatever their names and cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.runs.names import INPUTS
from scalebayes.runs.numeric import AT_LEAST_ONE, NOT_NEGATIVE, POSITIVE, Interval, Origin
from scalebayes.runs.table import Runs, made
from scalebayes.runs.validate import check_range, frozen

DEEPEST = 20  # levels of lists and dicts in the metadata; what lies deeper is kept as text
COLUMN, LABEL = "column", "label"


def arrays_of(runs: Runs) -> dict[str, np.ndarray]:
    """Every column of a table of runs (run,), under a name that a file can hold.

    `record_of` has the true names in the same order.

    >>> runs = Runs(**{"val/x": [1.0, 2.0]}, loss=[3.0, 2.0], run_id=["b", ""])
    >>> {name: x.tolist() for name, x in arrays_of(runs).items()}
    {'y': [3.0, 2.0], 'column0': [1.0, 2.0], 'label0': [0, -1]}
    """
    known = {"y": runs.y, "se": runs.se, "count": runs.count}
    columns = {f"{COLUMN}{i}": runs.inputs[name] for i, name in enumerate(_given(runs))}
    labels = {f"{LABEL}{i}": _codes(cells)[1] for i, cells in enumerate(runs.labels.values())}
    return {**{name: x for name, x in known.items() if x is not None}, **columns, **labels}


def record_of(runs: Runs) -> dict[str, Any]:
    """All about a table of runs that is not in the arrays: names of columns, the words of each label, the metadata."""
    return {
        "observable": runs.observable,
        "unit": runs.unit,
        "range": list(runs.range),
        "N_counts": runs.N_counts,
        "metadata": plain(runs.metadata),
        "derived": dict(runs.derived),
        "columns": _given(runs),
        "labels": [[name, _codes(cells)[0]] for name, cells in runs.labels.items()],
        "rows": runs.rows.tolist(),
        "origin": {name: plain(getattr(runs.origin, name)) for name in _origin()},
        "hash": runs.hash,
    }


def restored(arrays: Mapping[str, np.ndarray], record: Mapping[str, Any]) -> Runs:
    """Make the table of runs from what `arrays_of` and `record_of` returned.

    Raises:
        InputError: The arrays or the record are damaged.
    """
    row, observable = np.array(record["rows"], np.int64), _text(record["observable"])

    def column(name: str, interval: Interval | None, dtype: Any = np.float64) -> np.ndarray:
        values = arrays.get(name)
        if values is None or values.dtype != dtype or values.shape != row.shape:
            raise InputError(f"its runs have no {name!r} of {len(row)} rows")
        if interval is not None and not interval.holds(values).all():
            raise InputError(f"{name!r} of its runs holds what no run has")
        return frozen(values)

    lower, upper = check_range(record["range"])
    inputs = {_text(name): column(f"{COLUMN}{i}", _support(name)) for i, name in enumerate(record["columns"])}
    labels = {}
    for i, (name, words) in enumerate(record["labels"]):
        codes = column(f"{LABEL}{i}", Interval(-1, len(words), closed=True), np.int64)
        labels[_text(name)] = _cells([_text(word) for word in words], codes)
    kinds, origin = _origin(), {name: frozenset(x) if name == "texts" else x for name, x in record["origin"].items()}
    about: dict[str, Any] = {name: x for name, x in origin.items() if isinstance(x, kinds.get(name, ()))}
    runs = made(
        {
            "observable": observable,
            "unit": _text(record["unit"]),
            "range": (lower, upper),
            "y": column("y", Interval(lower, upper)),
            "inputs": inputs,
            "se": column("se", NOT_NEGATIVE) if "se" in arrays else None,
            "count": column("count", AT_LEAST_ONE) if "count" in arrays else None,
            "labels": labels,
            "N_counts": None if record["N_counts"] is None else _text(record["N_counts"]),
            "metadata": dict(record["metadata"]),
            "derived": {},
            "origin": Origin(frozen(row), labels.get("run_id"), **about),
        }
    )
    for name in record["derived"]:
        runs = runs.derive(name)
    if runs.hash != record["hash"]:
        raise InputError("its runs aren't those that were fitted")
    return runs


def plain(value: Any, deep: int = 0) -> Any:
    """A value in the metadata of runs as JSON data.

    Arrays and sequences become lists; keys, and values without a JSON type, become text.

    >>> import pathlib
    >>> plain({"a": (1, np.float64(2.5)), 3: pathlib.PurePosixPath("x"), "b": np.array([True])})
    {'a': [1, 2.5], '3': 'x', 'b': [True]}
    """
    if value is None or isinstance(value, (str, bool, int, float)):
        return value.item() if isinstance(value, np.generic) else value
    if deep < DEEPEST:
        if isinstance(value, Mapping):
            return {str(name): plain(x, deep + 1) for name, x in value.items()}
        if isinstance(value, (np.ndarray, np.generic)):
            return plain(value.tolist(), deep + 1)
        if isinstance(value, (list, tuple, set, frozenset)):
            return [plain(x, deep + 1) for x in value]
    return str(value)


def _origin() -> dict[str, type]:
    """The fields of `Origin` but `rows` and `run_ids`, with the type of each."""
    empty = Origin(np.empty(0, int))
    return {x.name: type(getattr(empty, x.name)) for x in fields(Origin) if x.name not in ("rows", "run_ids")}


def _given(runs: Runs) -> list[str]:
    return [name for name in runs.inputs if name not in runs.derived]


def _support(name: str) -> Interval | None:
    """The interval of the values of a column; None for a column that is not checked and may have blank cells."""
    return POSITIVE if name in INPUTS else None


def _codes(cells: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The different words of a label, and the number of each cell's word, int64 (run,). It is -1 for a blank cell."""
    words = {word: i for i, word in enumerate(dict.fromkeys(cell for cell in cells.tolist() if cell is not None))}
    return [str(word) for word in words], np.array([words.get(cell, -1) for cell in cells.tolist()], np.int64)


def _cells(words: list[str], codes: np.ndarray) -> np.ndarray:
    cells = np.empty(len(codes), dtype=object)
    cells[:] = [words[code] if code >= 0 else None for code in codes.tolist()]
    cells.setflags(write=False)
    return cells


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(f"{value!r:.40} stands where text belongs")
    return value
