"""This file makes the curves of a log: it converts the columns to their units, and checks the table of each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from scalebayes.runs.columns import Reading, unit_of
from scalebayes.runs.curves.axis import Axis
from scalebayes.runs.faults import Origin
from scalebayes.runs.reading import text_to_numbers as numerals
from scalebayes.runs.reading.cells import objects
from scalebayes.runs.reading.raw_table import Table
from scalebayes.runs.reading.scaling import asked_units, in_units
from scalebayes.runs.table import Runs, made
from scalebayes.runs.validate import checked_fields, frozen


@dataclass(frozen=True)
class Plan:
    """What all curves of a log have in common.

    Attributes:
        read: The table of the log.

        label: The columns that name the runs.

        metric: The column of the observable.

        axis: The axis of the curves.

        observable: The name of the observable.

        unit: The unit of the observable; None if it is not known.

        range: The open interval of the observable; None for the default.

        where: The filter of the readings; None if there was none.

        cells: The observable and the axis in their units, by their names in scalebayes, (row,).

        made: Sentences that say how the file and its cells were read.

        units: The names in scalebayes of the columns for which the caller gave a unit.
    """

    read: Table
    label: Sequence[str]
    metric: str
    axis: Axis
    observable: str
    unit: str | None
    range: tuple[float, float] | None
    where: str | None
    cells: Mapping[str, np.ndarray]
    made: list[str]
    units: list[str]

    @property
    def aliases(self) -> dict[str, str]:
        """The names in the log by the names in scalebayes, if the two differ."""
        names = {self.observable: self.metric, self.axis.ours: self.axis.theirs}
        return {ours: theirs for ours, theirs in names.items() if ours != theirs}

    def columns_read(self) -> list[str]:
        """Which columns were read as what, in words."""
        phrases = [
            f"{theirs} as {ours}"
            for ours, theirs in self.aliases.items()
            if not any(text.startswith(f"'{theirs}' as {ours},") for text in self.made)
        ]
        phrases += [f"{self.axis.per_step:.12g} tokens a step"] if self.axis.per_step else []
        return [*([", ".join(phrases)] if phrases else []), *self.made]


def planned(
    read: Table,
    label: Sequence[str],
    metric: str,
    axis: Axis,
    observable: str,
    unit: str | None,
    range: tuple[float, float] | None,
    units: Any,
    where: str | None,
) -> Plan:
    """Plan how a log becomes curves, with the columns in the units that their names state or that the caller gave.

    Raises:
        InputError: A unit is not valid, or does not fit the cells.
    """
    names = {observable: metric, axis.ours: axis.theirs}
    units_of_names = {ours: unit_of(ours, theirs, observable) for ours, theirs in names.items()}
    factors = {ours: factor for ours, (factor, _) in units_of_names.items() if factor != 1.0}
    reading = Reading(names, {}, (), factors, units_of_names[observable][1])
    columns = {observable: read.cells[metric], axis.ours: axis.values}
    cells, of_units = in_units(
        columns, read.cells, reading, observable, units, f"{read.source}: " if read.source else ""
    )
    if axis.per_step:
        cells[axis.ours] = axis.per_step * cells[axis.ours]
    made_of = [*read.made, *of_units, *numerals.reading_notes({name: read.cells[name] for name in names.values()}, [])]
    asked = sorted(asked_units(units, columns, reading))
    unit = unit or reading.unit or None
    return Plan(read, label, metric, axis, observable, unit, range, where, cells, made_of, asked)


def curve_of(plan: Plan, name: str, rows: np.ndarray) -> Runs:
    """Make the curve of one run from its rows, which are in the order of the axis.

    Raises:
        InputError: A cell can't be used.
    """
    source, names = plan.read.source, objects([name] * len(rows))
    metadata = {
        "source": f"{source}, run '{name}'" if source else f"run '{name}'",
        "curve": name,
        "filters": [] if plan.where is None else [plan.where],
        "aliases": plan.aliases,
        "made": plan.made,
        "units": plan.units,
    }
    # If one column names the runs, a filter can use that column.
    theirs = {"run_id": plan.label[0]} if len(plan.label) == 1 else {}
    origin = Origin(plan.read.rows[rows], names if theirs else None, source, plan.aliases | theirs, filters=True)
    cells = {ours: column[rows] for ours, column in plan.cells.items()}
    fields = checked_fields(cells, origin, plan.observable, plan.unit, plan.range, None, metadata)
    axis = plan.axis
    derived = {axis.ours: f"{axis.per_step:.12g} {axis.theirs}"} if axis.per_step else {}
    # The same run_id in all rows says that they belong to one run, whatever the axis is.
    labels = {"run_id": frozen(names)}
    return made({**fields, "labels": MappingProxyType(labels), "derived": MappingProxyType(derived)})
