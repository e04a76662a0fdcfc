"""This file turns a strategy, such as 70/30 or 20 tokens a parameter, into N and D at a budget.

A share says how a budget grows, as Kaplan et al. and Hoffmann et al. say it: N ~ C^share. From a start with N0, D0 and
its cost C0, a share s of log(C / C0) goes to N: N = N0 (C / C0)^s, and D is what the budget pays for then; at the cost
6 N D that is D = D0 (C / C0)^(1 - s). The start is the middle of the runs: split otherwise, the first run beyond them
would be another one altogether. A start of N = D = 1 reads the share as N = (C/6)^s and D = (C/6)^(1 - s), in which a
share of .7 gives 1e15 parameters and 2e6 tokens at 1e22 FLOPs, and units decide.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from scalebayes.errors import InputError, unknown
from scalebayes.infer.double import double
from scalebayes.laws.published import FRONTIERS
from scalebayes.planning.costs.record import Cost, positive_number
from scalebayes.planning.limits import log_of, log_other

# N leaves embeddings out there, and C is what training takes at small batches; at large scale both change N by less
# than the rule is off by.
KAPLAN_N = FRONTIERS["kaplan2020"].N
TOKENS = 20.0  # tokens a parameter, as Hoffmann et al. 2022, arXiv 2203.15556, are mostly quoted
KAPLAN, OPTIMUM = "kaplan", "optimum"
# The strategies that are compared where none is given; the first number of a pair is the share of N in percent.
USUAL: Mapping[str, Any] = {
    **{f"{share}/{100 - share}": {"share_N": share / 100} for share in (25, 30, 50, 70, 75)},
    "Kaplan": KAPLAN,
    "20 tokens a parameter": {"D_per_N": TOKENS},
    OPTIMUM: OPTIMUM,
}
SETTINGS = ("N", "D", "C", "share_N", "D_per_N", "start")


class Split(NamedTuple):
    """A strategy at a budget; N is NaN for the optimum, which the fit gives."""

    name: str
    C: float
    N: float
    D: float


def splits_of(
    strategies: Mapping[str, Any], budgets: np.ndarray | None, cost: Cost, start: Mapping[str, float]
) -> list[Split]:
    """Every strategy at every budget; a strategy with a budget of its own, or with N and D, comes once.

    Args:
        strategies: A mapping from name to a mapping such as {"share_N": 0.7}, or to "kaplan" or "optimum".

        budgets: The budgets C (budget,); None for none.

        cost: The cost of a run.

        start: N and D from which shares count.

    Raises:
        InputError: A strategy isn't known, lacks a budget, or has settings that don't go together.
    """
    if not isinstance(strategies, Mapping) or not strategies:
        raise InputError(f"strategies is a mapping such as {{'70/30': dict(share_N=0.7)}}, not {strategies!r:.60}")
    found = []
    for name, given in strategies.items():
        settings = (
            {given.lower(): True} if isinstance(given, str) else dict(given) if isinstance(given, Mapping) else {}
        )
        if isinstance(given, str) and given.lower() not in (KAPLAN, OPTIMUM):
            raise unknown("strategy", given, (KAPLAN, OPTIMUM))
        if not settings:
            raise InputError(f"strategy {name!r} is a mapping such as dict(share_N=0.7), not {given!r:.60}")
        for one in settings:
            if one not in (*SETTINGS, KAPLAN, OPTIMUM):
                raise unknown(f"setting of strategy {name!r}", one, SETTINGS)
        found += _at_budgets(str(name), settings, budgets, cost, start)
    return found


def _at_budgets(name: str, settings: dict[str, Any], budgets: np.ndarray | None, cost: Cost, start: Any) -> list[Split]:
    of = f"strategy {name!r}:"
    own = settings.pop("C", None)
    start = _start(of, settings.pop("start", start))
    numbers = {
        key: value if value is True else positive_number(f"{of} {key}", value) for key, value in settings.items()
    }
    if set(numbers) == {"N", "D"}:
        if own is not None:
            raise InputError(f"{of} N and D give the budget; leave C out")
        return [Split(name, float(np.asarray(cost(numbers["N"], numbers["D"]))), numbers["N"], numbers["D"])]
    if len(numbers) != 1:
        raise InputError(
            f"{of} give N and D, or one of N, D, share_N and D_per_N with a budget C, not {', '.join(settings) or 'C'}"
        )
    if own is None and budgets is None:
        raise InputError(f"{of} it needs a budget: C=1e22")
    C = np.atleast_1d(np.float64(positive_number(f"{of} C", own))) if own is not None else budgets
    assert C is not None
    ((key, value),) = numbers.items()
    if key == "share_N" and not value < 1:
        raise InputError(f"{of} share_N is between 0 and 1, such as 0.7, not {value:g}")
    if key == OPTIMUM:
        return [Split(name, float(budget), np.nan, np.nan) for budget in C]
    with double():
        log_N = _RULES[key](cost, C, value, start)
        log_D = np.full(len(C), np.log(value)) if key == "D" else log_other(cost, C, log_N)
    return [Split(name, *map(float, one)) for one in zip(C, np.exp(log_N), np.exp(log_D), strict=True)]


def _start(of: str, start: Any) -> dict[str, float]:
    if not isinstance(start, Mapping) or set(start) != {"N", "D"}:
        raise InputError(f"{of} start is the N and D from which the share counts: start=dict(N=1e8, D=2e9)")
    return {name: positive_number(f"{of} start {name}", value) for name, value in start.items()}


def _of_share(cost: Cost, C: np.ndarray, share: float, start: Mapping[str, float]) -> np.ndarray:
    return np.log(start["N"]) + share * (np.log(C) - np.log(float(np.asarray(cost(start["N"], start["D"])))))


# The rule by which each setting gives log N at the budgets.
_RULES: Mapping[str, Callable[..., np.ndarray]] = {
    "N": lambda cost, C, N, start: np.full(len(C), np.log(N)),
    "D": lambda cost, C, D, start: log_of(lambda u: cost(jnp.exp(u), D), C),
    "D_per_N": lambda cost, C, ratio, start: log_of(lambda u: cost(jnp.exp(u), ratio * jnp.exp(u)), C),
    "share_N": _of_share,
    KAPLAN: lambda cost, C, _, start: np.log(KAPLAN_N(C)),
}
