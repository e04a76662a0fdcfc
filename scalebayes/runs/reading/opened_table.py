"""This file defines `OpenedTable`, a filtered table of cells, which gives the fields of `Runs` for one observable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scalebayes.errors import InputError
from scalebayes.runs.candidates import Given
from scalebayes.runs.columns import Reading, read_names
from scalebayes.runs.faults import Origin, faults_text
from scalebayes.runs.filter_text import ROW, filter_of
from scalebayes.runs.long_form import filled
from scalebayes.runs.name_words import plain
from scalebayes.runs.names import INPUTS, LABELS, Meaning, meaning, read_as
from scalebayes.runs.numeric import examined
from scalebayes.runs.reading import text_to_numbers as numerals
from scalebayes.runs.reading.cells import text, typed
from scalebayes.runs.reading.raw_table import Table
from scalebayes.runs.reading.scaling import asked_units, countable, in_units
from scalebayes.runs.reading.spelling import spelled
from scalebayes.runs.validate import checked_fields, roles_of
from scalebayes.runs.where import parse_where

# Relative difference. Two columns in different units, such as parameters and millions of parameters, count as the same
# column if their values differ by no more than this: the one in millions is rounded.
ROUNDED = 0.01
DIGITS = re.compile(r"\s*[^\w\s]{0,2}\s*\.?\d")  # the beginning of a cell that holds a number
# Words in a column of states for a run that came to its end.
FINISHED = ("finished", "completed", "complete", "succeeded", "success", "done")


@dataclass(frozen=True)
class Settings:
    """The settings of `read_runs` that are the same for every observable; `read_runs` describes them."""

    where: str | None
    columns: Given
    unit: str | None
    range: tuple[float, float] | None
    N_counts: str | None
    units: Mapping[str, float | str] | None


@dataclass(frozen=True)
class OpenedTable:
    """The cells of a table in the rows that pass its filter.

    Attributes:
        read: The table as it was read, with all rows.

        whole: The columns with all rows, and the numbers of the rows under the name that a filter uses.

        cells: The columns in the rows that pass, (row,).

        rows: The numbers of these rows, int (row,).

        settings: How the table is read.
    """

    read: Table
    whole: Mapping[str, np.ndarray]
    cells: Mapping[str, np.ndarray]
    rows: np.ndarray
    settings: Settings

    @classmethod
    def of(cls, read: Table, observables: Iterable[str], settings: Settings) -> OpenedTable:
        """Read the numbers in the cells of a table, and keep the rows that pass its filter.

        Raises:
            InputError: The filter can't be read, or no row passes.
        """
        roles = {n: r for one in observables for n, r in roles_of(read.cells, one, settings.columns).items()}
        whole = {ROW: read.rows, **numerals.settled(read.cells, read.semicolons, roles)}
        cells, rows = {name: whole[name] for name in read.cells}, read.rows
        if settings.where is not None:
            test = parse_where(settings.where)
            filterable = whole if ROW in test.names else cells
            judged = {name: typed(column) if name in test.names else column for name, column in filterable.items()}
            mask = test.mask(judged)
            if not mask.any():
                raise InputError(f"{prefix_of(read)}{test.none_left(judged)}")
            cells, rows = {name: column[mask] for name, column in cells.items()}, rows[mask]
        return cls(read, whole, cells, rows, settings)

    def taken(self, mask: np.ndarray) -> OpenedTable:
        """The table in the rows of a mask, bool (row,)."""
        cells = {name: column[mask] for name, column in self.cells.items()}
        return replace(self, cells=cells, rows=self.rows[mask])

    def reading(self, observable: str) -> Reading:
        """How the columns are read, where this is the observable.

        Raises:
            InputError: The observable isn't there, or two columns could both be the same input or the observable.
        """
        read, cells, units = self.read, self.cells, self.settings.units

        def same(first: str, second: str) -> bool:
            a, b = typed(cells[first]), typed(cells[second])
            if a.dtype != b.dtype or a.dtype.kind != "f":
                return a.dtype == b.dtype and np.array_equal(a, b)
            by = [known.factor if (known := meaning(column, observable)) else 1.0 for column in (first, second)]
            # A column in millions is rounded, so its values differ slightly from those in the other column.
            return np.allclose(a * by[0], b * by[1], rtol=0.0 if by[0] == by[1] else ROUNDED, atol=0.0, equal_nan=True)

        def numeric(column: str) -> bool:
            return any(DIGITS.match(str(cell)) for cell in cells[column].tolist())

        def of_a_count(column: str, means: Meaning) -> bool:
            asked = isinstance(units, Mapping) and means.ours in units
            return asked or countable(cells[column], means.ours, means.factor)

        given = {**({"run_id": read.named_by} if read.named_by else {}), **numbers(self.settings.columns, cells)}
        try:
            return read_names(list(cells), observable, given, same, read.source, read.tracked, numeric, of_a_count)
        except InputError as error:
            beside = faults_beside(cells, observable, given, self.origin)
            raise InputError("; besides, ".join([str(error), *beside])) from None

    @property
    def origin(self) -> Origin:
        """Where the rows come from, for error messages."""
        where = self.settings.where or ""
        return Origin(
            self.rows, source=self.read.source, filters=True, numbered=ROW not in self.read.cells, where=where
        )

    def fields(self, reading: Reading, observable: str, absent: np.ndarray | None = None) -> dict[str, Any]:
        """The fields of `Runs`.

        Args:
            reading: How the columns are read.

            observable: The name of the observable.

            absent: The rows in which the observable may be blank, bool (row,). The default is None, for no rows.

        Raises:
            InputError: A cell, a unit or a setting can't be used.
        """
        settings, cells = self.settings, self.cells
        aliases = {ours: theirs for ours, theirs in reading.names.items() if ours != theirs}
        metadata = {
            "source": self.read.source,
            "rows_read": len(self.read.rows),
            "filters": [] if settings.where is None else [settings.where],
            "aliases": aliases,
            "constants": reading.constants,
            "left_out": list(reading.left_out),
        }
        named = {ours: cells[theirs] for ours, theirs in reading.names.items()}
        named |= {ours: np.full(len(self.rows), value) for ours, value in reading.constants.items()}
        named, of_units = in_units(named, cells, reading, observable, settings.units, prefix_of(self.read))
        metadata["units"] = sorted(asked_units(settings.units, named, reading))
        if absent is not None:
            named = filled(named, observable, absent, settings.range)
        origin = replace(
            self.origin,
            aliases=aliases,
            texts=frozenset() if settings.where is None else texts(reading.names, self.whole),
            finished=finished(cells),
        )
        unit = settings.unit or reading.unit or None
        fields = checked_fields(named, origin, observable, unit, settings.range, settings.N_counts, metadata)
        read_cells = {theirs: cells[theirs] for ours, theirs in reading.names.items() if ours not in LABELS}
        of_cells = numerals.reading_notes(read_cells, [reading.names[ours] for ours in fields["labels"]])
        return {**fields, "metadata": {**metadata, "made": [*self.read.made, *of_units, *of_cells]}}


def prefix_of(read: Table) -> str:
    """The beginning of an error message about a table: the path of its file, if it has one."""
    return f"{read.source}: " if read.source else ""


def faults_beside(cells: Mapping[str, np.ndarray], observable: str, given: Given, origin: Origin) -> list[str]:
    """The faults in the cells of the recognised inputs, as one sentence in a list, for an error about column names."""
    ours = {name: read_as(name, observable) for name in cells}
    faults = [
        fault
        for name, column in cells.items()
        if ours[name] in INPUTS and ours[name] not in given and [*ours.values()].count(ours[name]) == 1
        for fault in examined(name, column, origin)[1]
    ]
    return [faults_text(origin, faults)] if faults else []


def numbers(columns: Given, cells: Mapping[str, np.ndarray]) -> dict[str, str | float | None]:
    """The setting `columns` of a table, with text that is a number, such as "70B", replaced by the number.

    Text that names one of the columns of the source stays as it is.

    >>> numbers({"N": "70B", "loss": "val"}, {})
    {'N': 70000000000.0, 'loss': 'val'}
    """
    given = {**columns}
    for ours, theirs in columns.items():
        if isinstance(theirs, str) and theirs not in cells and (word := spelled(theirs)) and word.value is not None:
            given[ours] = word.value
    return given


def texts(names: Mapping[str, str], columns: Mapping[str, np.ndarray]) -> frozenset[str]:
    """The names in scalebayes of the table's columns that hold text. A filter can't compare them with a number."""
    return frozenset(ours for ours, theirs in names.items() if typed(columns[theirs]).dtype.kind != "f")


def finished(cells: Mapping[str, np.ndarray]) -> str:
    """The filter of a table that keeps finished runs; blank if all are finished or no column has the state of a run.

    >>> finished({"State": np.array(["finished", "crashed"], dtype=object)})
    "State == 'finished'"
    """
    for name, column in cells.items():
        if plain(name) in ("state", "status"):
            states = text(column).tolist()
            done = next((state for state in states if state and state.lower() in FINISHED), None)
            if done and set(states) != {done}:
                return filter_of(name, done) or ""
    return ""
