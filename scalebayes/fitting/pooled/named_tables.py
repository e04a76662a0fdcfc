"""This file splits a table into the runs of each recipe, by the column that `pool=` names."""

from collections.abc import Iterable

from scalebayes.errors import InputError
from scalebayes.runs import Runs
from scalebayes.runs.split import split

MANY = 100  # number of different values of a numeric column, from which on it is a measurement and no list of recipes


def tables_of(runs: Runs, pool: str, inputs: Iterable[str]) -> dict[str, Runs]:
    """The runs of each recipe, by its name.

    Args:
        runs: The table of all runs.

        pool: The column that has the names of the recipes.

        inputs: The columns that the law takes.

    Raises:
        InputError: The column is missing, has blank cells or too many values, or is an input of the law.

    >>> runs = Runs(N=[1e8, 1e9] * 2, loss=[3.0, 2.5, 3.2, 2.6], recipe=["a", "a", "b", "b"])
    >>> {name: len(table) for name, table in tables_of(runs, "recipe", ["N"]).items()}
    {'a': 2, 'b': 2}
    """
    if isinstance(pool, str) and runs.name_of(pool) in inputs:
        raise InputError(
            f"pool={pool!r}: {pool} is an input of the law; name the column that tells recipes apart, pool='recipe'"
        )
    tables = split(runs, pool, "pool")
    if isinstance(pool, str) and runs.name_of(pool) in runs.inputs and len(tables) >= MANY:
        raise InputError(
            f"pool={pool!r}: column {pool!r} has {len(tables)} different numbers, a measurement and no list of "
            "recipes; name a column with the name of each run's recipe"
        )
    return tables
