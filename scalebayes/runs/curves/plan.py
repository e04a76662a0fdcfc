"""How the curves of a log are made: their columns in their units, and the checked table of each run."""

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
    """How every curve of a log is made: its columns, in their units, and what is the same for all curves.

    `cells`: the observable and the axis, by our names (row,). `made`: what was made of the file and of its cells.
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
        """Our name -> the log's, where they differ."""
        names = {self.observable: self.metric, self.axis.ours: self.axis.theirs}
        return {ours: theirs for ours, theirs in names.items() if ours != theirs}

    def told(self) -> list[str]:
        """What was read as what."""
        own = [
            f"{theirs} as {ours}"
            for ours, theirs in self.aliases.items()
            if not any(text.startswith(f"'{theirs}' as {ours},") for text in self.made)
        ]
        own += [f"{self.axis.per_step:.12g} tokens a step"] if self.axis.per_step else []
        return [*([", ".join(own)] if own else []), *self.made]


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
    """The plan, with the columns in the units that their names, or the caller, say.

    Raises:
        InputError: units that aren't such, or that don't fit the cells.
    """
    names = {observable: metric, axis.ours: axis.theirs}
    said = {ours: unit_of(ours, theirs, observable) for ours, theirs in names.items()}
    factors = {ours: factor for ours, (factor, _) in said.items() if factor != 1.0}
    reading = Reading(names, {}, (), factors, said[observable][1])
    own = {observable: read.cells[metric], axis.ours: axis.values}
    cells, of_units = in_units(own, read.cells, reading, observable, units, f"{read.source}: " if read.source else "")
    if axis.per_step:
        cells[axis.ours] = axis.per_step * cells[axis.ours]
    made_of = [*read.made, *of_units, *numerals.told({name: read.cells[name] for name in names.values()}, [])]
    asked = sorted(asked_units(units, own, reading))
    unit = unit or reading.unit or None
    return Plan(read, label, metric, axis, observable, unit, range, where, cells, made_of, asked)


def curve_of(plan: Plan, name: str, rows: np.ndarray) -> Runs:
    """The curve of one run, from its rows in order of the axis.

    Raises:
        InputError: a cell that can't be used.
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
    # One column that names the runs is one that a filter can name in turn.
    theirs = {"run_id": plan.label[0]} if len(plan.label) == 1 else {}
    origin = Origin(plan.read.rows[rows], names if theirs else None, source, plan.aliases | theirs, filters=True)
    cells = {ours: column[rows] for ours, column in plan.cells.items()}
    fields = checked_fields(cells, origin, plan.observable, plan.unit, plan.range, None, metadata)
    axis = plan.axis
    derived = {axis.ours: f"{axis.per_step:.12g} {axis.theirs}"} if axis.per_step else {}
    # One run_id tells the rows to be one run's, whatever the axis is.
    labels = {"run_id": frozen(names)}
    return made({**fields, "labels": MappingProxyType(labels), "derived": MappingProxyType(derived)})
