"""This file makes the contents of the file of a decision: a comparison of recipes, strategies, or the next runs."""

from typing import TYPE_CHECKING, Any

import numpy as np

from scalebayes.fitting.to_file import NEXT_RUNS, RECIPES, STRATEGIES, about, json_of
from scalebayes.runs.stored import plain
from scalebayes.safe_files import netcdf
from scalebayes.safe_files.labelled import NUMBERS, parts_of
from scalebayes.status import checks_record

if TYPE_CHECKING:
    import xarray as xr

    from scalebayes.planning.design.result import NextRuns
    from scalebayes.planning.recipes.result import RecipeComparison
    from scalebayes.planning.strategies.result import Strategies

# The names of the groups in the files: pairs of draws of two recipes, strategies at budgets, the runs that were chosen,
# and each candidate alone. The columns of the runs are numbered, since their names are the user's.
PAIRS, POINTS, CHOSEN, ALONE, COLUMN = "pairs", "points", "chosen", "alone", "column"


def contents_of_recipes(found: "RecipeComparison") -> netcdf.Contents:
    """Return the arrays and the attributes that `RecipeComparison.save` writes."""
    return _contents(found.data, PAIRS, RECIPES)


def contents_of_strategies(found: "Strategies") -> netcdf.Contents:
    """Return the arrays and the attributes that `Strategies.save` writes."""
    return _contents(found.data, POINTS, STRATEGIES)


def _contents(data: "xr.Dataset", group: str, kind: str) -> netcdf.Contents:
    arrays, record = parts_of(data)
    return {group: arrays}, {"": about(json_of(record | {"attrs": plain(data.attrs)}), kind)}


def contents_of_next_runs(found: "NextRuns") -> netcdf.Contents:
    """Return the arrays and the attributes that `NextRuns.save` writes.

    A column that isn't of numbers is kept as the cells that it has in JSON, of which a date is text.
    """
    columns: list[dict[str, Any]] = []
    arrays: dict[str, netcdf.Variable] = {}
    for i, (name, column) in enumerate(found.table.items()):
        numeric = isinstance(column.dtype, np.dtype) and column.dtype.kind in NUMBERS
        if numeric:
            arrays[f"{COLUMN}{i}"] = (("run",), column.to_numpy())
        kept = {"cells": None} if numeric else {"cells": plain(column.tolist()), "object": column.dtype == object}
        columns.append({"name": str(name), **kept})
    alone: dict[str, netcdf.Variable] = {
        f"{COLUMN}{i}": (("candidate",), x.to_numpy()) for i, (_, x) in enumerate(found.alone.items())
    }
    record = {
        **{name: getattr(found, name) for name in ("target", "scale", "before", "stop")},
        "columns": columns,
        "alone": list(map(str, found.alone)),
        "checks": checks_record(found.checks),
    }
    return {CHOSEN: arrays, **({ALONE: alone} if alone else {})}, {"": about(json_of(record), NEXT_RUNS)}
