"""This file multiplies columns by the unit in their header or from the user, and refuses units that do not fit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from scalebayes.errors import InputError, unknown
from scalebayes.runs.columns import Reading
from scalebayes.runs.names import LEAST, MOST
from scalebayes.runs.reading.cells import is_missing, number
from scalebayes.runs.reading.header_units import PER_CENT, factor_text, measure
from scalebayes.runs.reading.spelling import POWERS

# A cell that states a power of ten itself, such as 60M, 1.4 T or 7 billion.
SCALED = re.compile(rf"[^\d]{{0,3}}\d[\d.,_' ]*\s*({'|'.join([*POWERS, 'mm'])})\.?", re.IGNORECASE)
PER_CENT_FACTOR = 0.01  # the factor of a column in per cent

Cells = Mapping[str, np.ndarray]


def in_units(
    named: dict[str, np.ndarray], cells: Cells, reading: Reading, observable: str, units: Any, prefix: str
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Convert the columns of the user's table to their units.

    Args:
        named: The columns by their names in scalebayes, (run,).

        cells: The columns of the table by their names in it, (run,).

        reading: How the columns are read.

        observable: The name of the observable.

        units: The units that the user gave, by the name in scalebayes: a factor or its name. They have priority over
            the units in the headers. None for none.

        prefix: The beginning of an error message.

    Returns:
        The columns in their units, and sentences that say what was done.

    Raises:
        InputError: A unit is not valid, or the cells do not fit the unit in the header.

    >>> N = {"N": np.array([60.0, 70.0])}
    >>> reading = Reading({"N": "Params (M)"}, {}, (), {"N": 1e6})
    >>> in_units(N, {"Params (M)": N["N"]}, reading, "loss", None, "")
    ({'N': array([60000000., 70000000.])}, ["'Params (M)' as N, times 1e6"])
    """
    asked = asked_units(units, named, reading)
    factors = {**reading.factors, **asked}
    sentences, converted = [], dict(named)
    error = f"{observable}_se"
    if error in named and error not in asked:
        refuse_half_said(reading.names.get(observable, ""), reading.names.get(error, ""), cells, error, prefix)
    for ours, factor in factors.items():
        theirs = reading.names.get(ours, ours)
        if ours not in asked:
            refuse_as_said(ours, theirs, cells[theirs], factor, observable, prefix)
        for name in (ours, error) if ours == observable and error not in asked else (ours,):
            column = reading.names.get(name, name)
            if name not in converted or (
                factor == PER_CENT_FACTOR and column in cells and all_say_per_cent(cells[column])
            ):
                continue
            converted[name] = times(converted[name], cells.get(column), factor)
            if name == ours:
                by = f"times {factor_text(factor)}" if factor != 1.0 else "as it stands"
                sentences.append(f"'{theirs}' as {ours}, {by}" if theirs != ours else f"'{ours}' {by}")
    if reading.unit:
        sentences.append(f"'{reading.names[observable]}' as {observable}, in {reading.unit}")
    sentences += [f"'{theirs}' stays a column of its own" for theirs in reading.beside]
    return converted, sentences


def asked_units(units: Any, named: Cells, reading: Reading) -> dict[str, float]:
    """The factors of the units that the user gave for columns of the table, by the name in scalebayes.

    >>> asked_units({"Size": "M"}, {"N": np.ones(1)}, Reading({"N": "Size"}, {}, ()))
    {'N': 1000000.0}
    """
    if units is None:
        return {}
    if not isinstance(units, Mapping):
        raise InputError(f"units={units!r} is no mapping; write what a column counts in: units={{'N': 1e6}}")
    by_theirs = {theirs: ours for ours, theirs in reading.names.items()}
    factors = {}
    for name, value in units.items():
        ours = name if name in named else by_theirs.get(name)
        if ours is None:
            raise unknown("column in units", str(name), list(named))
        measured = measure(value) if isinstance(value, str) else None
        factor = measured[0] if measured else number(value) if isinstance(value, str | Real) else None
        if factor is None or not math.isfinite(factor) or factor <= 0:
            raise InputError(
                f"units={{{name!r}: {value!r}}} is neither a positive number nor the name of a power of ten; write "
                f"what its cells are to be multiplied with, as in units={{{name!r}: 1e6}} or units={{{name!r}: 'M'}}"
            )
        factors[ours] = factor
    return factors


def times(cells: np.ndarray, raw: np.ndarray | None, factor: float) -> np.ndarray:
    """Cells of the user's table times a factor. A cell that is no number is unchanged.

    A cell that is no number is unchanged. A cell with a per cent sign is unchanged too if the factor is that of per
    cent, because it was divided by 100 before.
    """
    if factor == 1.0:
        return cells
    values = cells.tolist()
    done = [False] * len(values)
    if factor == PER_CENT_FACTOR and raw is not None:
        done = [says_per_cent(cell) for cell in raw.tolist()]
    read = [number(cell) for cell in values]
    if not any(done) and None not in read:
        return np.array(read, dtype=np.float64) * factor
    product = np.empty(len(values), dtype=object)
    for i, (cell, value) in enumerate(zip(values, read, strict=True)):
        product[i] = cell if value is None or done[i] else value * factor
    return product


def says_per_cent(cell: Any) -> bool:
    """Whether a cell of the user's table has a per cent sign, so that it was divided by 100 when it was read."""
    return isinstance(cell, str) and cell.strip().endswith(PER_CENT)


def all_say_per_cent(raw: np.ndarray) -> bool:
    """Whether each cell of a table's column that is not blank has a per cent sign."""
    return all(says_per_cent(cell) or is_missing(cell) for cell in raw.tolist())


def refuse_as_said(ours: str, theirs: str, raw: np.ndarray, factor: float, observable: str, prefix: str) -> None:
    """Raise `InputError` if the unit in a column's header leaves open what its cells mean.

    It is called for a column whose unit the user did not give. What is refused depends on the factor of the unit:

    - Per cent (0.01): no cell is above 1, and no cell has a per cent sign. The cells may be shares already.
    - Above 1, for the observable: always. The cells may be multiplied already.
    - Above 1, for another column: a cell says a unit too, such as 60M, or the median times the factor is too large for
      the quantity.
    - Any other factor: nothing.

    Args:
        ours: The name of the column in scalebayes, such as "N".

        theirs: The name of the column in the table, for the message.

        raw: The cells as they stand in the table, before the factor is applied (run,).

        factor: The number by which the unit in the header multiplies the cells, such as 1e6 for (M).

        observable: The name of the observable.

        prefix: The beginning of the error message, such as "runs.csv: "; blank if there is no file.
    """
    if factor == PER_CENT_FACTOR:
        refuse_shares(ours, theirs, raw, prefix)
    elif factor > 1.0 and ours == observable:
        refuse_multiplied(ours, theirs, factor, prefix)
    elif factor > 1.0:
        refuse_twice_said(ours, theirs, raw, factor, prefix)
        refuse_too_large(ours, theirs, raw, factor, prefix)


def refuse_shares(ours: str, theirs: str, raw: np.ndarray, prefix: str) -> None:
    """Raise `InputError` if a header says per cent and its cells may be shares already."""
    read = [value for cell in raw.tolist() if (value := number(cell)) and math.isfinite(value)]
    if read and max(map(abs, read)) <= 1.0 and not any(map(says_per_cent, raw.tolist())):
        raise InputError(
            f"{prefix}column '{theirs}' says per cent, and none of its cells is above 1; say which holds: "
            f"units={{'{ours}': 1}} takes them as shares, units={{'{ours}': 0.01}} divides them by 100"
        )


def refuse_half_said(theirs: str, se: str, cells: Cells, error: str, prefix: str) -> None:
    """Raise `InputError` if the cells of the observable have per cent signs and the standard errors have none."""
    if theirs not in cells or se not in cells or not any(map(says_per_cent, cells[theirs].tolist())):
        return
    said = next((cell for cell in cells[se].tolist() if number(cell) and not says_per_cent(cell)), math.nan)
    if not is_missing(said):
        raise InputError(
            f"{prefix}the cells of '{theirs}' say per cent, and a cell of '{se}', {said}, doesn't; say which holds: "
            f"units={{'{error}': 0.01}} divides the standard errors by 100, units={{'{error}': 1}} takes them as they "
            "stand"
        )


def refuse_twice_said(ours: str, theirs: str, raw: np.ndarray, factor: float, prefix: str) -> None:
    """Raise `InputError` for a cell such as 60M below a header with (M), which has two readings."""
    said = next((cell for cell in raw.tolist() if isinstance(cell, str) and SCALED.fullmatch(cell.strip())), None)
    if said is not None:
        raise InputError(
            f"{prefix}column '{theirs}' says its unit, {factor_text(factor)}, and its cell '{said}' says one too; "
            f"{which(ours, factor)}"
        )


def refuse_multiplied(ours: str, theirs: str, factor: float, prefix: str) -> None:
    """Raise the `InputError` for a loss with (x1000) in its header: it may have been multiplied, or may have to be."""
    by, back = factor_text(factor), factor_text(1.0 / factor)
    raise InputError(
        f"{prefix}the header of column '{theirs}' says {by}; its cells may already be multiplied by that, or may still "
        f"have to be; say which holds: units={{'{ours}': {back}}} divides them by {by}, "
        f"units={{'{ours}': {by}}} multiplies them, "
        f"units={{'{ours}': 1}} takes them as they stand"
    )


def which(ours: str, factor: float) -> str:
    """What to type for each of the two readings of a table's column."""
    return (
        f"say which holds: units={{'{ours}': 1}} takes the cells as they stand, "
        f"units={{'{ours}': {factor_text(factor)}}} multiplies them"
    )


def refuse_too_large(ours: str, theirs: str, raw: np.ndarray, factor: float, prefix: str) -> None:
    """Raise `InputError` if a header has a unit such as (M) and its cells are counts already."""
    read = [value for cell in raw.tolist() if (value := number(cell)) is not None and math.isfinite(value)]
    middle = float(np.median(read)) if read else 0.0
    if middle * factor > MOST.get(ours, math.inf):
        raise InputError(
            f"{prefix}column '{theirs}' says its unit, {factor_text(factor)}, and its cells, {factor_text(middle)} in "
            f"the middle, are too large for it; {which(ours, factor)}"
        )


def countable(cells: np.ndarray, ours: str, factor: float) -> bool:
    """Whether a table's cells, (run,), can be N, D or C of language models: positive, with a usual median.

    >>> countable(np.array([768, 1024]), "D", 1.0), countable(np.array([2e9, 4e9]), "D", 1.0)
    (False, True)
    """
    read = np.array([math.nan if (value := number(cell)) is None else value for cell in cells.tolist()])
    if not read.size or not np.all(np.isfinite(read) & (read > 0)):
        return False
    return LEAST[ours] <= float(np.median(read)) * factor <= MOST[ours]
