"""This file lists what `fit_many` fits: the data sets by name, each with each law."""

from collections.abc import Mapping, Sequence
from typing import Any

from scalebayes.errors import InputError
from scalebayes.fitting.spec import Spec
from scalebayes.laws.law import Law
from scalebayes.runs import Runs
from scalebayes.runs.no_table import no_table
from scalebayes.runs.observables import refuse_several
from scalebayes.runs.split import split


def of_column(runs: Any, by: str) -> dict[str, Runs]:
    """Split the one table of `fit_many` by a column: a mapping from each value of the column to its runs.

    Raises:
        InputError: `runs` is no table, or has no such column.
    """
    if not isinstance(runs, Runs):
        raise InputError(
            f"by={by!r} splits one table made by sb.read_runs or sb.Runs, and runs is {type(runs).__name__}; give one "
            "table, or leave by= out"
        )
    return split(runs, by)


def crossed(
    runs: Any, law: str | Law | Spec, laws: Sequence[str | Law | Spec] | None
) -> tuple[list[str], list[Runs], list[str | Law | Spec]]:
    """The name, the table and the law of each fit that `fit_many` makes, in order.

    Raises:
        InputError: There is no data set or no law, one of them can't be used, or two fits would have one name.
    """
    if isinstance(runs, Runs):
        if laws is None:
            raise InputError(
                "fit_many takes a list of tables, or one table with by='column' or laws=[...]; for one of each use fit"
            )
        refuse_several(runs)
        tables = {"": runs}
    elif isinstance(runs, Mapping):
        tables = {str(name): table for name, table in runs.items()}
        if len(tables) < len(runs):
            raise InputError("two of the names of runs are the same as text; give each table its own name")
    elif isinstance(runs, Sequence) and not isinstance(runs, str):
        tables = {str(i): table for i, table in enumerate(runs)}
    else:
        raise InputError(
            f"runs is a list of tables made by sb.read_runs or sb.Runs, or name -> table, not {type(runs).__name__}; "
            "for one data frame or file use sb.fit(sb.read_runs(...))"
        )
    if not tables:
        raise InputError("runs is empty: there is nothing to fit")
    for name, table in tables.items():
        if not isinstance(table, Runs):
            raise no_table(table, f"data set {name!r}")
    if laws is None:
        return list(tables), list(tables.values()), [law] * len(tables)
    if isinstance(laws, (str, Law)) or not laws:
        raise InputError("laws is a list of laws, such as ['chinchilla', 'kaplan']")
    called = [one if isinstance(one, str) else one.name for one in laws]
    if len(set(called)) < len(called):
        raise InputError(f"two of the laws have the same name: {', '.join(called)}; give each its own")
    pairs = [(name, table, one, of) for name, table in tables.items() for one, of in zip(laws, called, strict=True)]
    names = [f"{name}/{of}" if name else of for name, _, _, of in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(
            f"two fits would have the name {twice!r}, made of data set and law; give the data sets other names"
        )
    return names, [table for _, table, _, _ in pairs], [one for _, _, one, _ in pairs]
