"""This file reads several observables of one table, into the fields of `Runs` in long form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.runs.column_roles import is_loss
from scalebayes.runs.columns import Reading
from scalebayes.runs.long_form import VALUE, blank, blanks_told, common_name, long_form
from scalebayes.runs.name_words import canonical_words
from scalebayes.runs.names import BITS, INPUTS, read_as
from scalebayes.runs.reading.cells import typed
from scalebayes.runs.reading.opened_table import OpenedTable, prefix_of


def several(opened: OpenedTable, names: Sequence[str]) -> dict[str, Any]:
    """The fields of `Runs` in long form, from a table with several observables.

    Each observable is read as it is where it is the only one. A row without any of them is left out.

    Args:
        opened: The table.

        names: The observables.

    Raises:
        InputError: As `read_runs`; or two observables are one column, or they have several units.
    """
    readings = {name: _alone(opened, name, names).reading(name) for name in names}
    source = {name: reading.names[name] for name, reading in readings.items()}
    if twice := [name for name in names if [*source.values()].count(source[name]) > 1]:
        raise InputError(
            f"{prefix_of(opened.read)}column '{source[twice[0]]}' is read as each of {' and '.join(map(repr, twice))}; "
            f"say which column each is: columns={{{', '.join(f'{name!r}: ...' for name in twice)}}}"
        )
    absent = {name: blank(opened.cells[source[name]]) for name in names}
    there = ~np.all(list(absent.values()), axis=0)
    if not there.any():
        raise InputError(f"{prefix_of(opened.read)}all cells of {', '.join(map(repr, names))} are blank")
    opened, absent = opened.taken(there), {name: rows[there] for name, rows in absent.items()}
    each = {name: _alone(opened, name, names).fields(readings[name], name, rows) for name, rows in absent.items()}
    for name, fields in each.items():
        fields["unit"] = fields["unit"] or _bits(source[name])
    left = _left_out(opened, names, readings, source)
    found = long_form(each, absent, left)
    return {**found, **_about(found, each, source, left, blanks_told(absent), int((~there).sum()))}


def _alone(opened: OpenedTable, name: str, names: Sequence[str]) -> OpenedTable:
    """The table with the settings that bear on one observable: those that name another one are left out."""
    others = {own for other in names if other != name for own in (other, f"{other}_se")}
    settings = opened.settings
    columns = {ours: theirs for ours, theirs in settings.columns.items() if ours not in others}
    units = settings.units
    if isinstance(units, Mapping):
        theirs = {settings.columns.get(other, other) for other in others}
        units = {which: unit for which, unit in units.items() if which not in others | theirs}
    return replace(opened, settings=replace(settings, columns=columns, units=units))


def _bits(theirs: str) -> str:
    """The unit that the words of an observable's column say, such as "bits/byte" of wiki_bpb; "" for none."""
    return next((BITS[word] for word in canonical_words(theirs) if word in BITS), "")


def _left_out(
    opened: OpenedTable, names: Sequence[str], readings: Mapping[str, Reading], source: Mapping[str, str]
) -> list[str]:
    """The columns of the table that are no inputs of any law: its observables, and other losses and scores."""
    own = {*source.values(), *names}
    own |= {f"{name}_se" for name in own}
    given = {*opened.settings.columns, *opened.settings.columns.values()} - own
    quantity = {theirs for reading in readings.values() for ours, theirs in reading.names.items() if ours in INPUTS}
    common = common_name(names)
    words = () if common == VALUE else common.split("_")
    numeric = {theirs: cells for theirs, cells in map(_typed, opened.cells.items()) if cells.dtype.kind == "f"}
    others = [
        theirs
        for theirs, cells in numeric.items()
        if theirs not in own | given | quantity
        and (theirs == common or read_as(theirs, "loss") == "loss" or is_loss(theirs, cells, words))
    ]
    return [*sorted(own), *others]


def _typed(named: tuple[str, np.ndarray]) -> tuple[str, np.ndarray]:
    return named[0], typed(named[1])


def _about(
    found: Mapping[str, Any],
    each: Mapping[str, Mapping[str, Any]],
    source: Mapping[str, str],
    left: Sequence[str],
    blanks: Sequence[str],
    rowless: int,
) -> dict[str, Any]:
    """The metadata of a table with several observables, and the names of its columns for error messages."""
    first = next(iter(each.values()))["metadata"]
    told = [one["metadata"] for one in each.values()]
    aliases = {ours: theirs for ours, theirs in first["aliases"].items() if theirs not in left}
    aliases |= {name: theirs for name, theirs in source.items() if name != theirs}
    own = {*source, *source.values()}
    others = [*(name for one in told for name in one["left_out"]), *left]
    made = [*dict.fromkeys(sentence for one in told for sentence in one["made"])]
    s = "s" if rowless != 1 else ""
    rowless_told = [f"{rowless} row{s} without any observable left out"] if rowless else []
    metadata = {
        **first,
        "aliases": aliases,
        "left_out": [*dict.fromkeys(name for name in others if name.removesuffix("_se") not in own)],
        "units": sorted({unit for one in told for unit in one["units"]}),
        "made": [*made, *blanks, *rowless_told],
        "observables": list(each),
    }
    return {"metadata": metadata, "origin": replace(found["origin"], aliases=aliases)}
