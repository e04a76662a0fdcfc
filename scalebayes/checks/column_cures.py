"""This file says what can be done about a column that explains the scatter around a law."""

import numpy as np

from scalebayes import laws
from scalebayes.checks import limits
from scalebayes.checks.column_designs import Other, determined, surface
from scalebayes.laws.law import Law
from scalebayes.runs import Runs
from scalebayes.runs.filter_text import filter_of, in_quotes
from scalebayes.runs.split import table_name


def cures(runs: Runs, law: Law, used: tuple[str, ...], column: Other, offsets: bool) -> str:
    """What a check says to type about a column that explains the scatter, in the order in which it should be tried.

    Args:
        runs: The table of runs.

        law: The law that was fitted.

        used: The columns that the law takes.

        column: The column that explains the scatter.

        offsets: Whether the fit has an offset for each group.
    """
    name, values = table_name(runs, column.name), column.values
    number = values.dtype.kind == "f"
    given = [x for x in dict.fromkeys(values.tolist()) if x is not None and x == x]
    ways = [f"fit a law that takes it, law={larger!r}" for larger in knowing(runs, law, used, column)[:1]]
    if number and column.swept and not ways:
        ways.append(f"take the best run of each setting, sb.best_of(runs, by={used})")
    if not number or len(given) <= limits.COLUMNS_VALUES:
        if len(given) > 1 and not any(x is None or x != x for x in values.tolist()):
            ways.append(f"fit each of its values apart, sb.fit_many(runs, by={name!r})")
        text = filter_of(name, max(given, key=values.tolist().count))
        if text:
            ways.append(f"fit one of them, where={in_quotes(text)}")
        if not offsets:
            read = "" if column.name == "group" else f"columns={{'group': {name!r}}} and "
            ways.append(f"give each an offset, {read}discrepancy='gp'")
    else:
        text = filter_of(name, float(f"{np.median(given):.3g}"), "<")
        if text:
            ways.append(f"fit a part of its range, where={in_quotes(text)}")
        ways.append("make it an input of a law of your own, sb.Law(...)")
    return ", ".join(ways[:-1]) + " or " + ways[-1] if len(ways) > 1 else ways[0]


def knowing(runs: Runs, law: Law, used: tuple[str, ...], column: Other) -> list[str]:
    """The laws that a check names as a cure: they take the inputs of this law and one more.

    The additional input is the column, or determines it with the inputs.
    """
    names = []
    for name in laws.names():
        larger = laws.get(name)
        more = set(larger.inputs) - set(law.inputs)
        if len(more) != 1 or larger.observable != law.observable or not set(law.inputs) < set(larger.inputs):
            continue
        extra = next(iter(more))
        if extra == column.name or _determines(runs, (*used, extra), column):
            names.append(name)
    return names


def _determines(runs: Runs, names: tuple[str, ...], column: Other) -> bool:
    """Whether positive columns determine another column, as D and U determine the epochs."""
    inputs = {name: runs.inputs[name] for name in names if name in runs.inputs}
    if len(inputs) < len(names) or column.values.dtype.kind != "f" or not all((x > 0).all() for x in inputs.values()):
        return False
    return determined(column.values, surface({name: np.log(x) for name, x in inputs.items()}))
