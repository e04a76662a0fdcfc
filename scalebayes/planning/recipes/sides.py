"""This file has the two sides of a comparison: what is asked, and whether the two can be compared."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from scalebayes.errors import InputError
from scalebayes.fitting.many.result import Fits
from scalebayes.forecasting.ask import fits_of
from scalebayes.forecasting.of_stack import Stack
from scalebayes.forecasting.recalibrate import Recalibrated
from scalebayes.planning.costs.record import Cost


class Recipe(NamedTuple):
    """One of the two: what is asked, the group whose offset is taken, and the cost of its runs."""

    asked: Any
    group: str | None
    cost: Cost


def two_recipes(a: Any, b: Any, groups: Any, cost: Any) -> tuple[Recipe, Recipe]:
    """The two recipes.

    Raises:
        InputError: One is no fit, or there are not two groups or costs.
    """
    if b is None and groups is None:
        raise InputError("two recipes are compared: give a second fit, or two groups of the first, groups=('x', 'y')")
    for one in (a, b) if b is not None else (a,):
        if isinstance(one, Fits):
            raise InputError("compare_recipes takes one fit for each recipe; of many fits, give two: fits[0], fits[1]")
        fits_of(one)  # it refuses what can't be asked
    two = (None, None) if groups is None else groups
    if isinstance(two, str) or len(two) != 2:
        raise InputError(f"groups has one group for a and one for b, such as ('old', 'new'), not {groups!r}")
    costs = cost if isinstance(cost, (tuple, list)) else (cost, cost)
    if len(costs) != 2 or not all(isinstance(one, Cost) for one in costs):
        raise InputError(f"cost is one of sb.costs, or one for each recipe, not {cost!r}")
    return Recipe(a, two[0], costs[0]), Recipe(a if b is None else b, two[1], costs[1])


def names_of(names: Sequence[str], groups: Any) -> tuple[str, str]:
    """What the two are called.

    Raises:
        InputError: There aren't two names, or they are the same.
    """
    if names:
        if isinstance(names, str) or len(names) != 2 or names[0] == names[1]:
            raise InputError(f"names has two different names, such as ('new', 'old'), not {names!r}")
        return str(names[0]), str(names[1])
    if groups is not None and groups[0] != groups[1]:
        return tuple("new group" if one is None else str(one) for one in groups)  # type: ignore[return-value]
    return "a", "b"


def check_alike(a: Recipe, b: Recipe, names: tuple[str, str]) -> None:
    """Refuse two recipes whose losses or budgets don't mean the same."""
    one, other = (fits_of(recipe.asked)[0].runs for recipe in (a, b))
    for what, cure in (
        ("observable", "fit runs of one observable: sb.read_runs(..., observable=...)"),
        ("unit", "if they are the same, say so where the runs are read: sb.read_runs(..., unit=...)"),
    ):
        if getattr(one, what) != getattr(other, what):
            raise InputError(
                f"{names[0]!r} and {names[1]!r} can't be compared: their {what} differs, {getattr(one, what)!r} and "
                f"{getattr(other, what)!r}; {cure}"
            )
    if one.N_counts and other.N_counts and one.N_counts != other.N_counts and a.cost is b.cost:
        raise InputError(
            f"N counts {one.N_counts} parameters in {names[0]!r} and {other.N_counts} ones in {names[1]!r}, so one "
            "cost gives them different compute; give a cost for each, cost=(..., ...)"
        )


def same_draws(a: Any, b: Any) -> bool:
    """Whether two recipes have the draws of one posterior, so that draw i of both belongs together."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, Recalibrated):
        return a.factor == b.factor and same_draws(a.fit, b.fit)
    if isinstance(a, Stack):
        return (
            list(a.members) == list(b.members)
            and (a.weights, a.draws, a.seed) == (b.weights, b.draws, b.seed)
            and all(same_draws(a.members[name], b.members[name]) for name in a.members)
        )
    return (
        a.law.name == b.law.name
        and list(a.draws) == list(b.draws)
        and all(np.array_equal(a.draws[name], b.draws[name]) for name in a.draws)
        and np.array_equal(a.runs.y, b.runs.y)
    )
