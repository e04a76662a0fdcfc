"""This file checks the inputs that a forecast is given against those that its law takes; it drops none silently."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from scalebayes.compute import derived, flops
from scalebayes.errors import InputError, listed, unknown
from scalebayes.fitting.groups import Groups, codes_of
from scalebayes.fitting.result import Fit
from scalebayes.runs import Runs
from scalebayes.runs.reading.missing_columns import may_be, reading_cure

DERIVABLE = ("C", "D", "N")  # each follows from the two others by C = 6 N D


def known_inputs(columns: Iterable[str]) -> list[str]:
    """The inputs that a forecast may be given: the columns that its law takes, and those they can be derived from.

    >>> known_inputs(["x"]), known_inputs(["N", "D"])
    (['x'], ['N', 'D', 'C'])
    """
    columns = list(columns)
    return [*columns, *(n for n in DERIVABLE if n not in columns)] if set(DERIVABLE) & set(columns) else columns


def used(columns: Iterable[str], given: Iterable[str]) -> set[str]:
    """The given inputs that a forecast by a law of these columns uses: its columns, and those they are derived from.

    >>> sorted(used(["D"], ["N", "D"])), sorted(used(["D"], ["N", "C"])), sorted(used(["D"], ["N", "D", "C"]))
    (['D'], ['C', 'N'], ['C', 'D', 'N'])
    """
    given, found = set(given), set()
    for column in columns:
        others = set(DERIVABLE) - {column}
        if column in given:
            found.add(column)
        elif column in DERIVABLE and others <= given:
            found |= others
    # Where all three are given, they are checked against C = 6 N D, and all of them are used.
    return found | set(DERIVABLE) if found & set(DERIVABLE) and set(DERIVABLE) <= given else found


def check_given(law: str, columns: Mapping[str, str], given: Sequence[str], runs: Runs) -> None:
    """Check before a forecast that a law takes each input that is given, and that each input it needs is given.

    Args:
        law: The name of the law.

        columns: A mapping from law input to column of the runs.

        given: The inputs that were given, by the names of columns or of the law's inputs.

        runs: The training runs.

    Raises:
        InputError: An input isn't known, is missing, or would change nothing.

    >>> check_given("power", {"x": "D"}, ["N", "D"], Runs(D=[1e9, 2e9], loss=[3.0, 2.9]))
    Traceback (most recent call last):
        ...
    scalebayes.errors.InputError: N was asked for, and the runs have no N (they have D); \
say which it is when the table is read: read_runs(..., columns={'N': ...})
    """
    taken = list(columns.values())
    names = [columns.get(name, runs.name_of(name)) for name in given]
    known = known_inputs(taken)
    there = set(runs.inputs) | (set(DERIVABLE) if len(set(DERIVABLE) & set(runs.inputs)) > 1 else set())
    absent = [name for name in names if name in DERIVABLE and name not in used(taken, names) and name not in there]
    for name in names:
        if name not in known and name not in absent:
            raise unknown("input", name, known)
    if absent:
        raise InputError(not_in_runs(absent, runs))
    lacking = [
        column
        for column in taken
        if column not in names and not (column in DERIVABLE and set(DERIVABLE) - {column} <= set(names))
    ]
    if lacking:
        # With C, one of N and D is enough.
        join = " or " if "C" in names and set(lacking) <= set(DERIVABLE) else " and "
        cure = join.join(f"{column}=..." for column in lacking if column.isidentifier())
        raise InputError(
            f"law {law!r} needs {' and '.join(lacking)}; given: {listed(given)}" + (f"; add {cure}" if cure else "")
        )
    if idle := [name for name in names if name not in used(taken, names)]:
        both = " and ".join(dict.fromkeys([*idle, *taken]))
        raise InputError(
            f"law {law!r} takes {' and '.join(taken)} alone, and {' and '.join(idle)} would change nothing; "
            f"leave {'it' if len(idle) == 1 else 'them'} out, or fit a law of {both}"
        )


def not_in_runs(names: Sequence[str], runs: Runs) -> str:
    """The sentence for inputs that were given to a forecast and that the runs don't have."""
    texts = f"; as text: {', '.join(runs.labels)}" if runs.labels else ""
    told = [
        f"{' and '.join(names)} {'was' if len(names) == 1 else 'were'} asked for, and the runs have no "
        f"{' and no '.join(names)} (they have {', '.join(runs.inputs) or 'no inputs'}{texts})",
        *may_be(names, runs.inputs, runs.labels),
        f"say which {'it is' if len(names) == 1 else 'they are'} when the table is read: "
        f"{reading_cure(names, runs.inputs, runs.labels)}",
    ]
    return "; ".join(told)


def taken_by(fit: Fit, inputs: Iterable[str]) -> set[str]:
    """The inputs that a forecast by a fit takes, by the names under which they were given."""
    columns = {name: fit.problem.columns.get(name, fit.runs.name_of(name)) for name in inputs}
    taken = used(fit.problem.columns.values(), columns.values())
    return {name for name, column in columns.items() if column in taken}


def paired(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Broadcast the inputs of a forecast to one length (point,).

    Raises:
        InputError: The inputs have different lengths.
    """
    try:
        return dict(zip(arrays, np.broadcast_arrays(*arrays.values()), strict=True))
    except ValueError:
        sizes = ", ".join(f"{name} {len(x)}" for name, x in arrays.items())
        raise InputError(f"inputs pair up point by point, and these have different lengths: {sizes}") from None


def with_groups(fit: Fit, arrays: Mapping[str, np.ndarray], groups: Groups) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Broadcast points or budgets and their groups to one length; the groups become numbers among those of the fit.

    Args:
        fit: The fit that is asked.

        arrays: A mapping from name to values (point,), all of one length.

        groups: A group for all points, or a tuple with one for each.

    Returns:
        The arrays (point,), and the number of each point's group (point,).

    Raises:
        InputError: There is not one group for each point, the fit has no offset for each group, or its runs lack a
            group.
    """
    *values, codes = paired({**arrays, "group": codes_of(fit, groups)}).values()
    return dict(zip(arrays, values, strict=True)), codes


def points_of(fit: Fit, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The points of a forecast: a mapping from each column that the fit's law takes to its values (point,).

    A column that isn't given is derived by C = 6 N D.

    Raises:
        InputError: An input is missing, unknown, given twice, not positive and finite, or would change nothing.
    """
    columns = list(fit.problem.columns.values())
    check_given(fit.law.name, fit.problem.columns, list(inputs), fit.runs)
    by_column: dict[str, Any] = {}
    for name, value in inputs.items():
        column = fit.problem.columns.get(name, fit.runs.name_of(name))
        if column in by_column:
            twice = [one for one in inputs if fit.problem.columns.get(one, fit.runs.name_of(one)) == column]
            other = next(one for one in twice if one != column)
            also = next(one for one in twice if one != other)
            raise InputError(f"{other} is the column {column!r} here, and {also} is given too; leave one of them out")
        by_column[column] = value
    inputs_of = {column: name for name, column in fit.problem.columns.items()}
    domains = {name: fit.law.domains.get(inputs_of.get(name, name)) for name in by_column}
    arrays = paired({name: positive(name, value, domains[name]) for name, value in by_column.items()})
    for column in columns:
        if column not in arrays:
            arrays[column] = derived(column, arrays)
    if {"N", "D", "C"} <= set(by_column) and not np.allclose(arrays["C"], flops(arrays["N"], arrays["D"]), rtol=1e-6):
        raise InputError("N, D and C are given and C isn't 6 N D; leave one of them out")
    return {column: arrays[column] for column in columns}


def positive(name: str, value: Any, within: tuple[float, float] | None = None) -> np.ndarray:
    """An input of a forecast, or a budget, as finite float64 (point,), positive or in [low, high).

    Args:
        name: The name of the input, for the error.

        value: A number or an array (point,).

        within: The range [low, high) of the values. The default is None: they are positive.

    Raises:
        InputError: A value isn't a number, or isn't in the range.
    """
    try:
        array = np.atleast_1d(np.asarray(value, np.float64))
    except (TypeError, ValueError):
        if traced(value):
            raise refuse_traced(name) from None
        raise InputError(f"{name}: a number or an array of numbers, not {value!r}") from None
    if array.ndim > 1 or not array.size:
        raise InputError(f"{name}: one number or a list of them, not an array of shape {array.shape}")
    inside = np.isfinite(array) & ((array > 0) if within is None else (array >= within[0]) & (array < within[1]))
    if not inside.all():
        asked = "a positive, finite number" if within is None else f"a finite number in [{within[0]:g}, {within[1]:g})"
        raise InputError(f"{name}: {array[~inside][0]} is not {asked}")
    return array


def traced(value: Any) -> bool:
    """Whether an input of a forecast, or a leaf inside it, is traced by JAX, so that it has no number yet."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(value))


def refuse_traced(name: str) -> InputError:
    """The error for a traced argument of a forecast or an optimum, which is made of numbers."""
    return InputError(
        f"{name} is traced by JAX (inside jit, grad or vmap), and an answer is made of numbers; inside a program use "
        "the law itself, fit.law(N=..., D=..., **fit.law_draws), or the program that sb.export(fit, 'loss.jax') writes"
    )
