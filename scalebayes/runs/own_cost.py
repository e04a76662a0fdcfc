"""This file holds the runs' own column C against a cost: 6 N D, or the one that the user says C is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from scalebayes.compute import flops
from scalebayes.errors import InputError

SIX_ND = "6ND"
EXAMPLE = "runs.with_cost(sb.costs.moe(active=37e9, total=671e9))"


class OwnCost(NamedTuple):
    """What the runs' own C is over a cost.

    Attributes:
        name: The name of the cost; "6ND" for C = 6 N D.

        formula: Its formula as text; blank if it has none.

        low: The lower end of the middle nine tenths of the ratios.

        middle: Their median.

        high: The upper end of the middle nine tenths.

        rows: The number of runs that the cost was held against.
    """

    name: str
    formula: str
    low: float
    middle: float
    high: float
    rows: int


def has_own(columns: Mapping[str, Any], derived: Mapping[str, str]) -> bool:
    """Whether a table of runs has N, D and C, none of which was derived from the others.

    >>> has_own({"N": [1e8], "D": [2e9], "C": [1.3e18]}, {}), has_own({"N": [1e8], "C": [1.3e18]}, {})
    (True, False)
    """
    return {"N", "D", "C"} <= set(columns) and not derived


def held_against(columns: Mapping[str, np.ndarray], cost: Callable[[Any, Any], Any] | None = None) -> OwnCost:
    """The runs' own C over a cost.

    Args:
        columns: The columns N, D and C of the runs (run,).

        cost: A function of N and D, such as one of `sb.costs`. Its name and its formula are kept. The default is None,
            for C = 6 N D.

    Raises:
        InputError: The cost isn't such a function, or what it gives isn't positive and finite.

    >>> columns = {"N": np.array([1e8, 1e9]), "D": np.array([2e9, 2e10]), "C": np.array([1.2e17, 1.2e19])}
    >>> found = held_against(columns, lambda N, D: 0.6 * N * D)
    >>> found.name, round(found.middle, 6)
    ('the cost given', 1.0)
    """
    try:
        given = flops if cost is None else cost
        flop = np.broadcast_to(np.asarray(given(columns["N"], columns["D"]), np.float64), columns["C"].shape)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"cost is a function of N and D, such as one of sb.costs, as in {EXAMPLE}, not {cost!r}: {error}"
        ) from error
    if not (np.isfinite(flop) & (flop > 0)).all():
        raise InputError(f"cost {cost!r} isn't positive and finite at the N and D of the runs; give the cost of a run")
    low, middle, high = np.exp(np.quantile(np.log(columns["C"] / flop), [0.05, 0.5, 0.95])).tolist()
    own = cost is None or getattr(cost, "fn", cost) is flops
    name = SIX_ND if own else str(getattr(cost, "name", "")) or "the cost given"
    formula = "" if own else str(getattr(cost, "formula", ""))
    return OwnCost(name, formula, low, middle, high, len(flop))


def said_of(metadata: Mapping[str, Any]) -> OwnCost | None:
    """What the metadata of runs keep of the cost that their C was said to be; None where none was."""
    return OwnCost(**metadata["cost"]) if "cost" in metadata else None


def shared(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of the first of two tables that are joined, in which C is a cost only where it is the same in both.

    >>> one = {"cost": OwnCost("moe", "", 0.99, 1.0, 1.01, 4)._asdict()}
    >>> shared(one, {}), shared(one, {"cost": OwnCost("moe", "", 0.98, 1.0, 1.0, 2)._asdict()})["cost"]["low"]
    ({}, 0.98)
    """
    first, second = said_of(old), said_of(new)
    rest = {name: x for name, x in old.items() if name != "cost"}
    if first is None or second is None or first[:2] != second[:2]:
        return rest
    middle = first.middle if abs(np.log(first.middle)) >= abs(np.log(second.middle)) else second.middle
    ends = {"low": min(first.low, second.low), "middle": middle, "high": max(first.high, second.high)}
    return {**rest, "cost": first._replace(**ends, rows=first.rows + second.rows)._asdict()}
