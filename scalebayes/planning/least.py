"""This file finds where a law is least on the frontier cost(N, D) = C of each budget, for each posterior draw.

Newton's method (frontier.py) starts from the best of a grid of N. Where there are many budgets, the grid is searched at
some of them, and the others start between their neighbours' optima.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from scalebayes.errors import InputError
from scalebayes.planning.costs.record import Cost
from scalebayes.planning.frontier import CLOSE, bisected, gridded, of_pairs, polished, values
from scalebayes.planning.limits import Limits, Range, log_other

NODES = 17  # budgets at which the grid is searched, at most


class Least(NamedTuple):
    """Where a law is least; every array is (draw, budget).

    Attributes:
        log_N: log N of the optimum; NaN where there is none.
        log_D: log D there.
        loss: The law's value there.
        at_low: Whether the optimum is at the lower end of the range of N.
        at_high: Whether it is at the upper end.
    """

    log_N: np.ndarray
    log_D: np.ndarray
    loss: np.ndarray
    at_low: np.ndarray
    at_high: np.ndarray


def least(
    law: Callable[..., Any],
    params: Mapping[str, np.ndarray],
    cost: Cost,
    budget: np.ndarray,
    within: Range,
) -> Least:
    """Find the optimum of every draw at every budget, within its range. Call it inside `double()`.

    Where nothing is left to choose the result is the one point that is left. An end of the range without a limit is no
    optimum, so a draw whose law still falls there has NaN.

    Args:
        law: The law's function of its inputs and parameters, by name.

        params: A mapping from parameter to its draws (draw,).

        cost: The cost.

        budget: The budgets C (budget,).

        within: The range of log N that is searched.
    """
    log_C = np.log(budget)
    draws = len(next(iter(params.values())))
    nodes = np.unique(np.linspace(0, len(budget) - 1, NODES).round().astype(int))
    order = np.argsort(log_C, kind="stable")
    chosen = order[nodes]
    start = gridded(law, cost, params, log_C[chosen], within.low[chosen], within.high[chosen])
    if len(nodes) < len(budget):
        place = np.interp(log_C, log_C[chosen], np.arange(len(chosen)))
        left = np.clip(place.astype(int), 0, len(chosen) - 2)
        start = start[:, left] + (place - left) * (start[:, left + 1] - start[:, left])
    found = polished(law, cost, params, start, log_C, within.low, within.high)
    log_N, log_D, loss, slope = (np.array(x) for x in found)
    # What Newton's method has not settled, as where the law has a kink, is bisected.
    inside = (log_N > within.low) & (log_N < within.high)
    open_ = inside & ~(np.abs(slope) <= CLOSE)
    if open_.any():
        i, j = np.nonzero(open_)
        part = {name: np.broadcast_to(x, (draws,))[i] for name, x in params.items()}
        again = bisected(law, cost, part, log_C[j], within.low[j], within.high[j])
        log_N[i, j], log_D[i, j], loss[i, j] = (np.asarray(x) for x in again)
    fixed = within.low >= within.high
    if fixed.any():
        log_N[:, fixed], log_D[:, fixed] = within.high[fixed], within.log_D[fixed]
        loss[:, fixed] = values(law, cost, params, log_N[:, fixed], log_D[:, fixed])
    at_low, at_high = log_N <= within.low + 1e-9, log_N >= within.high - 1e-9
    none = (at_low & (within.low_by == "")) | (at_high & (within.high_by == ""))
    none &= ~fixed
    log_N, log_D, loss = (np.where(none, np.nan, x) for x in (log_N, log_D, loss))
    return Least(log_N, log_D, loss, at_low & ~none, at_high & ~none)


def least_of_pairs(
    law: Callable[..., Any],
    params: Mapping[str, np.ndarray],
    cost: Cost,
    budget: np.ndarray,
    within: Range,
    start: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find log N, log D and the loss of pairs of a draw and a budget. Call it inside `double()`.

    Args:
        law: The law's function.

        params: A mapping from parameter to its value in the draw of each pair (pair,).

        cost: The cost.

        budget: The budget of each pair (pair,).

        within: The range of log N at each of these budgets.

        start: log N from which Newton's method starts (pair,).
    """
    log_C = np.log(budget)
    found = of_pairs(law, cost, params, start, log_C, within.low, within.high)
    log_N, log_D, loss, slope = (np.array(x) for x in found)
    fixed = within.low >= within.high
    open_ = (log_N > within.low) & (log_N < within.high) & ~(np.abs(slope) <= CLOSE) & ~fixed
    if open_.any():
        part = {name: np.broadcast_to(x, log_C.shape)[open_] for name, x in params.items()}
        again = bisected(law, cost, part, log_C[open_], within.low[open_], within.high[open_])
        log_N[open_], log_D[open_], loss[open_] = (np.asarray(x) for x in again)
    if fixed.any():
        part = {name: np.broadcast_to(x, log_C.shape)[fixed] for name, x in params.items()}
        log_N[fixed], log_D[fixed] = within.high[fixed], within.log_D[fixed]
        loss[fixed] = np.asarray(values(law, cost, part, log_N[fixed, None], log_D[fixed, None]))[:, 0]
    return log_N, log_D, loss


def tokens_of_sizes(cost: Cost, budget: np.ndarray, limits: Limits) -> np.ndarray:
    """Log D of each of the sizes `limits.N_in` at each budget (size, budget); NaN where it can't be trained.

    A size is trained on the tokens that the budget pays for, or on the most that the limits allow.
    """
    assert limits.N_in is not None
    found = []
    for N in limits.N_in:
        log_N = np.full(len(budget), np.log(N))
        log_D = log_other(cost, budget, log_N)
        most = min(np.log(limits.max_D or np.inf), np.log(N * (limits.max_D_per_N or np.inf)))
        fewest = max(np.log(limits.min_D or 1.0), np.log(N * (limits.min_D_per_N or 0.0) or 1.0))
        paid = np.asarray(cost(np.exp(log_N), np.exp(log_D))) <= budget * (1 + 1e-9)
        log_D = np.minimum(log_D, most)
        found.append(np.where(paid & (log_D >= fewest), log_D, np.nan))
    return np.stack(found)


def of_sizes(
    law: Callable[..., Any], params: Mapping[str, np.ndarray], cost: Cost, budget: np.ndarray, limits: Limits
) -> Least:
    """Find the best of the sizes `limits.N_in` for every draw and budget. Call it inside `double()`.

    Raises:
        InputError: None of the sizes meets the limits at a budget.
    """
    log_D = tokens_of_sizes(cost, budget, limits)
    log_Ns = np.broadcast_to(np.log(np.asarray(limits.N_in))[:, None], log_D.shape)
    losses = [values(law, cost, params, *each) for each in zip(log_Ns, log_D, strict=True)]
    stacked = np.nan_to_num(np.broadcast_to(np.stack(losses), (len(losses), *np.shape(losses[0]))), nan=np.inf)
    best = stacked.argmin(axis=0)
    if (no := np.isinf(stacked.min(axis=0)).all(axis=0)).any():
        raise InputError(
            f"no size in N_in meets the limits at C = {budget[np.argmax(no)]:g}; add smaller sizes, or raise the budget"
        )
    columns = np.arange(len(budget))
    log_N, log_D = log_Ns[best, columns], log_D[best, columns]
    neither = np.zeros(best.shape, bool)
    return Least(log_N, log_D, stacked.min(axis=0), neither, neither)


def values_at(
    law: Callable[..., Any],
    params: Mapping[str, np.ndarray],
    cost: Cost,
    log_N: np.ndarray,
    log_D: np.ndarray,
) -> np.ndarray:
    """The law's value at log N and log D, which broadcast to (draw, budget), in every draw.

    The inputs that the cost gives, such as unique tokens, follow from N and D. Call it inside `double()`.
    """
    return np.asarray(values(law, cost, params, log_N, log_D))
