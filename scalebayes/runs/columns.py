"""This file decides which column of a table is which input, label or observable, and reports what is ambiguous."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Real

from scalebayes.errors import InputError, listed, nearest
from scalebayes.runs.candidates import Given, candidates, choose
from scalebayes.runs.names import INPUTS, LABELS, Meaning, few, meaning, read_as
from scalebayes.runs.reading.header_units import PER_CENT, headers
from scalebayes.runs.reading.missing_columns import missing


@dataclass(frozen=True)
class Reading:
    """How the columns of a table are read.

    Attributes:
        names: The column of the table, by the name in scalebayes.

        constants: The number that is the value of every run, by the name in scalebayes.

        left_out: The columns that are left out.

        factors: The number that a column is multiplied with, by the name in scalebayes, if it is not 1.

        unit: The unit that the name of the observable's column states; blank if it states none.

        beside: The columns that keep their own name because another column is read as what they mean, with that
            meaning as a name in scalebayes.
    """

    names: dict[str, str]
    constants: dict[str, float]
    left_out: tuple[str, ...]
    factors: dict[str, float] = field(default_factory=dict)
    unit: str = ""
    beside: dict[str, str] = field(default_factory=dict)


def read_names(
    columns: list[str],
    observable: str,
    given: Given,
    same: Callable[[str, str], bool],
    source: str = "",
    tracked: bool = False,
    numeric: Callable[[str], bool] = lambda column: True,
    countable: Callable[[str, Meaning], bool] = lambda column, meaning: True,
) -> Reading:
    """Decide by their names how the columns of a table are read.

    An exact name has priority over other names, and a held-out loss has priority over a training loss.

    Args:
        columns: The names of the columns of the table.

        observable: The name of the observable.

        given: The columns that the caller named, by the name in scalebayes. A number is the value of every run, and
            None leaves the column out. These are read first.

        same: `same(a, b)` says whether two columns hold the same values.

        source: The path of the file, for error messages. The default is "".

        tracked: Whether the table comes from a tracker, which calls the training loss 'loss'. The default is False.

        numeric: `numeric(a)` says whether a column holds numbers. By default every column does.

        countable: `countable(a, meaning)` says whether the cells of a column fit what a small letter such as n means.
            By default they do.

    Raises:
        InputError: The table lacks a column that the caller named, or the observable, or two columns could both be the
            same input.

    >>> reading = read_names(["params", "val_loss", "train_loss", "seed"], "loss", {"D": 1e9}, lambda a, b: False)
    >>> reading.names, reading.left_out
    ({'N': 'params', 'loss': 'val_loss', 'seed': 'seed'}, ('train_loss',))
    """
    prefix = f"{source}: " if source else ""
    check_given(columns, observable, given, prefix)
    free = [column for column in columns if column not in given.values()]
    labels = label_names(free, given)
    means = {column: meaning(column, observable) for column in free if column not in labels}
    groups = candidates({column: m for column, m in means.items() if m}, given, observable, tracked, numeric, countable)

    names = {ours: theirs for ours, theirs in given.items() if isinstance(theirs, str)}
    left_out: list[str] = []
    beside: dict[str, str] = {}
    faults: list[str] = []
    if observable not in names and not groups.get(observable):
        raise missing(observable, columns, prefix)
    observed = names.get(observable) or choose(observable, groups[observable], same, faults)
    read: dict[str, str] = {}
    for column in free:
        ours = next((ours for ours, ranked in groups.items() if column in ranked), labels.get(column, column))
        if column == f"{observed}_se" and observed != observable:
            ours = f"{observable}_se"
        read[column] = ours
    for ours in dict.fromkeys(read.values()):
        alike = [column for column in groups.get(ours, read) if read[column] == ours]
        if ours not in given:
            names[ours] = first = choose(ours, groups[ours], same, faults) if ours in groups else alike[0]
            others = [column for column in alike if column != first]
            different = [column for column in others if ours != observable and not same(first, column)]
            left_out += [column for column in others if column not in different]
            names |= {column: column for column in different}
            beside |= dict.fromkeys(different, ours)
        elif given[ours] is None:
            left_out += alike
        else:
            names |= {column: column for column in alike if column != ours}
            left_out += [column for column in alike if column == ours]
    if faults:
        raise InputError(prefix + "; ".join(faults))
    constants = {ours: float(theirs) for ours, theirs in given.items() if isinstance(theirs, Real)}
    units = {ours: unit_of(ours, theirs, observable) for ours, theirs in names.items() if ours in (*INPUTS, observable)}
    factors = {ours: factor for ours, (factor, _) in units.items() if factor != 1.0}
    return Reading(names, constants, tuple(left_out), factors, units[observable][1], beside)


def unit_of(ours: str, theirs: str, observable: str) -> tuple[float, str]:
    """The factor and the unit that the name of a column states.

    The cells are multiplied with the factor. The unit, such as 'bits/byte', is that of the observable; it is blank for
    an input, for per cent, and if the name states none.

    >>> unit_of("N", "Weights (M)", "loss"), unit_of("loss", "val_bpb", "loss"), unit_of("N", "N", "loss")
    ((1000000.0, ''), (1.0, 'bits/byte'), (1.0, ''))
    """
    known = meaning(theirs, observable)
    if known is not None and known.ours == ours:
        return known.factor, "" if known.unit == PER_CENT else known.unit
    for header in headers(theirs):
        loss = header.unit not in ("", PER_CENT)
        fits = header.of_an_observable if ours == observable else not header.unit
        if header.explicit and fits and not (loss and observable != "loss"):
            return header.factor, "" if header.unit == PER_CENT else header.unit
    return 1.0, ""


def label_names(free: list[str], given: Given) -> dict[str, str]:
    """The columns that are read as labels: the name in scalebayes by the name in the table."""
    labels = {}
    for ours, named in LABELS.items():
        matches = [column for word in named for column in free if column.lower() == word]
        if matches and ours not in given:
            labels[matches[0]] = ours
    return labels


def check_given(columns: list[str], observable: str, given: Given, prefix: str) -> None:
    """Raise `InputError` for a setting of `columns` that has a wrong name, a wrong value or a missing column."""
    for ours, theirs in given.items():
        meant = read_as(ours, observable)
        if meant != ours:
            right = ours if ours in columns and theirs not in columns and not isinstance(theirs, Real) else theirs
            raise InputError(
                f"{prefix}columns={{'{ours}': {theirs!r}}}: '{ours}' is a table's name for {meant}; "
                f"our name goes on the left, the table's on the right: columns={{'{meant}': {right!r}}}"
            )
        if theirs is None or isinstance(theirs, str):
            continue
        if isinstance(theirs, bool) or not isinstance(theirs, Real) or not math.isfinite(theirs):
            raise InputError(
                f"{prefix}columns={{'{ours}': {theirs!r}}} is neither the name of a column nor a finite number; "
                f"write columns={{'{ours}': 'name'}}, or a number that holds for every run"
            )
        if ours in (observable, *LABELS):
            raise InputError(
                f"{prefix}columns={{'{ours}': {theirs!r}}}: no two runs share their {ours}; give the name of its column"
            )
    absent = {ours: theirs for ours, theirs in given.items() if isinstance(theirs, str) and theirs not in columns}
    if absent:
        close = {ours: nearest(theirs, columns)[:1] for ours, theirs in absent.items()}
        pairs = ", ".join(f"'{ours}': " + (f"{word[0]!r}" if word else "...") for ours, word in close.items())
        raise InputError(
            f"{prefix}the table has no column {listed(absent.values())}; found: {few(columns)}; name one of these: "
            f"columns={{{pairs}}}"
        )
