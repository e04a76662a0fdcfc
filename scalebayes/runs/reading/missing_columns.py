"""This file has the error messages for missing columns: which columns may be meant, and what to type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scalebayes.compute import DERIVED, SOURCES
from scalebayes.errors import InputError, listed
from scalebayes.runs.names import INPUTS, LABELS, few, look_alikes, meaning

LABEL_WORDS = frozenset(word for words in LABELS.values() for word in words)


def absent(names: Iterable[str], inputs: Iterable[str], labels: Iterable[str]) -> str:
    """The message for the inputs `names`, whose columns the user's table lacks.

    It names all of them, the columns among the runs' `inputs` and `labels` that may be meant, and which of them can be
    derived.

    >>> print(absent(["C", "U"], ["N", "D", "dataset_size"], []))
    the runs have no 'C', 'U'; their inputs: 'N', 'D', 'dataset_size'; U may be 'dataset_size'; \
runs.derive('C') adds C = 6 N D; or say which column it is, or the number that all runs share: \
read_runs(..., columns={'C': ..., 'U': 'dataset_size'})
    """
    names, inputs, labels = list(names), list(inputs), list(labels)
    sentences = [f"the runs have no {listed(names)}; their inputs: {few(inputs)}", *may_be(names, inputs, labels)]
    derivable = [name for name in names if name in DERIVED and set(SOURCES[name]) <= set(inputs)]
    sentences += [f"runs.derive('{name}') adds {name} = {DERIVED[name]}" for name in derivable]
    sentences.append("or say which column it is, or the number that all runs share")
    return "; ".join(sentences) + f": {reading_cure(names, inputs, labels)}"


def needed(lacking: Mapping[str, str], inputs: Iterable[str], labels: Iterable[str]) -> str:
    """The message for missing columns that a law needs: all of them, each with its cure.

    `lacking` has the missing columns by the inputs of the law.

    >>> print(needed({"N": "N", "D": "D"}, ["size", "lr"], []))
    needs 'N' and 'D', and the runs have no column 'N' and no column 'D' (they have size, lr); N may be 'size'; \
say which they are when the table is read: read_runs(..., columns={'N': 'size', 'D': ...})
    """
    inputs, labels = list(inputs), list(labels)
    unbound = [name for name, column in lacking.items() if name == column]
    none = " and no ".join(f"column {name!r}" for name in unbound)
    needs = [f"{' and '.join(map(repr, unbound))}, and the runs have no {none}"] if unbound else []
    needs += [f"{name!r}, and the runs have no column {at!r}" for name, at in lacking.items() if name != at]
    texts = f"; as text: {', '.join(labels)}" if labels else ""
    have = f"(they have {', '.join(inputs) or 'no inputs'}{texts})"
    sentences = [f"needs {'; and '.join(needs)} {have}", *may_be(unbound, inputs, labels)]
    counts = [name for name in unbound if name in INPUTS and name != "x"]
    if counts:
        sentences.append(f"say which they are when the table is read: {reading_cure(counts, inputs, labels)}")
    if bound := [name for name in lacking if name not in counts]:
        pairs = ", ".join(f"{name!r}: ..." for name in bound)
        sentences.append(f"name a column of the runs: inputs={{{pairs}}}")
    return "; ".join(sentences)


def may_be(names: Iterable[str], inputs: Iterable[str], labels: Iterable[str]) -> list[str]:
    """For each missing name the columns of the user's table that may be meant, in words.

    >>> may_be(["N", "D"], ["size", "steps", "lr"], [])
    ["N may be 'size'", "D may be 'steps'"]
    """
    close = {name: look_alikes(name, [*inputs, *labels]) for name in names}
    return [f"{name} may be {listed(columns)}" for name, columns in close.items() if columns]


def reading_cure(names: Iterable[str], inputs: Iterable[str], labels: Iterable[str]) -> str:
    """What to type so that the missing columns of a table are read, with the columns that may be meant.

    >>> reading_cure(["N", "D"], ["size", "lr"], [])
    "read_runs(..., columns={'N': 'size', 'D': ...})"
    """
    close = {name: look_alikes(name, [*inputs, *labels]) for name in names}
    pairs = ", ".join(f"'{name}': " + (f"'{columns[0]}'" if columns else "...") for name, columns in close.items())
    return f"read_runs(..., columns={{{pairs}}})"


def missing(observable: str, columns: list[str], prefix: str) -> InputError:
    """The error for a table without a column of the observable. The caller raises it."""
    close = look_alikes(observable, columns)
    guess = f" (nearest: {listed(close)})" if close else ""
    # A perplexity is not read as a loss, because only its log is one.
    means = [meaning(column, "perplexity") for column in columns] if observable == "loss" else []
    other = "'perplexity'" if any(known and known.ours == "perplexity" for known in means) else "..."
    kinds = {column: meaning(column, observable) for column in columns if column.lower() not in LABEL_WORDS}
    rest = [column for column, known in kinds.items() if known is None or known.ours not in INPUTS]
    if other == "..." and not close and len(rest) == 1 and len(columns) > 1:
        other = repr(rest[0])
    return InputError(
        f"{prefix}no column for the observable '{observable}'; found: {few(columns)}{guess}; say which with "
        f"columns={{'{observable}': {repr(close[0]) if close else '...'}}}, or name another observable with "
        f"observable={other}"
    )
