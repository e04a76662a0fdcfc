"""Which column of a table is which of ours: the names read as N, D, loss, ... and what is ambiguous."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from scalebayes.errors import InputError, listed, nearest

INPUTS = {
    "N": ("params", "parameters", "n_params", "num_params", "model_size"),
    "D": ("tokens", "training_tokens", "n_tokens", "num_tokens"),
    "C": ("flops", "training_flops", "compute"),
    "U": ("unique_tokens",),
    "x": (),
}
LOSS = ("loss", "train_loss", "val_loss", "validation_loss", "eval_loss", "final_loss", "test_loss")
# The first of these that a table has is taken; the others stay labels under their own names.
LABELS = {
    "run_id": ("run_id", "run", "id", "name"),
    "group": ("group", "family", "model_family"),
    "split": ("split",),
}
DERIVED = {"C": "6 N D", "N": "C / (6 D)", "D": "C / (6 N)"}
SOURCES = {"C": ("N", "D"), "N": ("C", "D"), "D": ("C", "N")}
# Names that fit more than one of ours: never read by themselves, offered where one of ours is missing.
UNSURE = {"dataset_size": ("D", "U"), "data": ("D", "U"), "size": ("N",), "steps": ("D", "x")}


@dataclass(frozen=True)
class Reading:
    """How a table's columns are read: our name -> the table's, and the columns left out."""

    names: dict[str, str]
    left_out: tuple[str, ...]


def look_alikes(name: str, found: Iterable[str]) -> list[str]:
    """The columns found that could be meant by `name`, by their known names first and by spelling after.

    >>> look_alikes("N", ["loss", "params"])
    ['params']
    """
    found = list(found)
    words = {name.lower(), *INPUTS.get(name, ()), *(LOSS if name == "loss" else ())}
    words |= {word for word, ours in UNSURE.items() if name in ours}
    known = [word for word in found if word.lower() in words]
    return known or (nearest(name, found) if len(name) > 1 else [])


def read_as(column: str, observable: str) -> str:
    """Our name for a table's column, or the column's own name. Names of one letter count in their own case only."""
    if column in (observable, *INPUTS):
        return column
    lower = column.lower()
    if lower == observable.lower() and len(lower) > 1:
        return observable
    if observable == "loss" and lower in LOSS:
        return "loss"
    return next((ours for ours, theirs in INPUTS.items() if lower in theirs), column)


def read_names(
    found: list[str],
    observable: str,
    given: Mapping[str, str | None],
    same: Callable[[str, str], bool],
    source: str = "",
) -> Reading:
    """How the columns `found` are read: by the `given` names (ours -> theirs, None to leave ours out), then by ours.

    `same(a, b)` says whether two columns hold the same values. Raises `InputError` for a given name that the
    table doesn't have, for an observable that isn't there, and for two columns that would both be one of ours.

    >>> read_names(["params", "val_loss", "seed"], "loss", {}, lambda a, b: False).names
    {'N': 'params', 'loss': 'val_loss', 'seed': 'seed'}
    """
    prefix = f"{source}: " if source else ""
    check_given(found, observable, given, prefix)
    free = [column for column in found if column not in given.values()]
    labels = label_names(free, given)
    groups: dict[str, list[str]] = {}
    for column in free:
        groups.setdefault(labels.get(column) or read_as(column, observable), []).append(column)

    names = {ours: theirs for ours, theirs in given.items() if theirs is not None}
    left_out: list[str] = []
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
    return Reading(names, tuple(left_out))


def label_names(free: list[str], given: Mapping[str, str | None]) -> dict[str, str]:
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
            f"{prefix}columns {listed([first, *differing])} could each be {ours}, and their values differ; "
            f"say which with columns={{'{ours}': '{first}'}}"
        )
    return first


def check_given(found: list[str], observable: str, given: Mapping[str, str | None], prefix: str) -> None:
    if not isinstance(given, Mapping):
        raise InputError(
            f"{prefix}columns={given!r} is no mapping; write our name to the table's: columns={{'N': 'params'}}"
        )
    for ours, theirs in given.items():
        meant = read_as(ours, observable)
        if meant != ours:
            right = ours if ours in found and theirs not in found else theirs
            raise InputError(
                f"{prefix}columns={{'{ours}': {theirs!r}}}: '{ours}' is a table's name for {meant}; "
                f"our name goes on the left, the table's on the right: columns={{'{meant}': {right!r}}}"
            )
    unfound = [theirs for theirs in given.values() if theirs is not None and theirs not in found]
    if unfound:
        close = [word for theirs in unfound for word in nearest(str(theirs), found)[:1]]
        guess = f"; did you mean {listed(close)}?" if close else ""
        raise InputError(f"{prefix}columns names {listed(unfound)}, not in the table{guess}; found: {listed(found)}")


def absent(names: Iterable[str], inputs: Iterable[str], labels: Iterable[str]) -> str:
    """What to say where runs lack inputs: all of them, what they may be called, and what can be derived.

    >>> print(absent(["C", "U"], ["N", "D", "dataset_size"], []))
    the runs have no 'C', 'U'; their inputs: 'N', 'D', 'dataset_size'; U may be 'dataset_size'; \
runs.derive('C') adds C = 6 N D; or say which column it is: read_runs(..., columns={'C': ...})
    """
    names, inputs, labels = list(names), list(inputs), list(labels)
    close = {name: look_alikes(name, [*inputs, *labels]) for name in names}
    told = [f"the runs have no {listed(names)}; their inputs: {listed(inputs)}"]
    told += [f"{name} may be {listed(words)}" for name, words in close.items() if words]
    derivable = [name for name in names if name in DERIVED and set(SOURCES[name]) <= set(inputs)]
    told += [f"runs.derive('{name}') adds {name} = {DERIVED[name]}" for name in derivable]
    return "; ".join([*told, f"or say which column it is: read_runs(..., columns={{'{names[0]}': ...}})"])


def missing(observable: str, found: list[str], prefix: str) -> InputError:
    close = look_alikes(observable, found)
    guess = f" (nearest: {listed(close)})" if close else ""
    return InputError(
        f"{prefix}no column for the observable '{observable}'; found: {listed(found)}{guess}; say which with "
        f"columns={{'{observable}': ...}}, or name another observable with observable=..."
    )
