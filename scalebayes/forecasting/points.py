"""This file reads the points that `predict` is given: a data frame of any library, runs, or a mapping."""

from collections.abc import Mapping, Sequence
from typing import Any

from scalebayes.errors import InputError, SettingError, listed, nearest, unknown
from scalebayes.fitting.groups import Group, has_offsets
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.inputs import DERIVABLE, known_inputs, refuse_traced, traced
from scalebayes.runs import Runs
from scalebayes.runs.reading.formats import read_frame
from scalebayes.runs.reading.missing_columns import may_be

SETTINGS = ("observed", "group", "seed", "points")  # the keywords of `predict` that aren't inputs


def asked_at(points: Any, inputs: Mapping[str, Any], group: Group, fits: Sequence[Fit]) -> tuple[dict[str, Any], Group]:
    """The points at which `predict` is asked: all inputs and their values, and the groups of the points.

    Args:
        points: None; a mapping from input to values, of which every input is used; or a data frame or `Runs`, of which
            the columns that a law takes are used, and those from which such a column is derived (C = 6 N D). Its
            column `group` is used where a fit has an offset for each group.

        inputs: A mapping from input to values of the inputs given by name.

        group: The group or groups given by name; None if none was given.

        fits: The fits that are asked.

    Raises:
        InputError: An input or the group is given twice; the points are neither a mapping nor a table; or a table lacks
            inputs of every fit. Inputs that a mapping lacks are found later.
        SettingError: A name is no input and looks like a setting of `predict`.
    """
    names = dict.fromkeys(n for f in fits for n in (*f.problem.columns, *known_inputs(f.problem.columns.values())))
    for name in inputs:
        known = name in names or any(fit.runs.name_of(name) in names for fit in fits)
        if not known and nearest(name, SETTINGS) and not nearest(name, names):
            raise SettingError(str(unknown("keyword of predict", name, [*SETTINGS, *names])))
    if points is None:
        return dict(inputs), group
    columns = dict(points) if isinstance(points, Mapping) else _columns(points)
    column = next((name for name in ("group", *columns) if name in columns and _is_group(name, fits)), None)
    if isinstance(points, Mapping):
        given = {name: values for name, values in columns.items() if name != column}
    else:
        given = _taken(columns, inputs, fits)
        column = column if any(has_offsets(fit) for fit in fits) else None
    if column is not None and group is not None:
        raise InputError(f"the points have {column!r}, and group= is given too; leave group= out, or drop {column!r}")
    if twice := [name for name in given if name in inputs]:
        raise InputError(f"{listed(twice)} is in the points and given by name too; leave one of them out")
    return {**given, **inputs}, group if column is None else columns[column]


def _is_group(name: str, fits: Sequence[Fit]) -> bool:
    """Whether a name is that of the runs' groups, or of the column that they were read from."""
    return name == "group" or any(fit.runs.name_of(name) == "group" for fit in fits)


def _columns(points: Any) -> Mapping[str, Any]:
    """The columns of a data frame of any library, or of runs."""
    if isinstance(points, Runs):
        return points.columns()
    if traced(points):
        raise refuse_traced("points")
    if not hasattr(type(points), "columns"):  # The type is asked, since asking a lazy frame would compute it.
        raise InputError(
            f"points is a data frame or a mapping such as {{'N': [7e10], 'D': [1.4e12]}}, not {type(points).__name__}; "
            "or give each input by its name: sb.predict(fit, N=7e10, D=1.4e12)"
        )
    return read_frame(points).cells


def _taken(columns: Mapping[str, Any], inputs: Mapping[str, Any], fits: Sequence[Fit]) -> dict[str, Any]:
    """The columns of a table that a law takes, and those from which a column that it takes is derived."""
    taken: dict[str, Any] = {}
    lacks = []
    for fit in fits:
        ours = {name: fit.problem.columns.get(name, fit.runs.name_of(name)) for name in [*columns, *inputs]}
        lacking = [column for column in fit.problem.columns.values() if column not in ours.values()]
        sources = {other for column in lacking if column in DERIVABLE for other in DERIVABLE if other != column}
        for name in columns:
            if ours[name] in {*fit.problem.columns.values(), *sources} and name not in taken:
                taken[name] = columns[name]
        lacks.append([one for one in lacking if not (one in DERIVABLE and sources <= {*ours.values(), one})])
    if all(lacks):
        names = lacks[0]
        raise InputError(
            "; ".join(
                [
                    f"the points have no {listed(names)} (they have {listed(columns)})",
                    *may_be(names, columns, []),
                    f"rename the column, or give a number for all of them: {', '.join(f'{one}=...' for one in names)}",
                ]
            )
        )
    return taken
