"""This file makes the candidates for further runs, with their costs: a grid that the budget affords, or a table."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from scalebayes.errors import InputError, listed
from scalebayes.fitting.groups import Groups, groups_of
from scalebayes.fitting.result import Fit
from scalebayes.forecasting.inputs import points_of, positive, taken_by, with_groups
from scalebayes.forecasting.points import asked_at
from scalebayes.planning.costs.record import Cost
from scalebayes.planning.design.within_draws import Places
from scalebayes.runs import Runs
from scalebayes.runs.reading.formats import read_frame

GRID = 24  # number of values of N, and of D, of the default grid; neighbours are a fifth of a decade apart, or nearer
# The factor by which the default grid goes below the smallest sizes of the runs, and beyond the range of their D/N. A
# smaller model, or one of another shape, tells of the law where it is not known to hold.
BELOW, ASKEW = 2.0, 4.0


class Asking(NamedTuple):
    """The inputs at which fits are asked, and the groups of the points."""

    inputs: Mapping[str, Any]
    groups: Groups

    @classmethod
    def of(cls, table: Any, fits: Sequence[Fit]) -> "Asking":
        """What a mapping or a table gives, as `predict` reads it."""
        inputs, group = asked_at(table, {}, None, fits)
        return cls(inputs, groups_of(group))


class Candidates(NamedTuple):
    """Runs that could be trained.

    Attributes:
        frame: One row for each, with all of the user's columns.

        places: For each fit, where they lie.

        cost: The cost of each (candidate,).
    """

    frame: pd.DataFrame
    places: list[Places]
    cost: np.ndarray


def places_of(fits: Sequence[Fit], asking: Asking) -> list[Places]:
    """The places of the points for each fit."""
    found = []
    for fit in fits:
        own = dict(asking.inputs) if len(fits) == 1 else {n: asking.inputs[n] for n in taken_by(fit, asking.inputs)}
        points, codes = with_groups(fit, points_of(fit, own), asking.groups)
        found.append(Places({name: points[column] for name, column in fit.problem.columns.items()}, codes))
    return found


def candidates_of(fits: Sequence[Fit], given: Any, cost: Cost, budget: float) -> Candidates:
    """The candidates: the user's, or by default a grid, each with its cost.

    Raises:
        InputError: There are none, they lack an input or a cost, or none can be afforded.
    """
    frame = _grid(fits, cost, budget) if given is None else _frame(given)
    if not len(frame):
        raise InputError("candidates: the table has no rows; leave candidates out for a grid")
    places = places_of(fits, Asking.of(frame, fits))
    costs = _costs(fits, frame, places, cost)
    if not (costs <= budget).any():
        raise InputError(
            f"budget {budget:.3g} is below the cheapest candidate, which costs {costs.min():.3g}; raise the budget, or "
            "give smaller candidates"
        )
    return Candidates(frame, places, costs)


def _frame(given: Any) -> pd.DataFrame:
    if isinstance(given, Runs):
        return given.to_pandas()
    if isinstance(given, pd.DataFrame):
        return given.reset_index(drop=True)
    if hasattr(type(given), "columns"):
        return pd.DataFrame(dict(read_frame(given).cells))
    try:
        return pd.DataFrame({n: np.atleast_1d(x) for n, x in given.items()} if isinstance(given, Mapping) else given)
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(
            "candidates is a data frame, or a mapping such as {'N': [1e8, 1e9], 'D': [2e10, 2e10]}, not "
            f"{type(given).__name__}: {error}"
        ) from None


def _costs(fits: Sequence[Fit], frame: pd.DataFrame, places: Sequence[Places], cost: Cost) -> np.ndarray:
    """The cost of each candidate: its column `cost`, else that of its N and D, else its column C."""
    columns = {fit.problem.columns[n]: x for fit, one in zip(fits, places, strict=True) for n, x in one.inputs.items()}
    columns |= {
        fits[0].runs.name_of(str(name)): frame[name].to_numpy() for name in frame if frame[name].dtype.kind in "fiu"
    }
    if "cost" in columns:
        return positive("cost", columns["cost"])
    if {"N", "D"} <= set(columns):
        return np.broadcast_to(np.asarray(cost(columns["N"], columns["D"]), np.float64), len(frame)).copy()
    if "C" in columns:
        return positive("C", columns["C"])
    raise InputError(
        f"the candidates have no cost: add a column 'cost' with the FLOPs of each (they have {listed(map(str, frame))})"
    )


def _grid(fits: Sequence[Fit], cost: Cost, budget: float) -> pd.DataFrame:
    """A grid over N and D, log-spaced, of runs that the budget affords."""
    needed = {column for fit in fits for column in fit.problem.columns.values()}
    if {"N", "D"} - needed or needed - {"N", "D"} - set(cost.inputs):
        raise InputError(
            f"a grid is made for laws of N and D, and these take {listed(sorted(needed))}; give candidates=, a data "
            "frame with these columns and a column 'cost'"
        )
    N, D = (np.concatenate([fit.problem.column(name) for fit in fits]) for name in ("N", "D"))
    sizes, tokens = (
        _up_to(x.min() / BELOW, other.min() / BELOW, cost, budget, x is N) for x, other in ((N, D), (D, N))
    )
    n, d = (one.ravel() for one in np.meshgrid(sizes, tokens, indexing="ij"))
    shape = D / N
    kept = (cost(n, d) <= budget) & (d / n >= shape.min() / ASKEW) & (d / n <= shape.max() * ASKEW)
    if not kept.any():
        raise InputError(
            f"budget {budget:.3g} affords no run of the runs' own sizes: the smallest, N = {sizes[0]:.3g} on D = "
            f"{tokens[0]:.3g}, costs {float(cost(sizes[0], tokens[0])):.3g}; raise the budget, or give candidates="
        )
    further = {
        name: np.broadcast_to(np.asarray(fn(n, d)), n.shape) for name, fn in cost.inputs.items() if name in needed
    }
    return pd.DataFrame({name: x[kept] for name, x in {"N": n, "D": d, **further}.items()})


def _up_to(least: float, other: float, cost: Cost, budget: float, is_N: bool) -> np.ndarray:
    """Log-spaced sizes, from the least to the largest that the budget affords with the least of the other size."""
    tried = least * np.exp(np.linspace(0, 40, 2001))
    price = np.asarray(cost(tried, other) if is_N else cost(other, tried), np.float64)
    most = tried[price <= budget].max(initial=least)
    return np.geomspace(least, most, GRID) if most > least else np.array([least])
