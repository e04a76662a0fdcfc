"""This file puts several observables of one table in long form: a row for each run and observable, with its name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.runs.name_words import canonical_words
from scalebayes.runs.names import BITS, INPUTS, LABELS, LOSSES, few
from scalebayes.runs.observables import COLUMN
from scalebayes.runs.reading.cells import number
from scalebayes.runs.validate import check_observable, check_range, frozen

VALUE = "value"  # the name of what observables hold together, where their names have no word in common


def names_of(observable: Sequence[str]) -> tuple[str, ...]:
    """The names in the setting `observable` of a table, where it is a list.

    Raises:
        InputError: It is no list of names, it is empty, or it has a name twice.
    """
    if not isinstance(observable, list | tuple) or not observable:
        raise InputError(
            f"observable={observable!r} is neither a name nor a list of names; write it as observable='loss', or "
            "observable=['loss_web', 'loss_code'] for several"
        )
    for name in observable:
        check_observable(name)
    if twice := [name for name in observable if observable.count(name) > 1]:
        raise InputError(f"observable={list(observable)!r} has {twice[0]!r} twice; name each once")
    return tuple(observable)


def common_name(names: Sequence[str]) -> str:
    """The name of what several observables hold: "loss" for losses, else the words that all of the names have.

    >>> common_name(["loss1", "loss2"]), common_name(["val/web_bpb", "val/code_bpb"])
    ('loss', 'loss')
    >>> common_name(["mmlu_acc", "arc_acc"]), common_name(["web", "code"])
    ('acc', 'value')
    """
    words = [[re.sub(r"\d+$", "", word) for word in canonical_words(name)] for name in names]
    if all({*LOSSES, *BITS} & {*one} for one in words):
        return "loss"
    shared = "_".join(word for word in words[0] if word and all(word in one for one in words))
    return VALUE if shared in ("", "count", COLUMN, *INPUTS, *LABELS) or len(shared) == 1 else shared


def blank(cells: np.ndarray) -> np.ndarray:
    """Whether each cell of an observable is blank, bool (row,).

    >>> blank(np.array(["3.1", "", "NA", "abc"], dtype=object)).tolist()
    [False, True, True, False]
    """
    values = [number(cell) for cell in cells.tolist()]
    return np.array([value is not None and math.isnan(value) for value in values], bool)


def filled(
    cells: Mapping[str, np.ndarray], observable: str, absent: np.ndarray, bounds: tuple[float, float] | None
) -> dict[str, np.ndarray]:
    """The columns of a table in which the blank cells of an observable hold a number that it may have.

    The other columns are then read by all rows, whichever of them an observable has; `long_form` drops these rows.

    Args:
        cells: The columns by their names in scalebayes, (row,).

        observable: The name of the observable.

        absent: The rows in which it is blank, bool (row,).

        bounds: The setting `range` of the table.

    Raises:
        InputError: It is blank in all rows.
    """
    if absent.all():
        raise InputError(f"column '{observable}' is blank in all rows; leave it out of the list in observable=")
    lower, upper = check_range(bounds)
    ends = [end for end in (lower + 1.0, upper - 1.0, 0.0) if math.isfinite(end)]
    allowed = (lower + upper) / 2 if math.isfinite(lower + upper) else ends[0]
    found = dict(cells)
    for name, value in {observable: allowed, f"{observable}_se": 0.0}.items():
        if name in cells and absent.any():
            column = found[name] = np.array(cells[name], copy=True)
            column[absent] = value
    return found


def one_unit(units: Mapping[str, str]) -> str:
    """The unit that all observables of a table have; "" where none is known.

    Args:
        units: The unit of each observable, "" where it isn't known.

    Raises:
        InputError: The units differ.
    """
    names: dict[str, list[str]] = {}
    for name, unit in units.items():
        names.setdefault(unit, []).append(name)
    if len(names) == 1:
        return next(iter(names))
    told = [f"{few(of, 3)} in {unit or 'a unit that is not said'}" for unit, of in names.items()]
    apart = " and ".join(f"observable={of!r}" for of in names.values())
    raise InputError(
        f"observables that are read together have one unit, and the table has {', '.join(told)}; read them apart, "
        f"{apart}, or say which unit all of them have: unit={next(filter(None, names))!r}"
    )


def long_form(
    tables: Mapping[str, Mapping[str, Any]], absent: Mapping[str, np.ndarray], left_out: Collection[str]
) -> dict[str, Any]:
    """The fields of `Runs` in long form, from the fields of one observable each.

    Args:
        tables: The fields of the table by observable, as `checked_fields` gives them. They have the same rows.

        absent: The rows in which each observable is blank, bool (row,). They are dropped.

        left_out: The columns that are no inputs and no labels, such as those of the observables.

    Raises:
        InputError: The table has another column `observable`.
    """
    names, each = list(tables), list(tables.values())
    first = each[0]
    if any(COLUMN in {*one["inputs"], *one["labels"]} for one in each):
        raise InputError(
            f"the table has a column '{COLUMN}', which is the name of the one that tells several observables apart; "
            f"leave it out, columns={{'{COLUMN}': None}}, or call it otherwise"
        )
    kept = [~absent[name] for name in names]
    name = common_name(names)
    gone = {name, f"{name}_se", *left_out}

    def stacked(columns: Sequence[np.ndarray]) -> np.ndarray:
        return frozen(np.concatenate([column[rows] for column, rows in zip(columns, kept, strict=True)]))

    def known(field: str, otherwise: float) -> np.ndarray | None:
        columns = [one[field] for one in each]
        if all(column is None for column in columns):
            return None
        return stacked([np.full(len(first["y"]), otherwise) if x is None else x for x in columns])

    def shared(kind: str) -> dict[str, np.ndarray]:
        there = [n for n in first[kind] if n not in gone and all(n in one[kind] for one in each)]
        return {n: stacked([one[kind][n] for one in each]) for n in there}

    of_rows = np.array([n for n, rows in zip(names, kept, strict=True) for _ in range(int(rows.sum()))], object)
    labels = {**shared("labels"), COLUMN: frozen(of_rows)}
    origin = replace(
        first["origin"], rows=stacked([one["origin"].rows for one in each]), run_ids=labels.get("run_id"), finished=""
    )
    return {
        **first,
        "observable": name,
        "unit": one_unit({n: one["unit"] for n, one in tables.items()}),
        "y": stacked([one["y"] for one in each]),
        "inputs": MappingProxyType(shared("inputs")),
        "se": known("se", 0.0),
        "count": known("count", 1.0),
        "labels": MappingProxyType(labels),
        "origin": origin,
    }


def blanks_told(absent: Mapping[str, np.ndarray]) -> list[str]:
    """For each observable that is blank in some rows of a table, a sentence that says so.

    >>> blanks_told({"web": np.array([False, True]), "code": np.array([False, False])})
    ['web: 1 of 2 rows blank, left out']
    """
    return [
        f"{name}: {int(rows.sum())} of {len(rows)} rows blank, left out" for name, rows in absent.items() if rows.any()
    ]


def of_several(
    cells: Mapping[str, np.ndarray],
    names: Sequence[str],
    bounds: tuple[float, float] | None,
    fields: Callable[[str, Mapping[str, np.ndarray]], dict[str, Any]],
) -> dict[str, Any]:
    """The fields of `Runs` in long form, from columns that have their names in scalebayes.

    Args:
        cells: The columns, (row,).

        names: The observables.

        bounds: The setting `range` of the table.

        fields: A function that gives the fields of one observable, from its name and the columns.

    Raises:
        InputError: As `fields` and `long_form`.
    """
    own = {*names, *(f"{name}_se" for name in names)}
    each, absent = {}, {}
    for name in names:
        its = {n: column for n, column in cells.items() if n not in own - {name, f"{name}_se"}}
        absent[name] = blank(cells[name]) if name in cells else np.array([], bool)
        if name in cells:
            its = filled(its, name, absent[name], bounds)
        each[name] = fields(name, its)
    found = long_form(each, absent, own)
    about = {"made": blanks_told(absent), "observables": list(names)}
    return {**found, "metadata": MappingProxyType({**found["metadata"], **about})}
