"""Which column of a table is which of ours, what is ambiguous, and what is missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Real

from scalebayes.errors import InputError, listed, nearest
from scalebayes.runs.names import LABELS, few, held_out, look_alikes, read_as

DERIVED = {"C": "6 N D", "N": "C / (6 D)", "D": "C / (6 N)"}
SOURCES = {"C": ("N", "D"), "N": ("C", "D"), "D": ("C", "N")}

Given = Mapping[str, str | float | None]


@dataclass(frozen=True)
class Reading:
    """How a table is read: our name -> its column, our name -> the number of every run, and the columns left out."""

    names: dict[str, str]
    constants: dict[str, float]
    left_out: tuple[str, ...]


def read_names(
    found: list[str],
    observable: str,
    given: Given,
    same: Callable[[str, str], bool],
    source: str = "",
    tracked: bool = False,
) -> Reading:
    """How the columns `found` are read: by the `given` names first, then by ours.

    `given` is ours -> theirs, a number that holds for every run, or None to leave ours out. `same(a, b)` says
    whether two columns hold the same values. Of what was `tracked`, a held-out loss is read and the training loss
    left out: trackers log both. Raises `InputError` for a given name that the table doesn't have, for an observable
    that isn't there, and for two columns that would both be one of ours.

    >>> read_names(["params", "val_loss", "seed"], "loss", {"D": 1e9}, lambda a, b: False)
    Reading(names={'N': 'params', 'loss': 'val_loss', 'seed': 'seed'}, constants={'D': 1000000000.0}, left_out=())
    """
    prefix = f"{source}: " if source else ""
    check_given(found, observable, given, prefix)
    free = [column for column in found if column not in given.values()]
    labels = label_names(free, given)
    groups: dict[str, list[str]] = {}
    for column in free:
        groups.setdefault(labels.get(column) or read_as(column, observable), []).append(column)

    names = {ours: theirs for ours, theirs in given.items() if isinstance(theirs, str)}
    left_out: list[str] = []
    if tracked and observable == "loss" and "loss" not in given and (preferred := held_out(free)):
        left_out += [column for column in groups.get("loss", []) if column not in preferred]
        groups = {ours: columns for ours, columns in groups.items() if ours not in preferred} | {"loss": preferred}
    observed = names.get(observable) or choose(observable, groups.get(observable, []), same, prefix)
    if observed is None:
        raise missing(observable, found, prefix)
    if f"{observed}_se" in groups and observed != observable:
        groups.setdefault(f"{observable}_se", []).extend(groups.pop(f"{observed}_se"))

    for ours, columns in groups.items():
        if ours not in given:
            names[ours] = choose(ours, columns, same, prefix) or ours
            left_out += [column for column in columns if column != names[ours]]
        elif given[ours] is None:
            left_out += columns
        else:
            names |= {column: column for column in columns if column != ours}
            left_out += [column for column in columns if column == ours]
    constants = {ours: float(theirs) for ours, theirs in given.items() if isinstance(theirs, Real)}
    return Reading(names, constants, tuple(left_out))


def label_names(free: list[str], given: Given) -> dict[str, str]:
    """The columns that are read as labels: the table's name -> ours."""
    labels = {}
    for ours, words in LABELS.items():
        matches = [column for word in words for column in free if column.lower() == word]
        if matches and ours not in given:
            labels[matches[0]] = ours
    return labels


def choose(ours: str, columns: list[str], same: Callable[[str, str], bool], prefix: str) -> str | None:
    """The one of `columns` that is read as ours, None where there is none; raises `InputError` where they differ."""
    if not columns:
        return None
    first = ours if ours in columns else columns[0]
    differing = [column for column in columns if column != first and not same(first, column)]
    if differing:
        raise InputError(
            f"{prefix}columns {few([first, *differing])} could each be {ours}, and their values differ; "
            f"say which with columns={{'{ours}': '{first}'}}"
        )
    return first


def check_given(found: list[str], observable: str, given: Given, prefix: str) -> None:
    for ours, theirs in given.items():
        meant = read_as(ours, observable)
        if meant != ours:
            right = ours if ours in found and theirs not in found and not isinstance(theirs, Real) else theirs
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
    unfound = [theirs for theirs in given.values() if isinstance(theirs, str) and theirs not in found]
    if unfound:
        close = [word for theirs in unfound for word in nearest(theirs, found)[:1]]
        guess = f"; did you mean {listed(close)}?" if close else ""
        raise InputError(f"{prefix}columns names {listed(unfound)}, not in the table{guess}; found: {few(found)}")


def absent(names: Iterable[str], inputs: Iterable[str], labels: Iterable[str]) -> str:
    """What to say where runs lack inputs: all of them, what they may be called, and what can be derived.

    >>> print(absent(["C", "U"], ["N", "D", "dataset_size"], []))
    the runs have no 'C', 'U'; their inputs: 'N', 'D', 'dataset_size'; U may be 'dataset_size'; \
runs.derive('C') adds C = 6 N D; or say which column it is, or the number that all runs share: \
read_runs(..., columns={'C': ...})
    """
    names, inputs, labels = list(names), list(inputs), list(labels)
    close = {name: look_alikes(name, [*inputs, *labels]) for name in names}
    told = [f"the runs have no {listed(names)}; their inputs: {few(inputs)}"]
    told += [f"{name} may be {listed(words)}" for name, words in close.items() if words]
    derivable = [name for name in names if name in DERIVED and set(SOURCES[name]) <= set(inputs)]
    told += [f"runs.derive('{name}') adds {name} = {DERIVED[name]}" for name in derivable]
    told.append("or say which column it is, or the number that all runs share")
    return "; ".join(told) + f": read_runs(..., columns={{'{names[0]}': ...}})"


def missing(observable: str, found: list[str], prefix: str) -> InputError:
    close = look_alikes(observable, found)
    guess = f" (nearest: {listed(close)})" if close else ""
    return InputError(
        f"{prefix}no column for the observable '{observable}'; found: {few(found)}{guess}; say which with "
        f"columns={{'{observable}': ...}}, or name another observable with observable=..."
    )
