"""This file defines `Limits`: what an optimum is subject to, checked, and as a range of N for each budget."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from scalebayes.errors import InputError, unknown
from scalebayes.infer.double import double
from scalebayes.planning.costs.record import Cost

SMALLEST, LARGEST = 0.0, 60.0  # log of the N or D between which the size that a budget pays for is searched
HALVINGS = 64  # of that range; the last step is below the rounding of its ends
# The pairs of limits that contradict each other where the first is above the second.
ORDERED = (("min_N", "max_N"), ("min_D", "max_D"), ("min_D_per_N", "max_D_per_N"))


@dataclass(frozen=True)
class Limits:
    """What an optimum is subject to; every limit may be left out.

    Args:
        min_N: The smallest N.

        max_N: The largest N, such as what a device's memory or a latency allows.

        min_D: The fewest tokens.

        max_D: The most tokens, such as all that there are where none may repeat.

        min_D_per_N: The smallest D / N.

        max_D_per_N: The largest D / N.

        N: The size is given, and D follows from the budget.

        D: The tokens are given, and N follows from the budget.

        N_in: The sizes that can be trained; the best of them is chosen.

        unique_tokens: The number of unique tokens, for a law that knows repetition; D may be larger.

    Raises:
        InputError: A limit isn't positive and finite, or two of them contradict each other.

    >>> Limits(max_N=7e9).named()
    {'max_N': 7000000000.0}
    >>> Limits(min_N=1e10, max_N=1e9)
    Traceback (most recent call last):
        ...
    scalebayes.errors.InputError: min_N=1e+10 and max_N=1e+09 contradict each other: no N is both; change one of them
    """

    min_N: float | None = None
    max_N: float | None = None
    min_D: float | None = None
    max_D: float | None = None
    min_D_per_N: float | None = None
    max_D_per_N: float | None = None
    N: float | None = None
    D: float | None = None
    N_in: tuple[float, ...] | None = None
    unique_tokens: float | None = None

    @classmethod
    def of(cls, given: "Limits | Mapping[str, Any] | None") -> "Limits":
        """Make limits of what a user gives: a mapping such as {"max_N": 7e9}, or None for no limit."""
        if isinstance(given, Limits):
            return given
        if given is not None and not isinstance(given, Mapping):
            raise InputError(f"subject_to is a mapping such as {{'max_N': 7e9}}, not {given!r}")
        names = [one.name for one in fields(cls)]
        for name in given or {}:
            if name not in names:
                raise unknown("limit", name, names)
        return cls(**(given or {}))

    def __post_init__(self) -> None:
        for name, value in self.named().items():
            object.__setattr__(self, name, _sizes(value) if name == "N_in" else _positive(name, value))
        set_ = self.named()
        for low, high in ORDERED:
            if low in set_ and high in set_ and set_[low] > set_[high]:
                raise _contradiction(low, high, set_, f"no {low[4:].replace('_per_', ' / ')} is both")
        for size in ("N", "D"):
            for low, high in ((f"min_{size}", size), (size, f"max_{size}")):
                if low in set_ and high in set_ and set_[low] > set_[high]:
                    raise _contradiction(low, high, set_, f"the {size} that is given is outside")
        if "N" in set_ and "D" in set_:
            raise InputError(
                "N and D are both given, which leaves nothing to choose; give one of them, or ask sb.predict(fit, N=, "
                "D=) for the loss there"
            )
        if "N_in" in set_ and "N" in set_:
            raise InputError("N and N_in are both given; leave one of them out")
        if "N_in" in set_ and "D" in set_:
            raise InputError("D and N_in are both given: with D the budget gives N; leave one of them out")
        if "N_in" in set_:
            low, high = set_.get("min_N", 0.0), set_.get("max_N", np.inf)
            left = tuple(x for x in set_["N_in"] if low <= x <= high)
            if not left:
                raise InputError(f"N_in has no size between min_N={low:g} and max_N={high:g}; change one of them")
            object.__setattr__(self, "N_in", left)

    def named(self) -> dict[str, Any]:
        """The limits that are set, by their names."""
        return {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) is not None}


class Range(NamedTuple):
    """The part of a budget's frontier that its limits leave: every array is (budget,).

    Attributes:
        low: The smallest log N.
        high: The largest log N. Where it equals `low`, nothing is left to choose.
        low_by: The name of the limit that sets `low`; "" where it is the end of the search.
        high_by: The name of the limit that sets `high`.
        log_D: log D where nothing is left to choose, as by max_N and max_D together, which may not spend the budget.
    """

    low: np.ndarray
    high: np.ndarray
    low_by: np.ndarray
    high_by: np.ndarray
    log_D: np.ndarray


def allowed(limits: Limits, cost: Cost, budget: np.ndarray, refuse: bool = True) -> Range:
    """The range of log N that the limits leave on the frontier cost(N, D) = C of each budget.

    A cost rises with N and with D, so on the frontier D falls as N rises, and each limit is an end of the range. An
    upper limit on D leaves a budget unspent only where N has an upper limit, too, or D / N has a lower one.

    Args:
        limits: The limits.

        cost: The cost.

        budget: The budgets C (budget,).

        refuse: Whether limits that a budget can't meet are an error. The default is True. If False, `low` is above
            `high` there.

    Raises:
        InputError: Two limits can't be met together at a budget, or a limit alone costs more than a budget.
    """
    set_ = limits.named()
    lows: dict[str, np.ndarray] = {"": np.full(len(budget), SMALLEST)}
    highs: dict[str, np.ndarray] = {"": log_of(lambda u: cost(jnp.exp(u), 1.0), budget)}
    for name in ("min_N", "N"):
        if name in set_:
            lows[name] = np.full(len(budget), np.log(set_[name]))
    for name in ("max_N", "N"):
        if name in set_:
            highs[name] = np.full(len(budget), np.log(set_[name]))
    for name in ("min_D", "D"):  # N may be as large as the budget allows with so few tokens
        if name in set_:
            highs[name] = log_of(lambda u, D=set_[name]: cost(jnp.exp(u), D), budget)
    for name in ("max_D", "D"):
        if name in set_:
            lows[name] = log_of(lambda u, D=set_[name]: cost(jnp.exp(u), D), budget)
    if "min_D_per_N" in set_:
        high = log_of(lambda u: cost(jnp.exp(u), jnp.exp(u) * set_["min_D_per_N"]), budget)
        highs["min_D_per_N"] = np.minimum(high, np.log(set_.get("max_D", np.inf) / set_["min_D_per_N"]))
    if "max_D_per_N" in set_:
        lows["max_D_per_N"] = log_of(lambda u: cost(jnp.exp(u), jnp.exp(u) * set_["max_D_per_N"]), budget)
    low, low_by = _tightest(lows, np.argmax)
    high, high_by = _tightest(highs, np.argmin)
    log_D = log_other(cost, budget, high)
    # Where more data is not to be had, the largest N is trained on all of it, and the budget is not spent.
    unspent = (low > high) & np.isin(low_by, ("max_D", "max_D_per_N")) & np.isin(high_by, ("max_N", "N", "min_D_per_N"))
    at_most = np.where(low_by == "max_D", np.log(set_.get("max_D", np.inf)), high + np.log(set_.get("max_D_per_N", 1)))
    log_D, low = np.where(unspent, at_most, log_D), np.where(unspent, high, low)
    # The two ends may differ in their last digits where one limit sets both, as a given D does.
    low = np.where(np.isclose(low, high, rtol=0, atol=1e-9), high, low)
    if refuse and (low > high).any():
        i = int(np.argmax(low > high))
        raise _too_dear(str(low_by[i]), str(high_by[i]), set_, float(budget[i]))
    return Range(low, high, low_by, high_by, log_D)


def log_other(cost: Cost, budget: np.ndarray, log_N: np.ndarray) -> np.ndarray:
    """The log D that a budget pays for at log N; both are (budget,)."""
    return log_of(lambda v: cost(jnp.exp(jnp.asarray(log_N)), jnp.exp(v)), budget)


def log_of(cost_at: Callable[[Any], Any], budget: np.ndarray) -> np.ndarray:
    """The log size (budget,) at which a cost that rises with it reaches each budget, by bisection.

    It is an end of the range that is searched where the cost is above or below the budget everywhere.
    """
    low, high = np.full(np.shape(budget), SMALLEST), np.full(np.shape(budget), LARGEST)
    with double():
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            cheap = np.asarray(cost_at(middle)) <= budget
            low, high = np.where(cheap, middle, low), np.where(cheap, high, middle)
    return (low + high) / 2


def _tightest(ends: Mapping[str, np.ndarray], which: Callable[..., Any]) -> tuple[np.ndarray, np.ndarray]:
    """The tightest end at each budget, and the name of its limit."""
    values, names = np.stack(list(ends.values())), np.array(list(ends))
    chosen = which(values, axis=0)
    return np.take_along_axis(values, chosen[None], axis=0)[0], names[chosen]


def _too_dear(low: str, high: str, limits: Mapping[str, Any], budget: float) -> InputError:
    named = [f"{name}={limits[name]:g}" for name in (low, high) if name]
    if len(named) == 2 and low != high:
        return InputError(
            f"{named[0]} and {named[1]} contradict each other at C = {budget:g}: no N and D of this cost meet both; "
            "change one of them, or the budget"
        )
    return InputError(f"{named[0]} alone costs more than C = {budget:g}; lower it, or raise the budget")


def _contradiction(low: str, high: str, limits: Mapping[str, Any], why: str) -> InputError:
    return InputError(
        f"{low}={limits[low]:g} and {high}={limits[high]:g} contradict each other: {why}; change one of them"
    )


def _positive(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not (np.isfinite(number) and number > 0):
        raise InputError(f"limit {name} is a positive number, not {value!r}")
    return number


def _sizes(values: Any) -> tuple[float, ...]:
    try:
        found = tuple(sorted({float(one) for one in np.atleast_1d(np.asarray(values, np.float64))}))
    except (TypeError, ValueError):
        found = ()
    if not found or not all(np.isfinite(one) and one > 0 for one in found):
        raise InputError(f"limit N_in is a list of positive sizes, such as [1e9, 3e9], not {values!r}")
    return found
