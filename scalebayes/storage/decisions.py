"""Makes a comparison of recipes, strategies, or the next runs from the arrays and the record of a file."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scalebayes.checks.registry import read_checks
from scalebayes.display.table import Table
from scalebayes.errors import InputError
from scalebayes.planning.design.result import NextRuns
from scalebayes.planning.recipes.result import RecipeComparison
from scalebayes.planning.strategies.result import Strategies
from scalebayes.planning.to_file import ALONE, CHOSEN, COLUMN, PAIRS, POINTS
from scalebayes.safe_files.hdf5 import Content
from scalebayes.safe_files.labelled import TEXT, TRUTH, check_shape, of_parts

FLOATS = "f"
BY_BUDGET, BY_PAIR, BY_POINT = ("chain", "draw", "budget"), ("chain", "draw"), ("chain", "draw", "point")
# Variable of a comparison of recipes -> its dims and the kinds of its dtype.
OF_RECIPES = {
    **{name: (BY_BUDGET, FLOATS) for name in ("loss_a", "loss_b", "gain")},
    **{"crossing": (BY_PAIR, FLOATS), "crossings": (BY_PAIR, "i"), "a_wins_beyond": (BY_PAIR, TRUTH)},
    **{"distance": (("budget", "axis"), FLOATS), "C": (("budget",), FLOATS), "axis": (("axis",), TEXT)},
}
# Variable of strategies -> its dims and the kinds of its dtype.
OF_STRATEGIES = {
    **{name: (BY_POINT, FLOATS) for name in ("loss", "regret")},
    **{name: (("point",), FLOATS) for name in ("C", "N", "D")},
    **{name: (("point",), TEXT) for name in ("strategy", "breaks")},
    **{"distance": (("point", "axis"), FLOATS), "axis": (("axis",), TEXT)},
}
# What the attributes say, with the types.
TOLD = dict.fromkeys(("observable", "cost", "of", "failed", "review"), str)
RECIPES_TOLD = TOLD | {"a": str, "b": str, "unit": str, "shared_draws": int}
STRATEGIES_TOLD = TOLD | {"law": str, "moments": int, "optima": list}
OWN = ("cost", "sd", "ratio", "worth")  # columns of the next runs that are computed


def recipes(content: Content, record: Mapping[str, Any]) -> RecipeComparison:
    """Read back the comparison of recipes of a loaded file, which `save` wrote.

    Raises:
        InputError: The numbers can't be those of such a comparison.
    """
    data = _dataset(content, record, PAIRS, OF_RECIPES, RECIPES_TOLD)
    if (data["crossings"].values < 0).any() or data.attrs["shared_draws"] not in (0, 1):
        raise InputError("it counts what can't be counted")
    _check_positive(data, "C")
    _check_not_negative(data, "gain", "distance")
    return RecipeComparison(data)


def strategies(content: Content, record: Mapping[str, Any]) -> Strategies:
    """Read back the strategies of a loaded file, which `save` wrote.

    Raises:
        InputError: The numbers can't be those of strategies.
    """
    data = _dataset(content, record, POINTS, OF_STRATEGIES, STRATEGIES_TOLD)
    if not set(map(str, data.attrs["optima"])) <= set(data["strategy"].values.tolist()):
        raise InputError("an optimum is none of its strategies")
    _check_positive(data, "C", "N", "D")
    _check_not_negative(data, "distance")
    return Strategies(data)


def next_runs(content: Content, record: Mapping[str, Any]) -> NextRuns:
    """Read back the next runs of a loaded file, which `save` wrote.

    Raises:
        InputError: The numbers can't be those of runs that were chosen.
    """
    said = {name: record[name] for name in ("target", "scale", "stop")}
    if not all(isinstance(text, str) for text in said.values()):
        raise InputError("it doesn't say what the runs tell about")
    arrays, columns = content.groups.get(CHOSEN, {}), {}
    for i, one in enumerate(record["columns"]):
        if not isinstance(one["name"], str) or one["name"] in columns:
            raise InputError("a column has no name, or that of another")
        cells = arrays[f"{COLUMN}{i}"] if one["cells"] is None else _cells(one)
        if np.ndim(cells) != 1:
            raise InputError(f"{one['name']!r} isn't one number for each run")
        columns[one["name"]] = cells
    for name in OWN:
        if columns[name].dtype != np.float64:
            raise InputError(f"{name!r} is no column of numbers")
    before, table = float(record["before"]), Table(columns)
    sound = [np.isfinite(table[name]).all() and (table[name] >= 0).all() for name in ("cost", "sd", "ratio")]
    if not (math.isfinite(before) and before > 0 and all(sound)):
        raise InputError("what is left of the interval is no positive number")
    checks, alone = read_checks(record["checks"]), _alone(content, record.get("alone", []))
    return NextRuns(**said, before=before, table=table, checks=checks, alone=alone)


def _alone(content: Content, names: list[str]) -> Table:
    """Each candidate alone; a file of an earlier release doesn't have it."""
    arrays = content.groups.get(ALONE, {})
    columns = {name: np.asarray(arrays[f"{COLUMN}{i}"]) for i, name in enumerate(names)}
    sizes = {x.shape for x in columns.values()}
    if any(x.dtype != np.float64 for x in columns.values()) or len(sizes) > 1 or any(len(size) != 1 for size in sizes):
        raise InputError("what it says of each candidate alone isn't numbers")
    if columns and not (np.isfinite(columns["ratio"]) & (columns["ratio"] >= 0)).all():
        raise InputError("what each candidate alone leaves of the interval is no positive number")
    return Table(columns)


def _dataset(
    content: Content,
    record: Mapping[str, Any],
    group: str,
    shape: Mapping[str, tuple[tuple[str, ...], str]],
    told: Mapping[str, type],
) -> xr.Dataset:
    """The Dataset of a file, with the variables and the attributes that it must have."""
    data = of_parts(content.groups[group], record, record["attrs"])
    check_shape(data, shape)
    wrong = [name for name, kind in told.items() if not isinstance(data.attrs[name], kind)]
    if wrong or not all(data.sizes.values()):
        raise InputError(f"what it says of {wrong[0]!r} is of another type" if wrong else "it has no draws")
    return data


def _check_positive(data: xr.Dataset, *names: str) -> None:
    for name in names:
        if not (np.isfinite(data[name].values) & (data[name].values > 0)).all():
            raise InputError(f"{name} isn't positive and finite")


def _check_not_negative(data: xr.Dataset, *names: str) -> None:
    for name in names:
        if (data[name].values < 0).any():
            raise InputError(f"{name} is negative")


def _cells(column: Mapping[str, Any]) -> pd.Series:
    """The cells of a column that isn't of numbers."""
    cells = column["cells"]
    if not isinstance(cells, list) or any(isinstance(one, (dict, list)) for one in cells):
        raise InputError("the cells of a column aren't a list of them")
    if not isinstance(column["object"], bool):
        raise InputError("a column doesn't say of which type it is")
    return pd.Series(cells, dtype=object if column["object"] else None)
